//! The journals that are hurt: what is where in them, what was written into them, and checkpoints
//! that were made of them while they were well.

use std::collections::BTreeMap;
use std::sync::Arc;

use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::layout::*;
use vexfs_replay::journal::{Durability, Journal, WriterOptions, segment};
use vexfs_replay::replay::{CheckpointStart, Checkpoints, StopPoint, replay};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::runs::{plain_policy, replay_options};
use crate::scribe::{History, Step};
use crate::small_journal::{OPTIONS, THREE_SEGMENTS, blocks_of, copy_of, journal_of, names_of};

/// The files of a journal, by segment's number.
pub(crate) type Files = BTreeMap<u64, Vec<u8>>;

/// A block of the journal as it was written.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) segment: u64,
    pub(crate) at: usize,
    pub(crate) end: usize,
    pub(crate) first_lsn: u64,
    pub(crate) last_lsn: u64,
    pub(crate) header: BlockHeader,
}

/// A checkpoint: where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) watermark: u64,
    /// The index of the block that holds its watermark.
    pub(crate) cut: usize,
    /// The index of the block at which reading restarts, which may be one behind the last.
    pub(crate) restart: usize,
}

/// A folder of checkpoints, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) folder: MemoryFolder,
    pub(crate) standing: Vec<Standing>,
}

/// A journal to be hurt.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) files: Files,
    pub(crate) history: History,
    pub(crate) pieces: Vec<Piece>,
    /// None; at a third and at two thirds; at a third and at the end.
    pub(crate) shelves: Vec<Option<Shelf>>,
}

const REOPENED: &[Step] = &[
    Step::Transaction(2, 900),
    Step::Commit,
    Step::Set(3_000),
    Step::Commit,
    Step::Reopen,
    Step::Set(2_000),
    Step::Transaction(1, 500),
    Step::Commit,
    Step::Set(6_000),
    Step::Commit,
    Step::Set(100),
    Step::Commit,
];

const IN_FLIGHT: &[Step] = &[
    Step::Set(2_000),
    Step::Transaction(3, 900),
    Step::Set(3_000),
    Step::Set(3_000),
    Step::Aborted(1),
    Step::Set(3_000),
    Step::Commit,
];

const ANOTHER: &[Step] = &[
    Step::Set(3_000),
    Step::Commit,
    Step::Set(9_000),
    Step::Commit,
    Step::Set(9_000),
    Step::Commit,
    Step::Set(2_000),
    Step::Commit,
    Step::Set(7_000),
    Step::Close,
];

impl Subject {
    pub(crate) fn of(name: &'static str, steps: &[Step], options: WriterOptions) -> Self {
        let (folder, mut history) = journal_of(steps, options);
        let files = files_of(&folder);
        let pieces = pieces_of(&files);
        history.cut(pieces.last().unwrap().last_lsn);
        let mut subject = Self { name, files, history, pieces, shelves: vec![None] };
        let last = subject.pieces.len() - 1;
        for cuts in [[last / 3, 2 * last / 3], [last / 3, last]] {
            let shelf = subject.shelf(&cuts);
            subject.shelves.push(Some(shelf));
        }
        subject
    }

    pub(crate) fn closed() -> Self {
        Self::of("closed", THREE_SEGMENTS, OPTIONS)
    }

    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let unsynced = WriterOptions { durability: Durability::None, ..OPTIONS };
        vec![
            Self::closed(),
            Self::of("open", &THREE_SEGMENTS[..THREE_SEGMENTS.len() - 2], OPTIONS),
            Self::of("reopened", REOPENED, OPTIONS),
            Self::of("in flight", IN_FLIGHT, WriterOptions { segment_bytes: 1 << 20, ..unsynced }),
        ]
    }

    /// Another journal, laid out otherwise.
    pub(crate) fn another() -> Files {
        let options = WriterOptions { journal_id: Some(*b"anotherone-vexfs"), ..OPTIONS };
        files_of(&journal_of(ANOTHER, options).0)
    }

    /// The checkpoints at these blocks.
    fn shelf(&self, cuts: &[usize]) -> Shelf {
        let shelf = Shelf { folder: MemoryFolder::default(), standing: self.standing(cuts) };
        let journal = Journal::open(Arc::new(folder_of(&self.files))).unwrap();
        for standing in &shelf.standing {
            let mut options = replay_options();
            options.until = Some(StopPoint::Lsn(standing.watermark));
            options.checkpoints = Some(Checkpoints {
                folder: Arc::new(shelf.folder.clone()),
                start: CheckpointStart::Newest,
                policy: Some(CheckpointPolicy { at_end: true, ..plain_policy() }),
            });
            replay(&journal, &options, &mut |_| {}).unwrap();
        }
        assert_eq!(shelf.folder.list().unwrap().len(), cuts.len());
        shelf
    }

    fn standing(&self, cuts: &[usize]) -> Vec<Standing> {
        let standing = cuts.iter().map(|&cut| {
            let watermark = self.pieces[cut].last_lsn;
            let since = self.history.open_since(watermark).unwrap_or(watermark + 1);
            let restart = self.pieces.partition_point(|piece| piece.last_lsn < since);
            Standing { watermark, cut, restart }
        });
        standing.collect()
    }

    /// The blocks of a segment.
    pub(crate) fn blocks(&self, segment: u64) -> impl Iterator<Item = &Piece> {
        self.pieces.iter().filter(move |piece| piece.segment == segment)
    }

    pub(crate) fn bytes<'f>(&self, files: &'f Files, piece: &Piece) -> Option<&'f [u8]> {
        files.get(&piece.segment)?.get(piece.at..piece.end)
    }

    /// Whether a block is where it was, as it was.
    pub(crate) fn is_intact(&self, files: &Files, piece: &Piece) -> bool {
        self.bytes(files, piece).is_some_and(|it| Some(it) == self.bytes(&self.files, piece))
    }

    /// Whether a block's header is where it was, as it was.
    pub(crate) fn has_header(&self, files: &Files, piece: &Piece) -> bool {
        let header = piece.at..piece.at + BlockHeader::BYTES;
        let now = files.get(&piece.segment).and_then(|it| it.get(header.clone()));
        now.is_some_and(|it| *it == self.files[&piece.segment][header])
    }

    /// Where the blocks of a segment ended.
    pub(crate) fn blocks_end(&self, segment: u64) -> usize {
        self.blocks(segment).last().map_or(PAGE_BYTES, |piece| piece.end)
    }
}

fn pieces_of(files: &Files) -> Vec<Piece> {
    let blocks = files.iter().flat_map(|(&segment, content)| {
        blocks_of(content).into_iter().map(move |block| Piece {
            segment,
            at: block.at,
            end: block.end(),
            first_lsn: block.header.first_lsn,
            last_lsn: block.last_lsn(),
            header: block.header,
        })
    });
    blocks.collect()
}

pub(crate) fn files_of(folder: &MemoryFolder) -> Files {
    let names = names_of(folder).into_iter();
    names.map(|it| (segment::number_of(&it).unwrap(), folder.get(&it).unwrap())).collect()
}

pub(crate) fn folder_of(files: &Files) -> MemoryFolder {
    let folder = MemoryFolder::default();
    for (&number, content) in files {
        folder.put(&segment::file_name(number), content.clone());
    }
    folder
}

/// A copy of the checkpoints, which shares nothing with them.
pub(crate) fn copy_of_shelf(shelf: Option<&Shelf>) -> Option<MemoryFolder> {
    shelf.map(|shelf| copy_of(&shelf.folder))
}
