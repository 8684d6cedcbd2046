//! What is measured of a build: acts, each of which gives one figure or several.

use std::fmt::{Display, Formatter};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

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
type Act = fn(&Acts) -> Measured<Figures>;

/// What all acts need, at hand.
pub(super) struct Acts {
    path: PathBuf,
    journal: Journal,
    options: ReplayOptions,
    burden: Option<Burden>,
    /// A base of the journal's end, in memory: it is no disk that is measured.
    checkpoints: Catalogue,
}

impl Acts {
    pub(super) fn prepare(path: &Path, burden: Option<Burden>) -> Measured<Self> {
        let journal = Journal::open_path(path)?;
        let folder = Arc::new(MemoryFolder::default());
        let (start, policy) = (CheckpointStart::Nothing, Some(CheckpointPolicy::default()));
        let checkpoints = Some(Checkpoints { folder: folder.clone(), start, policy });
        let saving = ReplayOptions { checkpoints, ..ReplayOptions::default() };
        replay(&journal, &saving, &mut |_| {})?;
        let checkpoints = Catalogue::open(folder)?;
        let options = ReplayOptions::default();
        Ok(Self { path: path.to_owned(), journal, options, burden, checkpoints })
    }

    /// A file of the journal.
    pub(super) fn file(&self) -> Measured<PathBuf> {
        let file = std::fs::read_dir(&self.path)?.next().ok_or("the journal has no file")?;
        Ok(file?.path())
    }

    pub(super) fn all(&self) -> [Act; 5] {
        [Self::replay, Self::replay_serially, Self::verify, Self::write, Self::load]
    }

    fn replay(&self) -> Measured<Figures> {
        let profiler = match &self.burden {
            Some(burden) => Profiler::burdened(burden.stage, burden.share),
            None => Profiler::default(),
        };
        let profiler = Arc::new(profiler.by_processor_time());
        let options =
            ReplayOptions { profiler: Some(Arc::clone(&profiler)), ..self.options.clone() };
        let (took, done) = Times::of(|| replay(&self.journal, &options, &mut |_| {}));
        done?;
        let profile = profiler.profile();
        let stages = STAGES.map(|stage| {
            (format!("stage {}", stage.name()), Took::Cpu(profile.busy_seconds(stage)))
        });
        let mut figures = Figures(stages.to_vec());
        figures.0.push((ON_THE_CLOCK.to_owned(), Took::Wall(took.wall)));
        figures.0.push(("replay".to_owned(), Took::Cpu(took.cpu)));
        Ok(figures)
    }

    fn replay_serially(&self) -> Measured<Figures> {
        let (took, done) = Times::of(|| replay_serially(&self.journal, &self.options));
        done?;
        Ok(Figures::one("serial replay", took))
    }

    fn verify(&self) -> Measured<Figures> {
        let (took, done) = Times::of(|| verify(&self.journal, &self.options, &mut |_| {}));
        done?;
        Ok(Figures::one("verify", took))
    }

    /// Out of another base, since nobody outside of the pipeline can hand a state to the writer.
    fn write(&self) -> Measured<Figures> {
        let newest = self.checkpoints.find(None).ok_or("there is no checkpoint")?;
        let (folder, level) =
            (MemoryFolder::default(), CheckpointPolicy::default().compression_level);
        let (took, done) = Times::of(|| merge(&self.checkpoints, newest, &folder, level));
        done?;
        Ok(Figures::one("checkpoint write", took))
    }

    fn load(&self) -> Measured<Figures> {
        let newest = self.checkpoints.find(None).ok_or("there is no checkpoint")?;
        let (took, done) = Times::of(|| self.checkpoints.load(newest));
        done?;
        Ok(Figures::one("checkpoint load", took))
    }
}

/// How long something took, in seconds, and by which clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Took {
    /// On the clock: this alone shows that threads wait for each other.
    Wall(f64),
    /// Of all threads on their processors: this stands still while somebody else has them.
    Cpu(f64),
}

/// What an act came to, by the names of its figures.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figures(pub(super) Vec<(String, Took)>);

impl Figures {
    fn one(name: &str, took: Times) -> Self {
        Self(vec![(name.to_owned(), Took::Cpu(took.cpu))])
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
