//! Why a checkpoint can't be used.

use serde::Serialize;

use crate::error::Error;
use crate::state::SectionError;

/// Why a checkpoint can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum CheckpointFault {
    /// Storage failed when it was read, or when what it builds on was.
    #[error("it can't be read: {reason}")]
    Unreadable {
        /// What storage said.
        reason: String,
    },
    /// It is shorter than a checkpoint can be, or than it says.
    #[error("it needs {needed} bytes and has {found}")]
    CutShort {
        /// How long it should be at least, in bytes.
        needed: u64,
        /// How long it is, in bytes.
        found: u64,
    },
    /// It doesn't start or end as a checkpoint does.
    #[error("its {part} starts with {found:#010x} where {expected:#010x} should stand")]
    Magic {
        /// Which part.
        part: &'static str,
        /// What should stand there.
        expected: u32,
        /// What does.
        found: u32,
    },
    /// It is of a version that this one doesn't know.
    #[error("it is of format {major}, which this version doesn't know")]
    UnknownFormat {
        /// Its major version.
        major: u32,
    },
    /// The checksum of its header differs.
    #[error("the CRC32C of its header is {found:#010x} where {expected:#010x} is recorded")]
    Crc {
        /// The recorded one.
        expected: u32,
        /// The one of the bytes as they are.
        found: u32,
    },
    /// Its seal is broken.
    #[error("its SHA-256 is {found} where its seal says {expected}")]
    Seal {
        /// The recorded digest, in hexadecimal.
        expected: String,
        /// The one of the bytes as they are.
        found: String,
    },
    /// A field has a value that it can't have.
    #[error("its {field} is {found}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What it is.
        found: u64,
    },
    /// A length claims more than is possible.
    #[error("its {field} claims {claimed} bytes where {limit} is the limit")]
    LimitExceeded {
        /// Which length.
        field: &'static str,
        /// What it claims, in bytes.
        claimed: u64,
        /// The most possible, in bytes.
        limit: u64,
    },
    /// Its manifest is not readable.
    #[error("its manifest is not readable: {reason}")]
    Manifest {
        /// What the reader of JSON says.
        reason: String,
    },
    /// A section doesn't decompress to what it should be.
    #[error("section {partition} is not what it says: {reason}")]
    Section {
        /// The partition.
        partition: usize,
        /// What is wrong.
        reason: String,
    },
    /// It is of another journal.
    #[error("it is of journal {found}, not of {expected}")]
    Foreign {
        /// The journal's UUID.
        expected: String,
        /// The one that it names.
        found: String,
    },
    /// The journal doesn't reach as far.
    #[error("it holds the state at LSN {watermark}, and the journal ends before that")]
    Ahead {
        /// Its watermark.
        watermark: u64,
    },
    /// At its place, the journal has another history.
    #[error("the journal has another block where its watermark {watermark} should be: {reason}")]
    Diverged {
        /// Its watermark.
        watermark: u64,
        /// How the block differs.
        reason: String,
    },
    /// No block starts where reading must restart.
    #[error(
        "reading is to restart at segment {segment}, byte {offset}, where no such block starts"
    )]
    Restart {
        /// The number of the segment.
        segment: u64,
        /// Where in it, in bytes from its start.
        offset: u64,
    },
    /// The journal is damaged between where reading restarts and its watermark.
    #[error("what must be read again before its watermark {watermark} is damaged at LSN {lsn}")]
    DamagedBelow {
        /// Its watermark.
        watermark: u64,
        /// Where the damage starts.
        lsn: u64,
    },
    /// Less was proven of the journal than is asked for now.
    #[error("it was made with {found} validation, and {wanted} is asked for")]
    WeakerValidation {
        /// How much is asked for.
        wanted: &'static str,
        /// How much was proven.
        found: &'static str,
    },
    /// More was proven of the journal than is asked for now, and transactions were left out that
    /// would take effect otherwise.
    #[error(
        "it was made with {found} validation, which leaves out transactions that take effect with \
         {wanted} validation"
    )]
    StrongerValidation {
        /// How much is asked for.
        wanted: &'static str,
        /// How much was proven.
        found: &'static str,
    },
    /// It holds a state that is no cut.
    #[error("it holds the state at LSN {lsn} behind damage that was left out")]
    BehindDamage {
        /// The last LSN that was taken in.
        lsn: u64,
    },
    /// It holds the state at a later moment than is asked for.
    #[error(
        "it holds the state at LSN {watermark}, after LSN {wanted}, where the replay is to end"
    )]
    TooLate {
        /// Its watermark.
        watermark: u64,
        /// Where the replay ends.
        wanted: u64,
    },
    /// The checkpoint that it builds on isn't there, or can't be used.
    #[error("it builds on the checkpoint of LSN {parent_lsn}, which is not usable here")]
    NoParent {
        /// The watermark of that one.
        parent_lsn: u64,
    },
    /// The state that it gives has another digest than it says.
    #[error("it leads to the state digest {found} where {expected} is recorded")]
    StateDigest {
        /// The recorded one, in hexadecimal.
        expected: String,
        /// The one of the state.
        found: String,
    },
}

impl CheckpointFault {
    /// What an error of storage makes of a checkpoint.
    pub(crate) fn unreadable(error: &Error) -> Self {
        let cause = std::error::Error::source(error);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Unreadable { reason: format!("{error}{cause}") }
    }

    pub(super) fn section(partition: usize, error: &SectionError) -> Self {
        Self::Section { partition, reason: error.to_string() }
    }
}
