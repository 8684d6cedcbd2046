//! What is measured of a build: acts, each of which gives one figure or several.

use std::fmt::{Display, Formatter};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};
use vexfs_replay::checkpoint::{Catalogue, CheckpointPolicy, merge};
use vexfs_replay::journal::Journal;
use vexfs_replay::profile::{Profiler, Stage};
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, ReplayOptions, replay, replay_serially, verify,
};
use vexfs_replay::storage::MemoryFolder;

use super::clock::Times;
use crate::Measured;

/// The figure that is there only if the cores are this process's own.
pub(super) const ON_THE_CLOCK: &str = "replay, on the clock";

/// The stages of a replay without a store and without checkpoints.
const STAGES: [Stage; 4] = [Stage::Read, Stage::Verify, Stage::Decode, Stage::Apply];

/// Something that is done, and measured.
type Act = fn(&Acts) -> Measured<Done>;

/// What all acts need, at hand.
pub(super) struct Acts {
    /// In memory: files of one content are cached in unlike pieces, and reading one is up to a tenth quicker
    /// than reading another.
    journal: Journal,
    options: ReplayOptions,
    burden: Option<Burden>,
    one_worker: ThreadPool,
    /// A base of the journal's end, in memory: it is no disk that is measured.
    checkpoints: Catalogue,
}

impl Acts {
    pub(super) fn prepare(path: &Path, burden: Option<Burden>) -> Measured<Self> {
        let journal = Journal::open(Arc::new(in_memory(path)?))?;
        let folder = Arc::new(MemoryFolder::default());
        let (start, policy) = (CheckpointStart::Nothing, Some(CheckpointPolicy::default()));
        let checkpoints = Some(Checkpoints { folder: folder.clone(), start, policy });
        let saving = ReplayOptions { checkpoints, ..ReplayOptions::default() };
        replay(&journal, &saving, &mut |_| {})?;
        let checkpoints = Catalogue::open(folder)?;
        let options = ReplayOptions::default();
        let one_worker = ThreadPoolBuilder::new().num_threads(1).build()?;
        Ok(Self { journal, options, burden, one_worker, checkpoints })
    }

    pub(super) fn all(&self) -> [Act; 5] {
        [Self::replay, Self::replay_serially, Self::verify, Self::write, Self::load]
    }

    fn replay(&self) -> Measured<Done> {
        let (options, profiler) = self.timed();
        let (took, done) = Times::of(|| replay(&self.journal, &options, &mut |_| {}));
        done?;
        let profile = profiler.profile();
        let stage = |it: Stage| (format!("stage {}", it.name()), profile.busy_seconds(it));
        let mut figures = STAGES.map(stage).to_vec();
        figures.push(("replay".to_owned(), STAGES.map(|it| profile.busy_seconds(it)).iter().sum()));
        Ok(Done { took, threads: Threads::Several, on_the_clock: Some(ON_THE_CLOCK), figures })
    }

    /// Workers are timed at their stages alone: what they spin while they wait for work depends on who else
    /// has the cores.
    fn timed(&self) -> (ReplayOptions, Arc<Profiler>) {
        let profiler = match &self.burden {
            Some(burden) => Profiler::burdened(burden.stage, burden.share),
            None => Profiler::default(),
        };
        let profiler = Arc::new(profiler.by_processor_time());
        let timed = Some(Arc::clone(&profiler));
        (ReplayOptions { profiler: timed, ..self.options.clone() }, profiler)
    }

    fn replay_serially(&self) -> Measured<Done> {
        let (took, done) = Times::of(|| replay_serially(&self.journal, &self.options));
        done?;
        Ok(Done::one("serial replay", Threads::One, took))
    }

    fn verify(&self) -> Measured<Done> {
        let (options, profiler) = self.timed();
        let (took, done) = Times::of(|| verify(&self.journal, &options, &mut |_| {}));
        done?;
        let profile = profiler.profile();
        let busy = STAGES.map(|it| profile.busy_seconds(it)).iter().sum();
        let figures = vec![("verify".to_owned(), busy)];
        Ok(Done { took, threads: Threads::Several, on_the_clock: None, figures })
    }

    /// Out of another base, since nobody outside of the pipeline can hand a state to the writer.
    fn write(&self) -> Measured<Done> {
        let newest = self.checkpoints.find(None).ok_or("there is no checkpoint")?;
        let (folder, level) =
            (MemoryFolder::default(), CheckpointPolicy::default().compression_level);
        let (took, done) = Times::of(|| merge(&self.checkpoints, newest, &folder, level));
        done?;
        Ok(Done::one("checkpoint write", Threads::One, took))
    }

    /// On one worker: on several it is so short that these do little else than wait for each other.
    fn load(&self) -> Measured<Done> {
        let newest = self.checkpoints.find(None).ok_or("there is no checkpoint")?;
        let (took, done) = Times::of(|| self.one_worker.install(|| self.checkpoints.load(newest)));
        done?;
        Ok(Done::one("checkpoint load", Threads::One, took))
    }
}

/// A copy of the files of a folder.
fn in_memory(path: &Path) -> Measured<MemoryFolder> {
    let folder = MemoryFolder::default();
    for file in std::fs::read_dir(path)? {
        let file = file?;
        folder.put(&file.file_name().to_string_lossy(), std::fs::read(file.path())?);
    }
    Ok(folder)
}

/// On how many threads something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threads {
    One,
    Several,
}

/// What an act came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Done {
    pub(super) took: Times,
    threads: Threads,
    /// What its time on the clock is called as a figure, where it is one. That alone shows that threads wait
    /// for each other.
    pub(super) on_the_clock: Option<&'static str>,
    /// Figures by their names: times on processors, in seconds. These stand still while somebody else has the
    /// processors.
    pub(super) figures: Vec<(String, f64)>,
}

/// How much longer than its threads have processors something takes on the clock, at most, with nobody in its
/// way: on one thread, and on several. Whoever is in its way takes its caches, too, and then it costs up to half
/// as much again.
const UNDISTURBED: [f64; 2] = [4.0, 1.7];

impl Done {
    pub(super) fn is_undisturbed(&self) -> bool {
        let [one, several] = UNDISTURBED;
        let longer = if self.threads == Threads::One { one } else { several };
        self.took.wall < self.took.cpu * longer
    }

    fn one(name: &str, threads: Threads, took: Times) -> Self {
        Self { took, threads, on_the_clock: None, figures: vec![(name.to_owned(), took.cpu)] }
    }
}

/// A stage that is slowed down on purpose, and by which share of its time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Burden {
    stage: Stage,
    share: f64,
}

impl FromStr for Burden {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('=').and_then(|(name, share)| {
            let stage = STAGES.into_iter().find(|stage| stage.name() == name)?;
            let share: f64 = share.parse().ok().filter(|share| (0.0..=10.0).contains(share))?;
            Some(Self { stage, share })
        });
        let names = STAGES.map(Stage::name).join(", ");
        parts.ok_or_else(|| format!("{text:?} is not one of {names}, =, and a share from 0 to 10"))
    }
}

impl Display for Burden {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}={}", self.stage.name(), self.share)
    }
}
