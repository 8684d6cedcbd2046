//! Small journals, each another: how long segments and blocks are, what is in them, how durable it was, how
//! often a writer died and whether the last one closed its journal.

use vexfs_replay::journal::layout::PAGE_BYTES;
use vexfs_replay::journal::{Durability, WriterOptions};
use vexfs_replay::storage::MemoryFolder;

use crate::scribe::{History, Step};
use crate::small_journal::{Block, OPTIONS, THREE_SEGMENTS, blocks_of, journal_of, names_of};

/// How many there are drawn, beside the one of three segments.
const DRAWN: u64 = 19;
/// How long one is at most, in bytes.
const BYTES_MAX: usize = 32 * 1024;

/// A journal, and what was written into it.
pub(crate) struct Small {
    pub(crate) folder: MemoryFolder,
    pub(crate) history: History,
}

/// Numbers by chance, the same ones every time (SplitMix64).
struct Draws(u64);

impl Draws {
    fn below(&mut self, limit: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((it ^ (it >> 31)) % limit).unwrap()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64)]
    }

    fn step(&mut self) -> Step {
        let text_bytes = self.of(&[0, 20, 300, 700, 5_000]);
        match self.below(10) {
            0..4 => Step::Set(text_bytes),
            4..6 => Step::Transaction(1 + self.below(3), text_bytes.min(700)),
            6 => Step::Aborted(1),
            7 => Step::Unfinished(1),
            _ => Step::Commit,
        }
    }
}

const DURABILITIES: [Durability; 4] =
    [Durability::None, Durability::MetadataOnly, Durability::DataAndMetadata, Durability::Strict];

impl Small {
    /// All of them: drawn, and one with three segments.
    pub(crate) fn all() -> Vec<Self> {
        let drawn = (0..DRAWN).map(Self::drawn);
        drawn.chain([Self::of(THREE_SEGMENTS, OPTIONS)]).collect()
    }

    fn of(steps: &[Step], options: WriterOptions) -> Self {
        let (folder, mut history) = journal_of(steps, options);
        // What didn't fill a block, and was never committed, is nowhere.
        let blocks =
            names_of(&folder).into_iter().flat_map(|it| blocks_of(&folder.get(&it).unwrap()));
        history.cut(blocks.last().map_or(0, |block| block.last_lsn()));
        Self { folder, history }
    }

    fn drawn(seed: u64) -> Self {
        let mut draws = Draws(seed);
        let options = WriterOptions {
            // So that each of them comes up, sealed and not.
            durability: DURABILITIES[usize::try_from(seed % 4).unwrap()],
            segment_bytes: draws.of(&[8 * 1024, 16 * 1024, 1024 * 1024]),
            ..OPTIONS
        };
        let mut steps = Vec::new();
        let mut small = Self::of(&[Step::Set(10), Step::Commit], options);
        let blocks_wanted = 2 + draws.below(3);
        for _ in 0..60 {
            let reopens = draws.below(6) == 0;
            steps.extend([draws.step(), draws.step()]);
            steps.extend(reopens.then_some(Step::Reopen));
            let ended = [
                &steps[..],
                &[[Step::Set(20), Step::Commit], [Step::Set(20), Step::Close]]
                    [usize::from(seed % 8 < 4)],
            ]
            .concat();
            let longer = Self::of(&ended, options);
            if longer.bytes() > BYTES_MAX {
                break;
            }
            small = longer;
            if small.blocks() > blocks_wanted {
                break;
            }
        }
        small
    }

    fn contents(&self) -> impl Iterator<Item = Vec<u8>> {
        names_of(&self.folder).into_iter().map(|name| self.folder.get(&name).unwrap())
    }

    fn bytes(&self) -> usize {
        self.contents().map(|content| content.len()).sum()
    }

    /// Whether a segment has something behind its last block: a seal.
    pub(crate) fn is_sealed(&self, segment: usize) -> bool {
        let content = self.contents().nth(segment).unwrap();
        let end = blocks_of(&content).last().map_or(PAGE_BYTES, Block::end);
        content.len() > end
    }

    fn blocks(&self) -> usize {
        self.contents().map(|content| blocks_of(&content).len()).sum()
    }
}

#[test]
fn they_are_of_every_kind() {
    let (all, mut shapes) = (Small::all(), std::collections::BTreeSet::new());
    for small in &all {
        let segments = names_of(&small.folder).len();
        shapes.insert((segments, small.blocks(), small.is_sealed(segments - 1)));
    }
    assert!(shapes.len() > 10, "{shapes:?}");
    assert!(shapes.iter().any(|it| it.0 == 1) && shapes.iter().any(|it| it.0 > 2), "{shapes:?}");
    let lengths: Vec<usize> = all.iter().map(Small::bytes).collect();
    assert!(lengths.iter().all(|&it| it <= 64 * 1024), "{lengths:?}");
    eprintln!("{shapes:?} {lengths:?}");
}
