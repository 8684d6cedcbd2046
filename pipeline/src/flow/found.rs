//! What a pass has found so far: counts, damage, and how transactions ended.

use vexfs_kernels::Digest;

use crate::error::Error;
use crate::journal::End;
use crate::journal::damage::Damage;
use crate::replay::{Cut, Findings, Inconsistencies, ListedBlock, SoFar};
use crate::stages::decode::Tally;
use crate::stages::ledger::TransactionSummary;
use crate::stages::skipped::SkippedEvents;

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) tally: Tally,
    pub(super) blocks: u64,
    pub(super) bytes: u64,
    pub(super) damages: Vec<Damage>,
    pub(super) inconsistencies: Inconsistencies,
    pub(super) transactions: TransactionSummary,
    pub(super) skipped: Vec<SkippedEvents>,
    pub(super) listed: Vec<ListedBlock>,
    pub(super) anchored: Option<Digest>,
    /// Where a bad block ended the journal.
    pub(super) end: Option<End>,
}

impl From<Option<&Cut>> for Found {
    /// What an earlier pass had found.
    fn from(start: Option<&Cut>) -> Self {
        let SoFar { tally, blocks, bytes, transactions, inconsistencies } =
            start.map(|cut| cut.so_far.clone()).unwrap_or_default();
        Self { tally, blocks, bytes, transactions, inconsistencies, ..Self::default() }
    }
}

impl Found {
    /// Whether a bad block ended the journal.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// All of it, where reading came to the journal's end unless a bad block ended it before.
    pub(super) fn into_findings(self, read: Option<End>) -> Result<Findings, Error> {
        Ok(Findings {
            end: self.end.or(read).ok_or(Error::Cancelled)?,
            damages: self.damages,
            tally: self.tally,
            blocks: self.blocks,
            bytes: self.bytes,
            transactions: self.transactions,
            skipped: self.skipped,
            listed: self.listed,
            inconsistencies: self.inconsistencies,
            anchored: self.anchored,
        })
    }
}
