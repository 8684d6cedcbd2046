//! What is the matter with one journal, how grave that is beside others, and what an error means.

use serde::{Deserialize, Serialize};
use vexfs_kernels::Digest;

use crate::error::Error;

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
