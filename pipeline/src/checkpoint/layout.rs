//! How a checkpoint's file lies in bytes: header, manifest, sections, directory, trailer.

use crate::wire;

/// The first four bytes of a checkpoint's file: "VXCP" in little-endian order.
pub const CHECKPOINT_MAGIC: u32 = u32::from_le_bytes(*b"VXCP");
/// The first four bytes of its trailer: "VXCT" in little-endian order.
pub const CHECKPOINT_TRAILER_MAGIC: u32 = u32::from_le_bytes(*b"VXCT");
/// The version of the format; a reader knows one.
pub const CHECKPOINT_MAJOR: u32 = 1;
/// The version within; a reader knows all.
pub const CHECKPOINT_MINOR: u32 = 0;
/// The longest manifest in bytes: it lists at most a few thousand transactions.
pub const MANIFEST_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// Where the range starts that the header's CRC32C covers.
pub const CRC_FROM: usize = 8;

wire! {
    /// The first bytes of a checkpoint's file. The manifest follows.
    pub struct CheckpointHeader {
        /// "VXCP".
        magic: u32,
        /// CRC32C of the rest of this header.
        header_crc: u32,
        /// 1.
        major: u32,
        /// 0.
        minor: u32,
        /// 1: a base; 2: a delta.
        kind: u32,
        /// How much of the journal was proven: 0 none, 1 basic, 2 full, 3 cryptographic.
        validation: u32,
        /// The journal's UUID.
        journal_id: [u8; 16],
        /// The watermark: effects up to this LSN are in the state, none after it.
        watermark_lsn: u64,
        /// The LSN at which reading must restart.
        restart_lsn: u64,
        /// When it was made, in nanoseconds since 1970-01-01 UTC.
        created_ns: u64,
        /// The watermark of the checkpoint that a delta builds on; 0 in a base.
        parent_lsn: u64,
        /// The seal of that checkpoint; zeros in a base.
        parent_digest: [u8; 32],
        /// How many sections there are: one for each of the 256 partitions.
        sections: u32,
        /// Length of the manifest in bytes.
        manifest_bytes: u32,
    }
}

wire! {
    /// What the directory says of one section.
    pub struct SectionEntry {
        /// Where it lies, in bytes from the file's start.
        offset: u64,
        /// Its length in the file, in bytes: one zstd frame.
        stored_bytes: u64,
        /// Its length when decompressed, in bytes.
        raw_bytes: u64,
        /// How many records it holds, those that went included.
        records: u64,
    }
}

wire! {
    /// The last bytes of a checkpoint's file.
    pub struct CheckpointTrailer {
        /// "VXCT".
        magic: u32,
        /// 1 where the state's digest was computed, else 0.
        state_digest_known: u32,
        /// Where the directory starts, in bytes from the file's start.
        directory_offset: u64,
        /// The digest of the state at the watermark where it was computed, else zeros.
        state_digest: [u8; 32],
        /// The seal: SHA-256 of everything before it.
        digest: [u8; 32],
    }
}
