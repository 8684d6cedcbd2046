//! The walk through the log, from the tail on, as far as it can be read: at most one lap. It tells what
//! stands there, and says of its end no more than what it saw there.
//!
//! Data blocks bear no header. They are found by the descriptor's count and are never interpreted,
//! whatever they begin with.

use vexfs_kernels::crc32_linux;

use super::block::{Block, header_of, numbers};
use super::fault::{Damage, Fault};
use super::layout::{
    BlockHeader, CHECKSUM_CRC32, CommitBody, DescriptorBody, REVOCATION_BLOCKS_MAX, RevocationBody,
    Superblock, block_flags, block_type,
};
use super::place::Blocks;
use super::transaction::{Commit, DataBlock, Revocation, Transaction, TransactionOutcome};
use crate::error::Error;

/// What the walk comes upon.
pub(super) enum Step {
    Transaction(Transaction),
    Revocation(Revocation),
    End(End),
}

/// Where the walk ends.
pub(super) struct End {
    pub(super) why: Why,
    /// The transaction that begins here and doesn't end as it should.
    pub(super) partial: Option<Transaction>,
    /// How many blocks from here on can't have been written by anybody who came later.
    pub(super) blocks: u64,
}

/// Why it ends there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Why {
    /// Nothing stands there that would go on with the log.
    NothingWritten,
    /// What stands there is not whole: a crash may have left it so.
    NotWhole(Damage),
    /// What stands there was never written by a sound writer in this place.
    Wrong(Damage),
}

/// What stands at one block of the log.
enum Found {
    Nothing,
    NotWhole(Fault),
    Sound(BlockHeader),
}

pub(super) struct Walk<'b> {
    blocks: &'b Blocks,
    pub(super) superblock: Superblock,
    /// The block that comes next.
    pub(super) at: u64,
    /// How many blocks it has passed.
    pub(super) passed: u64,
    /// The sequence of the last header that it has passed.
    pub(super) sequence: u64,
}

impl<'b> Walk<'b> {
    pub(super) fn new(blocks: &'b Blocks, superblock: Superblock) -> Self {
        Self { blocks, superblock, at: superblock.tail, passed: 0, sequence: 0 }
    }

    /// As if it had come to a block further on.
    pub(super) fn further(&self, blocks: u64) -> Self {
        let at = self.superblock.after(self.at, blocks);
        Self { at, passed: self.passed + blocks, ..*self }
    }

    /// How many blocks of the lap are left.
    pub(super) fn left(&self) -> u64 {
        self.superblock.log_blocks() - self.passed
    }

    /// What comes next in the log.
    pub(super) fn step(&mut self) -> Result<Step, Error> {
        if self.left() == 0 {
            return Ok(end(Why::NothingWritten, None, 0));
        }
        let block = self.blocks.read(self.at)?;
        let header = match self.look(&block) {
            Found::Nothing => return Ok(end(Why::NothingWritten, None, 1)),
            Found::NotWhole(fault) => return Ok(end(Why::NotWhole(self.here(fault)), None, 1)),
            Found::Sound(header) => header,
        };
        match header.block_type {
            block_type::DESCRIPTOR => self.transaction(&block, header),
            block_type::REVOCATION => Ok(self.revocation(&block, header)),
            found => Ok(self.wrong(Fault::Type { expected: block_type::DESCRIPTOR, found })),
        }
    }

    /// What a block is, to who has come so far.
    fn look(&self, block: &Block) -> Found {
        match header_of(block) {
            None => Found::Nothing,
            // Of an earlier lap.
            Some(Ok(header)) if header.sequence <= self.sequence => Found::Nothing,
            Some(Ok(header)) => Found::Sound(header),
            Some(Err(fault)) => Found::NotWhole(fault),
        }
    }

    fn revocation(&mut self, block: &Block, header: BlockHeader) -> Step {
        let body = RevocationBody::read(&block[BlockHeader::BYTES..]);
        let most = REVOCATION_BLOCKS_MAX;
        if body.count > most {
            let (claimed, most) = (body.count.into(), most.into());
            return self.wrong(Fault::Limit { field: "count", claimed, least: 0, most });
        }
        let position = self.at;
        self.pass(1, header.sequence);
        Step::Revocation(Revocation {
            position,
            sequence: header.sequence,
            blocks: numbers(block, BlockHeader::BYTES + RevocationBody::BYTES, body.count),
            behind: self.at,
        })
    }

    fn transaction(&mut self, block: &Block, header: BlockHeader) -> Result<Step, Error> {
        let body = DescriptorBody::read(&block[BlockHeader::BYTES..]);
        let most = self.superblock.transaction_blocks_max();
        if body.block_count > most {
            let (claimed, most) = (body.block_count.into(), most.into());
            return Ok(self.wrong(Fault::Limit { field: "block count", claimed, least: 0, most }));
        }
        let (length, left) = (u64::from(body.block_count) + 2, self.left());
        if length > left {
            return Ok(self.wrong(Fault::MoreThanALap { blocks: length, left }));
        }
        let named = numbers(block, BlockHeader::BYTES + DescriptorBody::BYTES, body.block_count);
        if let Some(fault) = named.iter().find_map(|&number| self.own(number)) {
            return Ok(self.wrong(fault));
        }
        let (data, checksum) = self.data(crc32_linux(0, block), &named)?;
        let mut transaction = Transaction {
            id: body.transaction_id,
            position: self.at,
            sequence: header.sequence,
            operation: body.operation,
            timestamp_ns: body.timestamp_ns,
            uid: body.uid,
            gid: body.gid,
            data,
            commit: None,
            outcome: TransactionOutcome::Unfinished,
            behind: self.superblock.after(self.at, length),
        };
        let position = self.superblock.after(self.at, length - 1);
        match self.commit(position, &transaction, checksum)? {
            Ok((commit, outcome)) => {
                transaction.commit = Some(commit);
                transaction.outcome = outcome;
                self.pass(length, commit.sequence);
                Ok(Step::Transaction(transaction))
            }
            Err(why) => {
                if let Why::Wrong(damage) = why {
                    transaction.outcome = TransactionOutcome::Damaged(damage);
                }
                Ok(end(why, Some(transaction), length))
            }
        }
    }

    /// The data blocks behind a descriptor, and the checksum of all of them, it included.
    fn data(&self, mut checksum: u32, named: &[u64]) -> Result<(Vec<DataBlock>, u32), Error> {
        let mut data = Vec::with_capacity(named.len());
        let mut position = self.at;
        for &number in named {
            position = self.superblock.after(position, 1);
            let content = self.blocks.read(position)?;
            checksum = crc32_linux(checksum, &content);
            data.push(DataBlock { number, position, crc: crc32_linux(0, &content) });
        }
        Ok((data, checksum))
    }

    /// The commit of a transaction, where it stands there and proves it.
    fn commit(
        &self,
        position: u64,
        transaction: &Transaction,
        checksum: u32,
    ) -> Result<Result<(Commit, TransactionOutcome), Why>, Error> {
        let block = self.blocks.read(position)?;
        let at_commit = |fault| Damage { position, fault };
        let header = match header_of(&block) {
            Some(Err(fault)) => return Ok(Err(Why::NotWhole(at_commit(fault)))),
            Some(Ok(header)) if may_end(transaction, &header, &block) => header,
            // Nothing, or old data, whatever that looks like.
            _ => return Ok(Err(Why::NotWhole(self.here(Fault::CommitMissing { position })))),
        };
        let body = CommitBody::read(&block[BlockHeader::BYTES..]);
        if let Err(fault) = held_to(transaction, &body) {
            return Ok(Err(Why::Wrong(at_commit(fault))));
        }
        let found = body.transaction_checksum;
        if found != checksum {
            let fault = Fault::TransactionChecksum { expected: checksum, found };
            let damage = at_commit(fault);
            let may_come_first = self.superblock.has(block_flags::ASYNC_COMMIT);
            return Ok(Err(if may_come_first {
                Why::NotWhole(damage)
            } else {
                Why::Wrong(damage)
            }));
        }
        let aborted = header.flags & block_flags::ABORTING != 0;
        let outcome = match aborted {
            true => TransactionOutcome::Aborted,
            false => TransactionOutcome::Committed,
        };
        let commit = Commit { position, sequence: header.sequence, commit_ns: body.commit_ns };
        Ok(Ok((commit, outcome)))
    }

    /// What is wrong with writing to a block that belongs to the journal.
    fn own(&self, block: u64) -> Option<Fault> {
        let Superblock { start_block, total_blocks, .. } = self.superblock;
        let within = block.checked_sub(start_block).is_some_and(|it| it < total_blocks);
        (start_block != 0 && within).then_some(Fault::OwnBlock { block })
    }

    fn pass(&mut self, blocks: u64, sequence: u64) {
        self.at = self.superblock.after(self.at, blocks);
        self.passed += blocks;
        self.sequence = sequence;
    }

    fn here(&self, fault: Fault) -> Damage {
        Damage { position: self.at, fault }
    }

    fn wrong(&self, fault: Fault) -> Step {
        end(Why::Wrong(self.here(fault)), None, 1)
    }
}

fn end(why: Why, partial: Option<Transaction>, blocks: u64) -> Step {
    Step::End(End { why, partial, blocks })
}

/// Whether a sound block is a commit of this transaction.
fn may_end(transaction: &Transaction, header: &BlockHeader, block: &Block) -> bool {
    header.block_type == block_type::COMMIT
        && header.sequence > transaction.sequence
        && CommitBody::read(&block[BlockHeader::BYTES..]).transaction_id == transaction.id
}

/// Holds a commit to the transaction that it ends.
fn held_to(transaction: &Transaction, body: &CommitBody) -> Result<(), Fault> {
    let field = |field, expected, found| match expected == found {
        true => Ok(()),
        false => Err(Fault::Field { field, expected, found }),
    };
    field("block count", transaction.data.len() as u64, body.block_count.into())?;
    match body.checksum_type <= CHECKSUM_CRC32 {
        true => Ok(()),
        false => field("checksum type", CHECKSUM_CRC32.into(), body.checksum_type.into()),
    }
}
