//! What a scan says: a row for each journal, what wasn't looked into, and totals.

use std::path::Path;

use serde::{Deserialize, Serialize};
use vexfs_kernels::Digest;

use crate::error::Error;
use crate::journal::Validation;

/// What is the matter with a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing.
    Clean,
    /// A writer has it, and all that it has finished is intact.
    Locked,
    /// It ends in what its writer was writing when it died; nothing else is wrong.
    TornTail {
        /// What stands behind the last whole block.
        tail: String,
    },
    /// It is of a format that this version doesn't know, and wasn't read.
    UnknownFormat {
        /// Which one, and where.
        reason: String,
    },
    /// Something that the writer had finished is lost, or contradicts itself.
    Damaged {
        /// How many damaged ranges there are.
        ranges: u64,
        /// How many contradictions and broken transactions.
        contradictions: u64,
        /// The first of them.
        first: String,
    },
    /// It could not be read, so nothing is known of it.
    Unreadable {
        /// What keeps it from being read.
        because: Unreadable,
        /// What was said about it.
        reason: String,
    },
}

/// What keeps a journal from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// What it says itself: no header is sound, or it claims more than a fixed limit allows.
    Journal,
    /// Storage failed, or gave other bytes the second time.
    Storage,
    /// This program: no memory, or an error of its own.
    Program,
}

/// How grave a verdict is, the gravest last. This is the order in which the verdicts of many journals
/// make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// [`Verdict::Clean`].
    Clean,
    /// [`Verdict::Locked`].
    Locked,
    /// [`Verdict::TornTail`].
    TornTail,
    /// [`Verdict::UnknownFormat`].
    UnknownFormat,
    /// [`Verdict::Damaged`].
    Damaged,
    /// [`Unreadable::Journal`].
    NoJournal,
    /// [`Unreadable::Storage`].
    Storage,
    /// [`Unreadable::Program`].
    Program,
}

impl Gravity {
    /// All of them, the gravest last.
    pub const ALL: [Self; 8] = [
        Self::Clean,
        Self::Locked,
        Self::TornTail,
        Self::UnknownFormat,
        Self::Damaged,
        Self::NoJournal,
        Self::Storage,
        Self::Program,
    ];

    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Locked => "locked by a living writer",
            Self::TornTail => "torn tail",
            Self::UnknownFormat => "unknown format",
            Self::Damaged => "damaged",
            Self::NoJournal => "unreadable: the journal itself",
            Self::Storage => "unreadable: storage",
            Self::Program => "unreadable: this program",
        }
    }

    /// In as few words as a row's name has.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::NoJournal | Self::Storage | Self::Program => "unreadable",
            Self::Clean | Self::TornTail | Self::UnknownFormat | Self::Damaged => self.name(),
        }
    }
}

impl Verdict {
    /// How grave it is.
    #[must_use]
    pub fn gravity(&self) -> Gravity {
        match self {
            Self::Clean => Gravity::Clean,
            Self::Locked => Gravity::Locked,
            Self::TornTail { .. } => Gravity::TornTail,
            Self::UnknownFormat { .. } => Gravity::UnknownFormat,
            Self::Damaged { .. } => Gravity::Damaged,
            Self::Unreadable { because: Unreadable::Journal, .. } => Gravity::NoJournal,
            Self::Unreadable { because: Unreadable::Storage, .. } => Gravity::Storage,
            Self::Unreadable { because: Unreadable::Program, .. } => Gravity::Program,
        }
    }

    /// What more there is to say of it.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Clean | Self::Locked => None,
            Self::TornTail { tail } => Some(tail),
            Self::Damaged { first, .. } => Some(first),
            Self::UnknownFormat { reason } | Self::Unreadable { reason, .. } => Some(reason),
        }
    }
}

/// What is known of a journal that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The LSN of its head, 0 for none.
    pub head_lsn: u64,
    /// The digest of its head: kept elsewhere, both are an anchor for the next time.
    #[serde(with = "hex::serde")]
    pub head_digest: Digest,
    /// How many events are intact.
    pub events: u64,
    /// In how many blocks.
    pub blocks: u64,
    /// How long these are, in bytes.
    pub bytes: u64,
}

/// What was found of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What is the matter with it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Who held its lock, where that mattered.
    pub holder: Option<String>,
    /// What is in it, where it was read.
    #[serde(flatten)]
    pub counts: Option<Counts>,
}

impl Finding {
    /// What it means that a journal could not be verified.
    #[must_use]
    pub fn of_error(error: &Error) -> Self {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        let reason = format!("{error}{}", cause.unwrap_or_default());
        let because = match error {
            Error::NotAJournal { .. } | Error::LimitExceeded { .. } => Unreadable::Journal,
            Error::Io { .. } | Error::ChangedWhileRead { .. } | Error::TimedOut { .. } => {
                Unreadable::Storage
            }
            _ => Unreadable::Program,
        };
        let verdict = match error {
            Error::UnknownFormat { .. } => Verdict::UnknownFormat { reason },
            _ => Verdict::Unreadable { because, reason },
        };
        Self { verdict, holder: None, counts: None }
    }
}

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
}

impl LeftOutBecause {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InsideJournal => "a folder inside a journal's own",
            Self::PutAside => "put aside by a rollback",
            Self::UnfinishedSalvage => "a salvage that was not finished",
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
