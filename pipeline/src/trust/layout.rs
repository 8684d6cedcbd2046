//! How a signature lies in bytes: a statement, its signature, and the rows that it speaks of.
//!
//! `docs/tamper-evidence.md` explains it; a test holds its tables against these declarations.

use crate::wire;

/// The first bytes of a signature's file.
pub const SIGNATURE_MAGIC: [u8; 8] = *b"VEXJSIGN";
/// The version of the file's format.
pub const SIGNATURE_MAJOR: u32 = 1;
/// Length of an ed25519 signature in bytes. It lies behind the statement.
pub const SIGNATURE_BYTES: usize = 64;
/// Length of one event's fingerprint in bytes.
pub const FINGERPRINT_BYTES: usize = 8;

/// [`Statement::ending`]: the writer had closed the journal.
pub const ENDING_CLOSED: u32 = 1;
/// [`Statement::ending`]: the journal had no closing seal.
pub const ENDING_OPEN: u32 = 2;

wire! {
    /// What is signed, byte for byte.
    pub struct Statement {
        /// [`SIGNATURE_MAGIC`].
        magic: [u8; 8],
        /// [`SIGNATURE_MAJOR`].
        major: u32,
        /// [`ENDING_CLOSED`] or [`ENDING_OPEN`].
        ending: u32,
        /// The journal's UUID.
        journal_id: [u8; 16],
        /// SHA-256 of the signer's public key as DER.
        key_id: [u8; 32],
        /// The LSN of the journal's head.
        head_lsn: u64,
        /// The digest of the journal's head.
        head_digest: [u8; 32],
        /// When it was signed, in nanoseconds since 1970-01-01 UTC.
        signed_ns: u64,
        /// How many segments there were.
        segments: u64,
        /// How many blocks.
        blocks: u64,
        /// How many events.
        events: u64,
        /// SHA-256 of the rows of segments and blocks.
        rows_digest: [u8; 32],
        /// SHA-256 of the fingerprints of events.
        fingerprints_digest: [u8; 32],
    }
}

wire! {
    /// What is kept of one segment.
    pub struct SegmentRow {
        /// Its number.
        segment: u64,
        /// SHA-256 of its header page.
        header_digest: [u8; 32],
        /// How many blocks it has.
        blocks: u64,
        /// Where they end, in bytes from its start.
        blocks_end: u64,
        /// How many bytes stand behind them: its seal, or what a crash left.
        rest_bytes: u64,
        /// SHA-256 of those bytes.
        rest_digest: [u8; 32],
    }
}

wire! {
    /// What is kept of one block.
    pub struct BlockRow {
        /// Its digest.
        digest: [u8; 32],
        /// How many events it holds.
        events: u32,
        /// Its length in bytes.
        block_bytes: u32,
    }
}
