//! Which blocks of a journal a walk reads, and which it steps over because they can't matter.

use std::collections::BTreeMap;

use serde::Serialize;

use super::index::IndexedBlock;
use super::reader::Journal;
use crate::error::Error;

/// Why a block need not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Its LSNs are not selected.
    Lsn,
    /// Its times are not selected.
    Time,
    /// No family in it is selected.
    Family,
}

/// A block, and why it is stepped over, where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedBlock {
    /// The block.
    pub block: IndexedBlock,
    /// Why it need not be read.
    pub skip: Option<SkipReason>,
}

/// Which blocks are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// For each segment its blocks; none where it has no seal, and all of it is read.
    segments: Vec<Vec<PlannedBlock>>,
    /// What the plan amounts to.
    pub summary: PlanSummary,
}

/// Blocks and their length in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many.
    pub blocks: u64,
    /// Their length.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, block: &IndexedBlock) {
        self.blocks += 1;
        self.bytes += u64::from(block.entry.block_bytes);
    }
}

/// How much a plan reads and steps over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// How many segments there are.
    pub segments: u64,
    /// How many of them have a seal to plan by. The others are read whole.
    pub sealed: u64,
    /// What is read, as far as seals and headers tell of it.
    pub read: Amount,
    /// What is stepped over, by reason.
    pub skipped: BTreeMap<SkipReason, Amount>,
}

impl Plan {
    /// A plan that steps over the blocks for which `skips` gives a reason.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn make(
        journal: &Journal,
        skips: impl Fn(&IndexedBlock) -> Option<SkipReason>,
    ) -> Result<Self, Error> {
        let mut plan = Self::default();
        for index in 0..journal.segments.len() {
            let known = journal.segment_index(index)?;
            plan.summary.segments += 1;
            plan.summary.sealed += u64::from(known.sealed);
            let mut planned = Vec::new();
            for block in known.blocks {
                let skip = skips(&block).filter(|_| known.sealed);
                match skip {
                    None => plan.summary.read.add(&block),
                    Some(reason) => plan.summary.skipped.entry(reason).or_default().add(&block),
                }
                planned.push(PlannedBlock { block, skip });
            }
            if !known.sealed {
                planned.clear();
            }
            plan.segments.push(planned);
        }
        Ok(plan)
    }

    /// Whether any block is stepped over.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        !self.summary.skipped.is_empty()
    }

    /// The planned blocks of a segment from a place on, in bytes from its start; none where no block
    /// starts there.
    pub(super) fn blocks_from(&self, segment: usize, offset: u64) -> &[PlannedBlock] {
        let blocks = self.segments.get(segment).map_or(&[][..], Vec::as_slice);
        let from = blocks.partition_point(|it| it.block.entry.file_offset < offset);
        let rest = &blocks[from..];
        let starts_here = rest.first().is_some_and(|it| it.block.entry.file_offset == offset);
        if starts_here { rest } else { &[] }
    }
}
