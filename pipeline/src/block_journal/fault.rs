//! What can be wrong with a block journal, and where.

use std::fmt;

use serde::Serialize;

use super::layout::BLOCK_BYTES;

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// It doesn't begin as such a block does.
    Magic {
        /// What it must begin with.
        expected: u32,
        /// What it begins with.
        found: u32,
    },
    /// Its checksum is another one.
    Checksum {
        /// What its bytes come to.
        expected: u32,
        /// What it bears.
        found: u32,
    },
    /// Its checksum was computed with its own field included, as the kernel's verifier does.
    ChecksumOverItself {
        /// What its bytes come to, the field taken as zero.
        expected: u32,
        /// What it bears.
        found: u32,
    },
    /// The checksum that a commit bears is not that of the transaction's blocks.
    TransactionChecksum {
        /// What the blocks come to.
        expected: u32,
        /// What the commit bears.
        found: u32,
    },
    /// A block of another kind must stand here.
    Type {
        /// The kind that must.
        expected: u32,
        /// The kind that does.
        found: u32,
    },
    /// A field has another value than it must have.
    Field {
        /// Which.
        field: &'static str,
        /// What it must be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A field is over or under a limit.
    Limit {
        /// Which.
        field: &'static str,
        /// What it is.
        claimed: u64,
        /// The least that it may be.
        least: u64,
        /// The most that it may be.
        most: u64,
    },
    /// The file is too short.
    CutShort {
        /// How long it must be, in bytes.
        needed: u64,
        /// How long it is, in bytes.
        found: u64,
    },
    /// The log ends here, and the superblock says that it was written up to its head.
    EndsBeforeHead {
        /// The head.
        head: u64,
    },
    /// The superblock's head lies within a transaction or revocation that begins here.
    HeadWithin {
        /// The head.
        head: u64,
    },
    /// What begins here would end behind where the log began.
    MoreThanALap {
        /// How many blocks it has.
        blocks: u64,
        /// How many are left.
        left: u64,
    },
    /// The log can't be read from here on, and what was written later stands behind.
    WrittenBehind {
        /// Where.
        position: u64,
        /// Its sequence.
        sequence: u64,
    },
    /// A transaction's commit is missing, and what was written later stands behind.
    CommitMissing {
        /// Where the commit must be.
        position: u64,
    },
    /// A transaction writes to a block that the image doesn't have.
    BeyondImage {
        /// The block.
        block: u64,
        /// How many the image has.
        image_blocks: u64,
    },
    /// A transaction writes to a block of the journal itself.
    OwnBlock {
        /// The block.
        block: u64,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic { expected, found } => {
                write!(formatter, "it begins with {found:#010x} where {expected:#010x} must stand")
            }
            Self::Checksum { expected, found } => write!(
                formatter,
                "it bears the checksum {found:#010x}, and its bytes come to {expected:#010x}"
            ),
            Self::ChecksumOverItself { expected, found } => write!(
                formatter,
                "its checksum {found:#010x} was computed with its own field included; with the \
                 field as zero, as it must be, it is {expected:#010x}"
            ),
            Self::TransactionChecksum { expected, found } => write!(
                formatter,
                "the commit bears the transaction checksum {found:#010x}, and the descriptor and \
                 data come to {expected:#010x}"
            ),
            Self::Type { expected, found } => {
                write!(formatter, "a block of type {found} stands where type {expected} must")
            }
            Self::Field { field, expected, found } => {
                write!(formatter, "its {field} is {found} where it must be {expected}")
            }
            Self::Limit { field, claimed, least, most } => {
                write!(formatter, "its {field} is {claimed}, which is not within {least} to {most}")
            }
            Self::CutShort { needed, found } => {
                write!(formatter, "the file has {found} bytes where {needed} are needed")
            }
            Self::EndsBeforeHead { head } => write!(
                formatter,
                "the log ends here, and the superblock says that it was written up to block {head}"
            ),
            Self::HeadWithin { head } => write!(
                formatter,
                "what begins here goes on behind the superblock's head, block {head}"
            ),
            Self::MoreThanALap { blocks, left } => {
                write!(formatter, "it has {blocks} blocks, and the log has only {left} left")
            }
            Self::WrittenBehind { position, sequence } => write!(
                formatter,
                "nothing can be read here, and sequence {sequence}, which was written later, \
                 stands at block {position}"
            ),
            Self::CommitMissing { position } => write!(
                formatter,
                "its commit is missing at block {position}, and what was written later stands behind"
            ),
            Self::BeyondImage { block, image_blocks } => write!(
                formatter,
                "it writes to block {block} of an image that has {image_blocks} blocks"
            ),
            Self::OwnBlock { block } => {
                write!(formatter, "it writes to block {block}, which belongs to the journal itself")
            }
        }
    }
}

/// Something that is wrong at one block of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The block, counted from the superblock.
    pub position: u64,
    /// What is wrong with it.
    #[serde(flatten)]
    pub fault: Fault,
}

impl Damage {
    /// Where the block lies in the journal's file, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.position.saturating_mul(BLOCK_BYTES as u64)
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, fault } = self;
        write!(formatter, "block {position} at byte {}: {fault}", self.offset())
    }
}
