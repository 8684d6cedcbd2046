//! The records of one partition in memory: an index of places, and an arena in which they lie.
//!
//! A record is changed in place while it fits; when it has outgrown its place it gets another one.

use super::Records;
use super::arena::{Arena, UNIT_WORDS};
use super::key::{Key, KeyKind};
use super::slots::{Found, Place, Slots};

const WORD: usize = 8;
const HEADER_WORDS: usize = 3;
/// How many records are asked for ahead of a visit.
const GROUP: usize = 32;

/// The records of one partition.
#[derive(Clone, Debug, Default)]
pub struct Table {
    slots: Slots,
    arena: Arena,
}

/// A record's header in the arena: its kind, its lengths and that of its place in the first word,
/// then both numbers of its key.
#[derive(Clone, Copy)]
struct Header {
    kind: u8,
    name_bytes: usize,
    value_bytes: usize,
    units: usize,
    id: u64,
    second: u64,
}

/// How many bits the lengths have. An event, from which a record comes, is at most 2¹⁷ bytes long.
const LENGTH_BITS: u32 = 20;
const UNITS_BITS: u32 = 16;
const LENGTH_MASK: u64 = (1 << LENGTH_BITS) - 1;

impl Header {
    #[inline]
    fn read(words: &[u64]) -> Self {
        let [first, id, second] = [words[0], words[1], words[2]];
        let kind = first.to_le_bytes()[0];
        let length = |shift: u32| (first >> shift & LENGTH_MASK) as usize;
        let (name_bytes, value_bytes) = (length(8), length(8 + LENGTH_BITS));
        let units = (first >> (64 - UNITS_BITS)) as usize;
        Self { kind, name_bytes, value_bytes, units, id, second }
    }

    fn write(self, words: &mut [u64]) {
        let Self { kind, name_bytes, value_bytes, units, id, second } = self;
        let fits = name_bytes.max(value_bytes) as u64 <= LENGTH_MASK && units < 1 << UNITS_BITS;
        assert!(fits, "a record comes from one event");
        words[0] = u64::from(kind)
            | (name_bytes as u64) << 8
            | (value_bytes as u64) << (8 + LENGTH_BITS)
            | (units as u64) << (64 - UNITS_BITS);
        (words[1], words[2]) = (id, second);
    }

    fn value_at(self) -> usize {
        HEADER_WORDS + self.name_bytes.div_ceil(WORD)
    }
}

#[inline]
fn bytes_at(words: &[u64], at: usize, length: usize) -> &[u8] {
    &bytemuck::cast_slice(&words[at..])[..length]
}

#[inline]
fn bytes_at_mut(words: &mut [u64], at: usize, length: usize) -> &mut [u8] {
    &mut bytemuck::cast_slice_mut(&mut words[at..])[..length]
}

#[inline]
fn holds(words: &[u64], key: &Key<'_>) -> bool {
    let header = Header::read(words);
    header.id == key.id
        && header.second == key.second
        && header.kind == key.kind as u8
        && header.name_bytes == key.name.len()
        && (key.name.is_empty() || bytes_at(words, HEADER_WORDS, header.name_bytes) == key.name)
}

fn units_for(key: &Key<'_>, value_bytes: usize) -> usize {
    let words = HEADER_WORDS + key.name.len().div_ceil(WORD) + value_bytes.div_ceil(WORD);
    words.div_ceil(UNIT_WORDS)
}

impl Table {
    fn fill(&mut self, place: Place, units: usize, key: &Key<'_>, parts: [&[u8]; 2]) {
        let words = self.arena.at_mut(place);
        let header = Header {
            kind: key.kind as u8,
            name_bytes: key.name.len(),
            value_bytes: parts[0].len() + parts[1].len(),
            units,
            id: key.id,
            second: key.second,
        };
        header.write(words);
        bytes_at_mut(words, HEADER_WORDS, key.name.len()).copy_from_slice(key.name);
        let value = bytes_at_mut(words, header.value_at(), header.value_bytes);
        let (fixed, tail) = value.split_at_mut(parts[0].len());
        fixed.copy_from_slice(parts[0]);
        tail.copy_from_slice(parts[1]);
    }

    /// Moves all records together, when too much memory waits for records that don't come.
    fn sweep(&mut self) {
        if !self.arena.is_sparse() {
            return;
        }
        let old = std::mem::take(&mut self.arena);
        self.slots.for_each_place(|place| {
            let words = old.at(place);
            let header = Header::read(words);
            let words = &words[..header.units * UNIT_WORDS];
            let new = self.arena.allocate(header.units);
            self.arena.at_mut(new)[..words.len()].copy_from_slice(words);
            new
        });
    }

    /// Visits every record, in any order.
    pub fn for_each<'s>(&'s self, visit: &mut dyn FnMut(Key<'s>, &'s [u8])) {
        let places: Vec<Place> = self.slots.places().collect();
        for group in places.chunks(GROUP) {
            group.iter().for_each(|&place| self.arena.prefetch(place));
            for &place in group {
                let words = self.arena.at(place);
                let header = Header::read(words);
                let name = bytes_at(words, HEADER_WORDS, header.name_bytes);
                let Some(kind) = KeyKind::from_number(header.kind) else { continue };
                let key = Key { kind, id: header.id, second: header.second, name };
                visit(key, bytes_at(words, header.value_at(), header.value_bytes));
            }
        }
    }

    /// How much memory the records take, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        (self.slots.memory_bytes() + self.arena.memory_bytes()) as u64
    }
}

impl Records for Table {
    type Found = Found;

    #[inline]
    fn find(&self, tag: u32, key: &Key<'_>) -> Option<Found> {
        self.slots.find(tag, |place| holds(self.arena.at(place), key))
    }

    #[inline]
    fn value(&self, found: Found) -> &[u8] {
        let words = self.arena.at(found.place);
        let header = Header::read(words);
        bytes_at(words, header.value_at(), header.value_bytes)
    }

    #[inline]
    fn value_mut(&mut self, found: Found) -> &mut [u8] {
        let words = self.arena.at_mut(found.place);
        let header = Header::read(words);
        bytes_at_mut(words, header.value_at(), header.value_bytes)
    }

    fn put(&mut self, found: Option<Found>, tag: u32, key: &Key<'_>, parts: [&[u8]; 2]) {
        let units = units_for(key, parts[0].len() + parts[1].len());
        let Some(found) = found else {
            let place = self.arena.allocate(units);
            self.fill(place, units, key, parts);
            return self.slots.insert(tag, place);
        };
        let has = Header::read(self.arena.at(found.place)).units;
        // It stays where it fits without leaving most of its place unused.
        if (has / 4..=has).contains(&units) {
            return self.fill(found.place, has, key, parts);
        }
        self.arena.release(found.place, has);
        let place = self.arena.allocate(units);
        self.fill(place, units, key, parts);
        self.slots.set(found, place);
        self.sweep();
    }

    fn remove(&mut self, found: Found) {
        let units = Header::read(self.arena.at(found.place)).units;
        self.slots.remove(found);
        self.arena.release(found.place, units);
        self.sweep();
    }

    #[inline]
    fn prefetch_index(&self, tag: u32) {
        self.slots.prefetch(tag);
    }

    #[inline]
    fn prefetch_record(&self, tag: u32) {
        // The first with this tag, without looking closer: that is what the prefetch is for.
        if let Some(found) = self.slots.find(tag, |_| true) {
            self.arena.prefetch(found.place);
        }
    }
}

#[cfg(test)]
mod tests;
