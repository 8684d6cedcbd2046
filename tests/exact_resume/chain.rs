//! A small journal with checkpoints that build on each other.

use std::sync::Arc;

use vexfs_replay::checkpoint::{Catalogue, CheckpointPolicy};
use vexfs_replay::journal::Validation;
use vexfs_replay::replay::{DamagePolicy, Outcome, ReplayOptions, StopPoint, replay};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::came::{Came, EVERY_CUT, came, came_directly, checkpoints_in};
use crate::check::open;
pub(crate) use crate::craft::*;
use crate::small_journal::{OPTIONS, THREE_SEGMENTS, copy_of, journal_of};

/// Keeps all, and merges none.
pub(crate) const KEEP_ALL: CheckpointPolicy =
    CheckpointPolicy { deltas_max: 1_000, keep: 1_000, ..EVERY_CUT };

pub(crate) fn options(damage: DamagePolicy, validation: Validation) -> ReplayOptions {
    let threads = 2.try_into().unwrap();
    ReplayOptions { damage, validation, threads, ..ReplayOptions::default() }
}

/// A journal with its checkpoints: a base and two deltas.
pub(crate) struct Chain {
    pub(crate) journal: MemoryFolder,
    pub(crate) checkpoints: MemoryFolder,
    /// The checkpoints' names, oldest first.
    pub(crate) names: Vec<String>,
    pub(crate) watermarks: Vec<u64>,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self::under(Validation::Cryptographic)
    }

    pub(crate) fn under(validation: Validation) -> Self {
        let (journal, history) = journal_of(THREE_SEGMENTS, OPTIONS);
        let last = history.last_lsn();
        Self::of(journal, &[last / 3, 2 * last / 3, last], validation)
    }

    /// The checkpoints of a journal at these LSNs.
    pub(crate) fn of(journal: MemoryFolder, stops: &[u64], validation: Validation) -> Self {
        let checkpoints = MemoryFolder::default();
        for &stop in stops {
            let mut options = options(DamagePolicy::Tail, validation);
            options.until = Some(StopPoint::Lsn(stop));
            options.checkpoints = checkpoints_in(
                checkpoints.clone(),
                Some(CheckpointPolicy { every_events: None, ..KEEP_ALL }),
            );
            replay(&open(&journal), &options, &mut |_| {}).unwrap();
        }
        let names = checkpoints.list().unwrap();
        assert_eq!(names.len(), stops.len(), "{names:?}");
        Self { journal, checkpoints, names, watermarks: stops.to_vec() }
    }

    pub(crate) fn content(&self, which: usize) -> Vec<u8> {
        self.checkpoints.get(&self.names[which]).unwrap()
    }

    /// The checkpoints with this one changed.
    pub(crate) fn with(&self, which: usize, content: Vec<u8>) -> MemoryFolder {
        let copy = copy_of(&self.checkpoints);
        copy.put(&self.names[which], content);
        copy
    }

    pub(crate) fn expected(&self, options: &ReplayOptions) -> Came {
        came_directly(&open(&self.journal), options)
    }

    /// Replays with these checkpoints, and with more where `takes_more`; it must come to what is
    /// expected.
    pub(crate) fn check(
        &self,
        checkpoints: &MemoryFolder,
        options: &ReplayOptions,
        expected: &Came,
        more: Option<CheckpointPolicy>,
        at: &str,
    ) -> Outcome {
        let checkpoints = checkpoints_in(checkpoints.clone(), more);
        let options = ReplayOptions { checkpoints, ..options.clone() };
        let replayed = replay(&open(&self.journal), &options, &mut |_| {});
        assert_eq!(came(&replayed), *expected, "{at}: {:?}", replayed.map(|it| it.1));
        replayed.unwrap().1
    }
}

/// Looks at a checkpoint, and all of its bytes; tells whether it can be used.
pub(crate) fn is_usable(checkpoints: &MemoryFolder, name: &str) -> bool {
    let catalogue = Catalogue::open(Arc::new(checkpoints.clone())).unwrap();
    let entry = catalogue.entries.iter().find(|entry| entry.name == name).unwrap();
    entry.file.as_ref().is_ok_and(|file| catalogue.load(file).is_ok())
}

/// What passed-over checkpoints there were, by name, each with the name of its fault.
pub(crate) fn passed_over(outcome: &Outcome) -> Vec<(String, String)> {
    let faults = outcome.passed_over.iter().map(|it| {
        let fault = serde_json::to_value(&it.fault).unwrap()["fault"].clone();
        (it.checkpoint.clone(), fault.as_str().unwrap().to_owned())
    });
    faults.collect()
}
