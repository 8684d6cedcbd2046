//! The ledger of transactions: which are open, and how each one ends. What is kept of an open
//! transaction's events is the caller's choice.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::decode::Reading;
use super::skipped::{LsnRanges, Skipped, SkippedBecause, SkippedEvents};
use crate::error::Error;
use crate::event::{TransactionEnd, transaction_outcome};
use crate::journal::{TransactionDigest, Validation};

/// How many transactions may be open at once.
pub const OPEN_TRANSACTIONS_MAX: usize = 65_536;

/// How many ids a list gives at most; it always gives their number.
const IDS_MAX: usize = 1_000;

/// What is wrong with the transactions of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "transaction_fault")]
pub enum TransactionFault {
    /// A begin record names a transaction that is open.
    BeginsTwice {
        /// The transaction.
        id: u64,
    },
    /// An event or an end record names a transaction that is not open.
    NotOpen {
        /// The transaction.
        id: u64,
    },
    /// The end record counts other events than there are.
    Incomplete {
        /// The transaction.
        id: u64,
        /// How many the end record counts.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// The end record's digest is not that of the events that there are.
    DigestDiffers {
        /// The transaction.
        id: u64,
    },
    /// The end record says neither commit nor abort.
    UnknownOutcome {
        /// The transaction.
        id: u64,
        /// What it says.
        outcome: u32,
    },
}

impl std::fmt::Display for TransactionFault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BeginsTwice { id } => {
                write!(formatter, "transaction {id} begins while it is open")
            }
            Self::NotOpen { id } => write!(formatter, "transaction {id} is not open"),
            Self::Incomplete { id, expected, found } => {
                write!(formatter, "transaction {id} ends with {found} of its {expected} events")
            }
            Self::DigestDiffers { id } => {
                write!(formatter, "transaction {id} ends with another digest than its events have")
            }
            Self::UnknownOutcome { id, outcome } => {
                write!(formatter, "transaction {id} ends with the unknown outcome {outcome}")
            }
        }
    }
}

/// A list of transaction ids: the first thousand, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionIds {
    /// How many there are.
    pub count: u64,
    /// The first of them, ascending where they ended together.
    pub ids: Vec<u64>,
}

impl TransactionIds {
    pub(crate) fn add(&mut self, id: u64) {
        self.count += 1;
        if self.ids.len() < IDS_MAX {
            self.ids.push(id);
        }
    }
}

/// How the transactions of a journal ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionSummary {
    /// How many committed.
    pub committed: u64,
    /// How many aborted.
    pub aborted: u64,
    /// Those that never ended, and so never took effect.
    pub discarded: TransactionIds,
    /// Those that were committed and were left out all the same, since not all of them is there.
    pub broken: TransactionIds,
}

/// An open transaction.
#[derive(Debug, Default)]
pub(crate) struct Open<M> {
    /// The LSN of its begin record.
    pub(crate) begin: u64,
    digest: TransactionDigest,
    /// Those of its events, where somebody wants to know of events that take no effect.
    lsns: LsnRanges,
    pub(crate) members: M,
}

/// The ledger.
#[derive(Debug)]
pub(crate) struct Ledger<M> {
    pub(crate) open: HashMap<u64, Open<M>>,
    pub(crate) summary: TransactionSummary,
    writer_epoch: u64,
    check_digest: bool,
    /// Not all events are seen: then an end record's word is taken, and what is of a transaction whose
    /// begin record wasn't seen belongs to it all the same.
    gaps: bool,
    /// The events that took no effect, where somebody wants to know.
    skipped: Option<Skipped>,
}

impl<M: Default> Ledger<M> {
    pub(crate) fn new(reading: &Reading<'_>) -> Self {
        Self {
            open: HashMap::new(),
            summary: TransactionSummary::default(),
            writer_epoch: 0,
            check_digest: reading.validation >= Validation::Full,
            gaps: reading.gaps,
            skipped: reading.list_skipped.then(Skipped::default),
        }
    }

    /// The events that took no effect so far.
    pub(crate) fn take_skipped(&mut self) -> Vec<SkippedEvents> {
        self.skipped.take().map(Skipped::into_list).unwrap_or_default()
    }

    /// An event of an unknown type is passed over.
    pub(crate) fn pass_over(&mut self, transaction: u64, lsn: u64) {
        if let Some(skipped) = &mut self.skipped {
            skipped.add_one(SkippedBecause::UnknownType, transaction, lsn);
        }
    }

    /// A transaction comes to nothing.
    fn skip(&mut self, because: SkippedBecause, id: u64, lsns: LsnRanges) {
        if let Some(skipped) = &mut self.skipped {
            skipped.add(because, id, lsns);
        }
    }

    /// A block of this writer epoch comes next. A transaction doesn't outlive its writer, so those
    /// of an earlier epoch are discarded.
    pub(crate) fn enter_epoch(&mut self, writer_epoch: u64) {
        if std::mem::replace(&mut self.writer_epoch, writer_epoch) != writer_epoch {
            self.discard_all();
        }
    }

    /// Discards what is open.
    pub(crate) fn discard_all(&mut self) {
        let mut all: Vec<(u64, LsnRanges)> =
            self.open.drain().map(|(id, open)| (id, open.lsns)).collect();
        all.sort_unstable_by_key(|&(id, _)| id);
        for (id, lsns) in all {
            self.summary.discarded.add(id);
            self.skip(SkippedBecause::Unfinished, id, lsns);
        }
    }

    /// A begin record from before a checkpoint, which was counted then.
    pub(crate) fn reopen(&mut self, id: u64, lsn: u64) -> Result<(), Error> {
        self.open(id, lsn).map(|_| ())
    }

    /// An end record from before a checkpoint, which was counted then.
    pub(crate) fn forget(&mut self, id: u64) {
        self.open.remove(&id);
    }

    fn open(&mut self, id: u64, lsn: u64) -> Result<Option<Open<M>>, Error> {
        if self.open.len() >= OPEN_TRANSACTIONS_MAX {
            let (what, limit) = ("the number of open transactions", OPEN_TRANSACTIONS_MAX as u64);
            return Err(Error::LimitExceeded { lsn, what, claimed: limit + 1, limit });
        }
        Ok(self.open.insert(id, Open { begin: lsn, ..Open::default() }))
    }

    /// A begin record.
    pub(crate) fn begin(&mut self, id: u64, lsn: u64) -> Result<Option<TransactionFault>, Error> {
        let old = self.open(id, lsn)?;
        let Some(old) = old else { return Ok(None) };
        self.summary.discarded.add(id);
        self.skip(SkippedBecause::Unfinished, id, old.lsns);
        Ok(Some(TransactionFault::BeginsTwice { id }))
    }

    /// An event of a transaction; gives the place to keep it in.
    pub(crate) fn member(
        &mut self,
        id: u64,
        lsn: u64,
        crc: u32,
    ) -> Result<&mut M, TransactionFault> {
        if self.gaps && !self.open.contains_key(&id) {
            self.open.insert(id, Open { begin: lsn - 1, ..Open::default() });
        }
        let Some(open) = self.open.get_mut(&id) else {
            if let Some(skipped) = &mut self.skipped {
                skipped.add_one(SkippedBecause::NotOpen, id, lsn);
            }
            return Err(TransactionFault::NotOpen { id });
        };
        open.digest.add(lsn, crc);
        if self.skipped.is_some() {
            open.lsns.add(lsn);
        }
        Ok(&mut open.members)
    }

    /// An end record; gives the LSN of the begin record and the events that take effect now, where
    /// the transaction commits.
    pub(crate) fn end(
        &mut self,
        id: u64,
        end: &TransactionEnd,
    ) -> Result<Option<(u64, M)>, TransactionFault> {
        let open = match self.open.remove(&id) {
            Some(open) => open,
            None if self.gaps => Open::default(),
            None => return Err(TransactionFault::NotOpen { id }),
        };
        let (expected, found) = (end.events, open.digest.events());
        let fault = if self.gaps {
            None
        } else if expected != found {
            Some(TransactionFault::Incomplete { id, expected, found })
        } else if self.check_digest && open.digest.clone().finish() != end.digest {
            Some(TransactionFault::DigestDiffers { id })
        } else {
            None
        };
        match (end.outcome, fault) {
            (transaction_outcome::COMMIT, None) => {
                self.summary.committed += 1;
                return Ok(Some((open.begin, open.members)));
            }
            (transaction_outcome::ABORT, _) => {
                self.summary.aborted += 1;
                self.skip(SkippedBecause::Aborted, id, open.lsns);
            }
            _ => {
                self.summary.broken.add(id);
                self.skip(SkippedBecause::Broken, id, open.lsns);
            }
        }
        match (end.outcome, fault) {
            (_, Some(fault)) => Err(fault),
            (transaction_outcome::ABORT, None) => Ok(None),
            (outcome, None) => Err(TransactionFault::UnknownOutcome { id, outcome }),
        }
    }
}
