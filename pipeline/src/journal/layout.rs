//! The journal's fixed structures, as they lie in bytes, and its limits.
//!
//! `docs/journal-format.md` explains them; a test holds its tables against these declarations.

use crate::wire;

/// The semantic journal's magic, "SEMJ" as the kernel writes it.
pub const SEGMENT_MAGIC: u32 = 0x5345_4D4A;
/// The magic of a block, the bytes "VXBK".
pub const BLOCK_MAGIC: u32 = u32::from_le_bytes(*b"VXBK");
/// The magic of a seal, the bytes "VXSL".
pub const SEAL_MAGIC: u32 = u32::from_le_bytes(*b"VXSL");
/// The magic of a seal's trailer, the bytes "VXST".
pub const TRAILER_MAGIC: u32 = u32::from_le_bytes(*b"VXST");

/// The format's major version. Version 1 is the kernel's own layout.
pub const FORMAT_MAJOR: u32 = 2;
/// The format's minor version: a reader takes any minor version of its major one.
pub const FORMAT_MINOR: u32 = 0;

/// The unit of durability in bytes: segment header, blocks and seal begin and end on it.
pub const PAGE_BYTES: usize = 4096;
/// The longest block in bytes that a reader accepts.
pub const MAX_BLOCK_BYTES: usize = 1024 * 1024;
/// Where the range starts that a block's or seal's SHA-256 covers, in bytes from its first one.
pub const DIGEST_FROM: usize = 40;
/// Where the CRC32C of a segment header lies in its page; it covers everything before it.
pub const SEGMENT_CRC_AT: usize = PAGE_BYTES - 4;
/// Where the range starts that the CRC32C of a block's, seal's or trailer's header covers.
pub const HEADER_CRC_FROM: usize = 8;

/// In [`SegmentHeader::flags`]: the segment before was sealed when this one took over.
pub const PREVIOUS_SEALED: u32 = 1;

/// [`SealHeader::kind`]: another segment follows.
pub const SEAL_ROTATED: u32 = 1;
/// [`SealHeader::kind`]: the writer closed the journal.
pub const SEAL_CLOSED: u32 = 2;

wire! {
    /// The first bytes of a segment's first page.
    pub struct SegmentHeader {
        /// [`SEGMENT_MAGIC`].
        magic: u32,
        /// [`FORMAT_MAJOR`].
        major: u32,
        /// [`FORMAT_MINOR`].
        minor: u32,
        /// Features that a reader must know, one bit each; none are defined.
        required_features: u32,
        /// Features that a reader may ignore, one bit each; none are defined.
        optional_features: u32,
        /// [`PREVIOUS_SEALED`] or 0.
        flags: u32,
        /// The journal's UUID.
        journal_id: [u8; 16],
        /// The segment's number; they count up by one from 0.
        segment: u64,
        /// Which life of the writer made it; counts up by one from 1 with each opening.
        writer_epoch: u64,
        /// The LSN of the first event in it.
        first_lsn: u64,
        /// The number of the first block in it.
        first_block: u64,
        /// When it was made, in nanoseconds since 1970-01-01 UTC.
        created_ns: u64,
        /// Where the blocks of the segment before end, in bytes from its start; 0 in segment 0.
        previous_end: u64,
        /// The digest of the last block before it, or of the header page of a segment before that
        /// has no block; zeros in segment 0.
        previous_digest: [u8; 32],
    }
}

wire! {
    /// The first bytes of a block. Its payload follows at once, and zeros up to its end.
    pub struct BlockHeader {
        /// [`BLOCK_MAGIC`].
        magic: u32,
        /// CRC32C of the rest of this header, from `digest` on.
        header_crc: u32,
        /// SHA-256 of everything that follows, from `previous_digest` to the block's end.
        digest: [u8; 32],
        /// The digest of the block before, or of the segment's header page for its first block.
        previous_digest: [u8; 32],
        /// The journal's UUID.
        journal_id: [u8; 16],
        /// The number of the segment that the block belongs into.
        segment: u64,
        /// Where the block belongs, in bytes from the segment's start.
        file_offset: u64,
        /// Which life of the writer wrote it.
        writer_epoch: u64,
        /// The block's number; they count up by one from 0 through the journal.
        block: u64,
        /// The LSN of its first event.
        first_lsn: u64,
        /// The earliest time of an event in it.
        min_time_ns: u64,
        /// The latest time of an event in it.
        max_time_ns: u64,
        /// How many events it holds.
        event_count: u32,
        /// Length of the block in bytes, header and padding included; a multiple of a page.
        block_bytes: u32,
        /// Length of the events in bytes.
        payload_bytes: u32,
        /// CRC32C of everything after this header, padding included.
        payload_crc: u32,
        /// Which families are in it: bit n for family n.
        families: u32,
        /// Reserved, zero.
        reserved: u32,
        /// The watermark: the highest LSN known to be synced when it was written, 0 for none.
        durable_lsn: u64,
        /// The segment in which the block with that LSN ends.
        durable_segment: u64,
        /// Where that block ends, in bytes from the segment's start; before the journal's first
        /// block, where the header page ends. 0 where the writer told no watermark.
        durable_end: u64,
        /// The digest of that block or header page.
        durable_digest: [u8; 32],
    }
}

wire! {
    /// The first bytes of a seal. Its entries follow, one a block, zeros, and the trailer.
    pub struct SealHeader {
        /// [`SEAL_MAGIC`].
        magic: u32,
        /// CRC32C of the rest of this header, from `digest` on.
        header_crc: u32,
        /// SHA-256 of everything that follows, from `previous_digest` to the seal's end.
        digest: [u8; 32],
        /// The digest of the segment's last block, or of its header page when it has none.
        previous_digest: [u8; 32],
        /// The journal's UUID.
        journal_id: [u8; 16],
        /// The segment's number.
        segment: u64,
        /// Where the seal belongs, in bytes from the segment's start.
        file_offset: u64,
        /// Which life of the writer wrote it.
        writer_epoch: u64,
        /// How many blocks the segment has.
        blocks: u64,
        /// How many events they hold.
        events: u64,
        /// The LSN that follows the segment's last one.
        next_lsn: u64,
        /// Length of the seal in bytes, trailer included; a multiple of a page.
        seal_bytes: u64,
        /// [`SEAL_ROTATED`] or [`SEAL_CLOSED`].
        kind: u32,
        /// Reserved, zero.
        reserved: u32,
    }
}

wire! {
    /// What a seal says of one block.
    pub struct SealEntry {
        /// Where it lies, in bytes from the segment's start.
        file_offset: u64,
        /// The LSN of its first event.
        first_lsn: u64,
        /// The earliest time of an event in it.
        min_time_ns: u64,
        /// The latest time of an event in it.
        max_time_ns: u64,
        /// Its length in bytes.
        block_bytes: u32,
        /// Which families are in it: bit n for family n.
        families: u32,
        /// Its digest.
        digest: [u8; 32],
    }
}

wire! {
    /// The last bytes of a sealed segment: where its seal is.
    pub struct SealTrailer {
        /// [`TRAILER_MAGIC`].
        magic: u32,
        /// CRC32C of the rest of the trailer.
        trailer_crc: u32,
        /// Where the seal starts, in bytes from the segment's start.
        seal_offset: u64,
        /// Length of the seal in bytes.
        seal_bytes: u64,
        /// The segment's number.
        segment: u64,
    }
}
