//! What stands in a log: transactions and revocations.

use serde::Serialize;

use super::fault::Damage;

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionOutcome {
    /// Its commit is there, and proves all of it.
    Committed,
    /// Its commit is there, and says that it is aborted.
    Aborted,
    /// Its commit isn't there, or not whole.
    Unfinished,
    /// Something else is wrong with it.
    Damaged(Damage),
}

/// A data block of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DataBlock {
    /// The block of the image that it is the content of.
    pub number: u64,
    /// Where it lies, in blocks of the journal.
    pub position: u64,
    /// The kernel's CRC-32 of its bytes, as they were read.
    pub crc: u32,
}

/// The end of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// Where it lies, in blocks of the journal.
    pub position: u64,
    /// Its sequence, which is the place of the transaction among all that stands in the log.
    pub sequence: u64,
    /// When it was written, in nanoseconds since 1970-01-01 UTC.
    pub commit_ns: u64,
}

/// A transaction of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// Its id.
    pub id: u64,
    /// Where it begins, in blocks of the journal.
    pub position: u64,
    /// The sequence of its descriptor.
    pub sequence: u64,
    /// What was done, as its writer tells.
    pub operation: u32,
    /// When, in nanoseconds since 1970-01-01 UTC.
    pub timestamp_ns: u64,
    /// By whom.
    pub uid: u32,
    /// By which group.
    pub gid: u32,
    /// What it writes, in order.
    pub data: Vec<DataBlock>,
    /// Its end, where that proves it.
    pub commit: Option<Commit>,
    /// What became of it.
    pub outcome: TransactionOutcome,
    /// The block behind it.
    pub behind: u64,
}

/// A revocation: no transaction before it writes these blocks any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// Where it lies, in blocks of the journal.
    pub position: u64,
    /// Its sequence.
    pub sequence: u64,
    /// The blocks of the image.
    pub blocks: Vec<u64>,
    /// The block behind it.
    pub behind: u64,
}
