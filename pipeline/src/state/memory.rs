//! The state in memory: every partition a [`Table`].

use rayon::prelude::*;
use vexfs_kernels::Digest;

use super::digest;
use super::key::{Home, Key, KeyKind, PARTITIONS};
use super::{Records, Table};

/// How much memory a state takes at least whose digest is worth waking other threads for, in bytes.
const SHARED_BYTES_MIN: u64 = 1024 * 1024;

/// A state whose records are in memory.
#[derive(Clone, Debug)]
pub struct MemoryState {
    partitions: Vec<Table>,
}

impl Default for MemoryState {
    fn default() -> Self {
        Self { partitions: (0..PARTITIONS).map(|_| Table::default()).collect() }
    }
}

impl MemoryState {
    /// An empty state in front of a store, which has the records that it doesn't know.
    pub(crate) fn in_front_of_store() -> Self {
        Self { partitions: (0..PARTITIONS).map(|_| Table::in_front_of_store()).collect() }
    }

    /// The partitions, each to be changed by one owner at a time.
    pub fn partitions_mut(&mut self) -> &mut [Table] {
        &mut self.partitions
    }

    /// From now on remembers what changes, for a checkpoint.
    pub(crate) fn track(&mut self) {
        self.partitions.iter_mut().for_each(Table::track);
    }

    /// The record under a key: its fixed part (see the record types beside this), then the rest.
    #[must_use]
    pub fn get(&self, key: &Key<'_>) -> Option<&[u8]> {
        let Home { partition, tag } = key.home();
        let partition = &self.partitions[partition];
        partition.find(tag, key).map(|found| partition.value(found))
    }

    /// Visits every record of one kind, in any order.
    pub fn for_each<'s>(&'s self, kind: KeyKind, mut visit: impl FnMut(Key<'s>, &'s [u8])) {
        for partition in &self.partitions {
            partition.for_each(&mut |key, value| {
                if key.kind == kind {
                    visit(key, value);
                }
            });
        }
    }

    /// How many records of each kind there are, in the order of [`KeyKind::ALL`].
    #[must_use]
    pub fn counts(&self) -> Vec<(KeyKind, u64)> {
        let mut counts = KeyKind::ALL.map(|kind| (kind, 0));
        for partition in &self.partitions {
            partition.for_each(&mut |key, _| counts[key.kind as usize - 1].1 += 1);
        }
        counts.to_vec()
    }

    /// The digest of the state, computed on the present rayon pool where it isn't small.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let digests: Vec<Digest> = match self.memory_bytes() < SHARED_BYTES_MIN {
            true => self.partitions.iter().map(digest::of_partition).collect(),
            false => self.partitions.par_iter().map(digest::of_partition).collect(),
        };
        digest::of_state(&digests)
    }

    /// How much memory the records take, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.partitions.iter().map(Table::memory_bytes).sum()
    }
}
