//! Journals and images, and what is done to them.

use std::sync::Arc;

use vexfs_replay::block_journal::layout::{BlockHeader, DescriptorBody};
use vexfs_replay::block_journal::{
    Block, JournalAfter, JournalOptions, NewTransaction, Place, RedoOptions, Redone, Writer, redo,
};
use vexfs_replay::error::Error;
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::model::{BLOCK, Done, IMAGE_BLOCKS};
use crate::reader::checksum;

pub(crate) const JOURNAL: &str = "journal";
pub(crate) const IMAGE: &str = "image";
pub(crate) const ASIDE: &str = "aside";

/// One thing to do.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Blocks, and what they get.
    Commit(Vec<(u64, u32)>),
    Abort(Vec<(u64, u32)>),
    Revoke(Vec<u64>),
    /// Writes everything to the image, and gives up the log.
    Checkpoint,
    /// Gives the log up without some of what was done last.
    CheckpointBefore(usize),
    /// Closes the writer and opens another one.
    Reopen,
}

/// Content that is told apart by its seed. Some of it looks like a block of a journal.
pub(crate) fn content(seed: u32) -> Block {
    let mut block = [0; BLOCK];
    for (at, field) in block.chunks_exact_mut(4).enumerate() {
        let at = u32::try_from(at).unwrap();
        field.copy_from_slice(&(seed.wrapping_mul(0x9E37_79B9) ^ at).to_le_bytes());
    }
    if seed.is_multiple_of(3) {
        disguise(&mut block, u64::from(seed % 40));
    }
    block
}

/// Makes a data block look like the beginning of a transaction.
fn disguise(block: &mut Block, sequence: u64) {
    let header = BlockHeader { magic: 0x5645_5846, block_type: 2, sequence, checksum: 0, flags: 8 };
    header.write(block);
    let body = DescriptorBody {
        transaction_id: 1,
        block_count: 1,
        operation: 0,
        timestamp_ns: 0,
        uid: 0,
        gid: 0,
    };
    body.write(&mut block[BlockHeader::BYTES..]);
    let checksum = checksum(block, 16);
    block[16..20].copy_from_slice(&checksum.to_le_bytes());
}

pub(crate) fn place(folder: &Arc<dyn Folder>, name: &str) -> Place {
    Place::new(Arc::clone(folder), name)
}

pub(crate) fn shared(folder: &MemoryFolder) -> Arc<dyn Folder> {
    Arc::new(folder.clone())
}

/// A folder with an image that was written to before.
pub(crate) fn with_image() -> MemoryFolder {
    let folder = MemoryFolder::default();
    let blocks = 0..u32::try_from(IMAGE_BLOCKS).unwrap();
    folder.put(IMAGE, blocks.flat_map(|number| content(1_000_001 + 3 * number)).collect());
    folder
}

/// A writer, and what it has done since the log was given up last.
pub(crate) struct Scribe {
    pub(crate) folder: Arc<dyn Folder>,
    pub(crate) writer: Writer,
    pub(crate) done: Vec<Done>,
    /// How much of it the log still has.
    pub(crate) given_up: usize,
    pub(crate) next_id: u64,
}

impl Scribe {
    pub(crate) fn new(folder: Arc<dyn Folder>, total_blocks: u64) -> Self {
        let options = JournalOptions { total_blocks, ..JournalOptions::default() };
        let writer = Writer::create(&place(&folder, JOURNAL), options).unwrap();
        Self { folder, writer, done: Vec::new(), given_up: 0, next_id: 1 }
    }

    /// Does it; false where the log is full.
    pub(crate) fn act(&mut self, act: &Act) -> bool {
        match act {
            Act::Commit(writes) => self.append(writes, Writer::commit, |id, sequence, writes| {
                Done::Committed { id, sequence, writes }
            }),
            Act::Abort(writes) => {
                self.append(writes, Writer::abort, |_, sequence, _| Done::Aborted { sequence })
            }
            Act::Revoke(blocks) => match self.writer.revoke(blocks) {
                Ok(sequence) => {
                    self.done.push(Done::Revoked { sequence, blocks: blocks.clone() });
                    true
                }
                Err(error) => is_full(&error),
            },
            Act::Checkpoint => self.checkpoint(self.done.len()),
            Act::CheckpointBefore(last) => {
                let kept = (*last).min(self.done.len() - self.given_up);
                self.checkpoint(self.done.len() - kept)
            }
            Act::Reopen => {
                // The lock must be free first.
                let place = place(&self.folder, JOURNAL);
                let spare = MemoryFolder::default();
                let options = JournalOptions { total_blocks: 8, ..JournalOptions::default() };
                let spare = Writer::create(&Place::new(Arc::new(spare), "spare"), options).unwrap();
                std::mem::replace(&mut self.writer, spare).close().unwrap();
                self.writer = Writer::open(&place).unwrap();
                true
            }
        }
    }

    fn append(
        &mut self,
        writes: &[(u64, u32)],
        how: impl FnOnce(&mut Writer, &NewTransaction<'_>) -> Result<u64, Error>,
        done: impl FnOnce(u64, u64, Vec<(u64, Vec<u8>)>) -> Done,
    ) -> bool {
        let blocks: Vec<(u64, Block)> =
            writes.iter().map(|&(number, seed)| (number, content(seed))).collect();
        let id = self.next_id;
        let transaction = NewTransaction {
            id,
            operation: 7,
            timestamp_ns: 5,
            uid: 1000,
            gid: 100,
            blocks: &blocks,
        };
        match how(&mut self.writer, &transaction) {
            Ok(sequence) => {
                self.next_id += 1;
                let writes = blocks.iter().map(|(number, it)| (*number, it.to_vec())).collect();
                self.done.push(done(id, sequence, writes));
                true
            }
            Err(error) => is_full(&error),
        }
    }

    /// What is given up was written to the image before.
    fn checkpoint(&mut self, until: usize) -> bool {
        let image = self.folder.open_to_change(IMAGE).unwrap();
        for it in &self.done[self.given_up..until] {
            if let Done::Committed { writes, .. } = it {
                for (number, content) in writes {
                    image.write_all_at(content, number * BLOCK as u64).unwrap();
                }
            }
        }
        image.sync().unwrap();
        let last = self.done[..until].last().map_or(0, Done::sequence);
        self.writer.checkpoint(last).unwrap();
        self.given_up = until;
        true
    }
}

/// Holds that the log is full, and nothing else is wrong.
fn is_full(error: &Error) -> bool {
    assert!(matches!(error, Error::LogFull { .. }), "{error}");
    false
}

/// Redoes the journal of a folder into its image, and leaves the journal as it is.
pub(crate) fn redo_only(folder: &Arc<dyn Folder>) -> Result<Redone, Error> {
    let options = RedoOptions { journal: JournalAfter::Untouched, ..RedoOptions::default() };
    redo(&place(folder, JOURNAL), &place(folder, IMAGE), &options)
}

/// Redoes it as a user does.
pub(crate) fn redo_all(folder: &Arc<dyn Folder>) -> Result<Redone, Error> {
    redo(&place(folder, JOURNAL), &place(folder, IMAGE), &RedoOptions::default())
}
