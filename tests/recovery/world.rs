//! A journal with its checkpoints and records, and recoveries of it: by choice, and by one way alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::recovery::{
    Accept, Places, Recovered, Recovery, RecoveryManager, RecoveryOptions, Way,
};
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, DamagePolicy, ReplayOptions, StopPoint, replay,
};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::small_journal::{Block, OPTIONS, blocks_of, change, copy_of, names_of};
use crate::story::{Story, Teller};

/// All that may be lost.
pub(crate) const ALL: Accept = Accept { suffix: true, holes: true, undo: true };

/// A checkpoint at the end alone.
pub(crate) const AT_END: CheckpointPolicy = CheckpointPolicy {
    every_events: None,
    every_bytes: u64::MAX,
    every: None,
    time_share_max: f64::INFINITY,
    at_end: true,
    deltas_max: 1_000,
    keep: usize::MAX,
    compression_level: 1,
};

pub(crate) fn options() -> RecoveryOptions {
    let threads = 2.try_into().unwrap();
    RecoveryOptions {
        retry_wait: Duration::from_millis(1),
        checkpoint_policy: AT_END,
        replay: ReplayOptions { threads, list_skipped: true, ..ReplayOptions::default() },
        ..RecoveryOptions::default()
    }
}

/// The folders of a recovery, and what was written.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) journal: MemoryFolder,
    pub(crate) checkpoints: MemoryFolder,
    pub(crate) records: MemoryFolder,
    pub(crate) story: Story,
}

impl World {
    /// A journal of small blocks and segments that was closed, by a random story.
    pub(crate) fn closed(seed: u64, steps: usize) -> Self {
        Self::told(seed, steps, Teller::close)
    }

    /// One whose writer died.
    pub(crate) fn open(seed: u64, steps: usize) -> Self {
        Self::told(seed, steps, Teller::die)
    }

    fn told(seed: u64, steps: usize, end: impl FnOnce(Teller) -> Story) -> Self {
        let journal = MemoryFolder::default();
        let mut teller = Teller::new(&journal, OPTIONS, seed, 600);
        teller.keepsake();
        teller.steps(steps);
        Self::of(journal, end(teller))
    }

    pub(crate) fn of(journal: MemoryFolder, story: Story) -> Self {
        let (checkpoints, records) = Default::default();
        Self { journal, checkpoints, records, story }
    }

    /// A copy that shares nothing with it.
    pub(crate) fn copy(&self) -> Self {
        let [journal, checkpoints, records] =
            [&self.journal, &self.checkpoints, &self.records].map(copy_of);
        Self { journal, checkpoints, records, story: self.story.clone() }
    }

    pub(crate) fn last_lsn(&self) -> u64 {
        self.story.last_lsn()
    }

    /// Adds a checkpoint at an LSN, which builds on those that are there; gives its name.
    pub(crate) fn checkpoint(&self, lsn: u64, validation: Validation) -> String {
        let before = self.checkpoints.list().unwrap();
        let policy = Some(AT_END);
        let (folder, start) = (Arc::new(self.checkpoints.clone()), CheckpointStart::Newest);
        let options = ReplayOptions {
            validation,
            until: Some(StopPoint::Lsn(lsn)),
            checkpoints: Some(Checkpoints { folder, start, policy }),
            ..options().replay
        };
        replay(&self.opened(), &options, &mut |_| {}).unwrap();
        let after = self.checkpoints.list().unwrap();
        after.into_iter().find(|name| !before.contains(name)).unwrap()
    }

    /// Checkpoints at these LSNs, a base and deltas.
    pub(crate) fn with_checkpoints(self, lsns: &[u64]) -> Self {
        lsns.iter().for_each(|&lsn| drop(self.checkpoint(lsn, Validation::Cryptographic)));
        self
    }

    /// Adds a base of its own at each of these LSNs; gives their names.
    pub(crate) fn add_bases(&self, lsns: &[u64]) -> Vec<String> {
        let add = |&lsn: &u64| {
            let alone = Self { checkpoints: Default::default(), ..self.copy() };
            let name = alone.checkpoint(lsn, Validation::Cryptographic);
            self.checkpoints.put(&name, alone.checkpoints.get(&name).unwrap());
            name
        };
        lsns.iter().map(add).collect()
    }

    pub(crate) fn opened(&self) -> Journal {
        Journal::open(Arc::new(self.journal.clone())).unwrap()
    }

    pub(crate) fn places(&self) -> Places {
        Places {
            journal: Arc::new(self.journal.clone()),
            checkpoints: Some(Arc::new(self.checkpoints.clone())),
            records: Some(Arc::new(self.records.clone())),
        }
    }

    pub(crate) fn manager(&self, options: RecoveryOptions) -> RecoveryManager {
        RecoveryManager::new(self.places(), options)
    }

    pub(crate) fn recover(&self, options: RecoveryOptions) -> Result<Recovered, Error> {
        self.manager(options).recover(&mut |_| {})
    }

    /// Tries one way alone, on a copy.
    pub(crate) fn forced(&self, way: Way, options: &RecoveryOptions) -> Result<Recovered, Error> {
        self.copy().recover(RecoveryOptions { only: Some(way), ..options.clone() })
    }

    /// Checks that each way but these refuses, or gives another state than the right one. Gives what
    /// each of them came to.
    pub(crate) fn check_others(
        &self,
        right: &[Way],
        digest: [u8; 32],
        options: &RecoveryOptions,
    ) -> BTreeMap<&'static str, String> {
        let mut told = BTreeMap::new();
        for way in Way::ALL.into_iter().filter(|way| !right.contains(way)) {
            let said = match self.forced(way, options) {
                Err(error) => error.to_string(),
                Ok(recovered) => {
                    let record = &recovered.recovery().record;
                    assert_ne!(record.state_digest, digest, "{way:?} does it as well");
                    format!("another state, at LSN {}", record.last_lsn)
                }
            };
            told.insert(way.name(), said);
        }
        println!("{right:?}: {told:#?}");
        told
    }

    /// The segments' names.
    pub(crate) fn segments(&self) -> Vec<String> {
        names_of(&self.journal)
    }

    /// The blocks of a segment.
    pub(crate) fn blocks(&self, segment: usize) -> Vec<Block> {
        blocks_of(&self.journal.get(&self.segments()[segment]).unwrap())
    }

    /// Changes a byte of the payload of a block.
    pub(crate) fn flip(&self, segment: usize, block: usize) -> Block {
        let at = self.blocks(segment)[block].clone();
        change(&self.journal, &self.segments()[segment], |content| content[at.at + 200] ^= 1);
        at
    }

    /// The digest that a replay from the first event leads to, by this policy.
    pub(crate) fn digest_of(&self, damage: DamagePolicy, until: Option<u64>) -> [u8; 32] {
        let until = until.map(StopPoint::Lsn);
        let options = ReplayOptions { damage, until, ..options().replay };
        let (state, _) = vexfs_replay::replay::replay_serially(&self.opened(), &options).unwrap();
        state.digest()
    }
}

/// What a recovery that lost nothing came to.
pub(crate) fn whole(recovered: Result<Recovered, Error>) -> Box<Recovery> {
    match recovered.unwrap() {
        Recovered::Whole(recovery) => recovery,
        Recovered::WithLoss(recovery) => panic!("{:?}", recovery.record.lost),
    }
}

/// What a recovery that lost something came to.
pub(crate) fn with_loss(recovered: Result<Recovered, Error>) -> Box<Recovery> {
    match recovered.unwrap() {
        Recovered::WithLoss(recovery) => recovery,
        Recovered::Whole(recovery) => panic!("nothing is lost: {:?}", recovery.record),
    }
}

/// The files of a folder, with their content.
pub(crate) fn files_of(folder: &MemoryFolder) -> BTreeMap<String, Vec<u8>> {
    let names = folder.list().unwrap().into_iter();
    names.map(|name| (name.clone(), folder.get(&name).unwrap())).collect()
}

impl World {
    /// How long all checkpoints are together, in bytes.
    pub(crate) fn checkpoint_bytes(&self) -> u64 {
        files_of(&self.checkpoints).values().map(|content| content.len() as u64).sum()
    }
}
