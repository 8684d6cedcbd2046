//! The first block of a journal: reading it, holding it to what it may say, writing it.

use super::block::{Block, check, seal};
use super::fault::{Damage, Fault};
use super::layout::{
    BLOCK_BYTES, BLOCK_JOURNAL_MAJOR, BLOCK_MAGIC, CHECKSUM_CRC32, DESCRIPTOR_BLOCKS_MAX,
    SUPERBLOCK_CHECKSUM_AT, Superblock, TOTAL_BLOCKS_MIN,
};
use super::place::Blocks;
use crate::error::Error;
use crate::journal;

/// What a disk writes as one, in bytes: a superblock is written alone in its first one.
const SECTOR_BYTES: usize = 512;

impl Superblock {
    /// How many blocks the log has.
    #[must_use]
    pub fn log_blocks(&self) -> u64 {
        self.total_blocks.saturating_sub(1)
    }

    /// The most data blocks of a transaction.
    #[must_use]
    pub fn transaction_blocks_max(&self) -> u32 {
        match self.max_transaction_blocks {
            0 => DESCRIPTOR_BLOCKS_MAX,
            told => told.min(DESCRIPTOR_BLOCKS_MAX),
        }
    }

    /// Whether it has any of these flags.
    #[must_use]
    pub fn has(&self, flags: u32) -> bool {
        self.flags & flags != 0
    }

    /// The block that comes so many blocks after one of the log, which goes round.
    pub(super) fn after(&self, position: u64, blocks: u64) -> u64 {
        let lap = self.log_blocks().max(1);
        1 + (position.saturating_sub(1) + blocks % lap) % lap
    }

    /// How many blocks it is from one block of the log on to another.
    pub(super) fn distance(&self, from: u64, to: u64) -> u64 {
        let lap = self.log_blocks().max(1);
        (to + lap - from) % lap
    }

    /// As a block, with its checksum.
    pub(super) fn to_block(self) -> Block {
        let mut block = [0; BLOCK_BYTES];
        self.write(&mut block);
        seal(&mut block, SUPERBLOCK_CHECKSUM_AT);
        block
    }
}

/// Reads the superblock and holds it to what it may say.
pub(super) fn read(blocks: &Blocks) -> Result<(Superblock, Block), Error> {
    let length = blocks.length()?;
    let damaged = |fault| Error::BlockJournalDamaged {
        path: blocks.path.clone(),
        damage: Damage { position: 0, fault },
    };
    if length < BLOCK_BYTES as u64 {
        let needed = BLOCK_BYTES as u64;
        return Err(damaged(Fault::CutShort { needed, found: length }));
    }
    let block = blocks.read(0)?;
    let superblock = Superblock::read(&block);
    let (expected, found) = (BLOCK_MAGIC, superblock.magic);
    if found != expected {
        let fault = Some(journal::damage::Fault::Magic { expected, found });
        return Err(Error::NotAJournal { path: blocks.path.clone(), fault });
    }
    check(&block, SUPERBLOCK_CHECKSUM_AT).map_err(damaged)?;
    let Superblock { major, features, .. } = superblock;
    if major != BLOCK_JOURNAL_MAJOR || features != 0 {
        return Err(Error::UnknownFormat { path: blocks.path.clone(), major, features });
    }
    judge(&superblock, length).map_err(damaged)?;
    Ok((superblock, block))
}

fn judge(superblock: &Superblock, length: u64) -> Result<(), Fault> {
    let within = |field, claimed, least, most| match (least..=most).contains(&claimed) {
        true => Ok(()),
        false => Err(Fault::Limit { field, claimed, least, most }),
    };
    let block_bytes = BLOCK_BYTES as u64;
    within("block size", superblock.block_bytes.into(), block_bytes, block_bytes)?;
    within("checksum type", superblock.checksum_type.into(), 0, CHECKSUM_CRC32.into())?;
    within("count of blocks", superblock.total_blocks, TOTAL_BLOCKS_MIN, u64::MAX / block_bytes)?;
    let needed = superblock.total_blocks * block_bytes;
    if length < needed {
        return Err(Fault::CutShort { needed, found: length });
    }
    within("head", superblock.head, 1, superblock.log_blocks())?;
    within("tail", superblock.tail, 1, superblock.log_blocks())
}

/// Writes the superblock, and returns once it is durable. All that it speaks of is durable already.
pub(super) fn write(blocks: &Blocks, superblock: &Superblock) -> Result<(), Error> {
    put_back(blocks, &superblock.to_block())
}

/// Writes a superblock as it was, and returns once it is durable.
pub(super) fn put_back(blocks: &Blocks, block: &Block) -> Result<(), Error> {
    blocks.write(0, &block[..SECTOR_BYTES])?;
    blocks.sync()
}
