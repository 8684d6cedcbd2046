//! Exit codes, and which error of the library has which.

use vexfs_replay::Error;
use vexfs_replay::recovery::FailureType;

/// The exit codes, the same for every verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Clean = 0,
    Internal = 1,
    Usage = 2,
    TornTail = 3,
    Refused = 4,
    Loss = 5,
    Differs = 6,
    InDoubt = 7,
    InputOutput = 8,
    Interrupted = 130,
}

/// What `--help` says of them.
pub(crate) const HELP: &str = "\
Exit codes:
  0    clean
  1    internal error
  2    usage
  3    a torn tail was dropped, nothing else is wrong
  4    damage, refused: nothing was applied
  5    done, with loss that the report names
  6    a digest, receipt or signature differs
  7    in doubt: a participant or transaction is unresolved
  8    I/O error
  130  interrupted, or out of time; a checkpoint is saved where there is a folder for it

Sizes are written as 200M (decimal) or 64KiB (binary).";

impl Exit {
    /// The exit code of an error.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Io { .. }
            | Error::Locked { .. }
            | Error::ChangedWhileRead { .. }
            | Error::WriterDead { .. }
            | Error::Store { .. }
            | Error::Ground { .. }
            | Error::Import(_) => Self::InputOutput,
            Error::Unrecovered { tried, .. }
                if tried.iter().any(|it| it.shows == Some(FailureType::StorageFailure)) =>
            {
                Self::InputOutput
            }
            Error::Unrecovered { last, .. } => Self::of(last),
            Error::InDoubt { .. } => Self::InDoubt,
            Error::Damaged { .. }
            | Error::BlockJournalDamaged { .. }
            | Error::NoWay { .. }
            | Error::BehindCut { .. }
            | Error::InconsistentRecovery { .. }
            | Error::Inconsistent { .. }
            | Error::UnknownFormat { .. }
            | Error::LimitExceeded { .. }
            | Error::BadCheckpoint { .. }
            | Error::BadRecord { .. }
            | Error::BadStore { .. }
            | Error::BadSemj { .. }
            | Error::NoCheckpoint { .. }
            | Error::NotAJournal { fault: Some(_), .. } => Self::Refused,
            Error::NotAJournal { fault: None, .. }
            | Error::NoJournals { .. }
            | Error::AlreadyAJournal { .. }
            | Error::InvalidOption { .. }
            | Error::NoSuchTransaction { .. }
            | Error::CoordinationNotFound { .. }
            | Error::ConflictNotFound { .. }
            | Error::ParticipantNotFound { .. }
            | Error::TurnedAway { .. }
            | Error::BadKey { .. }
            | Error::MemoryLimit { limit: 1.., .. } => Self::Usage,
            Error::BelowAnchor { .. }
            | Error::DigestDiffers { .. }
            | Error::BadReceipt { .. }
            | Error::BadSignature { .. } => Self::Differs,
            Error::Cancelled | Error::TimedOut { .. } | Error::Stopped { .. } => Self::Interrupted,
            // A limit of 0 is none that was given: the system had no memory.
            Error::EventTooLong { .. }
            | Error::LogFull { .. }
            | Error::MemoryLimit { .. }
            | Error::NoThread { .. }
            | Error::Panicked { .. } => Self::Internal,
        }
    }
}
