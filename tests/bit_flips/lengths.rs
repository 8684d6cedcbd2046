//! A file that was cut, at every length, and cut and filled with zeros again: each file of many small
//! journals, under every policy.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rayon::prelude::*;
use vexfs_replay::Error;
use vexfs_replay::journal::layout::{PAGE_BYTES, SegmentHeader};
use vexfs_replay::journal::{EndKind, Journal, Validation};
use vexfs_replay::replay::{DamagePolicy, Outcome, ReplayOptions, replay_serially};
use vexfs_replay::state::MemoryState;
use vexfs_replay::storage::MemoryFolder;

use crate::journals::Small;
use crate::keep_memory::keep_memory;
use crate::scribe::History;
use crate::small_journal::{Block, blocks_of, copy_of, names_of};

/// How many bytes to go on by between cuts: every length, unless the code is slow.
const STRIDE: usize = if cfg!(debug_assertions) { 127 } else { 1 };

const POLICIES: [DamagePolicy; 4] =
    [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage];

/// The options of every policy, in each validation mode; made once, since it takes long to count the
/// cores.
struct Looks([[ReplayOptions; 4]; 4]);

impl Looks {
    fn new() -> Self {
        let one = ReplayOptions { threads: NonZero::<usize>::MIN, ..ReplayOptions::default() };
        Self(POLICIES.map(|damage| {
            Validation::ALL.map(|validation| ReplayOptions { validation, damage, ..one.clone() })
        }))
    }

    /// Those for a cut to this length: every policy, in one of these modes, others for each length and each
    /// policy; in all of them near the ends of pages.
    fn at(&self, length: usize, modes: &[Validation]) -> impl Iterator<Item = &ReplayOptions> {
        let near_page = (length + 1) % PAGE_BYTES <= 2;
        self.0.iter().enumerate().flat_map(move |(policy, options)| {
            let turn = modes[(length + policy) % modes.len()];
            let options = options.iter().filter(|it| modes.contains(&it.validation));
            options.filter(move |it| near_page || it.validation == turn)
        })
    }
}

/// The modes in which zeros instead of events are seen.
const CHECKED: [Validation; 3] = [Validation::Basic, Validation::Full, Validation::Cryptographic];

type Replayed = Result<(MemoryState, Outcome), Error>;

fn replay(folder: &MemoryFolder, options: &ReplayOptions) -> Replayed {
    let journal = Journal::open(Arc::new(folder.clone()))?;
    replay_serially(&journal, options)
}

/// A file of a journal and what is in it.
struct Cut {
    /// Which journal it is, for messages.
    journal: usize,
    folder: MemoryFolder,
    history: Arc<History>,
    segment: usize,
    /// No segment follows.
    is_newest: bool,
    /// How the journal ends where nothing is cut.
    end: EndKind,
    name: String,
    content: Vec<u8>,
    first_lsn: u64,
    blocks: Vec<Block>,
    /// The segment before it has no seal, so that this one's header alone tells where that ends.
    tells_end: bool,
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
    /// The files of a journal, each to be cut in a folder of its own.
    fn all_of((number, small): (usize, &Small)) -> Vec<Self> {
        let names = names_of(&small.folder);
        let journal = Journal::open(Arc::new(small.folder.clone())).unwrap();
        let (_, outcome) = replay_serially(&journal, &ReplayOptions::default()).unwrap();
        assert_eq!(outcome.last_lsn, small.history.last_lsn());
        let history = Arc::new(small.history.clone());
        let cuts = names.iter().enumerate().map(|(segment, name)| {
            let content = small.folder.get(name).unwrap();
            Self {
                journal: number,
                folder: copy_of(&small.folder),
                history: Arc::clone(&history),
                segment,
                is_newest: segment + 1 == names.len(),
                end: outcome.findings.end.kind,
                name: name.clone(),
                first_lsn: SegmentHeader::read(&content).first_lsn,
                blocks: blocks_of(&content),
                content,
                tells_end: segment > 0 && !small.is_sealed(segment - 1),
            }
        });
        cuts.collect()
    }

    fn lengths(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.content.len()).step_by(STRIDE)
    }

    fn expected(&self, length: usize) -> Expected {
        let whole = self.blocks.partition_point(|block| block.end() <= length);
        let (last_lsn, end) = match whole.checked_sub(1).map(|index| &self.blocks[index]) {
            Some(block) => (block.last_lsn(), block.end()),
            None => (self.first_lsn - 1, PAGE_BYTES),
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

    /// Checks a look at the journal as it is now, against what is expected; `kind` is how it ends where
    /// this is its newest segment.
    fn check(&self, expected: &Expected, options: &ReplayOptions, kind: EndKind, how: &str) {
        let at = || {
            let ReplayOptions { damage, validation, .. } = options;
            let Self { journal, segment, .. } = self;
            format!("journal {journal}, segment {segment}, {how}, {damage:?}, {validation:?}")
        };
        let result = replay(&self.folder, options);
        match self.is_newest {
            true if expected.header_cut && self.segment == 0 => {
                let nothing = matches!(result, Err(Error::NotAJournal { .. }));
                assert!(nothing, "{}: {result:?}", at());
            }
            true => self.check_newest(expected, options.damage, kind, result, &at),
            false => self.check_older(expected, options.damage, result, &at),
        }
    }

    /// Checks what becomes of the newest segment with only zeros, or nothing, from here on.
    fn check_newest(
        &self,
        expected: &Expected,
        damage: DamagePolicy,
        kind: EndKind,
        result: Replayed,
        at: &dyn Fn() -> String,
    ) {
        let Expected { last_lsn, header_cut, .. } = *expected;
        let refuses = match damage {
            DamagePolicy::Strict => header_cut || kind == EndKind::TornTail,
            DamagePolicy::Tail => header_cut,
            DamagePolicy::Prefix | DamagePolicy::Salvage => false,
        };
        if refuses {
            assert!(matches!(result, Err(Error::Damaged { .. })), "{}: {result:?}", at());
            return;
        }
        let (state, outcome) = result.unwrap_or_else(|error| panic!("{}: {error}", at()));
        assert_eq!(outcome.last_lsn, last_lsn, "{}", at());
        assert!(self.history.leads_to(&state, last_lsn, &|_| false), "{}: another state", at());
        let prefix = damage == DamagePolicy::Prefix;
        let kind = if header_cut && prefix { EndKind::Damaged } else { kind };
        assert_eq!(outcome.findings.end.kind, kind, "{}", at());
        assert_eq!(outcome.has_loss(), header_cut, "{}", at());
    }

    /// Checks what becomes of an older segment of which only this is left.
    fn check_older(
        &self,
        expected: &Expected,
        damage: DamagePolicy,
        result: Replayed,
        at: &dyn Fn() -> String,
    ) {
        let last_lsn = expected.last_lsn;
        if matches!(damage, DamagePolicy::Strict | DamagePolicy::Tail) {
            assert!(matches!(result, Err(Error::Damaged { .. })), "{}: {result:?}", at());
            return;
        }
        let (state, outcome) = result.unwrap_or_else(|error| panic!("{}: {error}", at()));
        assert!(outcome.has_loss(), "{}", at());
        if damage == DamagePolicy::Prefix {
            assert_eq!(outcome.findings.end.kind, EndKind::Damaged, "{}", at());
            assert_eq!(outcome.last_lsn, last_lsn, "{}", at());
            assert!(self.history.leads_to(&state, last_lsn, &|_| false), "{}: another state", at());
            return;
        }
        let last_there = self.blocks.last().map_or(self.first_lsn - 1, Block::last_lsn);
        let (lost, last) = (last_lsn + 1..last_there + 1, self.history.last_lsn());
        assert_eq!(outcome.findings.end.kind, self.end, "{}", at());
        assert_eq!(outcome.findings.tally.events, last - (last_there - last_lsn), "{}", at());
        let is_right = self.history.leads_to(&state, last, &|lsn| lost.contains(&lsn));
        assert!(is_right, "{}: another state", at());
        let damages = &outcome.findings.damages;
        let wanted = 1 + usize::from(expected.header_cut && self.tells_end);
        assert_eq!(damages.len(), wanted, "{}: {damages:?}", at());
    }

    /// Cuts the file at every length.
    fn cut_everywhere(&self, looks: &Looks) -> usize {
        let mut looked = 0;
        for length in self.lengths() {
            self.folder.put(&self.name, self.content[..length].to_vec());
            let expected = self.expected(length);
            let whole = expected.header_cut || expected.at_a_boundary;
            let kind = if whole { EndKind::Unsealed } else { EndKind::TornTail };
            for options in looks.at(length, &Validation::ALL) {
                self.check(&expected, options, kind, &format!("cut to {length} bytes"));
                looked += 1;
            }
        }
        looked
    }

    /// Cuts it at every length, and fills it with zeros again.
    fn zero_everywhere(&self, looks: &Looks) -> usize {
        let (mut looked, mut seen) = (0, None);
        for length in self.lengths() {
            let Some(same) = self.fill_with_zeros(length) else { continue };
            let mut expected = self.expected(same);
            expected.header_cut = length < PAGE_BYTES;
            // A page that begins with zeros alone was never written; what has bytes in it was torn.
            let begun = expected.last_lsn + 1;
            let block = self.blocks.iter().find(|block| block.header.first_lsn == begun);
            let end = self.blocks.last().map_or(PAGE_BYTES, Block::end);
            let there = self.content.len() > PAGE_BYTES;
            let unwritten = expected.header_cut || length <= block.map_or(end, |block| block.at);
            // Where zeros were before, it is the same file again.
            if seen.replace((same, unwritten)) == Some((same, unwritten)) {
                continue;
            }
            let kind = match unwritten {
                true if there => EndKind::Unwritten,
                true => EndKind::Unsealed,
                false => EndKind::TornTail,
            };
            for options in looks.at(length, &CHECKED) {
                self.check(&expected, options, kind, &format!("zeros from {length} on"));
                looked += 1;
            }
        }
        looked
    }
}

/// Has every file of all the journals looked at.
fn each_file(what: &str, look: impl Fn(&Cut, &Looks) -> usize + Sync) {
    keep_memory();
    let (started, journals, looks) = (Instant::now(), Small::all(), Looks::new());
    let cuts: Vec<Cut> = journals.iter().enumerate().flat_map(Cut::all_of).collect();
    let looked = AtomicUsize::new(0);
    cuts.par_iter().for_each(|cut| {
        looked.fetch_add(look(cut, &looks), Ordering::Relaxed);
    });
    let bytes: usize = cuts.iter().map(|cut| cut.content.len()).sum();
    let (journals, looked) = (journals.len(), looked.into_inner());
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("{what}: {journals} journals, {bytes} lengths, {looked} looks, {seconds:.1} s");
}

#[test]
fn a_file_may_be_cut_anywhere() {
    each_file("cut", Cut::cut_everywhere);
}

#[test]
fn a_file_may_be_cut_anywhere_and_filled_with_zeros() {
    each_file("filled with zeros", Cut::zero_everywhere);
}
