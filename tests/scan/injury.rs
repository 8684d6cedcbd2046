//! What is done to a journal, and what must be said of it then: out of the blocks as they were written.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vexfs_replay::scan::Gravity;
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::scribe::Step;
use crate::small_journal::{
    Block, OPTIONS, blocks_of, change, journal_of, names_of, rebuild_header, text_byte,
};

/// Somewhere in what has a length that isn't known yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At(pub(crate) usize);

impl At {
    fn index(self, length: usize) -> usize {
        self.0 % length
    }
}

/// One thing that is done to a journal.
#[derive(Clone, Debug)]
pub(crate) enum Injury {
    Nothing,
    /// A bit of some blocks is flipped.
    Flip(Vec<At>),
    /// The last block is cut off in its midst.
    Tear(At),
    /// A segment says that it is of a later format.
    LaterFormat(At),
    /// No header is sound any more.
    Headers,
    /// A segment that isn't the newest is gone.
    Missing(At),
}

/// What must be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) gravity: Gravity,
    pub(crate) ranges: u64,
    /// The LSN of the head, and how many events are intact, where it is read.
    pub(crate) counts: Option<(u64, u64)>,
}

/// A journal that something was done to.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) folder: MemoryFolder,
    pub(crate) is_closed: bool,
    pub(crate) expected: Expected,
}

pub(crate) fn injuries() -> impl Strategy<Value = Injury> {
    let at = || any::<usize>().prop_map(At);
    prop_oneof![
        2 => Just(Injury::Nothing),
        4 => proptest::collection::vec(at(), 1..6).prop_map(Injury::Flip),
        2 => at().prop_map(Injury::Tear),
        1 => at().prop_map(Injury::LaterFormat),
        1 => Just(Injury::Headers),
        2 => at().prop_map(Injury::Missing),
    ]
}

/// The lengths of the texts of a journal's events, each one committed for itself; and whether it is
/// closed.
pub(crate) fn journals() -> impl Strategy<Value = (Vec<usize>, bool)> {
    (proptest::collection::vec(100_usize..6_000, 1..16), any::<bool>())
}

/// Writes a journal and injures it.
pub(crate) fn make(texts: &[usize], is_closed: bool, injury: &Injury) -> Subject {
    let mut steps: Vec<Step> =
        texts.iter().flat_map(|&bytes| [Step::Set(bytes), Step::Commit]).collect();
    if is_closed {
        steps.push(Step::Close);
    }
    let (folder, history) = journal_of(&steps, OPTIONS);
    let whole = Whole::of(folder, is_closed, history.last_lsn());
    whole.injure(injury)
}

fn events_of(block: &Block) -> u64 {
    u64::from(block.header.event_count)
}

/// A journal as it was written.
struct Whole {
    folder: MemoryFolder,
    is_closed: bool,
    last_lsn: u64,
    names: Vec<String>,
    blocks: Vec<(usize, Block)>,
}

impl Whole {
    fn of(folder: MemoryFolder, is_closed: bool, last_lsn: u64) -> Self {
        let names = names_of(&folder);
        let blocks = names.iter().enumerate().flat_map(|(segment, name)| {
            let blocks = blocks_of(&folder.get(name).unwrap());
            blocks.into_iter().map(move |block| (segment, block))
        });
        let blocks: Vec<_> = blocks.collect();
        assert_eq!(blocks.iter().map(|(_, it)| events_of(it)).sum::<u64>(), last_lsn);
        Self { folder, is_closed, last_lsn, names, blocks }
    }

    fn injure(self, injury: &Injury) -> Subject {
        let all = self.last_lsn;
        let expected = |gravity, ranges, counts| Expected { gravity, ranges, counts };
        let clean = expected(Gravity::Clean, 0, Some((all, all)));
        let expected = match injury {
            Injury::Nothing => clean,
            Injury::Flip(which) => self.flip(which).map_or(clean, |(ranges, lost)| {
                expected(Gravity::Damaged, ranges, Some((all, all - lost)))
            }),
            Injury::Tear(at) => self.tear(*at).map_or(clean, |lost| {
                expected(Gravity::TornTail, 0, Some((all - lost, all - lost)))
            }),
            Injury::LaterFormat(which) => {
                let name = &self.names[which.index(self.names.len())];
                change(&self.folder, name, |it| rebuild_header(it, |header| header.major = 3));
                expected(Gravity::UnknownFormat, 0, None)
            }
            Injury::Headers => {
                for name in &self.names {
                    change(&self.folder, name, |content| content[2_000] ^= 1);
                }
                expected(Gravity::NoJournal, 0, None)
            }
            Injury::Missing(which) => self
                .remove(*which)
                .map_or(clean, |lost| expected(Gravity::Damaged, 1, Some((all, all - lost)))),
        };
        Subject { folder: self.folder, is_closed: self.is_closed, expected }
    }

    /// Flips bits; gives how many ranges that makes, and how many events it takes.
    fn flip(&self, which: &[At]) -> Option<(u64, u64)> {
        // Nothing proves of the last block of a journal that was not closed that it was finished.
        let proven = self.blocks.len() - usize::from(!self.is_closed);
        if proven == 0 {
            return None;
        }
        let hit: BTreeSet<usize> = which.iter().map(|it| it.index(proven)).collect();
        for &index in &hit {
            let (segment, block) = &self.blocks[index];
            change(&self.folder, &self.names[*segment], |content| {
                let at = text_byte(content, block);
                content[at] ^= 4;
            });
        }
        let starts_a_range = |&&index: &&usize| {
            let before = index.checked_sub(1).filter(|before| hit.contains(before));
            before.is_none_or(|before| self.blocks[before].0 != self.blocks[index].0)
        };
        let ranges = hit.iter().filter(starts_a_range).count();
        let lost = hit.iter().map(|&index| events_of(&self.blocks[index].1)).sum();
        Some((ranges as u64, lost))
    }

    /// Cuts the last block; gives how many events that takes.
    fn tear(&self, at: At) -> Option<u64> {
        let (segment, last) = self.blocks.last().filter(|_| !self.is_closed)?;
        assert_eq!(segment + 1, self.names.len(), "a segment begins with its first block");
        let cut = last.at + 1 + at.index(last.end() - last.at - 1);
        change(&self.folder, &self.names[*segment], |content| content.truncate(cut));
        Some(events_of(last))
    }

    /// Takes a segment away; gives how many events that takes.
    fn remove(&self, which: At) -> Option<u64> {
        let others = self.names.len() - 1;
        let gone = (others > 0).then(|| which.index(others))?;
        self.folder.remove(&self.names[gone]).unwrap();
        let lost = self.blocks.iter().filter(|(segment, _)| *segment == gone);
        Some(lost.map(|(_, block)| events_of(block)).sum())
    }
}
