//! Why a signature can't be relied on.

use serde::Serialize;

/// Why a signature can't be relied on. Nothing is proven of the journal then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// There is none.
    #[error("it is not there")]
    Missing,
    /// Its file can't be read.
    #[error("it can't be read: {reason}")]
    Unreadable {
        /// What the system said.
        reason: String,
    },
    /// Its file has another length than it must have.
    #[error("it has {found} bytes where it must have {expected}")]
    Length {
        /// What it must have, in bytes.
        expected: u64,
        /// What it has, in bytes.
        found: u64,
    },
    /// Its file is something else.
    #[error("it is not a signature of a journal")]
    NotASignature,
    /// It is of a version that isn't known.
    #[error("it is of version {major}, which this version doesn't know")]
    UnknownVersion {
        /// The version.
        major: u32,
    },
    /// Another key signed it.
    #[error(
        "it is by the key {}, the trusted one is {}",
        hex::encode(found),
        hex::encode(expected)
    )]
    OtherKey {
        /// The id of the trusted key.
        expected: [u8; 32],
        /// The id of the key that it names.
        found: [u8; 32],
    },
    /// The trusted key did not sign what it says.
    #[error("the trusted key did not sign what it says")]
    Forged,
    /// Its rows are not those that were signed.
    #[error("its {part} are not those that were signed")]
    Rows {
        /// Which rows.
        part: &'static str,
    },
    /// It was signed, and contradicts itself.
    #[error("it was signed and contradicts itself: {reason}")]
    Contradiction {
        /// How.
        reason: String,
    },
    /// It is about another journal.
    #[error(
        "it is about the journal {}, this one is {}",
        hex::encode(found),
        hex::encode(expected)
    )]
    OtherJournal {
        /// The UUID of the journal.
        expected: [u8; 16],
        /// The UUID that was signed.
        found: [u8; 16],
    },
    /// It is sound, and there is no journal any more that could be read.
    #[error("it is sound, and what was signed can't be read any more: {reason}")]
    JournalUnreadable {
        /// What reading met.
        reason: String,
    },
    /// It is sound, and no longer holds for the journal: so no new one takes its place unasked.
    #[error(
        "it no longer holds, so that a new one would hide what happened since: {first}{}",
        more(*others)
    )]
    NoLongerHolds {
        /// The first difference.
        first: String,
        /// How many more there are.
        others: u64,
    },
}

fn more(others: u64) -> String {
    if others == 0 { String::new() } else { format!(" (and {others} more)") }
}

impl Serialize for SignatureFault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
