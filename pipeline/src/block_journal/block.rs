//! One block: its bytes, its checksum, its numbers. Knows nothing of where it lies or what comes before it.

use vexfs_kernels::crc32_linux;

use super::fault::Fault;
use super::layout::{BLOCK_BYTES, BLOCK_CHECKSUM_AT, BLOCK_MAGIC, BlockHeader};

/// The bytes of a block.
pub type Block = [u8; BLOCK_BYTES];

/// The checksum of a block: as if its own field, which lies at `field_at`, were zero.
pub(super) fn checksum(block: &Block, field_at: usize) -> u32 {
    let before = crc32_linux(0, &block[..field_at]);
    crc32_linux(crc32_linux(before, &[0; 4]), &block[field_at + 4..])
}

/// Holds a block to its checksum.
pub(super) fn check(block: &Block, field_at: usize) -> Result<(), Fault> {
    let mut stored = [0; 4];
    stored.copy_from_slice(&block[field_at..field_at + 4]);
    let (found, expected) = (u32::from_le_bytes(stored), checksum(block, field_at));
    if found == expected {
        return Ok(());
    }
    match found == crc32_linux(0, block) {
        true => Err(Fault::ChecksumOverItself { expected, found }),
        false => Err(Fault::Checksum { expected, found }),
    }
}

/// Puts the checksum into its field.
pub(super) fn seal(block: &mut Block, field_at: usize) {
    let checksum = checksum(block, field_at);
    block[field_at..field_at + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// The header of a block that bears one; none where its magic isn't there.
pub(super) fn header_of(block: &Block) -> Option<Result<BlockHeader, Fault>> {
    let header = BlockHeader::read(block);
    (header.magic == BLOCK_MAGIC).then(|| check(block, BLOCK_CHECKSUM_AT).map(|()| header))
}

/// The block numbers from `at` on, of which `count` must have room.
pub(super) fn numbers(block: &Block, at: usize, count: u32) -> Vec<u64> {
    let fields = block[at..].chunks_exact(8).take(count as usize);
    let number = |field: &[u8]| {
        let mut raw = [0; 8];
        raw.copy_from_slice(field);
        u64::from_le_bytes(raw)
    };
    fields.map(number).collect()
}

/// Writes block numbers from `at` on, as many as there is room for.
pub(super) fn put_numbers(block: &mut Block, at: usize, numbers: impl Iterator<Item = u64>) {
    for (field, number) in block[at..].chunks_exact_mut(8).zip(numbers) {
        field.copy_from_slice(&number.to_le_bytes());
    }
}
