//! What is done to journals and checkpoints: to the bytes that tell lengths, counts and places, with and
//! without the checksums made right behind them; files cut short; sectors that are gone.

use vexfs_replay::journal::layout::*;
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::small_journal::{
    Digest, blocks_of, change, copy_of, names_of, rebuild, rebuild_seal_header,
};
use crate::subject::{Subject, folder_of};

const SECTOR: usize = 512;
/// How many bytes of a header to go on by: each of its fields is hurt.
const STRIDE: usize = if cfg!(debug_assertions) { 32 } else { 8 };

/// A journal and its checkpoints, one file of which was hurt.
pub(crate) struct Injury {
    pub(crate) told: String,
    pub(crate) journal: MemoryFolder,
    pub(crate) checkpoints: MemoryFolder,
}

/// Lets a header claim the most that a field of it can.
type Most<H> = fn(&mut H);

/// What is done to a file.
#[derive(Clone, Debug)]
enum Harm {
    /// All bits of a byte are set.
    Set(usize),
    Zeroed(usize),
    Cut(usize),
    /// A block says the most in a field, and its checksums are right.
    Block(usize, &'static str, Most<BlockHeader>),
    /// A seal does.
    Seal(&'static str, Most<SealHeader>),
}

const BLOCKS: [(&str, Most<BlockHeader>); 3] = [
    ("block bytes", |it| it.block_bytes = u32::MAX - 4095),
    ("payload bytes", |it| it.payload_bytes = u32::MAX),
    ("events", |it| it.event_count = u32::MAX),
];
const SEALS: [(&str, Most<SealHeader>); 2] =
    [("blocks", |it| it.blocks = u64::MAX), ("seal bytes", |it| it.seal_bytes = 1 << 40)];

impl Harm {
    fn apply(&self, content: &mut Vec<u8>) {
        match *self {
            Self::Set(at) => content[at] = 0xFF,
            Self::Zeroed(at) => content[at..].iter_mut().take(SECTOR).for_each(|byte| *byte = 0),
            Self::Cut(length) => content.truncate(length),
            Self::Block(at, _, most) => {
                rebuild_claims(content, at, most);
            }
            Self::Seal(_, most) => rebuild_seal_header(content, most),
        }
    }

    fn of_any(content: &[u8], headers: impl Iterator<Item = (usize, usize)>) -> Vec<Self> {
        let fields = headers.flat_map(|(at, bytes)| (at..at + bytes).step_by(STRIDE));
        let set = fields.filter(|&at| at < content.len()).map(Self::Set);
        let sectors = || (0..content.len()).step_by(4 * SECTOR);
        set.chain(sectors().map(Self::Zeroed)).chain(sectors().map(Self::Cut)).collect()
    }

    fn of_segment(content: &[u8]) -> Vec<Self> {
        let blocks = blocks_of(content);
        let end = blocks.last().map_or(PAGE_BYTES, |block| block.end());
        let trailer = content.len() - SealTrailer::BYTES;
        let headers = blocks.iter().map(|block| (block.at, BlockHeader::BYTES));
        let others =
            [(0, SegmentHeader::BYTES), (end, SealHeader::BYTES), (trailer, SealTrailer::BYTES)];
        let mut harms = Self::of_any(content, headers.chain(others));
        for block in &blocks {
            harms.extend(BLOCKS.map(|(field, most)| Self::Block(block.at, field, most)));
        }
        if content.len() > end {
            harms.extend(SEALS.map(|(field, most)| Self::Seal(field, most)));
        }
        harms
    }

    fn of_checkpoint(content: &[u8]) -> Vec<Self> {
        // Its header and what it says of itself; its directory and its trailer.
        let ends = [(0, 512), (content.len().saturating_sub(1024), 1024)];
        Self::of_any(content, ends.into_iter())
    }
}

/// Lets a block claim what it hasn't, with right checksums, and the bytes behind it as they were.
fn rebuild_claims(content: &mut [u8], at: usize, most: Most<BlockHeader>) {
    let mut header = rebuild(content, at, Digest::MadeRight, |_, _| ());
    most(&mut header);
    header.write(&mut content[at..]);
    header.header_crc =
        vexfs_kernels::crc32c(&content[at + HEADER_CRC_FROM..at + BlockHeader::BYTES]);
    header.write(&mut content[at..]);
}

/// One after the other, so that no more than one is there.
pub(crate) fn all(subject: &Subject) -> impl Iterator<Item = Injury> {
    let journal = folder_of(&subject.files);
    let shelf = subject.shelves[1].as_ref().unwrap().folder.clone();
    let segments = names_of(&journal).into_iter().flat_map(|name| {
        let harms = Harm::of_segment(&journal.get(&name).unwrap());
        harms.into_iter().map(move |harm| (name.clone(), harm, true))
    });
    let checkpoints = shelf.list().unwrap().into_iter().flat_map(|name| {
        let harms = Harm::of_checkpoint(&shelf.get(&name).unwrap());
        harms.into_iter().map(move |harm| (name.clone(), harm, false))
    });
    let all: Vec<_> = segments.chain(checkpoints).collect();
    all.into_iter().map(move |(name, harm, is_journal)| {
        let (journal, checkpoints) = (copy_of(&journal), copy_of(&shelf));
        let folder = if is_journal { &journal } else { &checkpoints };
        change(folder, &name, |content| harm.apply(content));
        Injury { told: format!("{name}: {harm:?}"), journal, checkpoints }
    })
}
