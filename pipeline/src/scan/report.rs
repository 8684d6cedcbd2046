//! What a scan says: a row for each journal, what wasn't looked into, and totals.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::verdict::{Finding, Gravity, Verdict};
use crate::journal::Validation;

/// The row of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// Where it is, from the root of the scan on; `.` for the root itself.
    pub path: String,
    /// How long its files were when it was found, in bytes.
    pub file_bytes: u64,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Something that holds segments, or may, and wasn't looked into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where it is, from the root of the scan on.
    pub path: String,
    /// Why not.
    pub because: LeftOutBecause,
}

/// Why something wasn't looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutBecause {
    /// It is a folder in a journal's own folder, and so the journal's affair.
    InsideJournal,
    /// It is a segment's copy that a rollback put aside, and no journal of its own.
    PutAside,
    /// It is the folder of a salvage that was not finished, and holds no journal yet.
    UnfinishedSalvage,
    /// It is the folder of an import that was not finished, and holds no journal yet.
    UnfinishedImport,
}

impl LeftOutBecause {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InsideJournal => "a folder inside a journal's own",
            Self::PutAside => "put aside by a rollback",
            Self::UnfinishedSalvage => "a salvage that was not finished",
            Self::UnfinishedImport => "an import that was not finished",
        }
    }
}

/// How many journals have which verdict, and what all of them hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many journals were looked at.
    pub journals: u64,
    /// How many are clean.
    pub clean: u64,
    /// How many a living writer has.
    pub locked: u64,
    /// How many have a torn tail.
    pub torn_tail: u64,
    /// How many are of an unknown format.
    pub unknown_format: u64,
    /// How many are damaged.
    pub damaged: u64,
    /// How many could not be read.
    pub unreadable: u64,
    /// How many damaged ranges there are.
    pub ranges: u64,
    /// How many events are intact.
    pub events: u64,
    /// How long the blocks are that hold them, in bytes.
    pub bytes: u64,
}

impl Totals {
    fn of(journals: &[Scanned]) -> Self {
        let mut totals = Self { journals: journals.len() as u64, ..Self::default() };
        for Scanned { finding, .. } in journals {
            let count = match finding.verdict {
                Verdict::Clean => &mut totals.clean,
                Verdict::Locked => &mut totals.locked,
                Verdict::TornTail { .. } => &mut totals.torn_tail,
                Verdict::UnknownFormat { .. } => &mut totals.unknown_format,
                Verdict::Damaged { ranges, .. } => {
                    totals.ranges += ranges;
                    &mut totals.damaged
                }
                Verdict::Unreadable { .. } => &mut totals.unreadable,
            };
            *count += 1;
            if let Some(counts) = &finding.counts {
                totals.events += counts.events;
                totals.bytes += counts.bytes;
            }
        }
        totals
    }
}

/// What a scan found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Where it began.
    pub root: String,
    /// How much was proven of each journal.
    pub validation: Validation,
    /// Whether every journal was looked at; not where the scan was cancelled.
    pub complete: bool,
    /// How many journals were found, looked at or not.
    pub found: u64,
    /// A row for each one that was looked at, in the order of their paths.
    pub journals: Vec<Scanned>,
    /// What was not looked into, in the order of their paths.
    pub left_out: Vec<LeftOut>,
    /// The sums.
    pub totals: Totals,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many bytes of blocks were verified a second.
    pub bytes_per_second: f64,
}

impl ScanReport {
    pub(super) fn of(
        root: &Path,
        validation: Validation,
        (journals, found, complete): (Vec<Scanned>, u64, bool),
        left_out: Vec<LeftOut>,
        seconds: f64,
    ) -> Self {
        let totals = Totals::of(&journals);
        let bytes_per_second = totals.bytes as f64 / seconds.max(f64::MIN_POSITIVE);
        let root = root.to_string_lossy().into_owned();
        Self {
            root,
            validation,
            complete,
            found,
            journals,
            left_out,
            totals,
            seconds,
            bytes_per_second,
        }
    }

    /// The gravest of all verdicts; that of a clean journal where none was looked at.
    #[must_use]
    pub fn gravest(&self) -> Gravity {
        let all = self.journals.iter().map(|it| it.finding.verdict.gravity());
        all.max().unwrap_or(Gravity::Clean)
    }
}
