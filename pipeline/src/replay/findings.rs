//! What a pass over a journal finds: how much there was, where it ends, what is damaged, and what
//! contradicts itself.

use serde::{Deserialize, Serialize};
use vexfs_kernels::Digest;

use crate::journal::damage::Damage;
use crate::journal::{End, EndKind, Frame};
use crate::stages::apply::Contradicted;
use crate::stages::decode::Tally;
use crate::stages::ledger::{TransactionFault, TransactionSummary};
use crate::stages::skipped::SkippedEvents;
use crate::state::Contradiction;

/// How many inconsistencies are remembered; all are counted.
pub(crate) const INCONSISTENCIES_MAX: usize = 100;

/// Something in an intact journal that contradicts what came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inconsistency {
    /// The LSN of the event.
    pub lsn: u64,
    /// The LSN at which the event takes effect.
    pub position: u64,
    /// What is wrong.
    #[serde(flatten)]
    pub cause: Cause,
}

/// What an inconsistency is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cause {
    /// An effect that doesn't find what it presupposes.
    Effect(Contradiction),
    /// A transaction that isn't whole.
    Transaction(TransactionFault),
}

impl std::fmt::Display for Cause {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Effect(contradiction) => contradiction.fmt(formatter),
            Self::Transaction(fault) => fault.fmt(formatter),
        }
    }
}

/// Inconsistencies, the first ones in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inconsistencies {
    /// How many there are.
    pub count: u64,
    /// The first hundred at most, by the position at which they take effect.
    pub first: Vec<Inconsistency>,
}

impl Inconsistencies {
    pub(crate) fn add(&mut self, inconsistency: Inconsistency) {
        self.count += 1;
        if self.first.len() < INCONSISTENCIES_MAX {
            self.first.push(inconsistency);
        }
    }

    /// Takes in those that the owners of partitions met, and remembers the first ones of all. One
    /// event's are in the order of its effects, whichever partitions they are of.
    pub(crate) fn add_met(&mut self, count: u64, mut met: Vec<Contradicted>) {
        self.count += count;
        met.sort_by_key(|it| (it.position, it.lsn, it.effect));
        self.first.extend(met.into_iter().map(|it| {
            let Contradicted { position, lsn, contradiction, .. } = it;
            Inconsistency { lsn, position, cause: Cause::Effect(contradiction) }
        }));
        self.first.sort_by_key(|it| (it.position, it.lsn));
        self.first.truncate(INCONSISTENCIES_MAX);
    }
}

/// A block that a pass accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedBlock {
    /// The number of its segment.
    pub segment: u64,
    /// Where it lies, in bytes from the segment's start.
    pub offset: u64,
    /// Its length in bytes.
    pub block_bytes: u32,
    /// The LSN of its first event.
    pub first_lsn: u64,
    /// How many events it holds.
    pub events: u32,
    /// Its digest.
    pub digest: Digest,
}

impl ListedBlock {
    pub(crate) fn of(frame: &Frame) -> Self {
        let header = &frame.header;
        Self {
            segment: header.segment,
            offset: header.file_offset,
            block_bytes: header.block_bytes,
            first_lsn: header.first_lsn,
            events: header.event_count,
            digest: header.digest,
        }
    }
}

/// What a pass over a journal found.
#[derive(Clone, Debug)]
pub struct Findings {
    /// Where the journal ends and why.
    pub end: End,
    /// Damaged ranges, in order. The torn end of a log is no damage; `end` tells of it.
    pub damages: Vec<Damage>,
    /// Events by class.
    pub tally: Tally,
    /// How many blocks were accepted.
    pub blocks: u64,
    /// Their length, in bytes.
    pub bytes: u64,
    /// How the transactions ended.
    pub transactions: TransactionSummary,
    /// The events that took no effect, where the options ask for them. Observations, which never have
    /// one, are not among them, nor is what is damaged or lies behind the stop.
    pub skipped: Vec<SkippedEvents>,
    /// The blocks that were accepted, in order, where the options ask for them.
    pub listed: Vec<ListedBlock>,
    /// What contradicts itself.
    pub inconsistencies: Inconsistencies,
    /// The digest of the block that holds the anchor's LSN, where there is such a block.
    pub anchored: Option<Digest>,
}

/// The digest of the block among these that holds this LSN.
pub(crate) fn digest_at(frames: &[Frame], lsn: Option<u64>) -> Option<Digest> {
    let lsn = lsn?;
    let headers = frames.iter().map(|frame| &frame.header);
    let mut holding = headers.filter(|header| {
        header.first_lsn <= lsn && lsn - header.first_lsn < u64::from(header.event_count)
    });
    holding.next().map(|header| header.digest)
}

impl Findings {
    /// The highest LSN that was taken in, 0 for none.
    #[must_use]
    pub fn last_lsn(&self, until_lsn: u64) -> u64 {
        self.end.position.next_lsn.saturating_sub(1).min(until_lsn)
    }

    /// Adds a damaged range; one that goes on where the last one ends is part of it.
    pub(crate) fn add_damage(damages: &mut Vec<Damage>, damage: Damage) {
        match damages.last_mut() {
            Some(last)
                if last.segment == damage.segment
                    && last.end >= damage.offset
                    && last.offset <= damage.offset
                    && last.verdict == damage.verdict =>
            {
                last.end = last.end.max(damage.end);
                last.blocks = last.blocks.max(damage.blocks);
                last.next_lsn = damage.next_lsn;
            }
            _ => damages.push(damage),
        }
    }

    /// Puts everything in the order of the journal.
    pub(crate) fn sort(&mut self) {
        self.damages.sort_by_key(|damage| (damage.segment, damage.offset));
        if self.end.kind == EndKind::Damaged {
            let last = self.end.tail.take();
            // It may have become part of one that starts before it.
            let is_told = |last: &Damage| {
                self.damages.iter().any(|it| {
                    it.segment == last.segment && it.offset <= last.offset && last.end <= it.end
                })
            };
            let last = last.filter(|last| !is_told(last));
            self.damages.extend(last);
        }
    }
}
