//! The index of a partition's records: from a key's tag to the place of its record.
//!
//! Open addressing with linear probing, one word a slot, so that a lookup touches one cache line
//! that can be asked for ahead of time. A removal shifts back what follows, so there are no
//! tombstones, and lookups stay short however long a partition lives.

use std::num::NonZero;

use vexfs_kernels::prefetch;

/// Where a record lies in the arena.
pub(super) type Place = NonZero<u32>;

/// Where a record was found: valid until the index changes.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    slot: usize,
    pub(super) place: Place,
}

const EMPTY: u64 = 0;
const LEAST_SLOTS: usize = 16;

/// The index.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    /// The key's tag in the high half, the place in the low half.
    slots: Vec<u64>,
    used: usize,
}

#[expect(clippy::cast_possible_truncation, reason = "one half of a word is what is wanted")]
fn low(word: u64) -> u32 {
    word as u32
}

fn tag_of(word: u64) -> u32 {
    low(word >> 32)
}

fn word(tag: u32, place: Place) -> u64 {
    u64::from(tag) << 32 | u64::from(place.get())
}

impl Slots {
    /// The slot in which the search for a tag starts; the index isn't empty.
    fn home(&self, tag: u32) -> usize {
        tag as usize & (self.slots.len() - 1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// Finds the place among those under this tag for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, tag: u32, mut is_it: impl FnMut(Place) -> bool) -> Option<Found> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.home(tag);
        loop {
            let word = self.slots[slot];
            let place = Place::new(low(word))?;
            if tag_of(word) == tag && is_it(place) {
                return Some(Found { slot, place });
            }
            slot = self.after(slot);
        }
    }

    /// Asks the processor for the cache line in which the search for a tag starts.
    #[inline]
    pub(super) fn prefetch(&self, tag: u32) {
        if !self.slots.is_empty() {
            let home = self.home(tag);
            prefetch(&self.slots[home..=home]);
        }
    }

    /// Adds a place that isn't in the index.
    pub(super) fn insert(&mut self, tag: u32, place: Place) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        self.used += 1;
        self.put(word(tag, place));
    }

    fn put(&mut self, word: u64) {
        let mut slot = self.home(tag_of(word));
        while self.slots[slot] != EMPTY {
            slot = self.after(slot);
        }
        self.slots[slot] = word;
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(LEAST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; slots]);
        old.into_iter().filter(|&word| word != EMPTY).for_each(|word| self.put(word));
    }

    /// The place of what was found, which may be another one since.
    pub(super) fn place_now(&self, found: Found) -> Place {
        Place::new(low(self.slots[found.slot])).unwrap_or(found.place)
    }

    /// Gives what was found another place.
    pub(super) fn set(&mut self, found: Found, place: Place) {
        self.slots[found.slot] = word(tag_of(self.slots[found.slot]), place);
    }

    /// Takes what was found away.
    pub(super) fn remove(&mut self, found: Found) {
        let mask = self.slots.len() - 1;
        let mut hole = found.slot;
        let mut slot = self.after(hole);
        while self.slots[slot] != EMPTY {
            let from_home = slot.wrapping_sub(self.home(tag_of(self.slots[slot]))) & mask;
            let from_hole = slot.wrapping_sub(hole) & mask;
            // A word must stay at or behind its home.
            if from_home >= from_hole {
                self.slots[hole] = self.slots[slot];
                hole = slot;
            }
            slot = self.after(slot);
        }
        self.slots[hole] = EMPTY;
        self.used -= 1;
    }

    /// All places, in any order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        self.slots.iter().filter_map(|&word| Place::new(low(word)))
    }

    /// All places, each to be changed.
    pub(super) fn for_each_place(&mut self, mut change: impl FnMut(Place) -> Place) {
        for slot in &mut self.slots {
            if let Some(place) = Place::new(low(*slot)) {
                *slot = word(tag_of(*slot), change(place));
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a plain map, with hashes that collide in their tags and in their homes.
        #[test]
        fn it_behaves_as_a_map(steps in prop::collection::vec((0..40_u32, any::<bool>()), 0..400)) {
            let (mut slots, mut model) = (Slots::default(), BTreeMap::new());
            for (number, (key, add)) in (1..).zip(steps) {
                let tag = key % 7 * 16 + key % 3;
                let is_it = |place: Place| model.get(&key) == Some(&place);
                let found = slots.find(tag, is_it);
                prop_assert_eq!(found.map(|found| found.place), model.get(&key).copied());
                let place = Place::new(number).unwrap();
                match (found, add) {
                    (Some(found), true) => slots.set(found, place),
                    (None, true) => slots.insert(tag, place),
                    (Some(found), false) => slots.remove(found),
                    (None, false) => continue,
                }
                if add { model.insert(key, place) } else { model.remove(&key) };
            }
            let mut places: Vec<Place> = slots.places().collect();
            let mut expected: Vec<Place> = model.into_values().collect();
            places.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(places, expected);
        }
    }
}
