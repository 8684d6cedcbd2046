//! A consistent cut: the moment of a pass at which all effects up to an LSN have taken place and none
//! after it, and what the pass had found by then. With the state, it is all that a later pass needs.

use serde::{Deserialize, Serialize};
use vexfs_kernels::Digest;

use super::findings::Inconsistencies;
use crate::journal::Frame;
use crate::journal::block::Position;
use crate::stages::decode::Tally;
use crate::stages::ledger::TransactionSummary;

/// The block that holds a cut's LSN. While it is in a journal, that journal is the one that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutBlock {
    /// The number of its segment.
    pub segment: u64,
    /// Where it lies, in bytes from the segment's start.
    pub offset: u64,
    /// Its length in bytes.
    pub block_bytes: u32,
    /// Its digest.
    #[serde(with = "hex::serde")]
    pub digest: Digest,
}

impl CutBlock {
    pub(crate) fn of(frame: &Frame) -> Self {
        let header = &frame.header;
        let (segment, offset) = (header.segment, header.file_offset);
        Self { segment, offset, block_bytes: header.block_bytes, digest: header.digest }
    }
}

/// What a pass had found up to a cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoFar {
    /// Events by class.
    pub tally: Tally,
    /// How many blocks were accepted.
    pub blocks: u64,
    /// Their length, in bytes.
    pub bytes: u64,
    /// How the transactions ended that have.
    pub transactions: TransactionSummary,
    /// What contradicted itself.
    pub inconsistencies: Inconsistencies,
}

/// A consistent cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Effects have taken place up to this LSN.
    pub lsn: u64,
    /// The block that holds it.
    pub block: CutBlock,
    /// Where reading must restart: at the block in which the oldest transaction begins that is open
    /// at the cut, or else behind it.
    pub restart: Position,
    /// What was found up to there.
    pub so_far: SoFar,
}
