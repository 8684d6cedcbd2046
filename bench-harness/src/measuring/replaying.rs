//! One replay in a process of its own, so that its memory is nobody else's and each starts alike.
//!
//! The process is this program again, with the hidden command `one`. Measured is what a user waits for:
//! from opening the journal to the digest of the state.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use vexfs_replay::checkpoint::{CheckpointPolicy, Stalls};
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::profile::{Profile, Profiler};
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, Progress, ReplayOptions, StoreOptions, replay, replay_into_store,
    replay_serially, resident_bytes,
};
use vexfs_replay::storage::DiskFolder;

use super::child::{json_of, peak_bytes};
use crate::Measured;
use crate::machine::cores;

/// How it is replayed.
#[derive(Args, Clone, Debug)]
pub(crate) struct Replaying {
    /// The journal.
    pub(crate) journal: PathBuf,
    /// How much is proven.
    #[arg(long, default_value = "cryptographic", value_parser = validation)]
    pub(crate) validation: Validation,
    /// On how many threads; 0 is the serial replay.
    #[arg(long, default_value_t = cores())]
    pub(crate) threads: usize,
    /// What is kept on the way.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) keeping: Keeping,
    /// After how many events a checkpoint is due.
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) checkpoint_events: u64,
    /// Tells where the time goes.
    #[arg(long)]
    pub(crate) profile: bool,
    /// Tells how much memory is resident, after every epoch: that takes time.
    #[arg(long)]
    pub(crate) memory: bool,
}

/// What a replay keeps beside the state in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keeping {
    /// Nothing.
    #[default]
    Nothing,
    /// Checkpoints on the way, in their share of the time.
    Checkpoints,
    /// The state in a durable store.
    Store,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Replayed {
    /// How many events it replayed.
    pub(crate) events: u64,
    /// How long their blocks are, in bytes.
    pub(crate) bytes: u64,
    /// From opening the journal to the state's digest.
    pub(crate) seconds: f64,
    /// The most memory that the process had resident, in bytes.
    pub(crate) peak_bytes: u64,
    /// What the process had before, in bytes.
    pub(crate) before_bytes: u64,
    /// What the state takes of it, in bytes.
    pub(crate) state_bytes: u64,
    /// What it took to compute the state's digest, of all the time, in seconds; 0 where that was done on the
    /// way.
    pub(crate) digest_seconds: f64,
    /// How long applying stood still for each checkpoint.
    pub(crate) stalls: Stalls,
    /// Where the time went, where that was wanted.
    pub(crate) profile: Option<Profile>,
    /// How much memory was resident in between, in bytes, after so many seconds; where that was wanted.
    pub(crate) memory: Vec<(f64, u64)>,
}

impl Replayed {
    pub(crate) fn events_per_second(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    /// The memory beside the state and the program, in bytes.
    pub(crate) fn pipeline_bytes(&self) -> u64 {
        self.peak_bytes.saturating_sub(self.before_bytes + self.state_bytes)
    }
}

impl Replaying {
    /// A replay of this journal in the usual way.
    pub(crate) fn of(journal: &Path) -> Self {
        Self {
            journal: journal.to_owned(),
            validation: Validation::Cryptographic,
            threads: cores(),
            keeping: Keeping::Nothing,
            checkpoint_events: 1_000_000,
            profile: false,
            memory: false,
        }
    }

    /// Replays it in a process of its own.
    pub(crate) fn alone(&self) -> Measured<Replayed> {
        let keeping = self.keeping.to_possible_value();
        json_of(
            Command::new(std::env::current_exe()?)
                .arg("one")
                .arg(&self.journal)
                .args(["--validation", self.validation.name()])
                .args(["--threads", &self.threads.to_string()])
                .args(["--keeping", keeping.as_ref().map_or("", |it| it.get_name())])
                .args(["--checkpoint-events", &self.checkpoint_events.to_string()])
                .args(self.profile.then_some("--profile"))
                .args(self.memory.then_some("--memory")),
        )
    }

    /// Replays it in this process.
    pub(crate) fn here(&self) -> Measured<Replayed> {
        let before_bytes = peak_bytes()?;
        let folder = tempfile::tempdir()?;
        let profiler = self.profile.then(|| Arc::new(Profiler::default()));
        let started = Instant::now();
        let journal = Journal::open_path(&self.journal)?;
        let options = self.options(folder.path(), profiler.clone())?;
        let mut replayed = Replayed { before_bytes, ..Replayed::default() };
        let mut progress = |_: &Progress| {
            if self.memory {
                let bytes = resident_bytes().unwrap_or_default();
                replayed.memory.push((started.elapsed().as_secs_f64(), bytes));
            }
        };
        let (state, outcome) = match self.keeping {
            Keeping::Store => {
                let store = StoreOptions::at(folder.path().join("state.sqlite"));
                let (_, outcome) = replay_into_store(&journal, &options, &store, &mut progress)?;
                (None, outcome)
            }
            _ if self.threads == 0 => {
                let (state, outcome) = replay_serially(&journal, &options)?;
                (Some(state), outcome)
            }
            _ => {
                let (state, outcome) = replay(&journal, &options, &mut progress)?;
                (Some(state), outcome)
            }
        };
        if let Some(state) = &state {
            let begun = Instant::now();
            if outcome.state_digest.is_none() {
                black_box(state.digest());
            }
            replayed.digest_seconds = begun.elapsed().as_secs_f64();
            replayed.state_bytes = state.memory_bytes();
        }
        replayed.seconds = started.elapsed().as_secs_f64();
        replayed.peak_bytes = peak_bytes()?;
        replayed.events = outcome.findings.tally.events;
        replayed.stalls = outcome.checkpoints.stalls;
        replayed.bytes = outcome.findings.bytes;
        replayed.profile = profiler.map(|profiler| profiler.profile());
        Ok(replayed)
    }

    fn options(&self, folder: &Path, profiler: Option<Arc<Profiler>>) -> Measured<ReplayOptions> {
        let mut options =
            ReplayOptions { validation: self.validation, profiler, ..ReplayOptions::default() };
        if let Ok(threads) = self.threads.try_into() {
            options.threads = threads;
        }
        if self.keeping == Keeping::Checkpoints {
            let every_events = Some(self.checkpoint_events);
            options.checkpoints = Some(Checkpoints {
                folder: Arc::new(DiskFolder::open(folder)?),
                start: CheckpointStart::Nothing,
                // The one at the end is the same whatever was taken on the way.
                policy: Some(CheckpointPolicy {
                    every_events,
                    at_end: false,
                    ..CheckpointPolicy::default()
                }),
            });
        }
        Ok(options)
    }
}

fn validation(name: &str) -> Result<Validation, String> {
    let known = Validation::ALL.into_iter().find(|mode| mode.name() == name);
    known.ok_or_else(|| format!("there is no validation {name:?}"))
}
