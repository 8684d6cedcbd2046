//! Which records of a partition changed since its last checkpoint.
//!
//! A bit a place, beside the memory in which the records lie: finding what changed touches nothing
//! else, and a record that changes again costs nothing more.

use std::num::NonZero;

const BITS: usize = u64::BITS as usize;

/// What a record has been since the last checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It was there, and changed.
    Changed,
    /// It wasn't there.
    New,
}

/// The marks of one chunk's places, a bit a unit each.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// The places of marked records.
    marked: Box<[u64]>,
    /// Of these, the ones that are new.
    new: Box<[u64]>,
}

impl Marks {
    /// No marks, for a chunk of this many units.
    pub(super) fn for_units(units: usize) -> Self {
        let words = vec![0; units.div_ceil(BITS)].into_boxed_slice();
        Self { marked: words.clone(), new: words }
    }

    /// Marks the record at a unit. One that is new stays new.
    #[inline]
    pub(super) fn set(&mut self, unit: usize, mark: Mark) {
        let (word, bit) = (unit / BITS, 1 << (unit % BITS));
        self.marked[word] |= bit;
        if mark == Mark::New {
            self.new[word] |= bit;
        }
    }

    /// Takes the mark of a unit away, and gives it.
    pub(super) fn take(&mut self, unit: usize) -> Option<Mark> {
        let (word, bit) = (unit / BITS, 1_u64 << (unit % BITS));
        let (marked, new) = (self.marked[word] & bit != 0, self.new[word] & bit != 0);
        self.marked[word] &= !bit;
        self.new[word] &= !bit;
        match (marked, new) {
            (false, _) => None,
            (true, false) => Some(Mark::Changed),
            (true, true) => Some(Mark::New),
        }
    }

    /// Every marked unit, ascending.
    pub(super) fn units(&self) -> impl Iterator<Item = usize> {
        let words = (0..).zip(&self.marked);
        words.flat_map(|(word, &bits)| {
            let rest = std::iter::successors(NonZero::new(bits), |bits| {
                NonZero::new(bits.get() & (bits.get() - 1))
            });
            rest.map(move |bits| word * BITS + bits.trailing_zeros() as usize)
        })
    }

    /// Takes all marks away.
    pub(super) fn clear(&mut self) {
        self.marked.fill(0);
        self.new.fill(0);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.marked) + size_of_val(&*self.new)
    }
}
