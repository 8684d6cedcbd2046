//! Replays as the verbs ask for them: in memory, proven or not, or following a writer; with their times.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use vexfs_replay::Error;
use vexfs_replay::journal::Journal;
use vexfs_replay::receipt::{self, Receipt};
use vexfs_replay::replay::{
    FollowOptions, Outcome, Progress, ReplayOptions, follow, replay, replay_validated,
};
use vexfs_replay::state::{KeyKind, MemoryState};
use vexfs_replay::storage::{DiskFolder, Folder};

use super::pass::{PassArguments, ProofArguments, create_folder};
use super::progress::Shown;
use super::{io_error, split_path};

/// The times of a replay.
pub(crate) struct Clock {
    started: Instant,
    initiation_seconds: Option<f64>,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), initiation_seconds: None }
    }

    /// Something is done; the first time counts.
    pub(crate) fn tick(&mut self) {
        self.initiation_seconds.get_or_insert_with(|| self.started.elapsed().as_secs_f64());
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// From the start to what was done first; all of `seconds` where nothing was.
    pub(crate) fn initiation_seconds(&self, seconds: f64) -> f64 {
        self.initiation_seconds.unwrap_or(seconds)
    }
}

/// Follows a journal until its writer closes it.
pub(crate) fn follow_journal(
    pass: &PassArguments,
    options: &ReplayOptions,
) -> Result<Replayed, Error> {
    let mut clock = Clock::start();
    let path = &pass.journal;
    let folder: Arc<dyn Folder> = Arc::new(DiskFolder::open(path).map_err(io_error("open", path))?);
    let mut shown = Shown::new("follow", pass.check.progress);
    let options = FollowOptions { replay: options.clone(), ..FollowOptions::default() };
    let (state, outcome) = follow(&folder, &options, &mut |now| {
        clock.tick();
        shown.show_following(now);
    })?;
    drop(shown);
    Ok(Replayed::of(state, outcome, &clock))
}

/// A replay and its figures.
pub(crate) struct Replayed {
    pub(crate) state: MemoryState,
    pub(crate) outcome: Outcome,
    pub(crate) digest: [u8; 32],
    pub(crate) seconds: f64,
    /// From the call to the first events on their way to be applied.
    pub(crate) initiation_seconds: f64,
}

impl Replayed {
    /// Its clock stops with the state's digest.
    fn of(state: MemoryState, outcome: Outcome, clock: &Clock) -> Self {
        let digest = outcome.state_digest.unwrap_or_else(|| state.digest());
        let seconds = clock.seconds();
        let initiation_seconds = clock.initiation_seconds(seconds);
        Self { state, outcome, digest, seconds, initiation_seconds }
    }
}

/// What is told of a replay and its state.
pub(crate) struct Figures {
    pub(crate) outcome: Outcome,
    pub(crate) counts: Vec<(KeyKind, u64)>,
    pub(crate) digest: [u8; 32],
    pub(crate) seconds: f64,
    pub(crate) initiation_seconds: f64,
    pub(crate) state_memory_bytes: u64,
}

impl From<Replayed> for Figures {
    fn from(replayed: Replayed) -> Self {
        let Replayed { state, outcome, digest, seconds, initiation_seconds } = replayed;
        let (counts, state_memory_bytes) = (state.counts(), state.memory_bytes());
        Self { outcome, counts, digest, seconds, initiation_seconds, state_memory_bytes }
    }
}

/// Opens and replays a journal, from nothing to the state's digest.
pub(crate) fn replay_journal(
    pass: &PassArguments,
    options: &ReplayOptions,
    proof: Option<&ProofArguments>,
) -> Result<Replayed, Error> {
    let mut clock = Clock::start();
    let journal = Journal::open_path(&pass.journal)?;
    let mut shown = Shown::new("replay", pass.check.progress);
    let mut watch = |now: &Progress| {
        clock.tick();
        shown.show(now);
    };
    let (state, outcome) = match proof.filter(|proof| proof.is_wanted()) {
        None => replay(&journal, options, &mut watch)?,
        Some(proof) => {
            let (state, outcome, receipt) =
                replay_validated(&journal, options, proof.expect_digest, &mut watch)?;
            if let Some(path) = &proof.receipt {
                write_receipt(&receipt, path)?;
            }
            (state, outcome)
        }
    };
    drop(shown);
    Ok(Replayed::of(state, outcome, &clock))
}

fn write_receipt(receipt: &Receipt, path: &Path) -> Result<(), Error> {
    let (folder, name) = place_of(path, "receipt")?;
    receipt::write(receipt, folder.as_ref(), name)
}

/// The folder in which a file is to be, made where it isn't there yet, and the file's name.
pub(crate) fn place_of<'p>(
    path: &'p Path,
    option: &'static str,
) -> Result<(Arc<dyn Folder>, &'p str), Error> {
    let (parent, name) = split_path(path, option)?;
    let folder = create_folder(parent)?;
    Ok((folder, name))
}
