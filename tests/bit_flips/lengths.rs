//! A file that was cut, at every length, and cut and filled with zeros again.

use std::num::NonZero;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::journal::layout::PAGE_BYTES;
use vexfs_replay::journal::{EndKind, Journal, Validation};
use vexfs_replay::replay::{DamagePolicy, Outcome, ReplayOptions, replay_serially};
use vexfs_replay::state::MemoryState;
use vexfs_replay::storage::MemoryFolder;

use crate::scribe::History;
use crate::small_journal::{Block, OPTIONS, THREE_SEGMENTS, blocks_of, journal_of, names_of};

/// How many bytes to go on by between cuts: every length, unless the code is slow.
const STRIDE: usize = if cfg!(debug_assertions) { 127 } else { 1 };

const POLICIES: [DamagePolicy; 4] =
    [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage];

/// The options of every policy; made once, since it takes long to count the cores.
fn options() -> [ReplayOptions; 4] {
    POLICIES.map(|damage| {
        let (validation, threads) = (Validation::Cryptographic, NonZero::<usize>::MIN);
        ReplayOptions { validation, damage, threads, ..ReplayOptions::default() }
    })
}

type Replayed = Result<(MemoryState, Outcome), Error>;

fn replay(folder: &MemoryFolder, options: &ReplayOptions) -> Replayed {
    let journal = Journal::open(Arc::new(folder.clone()))?;
    replay_serially(&journal, options)
}

/// A file of the journal and what is in it.
struct Cut {
    folder: MemoryFolder,
    history: History,
    name: String,
    content: Vec<u8>,
    blocks: Vec<Block>,
}

/// What must come of a cut file.
struct Expected {
    /// The last LSN that is still there in whole.
    last_lsn: u64,
    /// The cut is exactly behind the block that holds it, or behind the header page.
    at_a_boundary: bool,
    /// Not even the segment's header is whole.
    header_cut: bool,
}

impl Cut {
    fn of(segment: usize) -> Self {
        let (folder, history) = journal_of(THREE_SEGMENTS, OPTIONS);
        let name = names_of(&folder).swap_remove(segment);
        let content = folder.get(&name).unwrap();
        let blocks = blocks_of(&content);
        assert!(blocks.len() > 1);
        Self { folder, history, name, content, blocks }
    }

    fn lengths(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.content.len()).step_by(STRIDE)
    }

    fn expected(&self, length: usize) -> Expected {
        let whole = self.blocks.partition_point(|block| block.end() <= length);
        let (last_lsn, end) = match whole.checked_sub(1).map(|index| &self.blocks[index]) {
            Some(block) => (block.last_lsn(), block.end()),
            None => (self.blocks[0].header.first_lsn - 1, PAGE_BYTES),
        };
        Expected { last_lsn, at_a_boundary: end == length, header_cut: length < PAGE_BYTES }
    }

    /// Puts the file there with everything from `length` on filled with zeros. Gives the length of
    /// what is as it was, since zeros may have been there before; `None` when that is all.
    fn fill_with_zeros(&self, length: usize) -> Option<usize> {
        let mut content = self.content.clone();
        content[length..].fill(0);
        let same = content.iter().zip(&self.content).position(|(now, old)| now != old)?;
        self.folder.put(&self.name, content);
        Some(same)
    }

    /// Checks what becomes of the newest segment with only zeros, or nothing, from here on.
    fn check_newest(&self, expected: &Expected, options: &ReplayOptions, kind: EndKind, at: &str) {
        let Expected { last_lsn, header_cut, .. } = *expected;
        let result = replay(&self.folder, options);
        let refuses = match options.damage {
            DamagePolicy::Strict => header_cut || kind == EndKind::TornTail,
            DamagePolicy::Tail => header_cut,
            DamagePolicy::Prefix | DamagePolicy::Salvage => false,
        };
        if refuses {
            assert!(matches!(result, Err(Error::Damaged { .. })), "{at}: {result:?}");
            return;
        }
        let (state, outcome) = result.expect(at);
        assert_eq!(outcome.last_lsn, last_lsn, "{at}");
        self.history.check_state(&state, last_lsn);
        let prefix = options.damage == DamagePolicy::Prefix;
        let kind = if header_cut && prefix { EndKind::Damaged } else { kind };
        assert_eq!(outcome.findings.end.kind, kind, "{at}");
        assert_eq!(outcome.has_loss(), header_cut, "{at}");
    }

    /// Checks what becomes of an older segment of which only this is left.
    fn check_older(&self, expected: &Expected, options: &ReplayOptions, at: &str) {
        let last_lsn = expected.last_lsn;
        let result = replay(&self.folder, options);
        if matches!(options.damage, DamagePolicy::Strict | DamagePolicy::Tail) {
            assert!(matches!(result, Err(Error::Damaged { .. })), "{at}: {result:?}");
            return;
        }
        let (state, outcome) = result.expect(at);
        assert!(outcome.has_loss(), "{at}");
        if options.damage == DamagePolicy::Prefix {
            assert_eq!(outcome.findings.end.kind, EndKind::Damaged, "{at}");
            assert_eq!(outcome.last_lsn, last_lsn, "{at}");
            self.history.check_state(&state, last_lsn);
            return;
        }
        let last_there = self.blocks.last().expect("a block").last_lsn();
        let lost = last_there - last_lsn;
        assert_eq!(outcome.findings.end.kind, EndKind::Sealed, "{at}");
        assert_eq!(outcome.findings.tally.events, self.history.last_lsn() - lost, "{at}");
        assert_eq!(outcome.findings.damages.len(), 1, "{at}: {:?}", outcome.findings.damages);
    }
}

#[test]
fn the_newest_segment_may_be_cut_anywhere() {
    let (cut, options) = (Cut::of(2), options());
    for length in cut.lengths() {
        cut.folder.put(&cut.name, cut.content[..length].to_vec());
        let expected = cut.expected(length);
        let whole = expected.header_cut || expected.at_a_boundary;
        let kind = if whole { EndKind::Unsealed } else { EndKind::TornTail };
        for options in &options {
            let at = format!("cut to {length} bytes, {:?}", options.damage);
            cut.check_newest(&expected, options, kind, &at);
        }
    }
}

#[test]
fn a_newest_segment_that_was_cut_and_filled_with_zeros_ends_where_the_zeros_begin() {
    let (cut, options) = (Cut::of(2), options());
    for length in cut.lengths() {
        let Some(same) = cut.fill_with_zeros(length) else { continue };
        let mut expected = cut.expected(same);
        expected.header_cut = length < PAGE_BYTES;
        // A page that begins with zeros alone was never written; what has bytes in it was torn.
        let begun = expected.last_lsn + 1;
        let block = cut.blocks.iter().find(|block| block.header.first_lsn == begun);
        let start = block.map_or_else(|| cut.blocks[cut.blocks.len() - 1].end(), |block| block.at);
        let unwritten = expected.header_cut || length <= start;
        let kind = if unwritten { EndKind::Unwritten } else { EndKind::TornTail };
        for options in &options {
            let at = format!("zeros from {length} on, {:?}", options.damage);
            cut.check_newest(&expected, options, kind, &at);
        }
    }
}

#[test]
fn an_older_segment_may_not_be_cut_at_all() {
    let options = options();
    for segment in [0, 1] {
        let cut = Cut::of(segment);
        for length in cut.lengths() {
            cut.folder.put(&cut.name, cut.content[..length].to_vec());
            for options in &options {
                let at = format!("segment {segment} cut to {length} bytes, {:?}", options.damage);
                cut.check_older(&cut.expected(length), options, &at);
            }
        }
    }
}

#[test]
fn an_older_segment_that_was_cut_and_filled_with_zeros_is_damaged_where_the_zeros_begin() {
    let options = options();
    for segment in [0, 1] {
        let cut = Cut::of(segment);
        for length in cut.lengths() {
            let Some(same) = cut.fill_with_zeros(length) else { continue };
            for options in &options {
                let at = format!("segment {segment}, zeros from {length} on, {:?}", options.damage);
                cut.check_older(&cut.expected(same), options, &at);
            }
        }
    }
}
