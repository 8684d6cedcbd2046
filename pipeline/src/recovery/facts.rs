//! The facts that decisions are made of: few, and each of a few values, so that every combination of
//! them can be tried. What they were read from is the survey's.

use serde::{Deserialize, Serialize};

use crate::checkpoint::CheckpointFault;
use crate::error::Error;

/// How the journal ends, as a survey sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With the seal of a writer that closed it.
    Closed,
    /// After a whole block, or in space that was never written: the writer died or lives.
    Open,
    /// In a torn write.
    Torn,
    /// In damage, or in what may be damage.
    Corrupt,
    /// Before something that is proven to have been durable.
    Truncated,
    /// Before a segment that isn't there; or one in the middle isn't.
    SegmentMissing,
    /// A segment is of another journal.
    Foreign,
    /// A segment is of a format that this version doesn't know.
    NewerFormat,
    /// Storage failed while it was looked for.
    Unreadable,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Closed,
        Self::Open,
        Self::Torn,
        Self::Corrupt,
        Self::Truncated,
        Self::SegmentMissing,
        Self::Foreign,
        Self::NewerFormat,
        Self::Unreadable,
    ];

    /// Whether a replay that comes to it finds damage there.
    #[must_use]
    pub fn is_damage(self) -> bool {
        matches!(self, Self::Corrupt | Self::SegmentMissing | Self::Foreign)
    }
}

/// The newest checkpoint that seems usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Checkpoint {
    /// There is none.
    None,
    /// It was made longer ago than the policy calls recent.
    Old,
    /// It was made within that time.
    Recent,
}

impl Checkpoint {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Old, Self::Recent];
}

/// The facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// How the journal ends.
    pub ending: Ending,
    /// Another process holds the journal's lock.
    pub held: bool,
    /// The newest checkpoint that seems usable.
    pub checkpoint: Checkpoint,
    /// There are checkpoints that are broken, or that contradict the journal.
    pub bad_checkpoints: bool,
    /// All damage that the survey saw lies before the place where reading restarts from the newest
    /// usable checkpoint, or behind the stop.
    pub damage_is_covered: bool,
    /// All damage that the survey saw lies behind the stop.
    pub damage_is_behind: bool,
    /// The journal reaches the head that was kept outside, and has another history there.
    pub anchor_differs: bool,
    /// A transaction was open at the end.
    pub unfinished: bool,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureType {
    /// The writer died; what it had made durable is there.
    SystemCrash,
    /// The journal is damaged.
    DataCorruption,
    /// Storage gives errors, or has lost what was on it.
    StorageFailure,
    /// What the writer had in memory went wrong, and it may have journalled that.
    MemoryCorruption,
    /// Participants were cut off from each other.
    NetworkPartition,
    /// The writer died in the middle of a transaction.
    IncompleteTransaction,
    /// The end of the journal is gone.
    JournalTruncation,
    /// Checkpoints are broken, or contradict the journal.
    CheckpointInconsistency,
}

impl FailureType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SystemCrash,
        Self::DataCorruption,
        Self::StorageFailure,
        Self::MemoryCorruption,
        Self::NetworkPartition,
        Self::IncompleteTransaction,
        Self::JournalTruncation,
        Self::CheckpointInconsistency,
    ];

    /// What an error on the way shows to have happened, where it shows something.
    pub(super) fn shown_by(error: &Error) -> Option<Self> {
        match error {
            Error::Damaged { .. } | Error::Inconsistent { .. } => Some(Self::DataCorruption),
            Error::BadCheckpoint { fault: CheckpointFault::Ahead { .. }, .. }
            | Error::BelowAnchor { .. } => Some(Self::JournalTruncation),
            Error::BadCheckpoint { .. } | Error::NoCheckpoint { .. } => {
                Some(Self::CheckpointInconsistency)
            }
            Error::Io { .. } | Error::ChangedWhileRead { .. } => Some(Self::StorageFailure),
            _ => None,
        }
    }

    /// Whether it is what a survey sees where it sees no more than the end of a journal: what is found
    /// on the way tells more.
    pub(super) fn is_superficial(self) -> bool {
        matches!(self, Self::SystemCrash | Self::IncompleteTransaction)
    }

    /// Its name in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SystemCrash => "system crash",
            Self::DataCorruption => "data corruption",
            Self::StorageFailure => "storage failure",
            Self::MemoryCorruption => "memory corruption",
            Self::NetworkPartition => "network partition",
            Self::IncompleteTransaction => "incomplete transaction",
            Self::JournalTruncation => "journal truncation",
            Self::CheckpointInconsistency => "checkpoint inconsistency",
        }
    }
}
