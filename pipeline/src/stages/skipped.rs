//! The events that took no effect, and why. Collected only where somebody asks for them.

use serde::{Deserialize, Serialize};

/// Why events took no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkippedBecause {
    /// Their transaction aborted.
    Aborted,
    /// Their transaction never ended.
    Unfinished,
    /// Their transaction committed, and not all of it is there.
    Broken,
    /// They name a transaction that was not open.
    NotOpen,
    /// Their type is unknown, and they say that they may be passed over.
    UnknownType,
}

/// Events that took no effect for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedEvents {
    /// Why.
    pub because: SkippedBecause,
    /// Their transaction, 0 for none.
    pub transaction: u64,
    /// Their LSNs, as ranges, both ends included.
    pub lsns: Vec<(u64, u64)>,
}

/// LSNs that ascend, as ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LsnRanges(pub(crate) Vec<(u64, u64)>);

impl LsnRanges {
    /// Adds an LSN behind all others.
    pub(crate) fn add(&mut self, lsn: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == lsn => *last = lsn,
            _ => self.0.push((lsn, lsn)),
        }
    }
}

/// A list of skipped events that is being made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Skipped(Vec<SkippedEvents>);

impl Skipped {
    /// Adds a transaction's events.
    pub(crate) fn add(&mut self, because: SkippedBecause, transaction: u64, lsns: LsnRanges) {
        if !lsns.0.is_empty() {
            self.0.push(SkippedEvents { because, transaction, lsns: lsns.0 });
        }
    }

    /// Adds one event.
    pub(crate) fn add_one(&mut self, because: SkippedBecause, transaction: u64, lsn: u64) {
        match self.0.iter_mut().rev().find(|it| it.because == because) {
            Some(it) if it.transaction == transaction => match it.lsns.last_mut() {
                Some((_, last)) if *last + 1 == lsn => *last = lsn,
                _ => it.lsns.push((lsn, lsn)),
            },
            _ => {
                let lsns = vec![(lsn, lsn)];
                self.0.push(SkippedEvents { because, transaction, lsns });
            }
        }
    }

    /// The list, in the order of the journal.
    pub(crate) fn into_list(mut self) -> Vec<SkippedEvents> {
        self.0.sort_by_key(|it| (it.lsns.first().copied(), it.because));
        self.0
    }
}
