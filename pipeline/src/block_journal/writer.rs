//! Writes block journals. Everything that it returns from is durable.
//!
//! A transaction's descriptor and data are durable before its commit is written. The block behind the commit
//! is zeroed with them, so that a walk never takes old data that lies there for what comes next. Space is
//! used again only when a superblock that gives it up is durable. A writer that has seen an error is dead.

use std::collections::VecDeque;
use std::fmt::Debug;

use vexfs_kernels::crc32_linux;

use super::block::{Block, put_numbers, seal};
use super::layout::{
    BLOCK_BYTES, BLOCK_CHECKSUM_AT, BLOCK_JOURNAL_MAJOR, BLOCK_JOURNAL_MINOR, BLOCK_MAGIC,
    BlockHeader, CHECKSUM_CRC32, CommitBody, DescriptorBody, REVOCATION_BLOCKS_MAX, RevocationBody,
    SUPERBLOCK_BLOCK_BYTES, Superblock, TOTAL_BLOCKS_MIN, block_flags, block_type,
};
use super::place::{Blocks, Place};
use super::superblock;
use super::survey::{Ending, survey_of};
use crate::error::{Error, IoContext as _};
use crate::storage;
use crate::time::now_ns;

/// What a new journal is like.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// How many blocks it has, the superblock included.
    pub total_blocks: u64,
    /// The most data blocks of a transaction; 0: as many as a descriptor names.
    pub max_transaction_blocks: u32,
    /// Where it lies in what it serves, as a block number; 0 where it lies elsewhere.
    pub start_block: u64,
    /// The sequence of its first block.
    pub first_sequence: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self { total_blocks: 8192, max_transaction_blocks: 0, start_block: 0, first_sequence: 1 }
    }
}

/// A transaction to be written.
#[derive(Clone, Copy, Debug)]
pub struct NewTransaction<'a> {
    /// Its id.
    pub id: u64,
    /// What is done. Carried, and not interpreted.
    pub operation: u32,
    /// When, in nanoseconds since 1970-01-01 UTC.
    pub timestamp_ns: u64,
    /// By whom.
    pub uid: u32,
    /// By which group.
    pub gid: u32,
    /// The numbers of the blocks and their new content, in order.
    pub blocks: &'a [(u64, Block)],
}

/// Writes to one journal, which it holds locked.
#[derive(Debug)]
pub struct Writer {
    blocks: Blocks,
    superblock: Superblock,
    /// What stands in the log: the last sequence of each, and the block behind it.
    stands: VecDeque<(u64, u64)>,
    /// The sequence of the next block.
    sequence: u64,
    dead: Option<String>,
    _lock: Box<dyn Debug + Send + Sync>,
}

impl Writer {
    /// Makes a journal that isn't there yet, and opens it.
    ///
    /// # Errors
    /// [`Error::AlreadyAJournal`] when there is a file of that name, [`Error::InvalidOption`],
    /// [`Error::Locked`], or [`Error::Io`].
    pub fn create(place: &Place, options: JournalOptions) -> Result<Self, Error> {
        let JournalOptions { total_blocks, start_block, first_sequence, .. } = options;
        if !(TOTAL_BLOCKS_MIN..u64::MAX / BLOCK_BYTES as u64).contains(&total_blocks) {
            let reason = format!("{total_blocks}, where {TOTAL_BLOCKS_MIN} are the fewest");
            return Err(Error::InvalidOption { option: "total_blocks", reason });
        }
        let lock = storage::lock(place.folder.as_ref())?;
        let names = place.folder.list().context("list", place.folder.path(""), None)?;
        if names.contains(&place.name) {
            return Err(Error::AlreadyAJournal { path: place.path() });
        }
        let superblock = Superblock {
            magic: BLOCK_MAGIC,
            major: BLOCK_JOURNAL_MAJOR,
            minor: BLOCK_JOURNAL_MINOR,
            flags: block_flags::ACTIVE | block_flags::CHECKSUM,
            start_block,
            total_blocks,
            block_bytes: SUPERBLOCK_BLOCK_BYTES,
            max_transaction_blocks: options.max_transaction_blocks,
            head: 1,
            tail: 1,
            sequence: first_sequence.max(1),
            commit_sequence: 0,
            commit_interval_ms: 0,
            sync_mode: 0,
            checksum_type: CHECKSUM_CRC32,
            features: 0,
            total_commits: 0,
            total_aborts: 0,
            recovery_count: 0,
            last_recovery_ns: 0,
            checksum: 0,
            reserved: [0; 60],
        };
        let (unfinished, file) =
            storage::write_beside(place.folder.as_ref(), &place.name, &superblock.to_block())?;
        let blocks = Blocks { file, path: place.path() };
        blocks.write(total_blocks - 1, &[0; BLOCK_BYTES])?;
        storage::publish(place.folder.as_ref(), blocks.file.as_ref(), &unfinished, &place.name)?;
        let sequence = superblock.sequence;
        Ok(Self { blocks, superblock, stands: VecDeque::new(), sequence, dead: None, _lock: lock })
    }

    /// Opens a journal, and goes on behind what is whole in it.
    ///
    /// # Errors
    /// What [`super::survey()`] refuses, [`Error::BlockJournalDamaged`] when the log is damaged,
    /// [`Error::Locked`], or [`Error::Io`].
    pub fn open(place: &Place) -> Result<Self, Error> {
        let lock = storage::lock(place.folder.as_ref())?;
        let blocks = place.open_to_change()?;
        let (superblock, _) = superblock::read(&blocks)?;
        let survey = survey_of(&blocks, superblock)?;
        if let Ending::Damaged(damage) = survey.ending {
            return Err(Error::BlockJournalDamaged { path: blocks.path, damage });
        }
        let mut writer = Self {
            stands: survey.stands().into(),
            sequence: survey.newest_sequence.saturating_add(1),
            superblock: survey.superblock_at_end(),
            blocks,
            dead: None,
            _lock: lock,
        };
        writer.superblock.flags |= block_flags::ACTIVE;
        // What is behind the head now was seen, and may not be durable.
        writer.try_to(|it| it.blocks.sync())?;
        writer.write_superblock()?;
        Ok(writer)
    }

    /// Writes a transaction that takes effect; gives the sequence of its commit.
    ///
    /// # Errors
    /// [`Error::LogFull`] when there is no room, [`Error::InvalidOption`] when it has too many blocks,
    /// [`Error::WriterDead`], or [`Error::Io`].
    pub fn commit(&mut self, transaction: &NewTransaction<'_>) -> Result<u64, Error> {
        self.append(transaction, block_flags::CHECKSUM)
    }

    /// Writes a transaction that takes no effect; gives the sequence of its end.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn abort(&mut self, transaction: &NewTransaction<'_>) -> Result<u64, Error> {
        self.append(transaction, block_flags::CHECKSUM | block_flags::ABORTING)
    }

    /// Says that no transaction before writes these blocks any more; gives the sequence of that.
    ///
    /// Whatever released the blocks must be committed, and nothing else may have been written to them yet.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn revoke(&mut self, blocks: &[u64]) -> Result<u64, Error> {
        let count = within("revoked blocks", blocks.len(), REVOCATION_BLOCKS_MAX)?;
        self.make_room(1)?;
        let mut block = self.header(block_type::REVOCATION, block_flags::CHECKSUM);
        RevocationBody { count, reserved: 0 }.write(&mut block[BlockHeader::BYTES..]);
        let at = BlockHeader::BYTES + RevocationBody::BYTES;
        put_numbers(&mut block, at, blocks.iter().copied());
        seal(&mut block, BLOCK_CHECKSUM_AT);
        self.try_to(|it| {
            // The zeros must not come later than what they end.
            it.put(1, &[0; BLOCK_BYTES])?;
            it.blocks.sync()?;
            it.put(0, &block)?;
            it.blocks.sync()
        })?;
        Ok(self.stands_now(1, self.sequence))
    }

    /// Gives up the space of all that has at most this sequence. What it writes must be durable in the image.
    ///
    /// # Errors
    /// [`Error::WriterDead`] or [`Error::Io`].
    pub fn checkpoint(&mut self, through_sequence: u64) -> Result<(), Error> {
        while let Some(&(sequence, behind)) = self.stands.front()
            && sequence <= through_sequence
        {
            self.superblock.tail = behind;
            self.stands.pop_front();
        }
        self.write_superblock()
    }

    /// How many blocks are free; a transaction takes three more than it has data blocks.
    #[must_use]
    pub fn free_blocks(&self) -> u64 {
        let Superblock { tail, head, .. } = self.superblock;
        self.superblock.log_blocks() - self.superblock.distance(tail, head)
    }

    /// Writes down where the log ends, and that nobody writes to it.
    ///
    /// # Errors
    /// [`Error::WriterDead`] or [`Error::Io`].
    pub fn close(mut self) -> Result<(), Error> {
        self.superblock.flags &= !block_flags::ACTIVE;
        self.write_superblock()
    }

    fn append(&mut self, transaction: &NewTransaction<'_>, flags: u32) -> Result<u64, Error> {
        let most = self.superblock.transaction_blocks_max();
        let block_count = within("blocks of a transaction", transaction.blocks.len(), most)?;
        let length = u64::from(block_count) + 2;
        self.make_room(length)?;
        let descriptor = self.descriptor(transaction, block_count);
        let transaction_checksum = transaction
            .blocks
            .iter()
            .fold(crc32_linux(0, &descriptor), |crc, (_, content)| crc32_linux(crc, content));
        let mut commit = self.header(block_type::COMMIT, flags);
        BlockHeader { sequence: self.sequence + 1, ..BlockHeader::read(&commit) }
            .write(&mut commit);
        let body = CommitBody {
            transaction_id: transaction.id,
            commit_ns: now_ns(),
            block_count,
            checksum_type: CHECKSUM_CRC32,
            transaction_checksum,
            reserved: [0; 12],
        };
        body.write(&mut commit[BlockHeader::BYTES..]);
        seal(&mut commit, BLOCK_CHECKSUM_AT);
        self.try_to(|it| {
            it.put(0, &descriptor)?;
            for (further, (_, content)) in (1..).zip(transaction.blocks) {
                it.put(further, content)?;
            }
            it.put(length, &[0; BLOCK_BYTES])?;
            it.blocks.sync()?;
            it.put(length - 1, &commit)?;
            it.blocks.sync()
        })?;
        match flags & block_flags::ABORTING {
            0 => self.superblock.total_commits += 1,
            _ => self.superblock.total_aborts += 1,
        }
        self.superblock.commit_sequence = self.sequence + 1;
        Ok(self.stands_now(length, self.sequence + 1))
    }

    fn descriptor(&self, transaction: &NewTransaction<'_>, block_count: u32) -> Block {
        let mut block = self.header(block_type::DESCRIPTOR, block_flags::CHECKSUM);
        let NewTransaction { id, operation, timestamp_ns, uid, gid, blocks } = *transaction;
        let body =
            DescriptorBody { transaction_id: id, block_count, operation, timestamp_ns, uid, gid };
        body.write(&mut block[BlockHeader::BYTES..]);
        let at = BlockHeader::BYTES + DescriptorBody::BYTES;
        put_numbers(&mut block, at, blocks.iter().map(|(number, _)| *number));
        seal(&mut block, BLOCK_CHECKSUM_AT);
        block
    }

    /// A block of this kind, with the next sequence and no checksum yet.
    fn header(&self, block_type: u32, flags: u32) -> Block {
        let mut block = [0; BLOCK_BYTES];
        let sequence = self.sequence;
        let header = BlockHeader { magic: BLOCK_MAGIC, block_type, sequence, checksum: 0, flags };
        header.write(&mut block);
        block
    }

    /// Holds room for so many blocks, and for the zeros behind them.
    fn make_room(&self, blocks: u64) -> Result<(), Error> {
        let (needed, free) = (blocks + 1, self.free_blocks());
        match needed <= free {
            true => Ok(()),
            false => Err(Error::LogFull { path: self.blocks.path.clone(), needed, free }),
        }
    }

    fn put(&self, further: u64, block: &Block) -> Result<(), Error> {
        self.blocks.write(self.superblock.after(self.superblock.head, further), block)
    }

    /// Goes on behind what was written; gives its last sequence.
    fn stands_now(&mut self, blocks: u64, sequence: u64) -> u64 {
        self.superblock.head = self.superblock.after(self.superblock.head, blocks);
        self.sequence = sequence + 1;
        self.stands.push_back((sequence, self.superblock.head));
        sequence
    }

    fn write_superblock(&mut self) -> Result<(), Error> {
        self.superblock.sequence = self.sequence;
        self.try_to(|it| superblock::write(&it.blocks, &it.superblock))
    }

    fn try_to(&mut self, write: impl FnOnce(&Self) -> Result<(), Error>) -> Result<(), Error> {
        if let Some(cause) = &self.dead {
            return Err(Error::WriterDead { cause: cause.clone() });
        }
        let written = write(self);
        self.dead = written.as_ref().err().map(ToString::to_string);
        written
    }
}

fn within(what: &'static str, count: usize, most: u32) -> Result<u32, Error> {
    let fits = u32::try_from(count).ok().filter(|count| *count <= most);
    fits.ok_or_else(|| Error::InvalidOption {
        option: what,
        reason: format!("{count}, where {most} are the most"),
    })
}
