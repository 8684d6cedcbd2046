//! What a journal says: its events, by LSN, in the tests' own words.

use sha2::{Digest as _, Sha256};
use vexfs_replay::journal::Head;
use vexfs_replay::storage::MemoryFolder;

use crate::act::Act;
use crate::small_journal::{Block, blocks_of, names_of};

pub(crate) const COMMIT: u32 = 1;
pub(crate) const ABORT: u32 = 2;

/// What one event of the journal says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said {
    Act(Act),
    Begin,
    /// Outcome, count of members, digest over them.
    End(u32, u64, [u8; 32]),
}

/// One event of the journal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) lsn: u64,
    /// Which life of the writer wrote it.
    pub(crate) life: u64,
    pub(crate) transaction: u64,
    pub(crate) time: u64,
    /// The checksum of its bytes; none is known of boundaries.
    pub(crate) crc: u32,
    pub(crate) said: Said,
}

/// A journal, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) folder: MemoryFolder,
    pub(crate) lines: Vec<Line>,
    /// The head of the last life that was closed.
    pub(crate) head: Option<Head>,
}

impl Story {
    /// The journal's blocks, with the names of the files they are in.
    pub(crate) fn blocks(&self) -> Vec<(String, Block)> {
        blocks_in(&self.folder)
    }

    /// The story as text, a line each, for the reader of a failure.
    pub(crate) fn told(&self) -> String {
        let tell = |line: &Line| {
            let Line { lsn, life, transaction, said, .. } = line;
            match said {
                Said::Act(act) => format!("{lsn} life {life} in {transaction}: {act:?}\n"),
                Said::Begin => format!("{lsn} life {life} begin {transaction}\n"),
                Said::End(outcome, events, _) => {
                    format!("{lsn} life {life} end {transaction}: {outcome} of {events}\n")
                }
            }
        };
        self.lines.iter().map(tell).collect()
    }
}

/// The blocks of every segment in a folder, with the names of the files they are in.
pub(crate) fn blocks_in(folder: &MemoryFolder) -> Vec<(String, Block)> {
    let blocks = |name: String| {
        let blocks = blocks_of(&folder.get(&name).unwrap());
        blocks.into_iter().map(move |block| (name.clone(), block))
    };
    names_of(folder).into_iter().flat_map(blocks).collect()
}

/// The digest over a transaction's members: LSN and checksum of each.
pub(crate) fn digest_over(members: impl Iterator<Item = (u64, u32)>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for (lsn, crc) in members {
        hasher.update(lsn.to_le_bytes());
        hasher.update(crc.to_le_bytes());
    }
    hasher.finalize().into()
}
