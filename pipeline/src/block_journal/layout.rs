//! How a block journal lies in bytes: the structures that VexFS fixes, field by field, little-endian and
//! without padding. What the numbers mean is told in `docs/kernel-journal.md`.

use crate::wire;

/// The first four bytes of a superblock and of every block header.
pub const BLOCK_MAGIC: u32 = 0x5645_5846;
/// The length of a block in bytes.
pub const BLOCK_BYTES: usize = 4096;
/// The same, as a superblock tells it.
pub const SUPERBLOCK_BLOCK_BYTES: u32 = 4096;
/// The version of the format; a reader knows one.
pub const BLOCK_JOURNAL_MAJOR: u32 = 1;
/// The version within; a reader knows all.
pub const BLOCK_JOURNAL_MINOR: u32 = 0;
/// The most block numbers that a descriptor holds.
pub const DESCRIPTOR_BLOCKS_MAX: u32 = numbers_behind(DescriptorBody::BYTES);
/// The most block numbers that a revocation holds.
pub const REVOCATION_BLOCKS_MAX: u32 = numbers_behind(RevocationBody::BYTES);
/// The fewest blocks of a journal: the superblock, a transaction of one block, and a free one.
pub const TOTAL_BLOCKS_MIN: u64 = 5;
/// The kernel's CRC-32; 0 in its place says nothing else.
pub const CHECKSUM_CRC32: u32 = 1;
/// Where a superblock's checksum lies.
pub const SUPERBLOCK_CHECKSUM_AT: usize = 120;
/// Where any other block's checksum lies.
pub const BLOCK_CHECKSUM_AT: usize = 16;

/// How many block numbers a block has room for, behind its header and a body of this length.
const fn numbers_behind(body_bytes: usize) -> u32 {
    let bytes = BLOCK_BYTES - BlockHeader::BYTES - body_bytes;
    #[expect(clippy::cast_possible_truncation, reason = "a block is short")]
    let count = (bytes / 8) as u32;
    count
}

/// What kind of block it is.
pub mod block_type {
    /// The first block; its own structure tells what it is, and it bears no block header.
    pub const SUPERBLOCK: u32 = 1;
    /// Begins a transaction.
    pub const DESCRIPTOR: u32 = 2;
    /// Content of a block; bears no block header, so that no block has this type.
    pub const DATA: u32 = 3;
    /// Ends a transaction.
    pub const COMMIT: u32 = 4;
    /// Names blocks whose earlier content must not be written any more.
    pub const REVOCATION: u32 = 5;
}

/// Flags of superblocks and block headers.
pub mod block_flags {
    /// Superblock: a writer has it open, or died.
    pub const ACTIVE: u32 = 0x01;
    /// Superblock: a recovery is under way.
    pub const RECOVERING: u32 = 0x02;
    /// Superblock: the kernel gave the journal up. Commit: the transaction was aborted.
    pub const ABORTING: u32 = 0x04;
    /// Checksums are there.
    pub const CHECKSUM: u32 = 0x08;
    /// Superblock: a commit may come to the disk before its data.
    pub const ASYNC_COMMIT: u32 = 0x10;
}

wire! {
    /// The front of a journal's first block.
    pub struct Superblock {
        /// The magic.
        magic: u32,
        /// 1.
        major: u32,
        /// 0.
        minor: u32,
        /// Flags.
        flags: u32,
        /// Where the journal lies in what it serves, as a block number; 0 where it lies elsewhere.
        start_block: u64,
        /// How many blocks it has, this one included.
        total_blocks: u64,
        /// 4,096.
        block_bytes: u32,
        /// The most data blocks of a transaction; 0: as many as a descriptor names.
        max_transaction_blocks: u32,
        /// Where the next block would have been written.
        head: u64,
        /// Where the oldest transaction begins that is still needed; the head where there is none.
        tail: u64,
        /// The sequence that a block written at the head has, or a higher one.
        sequence: u64,
        /// The sequence of the last commit before the head; 0 where there was none.
        commit_sequence: u64,
        /// How often the kernel commits, in milliseconds. Carried.
        commit_interval_ms: u32,
        /// How the kernel syncs. Carried.
        sync_mode: u32,
        /// 0 or 1: CRC-32.
        checksum_type: u32,
        /// 0: none is known.
        features: u32,
        /// How many transactions were committed.
        total_commits: u64,
        /// How many transactions were aborted.
        total_aborts: u64,
        /// How many recoveries changed the journal.
        recovery_count: u64,
        /// When the last one did, in nanoseconds since 1970-01-01 UTC.
        last_recovery_ns: u64,
        /// The checksum of the whole block.
        checksum: u32,
        /// Zeros.
        reserved: [u8; 60],
    }
}

wire! {
    /// The front of every block but the superblock and data blocks.
    pub struct BlockHeader {
        /// The magic.
        magic: u32,
        /// The kind of block.
        block_type: u32,
        /// Its place in the order of the log.
        sequence: u64,
        /// The checksum of the whole block.
        checksum: u32,
        /// Flags.
        flags: u32,
    }
}

wire! {
    /// The front of a block that begins a transaction, behind its header. The block numbers follow.
    pub struct DescriptorBody {
        /// The transaction.
        transaction_id: u64,
        /// How many data blocks follow.
        block_count: u32,
        /// What was done. Carried.
        operation: u32,
        /// When, in nanoseconds since 1970-01-01 UTC. Carried.
        timestamp_ns: u64,
        /// By whom. Carried.
        uid: u32,
        /// By which group. Carried.
        gid: u32,
    }
}

wire! {
    /// A block that ends a transaction, behind its header.
    pub struct CommitBody {
        /// The transaction.
        transaction_id: u64,
        /// When, in nanoseconds since 1970-01-01 UTC. Carried.
        commit_ns: u64,
        /// How many data blocks there are.
        block_count: u32,
        /// 0 or 1: CRC-32.
        checksum_type: u32,
        /// The checksum of the descriptor's block and all data blocks.
        transaction_checksum: u32,
        /// Zeros.
        reserved: [u8; 12],
    }
}

wire! {
    /// The front of a block that revokes others, behind its header. Their numbers follow.
    pub struct RevocationBody {
        /// How many.
        count: u32,
        /// Zero.
        reserved: u32,
    }
}

/// The first four bytes of what is kept aside of an image: "VXPI" in little-endian order.
pub const ASIDE_MAGIC: u32 = u32::from_le_bytes(*b"VXPI");
/// The version of that format; a reader knows one.
pub const ASIDE_MAJOR: u32 = 1;

wire! {
    /// The first bytes of what is kept aside of an image. The journal's superblock follows, as it was.
    pub struct AsideHeader {
        /// "VXPI".
        magic: u32,
        /// 1.
        major: u32,
        /// How many blocks are kept.
        count: u64,
        /// How many blocks the image had.
        image_blocks: u64,
        /// What they were overwritten with: SHA-256 of what the plan says.
        plan: [u8; 32],
    }
}

wire! {
    /// What stands before each block that is kept.
    pub struct AsideEntry {
        /// The block of the image.
        number: u64,
        /// CRC32C of its content, which follows.
        crc: u32,
        /// Zero.
        reserved: u32,
    }
}
