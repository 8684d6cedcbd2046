//! The records of one partition in memory: an index of places, and an arena in which they lie.
//!
//! A record is changed in place while it fits; when it has outgrown its place it gets another one.

use super::Records;
use super::arena::{Arena, UNIT_WORDS};
use super::encoding::{Section, SectionError, SectionReader};
use super::gone::Gone;
use super::key::{Home, Key, KeyKind};
use super::marks::Mark;
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
    /// The keys of records that went since the last checkpoint.
    gone: Gone,
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
    /// Writes all of a record but its value, which it gives to be written.
    #[inline]
    fn begin(&mut self, place: Place, units: usize, key: &Key<'_>, bytes: usize) -> &mut [u8] {
        let words = self.arena.at_mut(place);
        let header = Header {
            kind: key.kind as u8,
            name_bytes: key.name.len(),
            value_bytes: bytes,
            units,
            id: key.id,
            second: key.second,
        };
        header.write(words);
        bytes_at_mut(words, HEADER_WORDS, key.name.len()).copy_from_slice(key.name);
        bytes_at_mut(words, header.value_at(), bytes)
    }

    /// Moves all records together, when too much memory waits for records that don't come.
    fn sweep(&mut self) {
        if !self.arena.is_sparse() {
            return;
        }
        let fresh = self.arena.fresh();
        let mut old = std::mem::replace(&mut self.arena, fresh);
        self.slots.for_each_place(|place| {
            let mark = old.take_mark(place);
            let words = old.at(place);
            let header = Header::read(words);
            let words = &words[..header.units * UNIT_WORDS];
            let new = self.arena.allocate(header.units);
            self.arena.at_mut(new)[..words.len()].copy_from_slice(words);
            if let Some(mark) = mark {
                self.arena.mark(new, mark);
            }
            new
        });
    }

    /// From now on remembers what changes, for [`Self::take_changes`].
    pub(crate) fn track(&mut self) {
        if !self.arena.is_tracked() {
            self.arena.track();
        }
    }

    /// An empty table in front of a store: it remembers what changes, and knows which keys went.
    pub(crate) fn in_front_of_store() -> Self {
        let mut table = Self { gone: Gone::to_be_asked(), ..Self::default() };
        table.track();
        table
    }

    /// Whether it says what is under a key: a record, or that there is none any more. Else the store
    /// behind it does.
    pub(crate) fn knows(&self, tag: u32, key: &Key<'_>) -> bool {
        self.find(tag, key).is_some() || self.gone.has(key)
    }

    /// Takes in a record that the store behind it has under a key that it doesn't know.
    pub(crate) fn take_in(&mut self, tag: u32, key: &Key<'_>, value: &[u8]) {
        let units = units_for(key, value.len());
        let place = self.arena.allocate(units);
        self.begin(place, units, key, value.len()).copy_from_slice(value);
        self.slots.insert(tag, place);
    }

    /// Encodes what changed since the last call, or since changes are tracked, into memory that was
    /// used before.
    pub(crate) fn take_changes(&mut self, memory: Vec<u8>) -> Section {
        let mut section = Section::in_memory(memory);
        let (gone, count) = self.gone.take();
        section.set_gone(&gone, count);
        self.visit(self.arena.marked().collect(), &mut |key, value| section.add(&key, value));
        self.arena.clear_marks();
        section
    }

    /// Encodes all records.
    pub(crate) fn all(&self) -> Section {
        let mut section = Section::in_memory(Vec::new());
        self.for_each(&mut |key, value| section.add(&key, value));
        section
    }

    /// Takes in what [`Self::take_changes`] or [`Self::all`] encoded; `partition` is this one.
    pub(crate) fn load(&mut self, partition: usize, section: &[u8]) -> Result<(), SectionError> {
        let home = |key: &Key<'_>| {
            let Home { partition: expected, tag } = key.home();
            let wrong = SectionError::WrongPartition { expected, found: partition };
            if expected == partition { Ok(tag) } else { Err(wrong) }
        };
        let mut reader = SectionReader::new(section)?;
        while let Some(key) = reader.next_gone()? {
            if let Some(found) = self.find(home(&key)?, &key) {
                self.remove(found);
            }
        }
        while let Some((key, value)) = reader.next_record()? {
            let tag = home(&key)?;
            let found = self.find(tag, &key);
            self.put(found, tag, &key, value.len()).copy_from_slice(value);
        }
        Ok(())
    }

    /// Visits every record, in any order.
    pub fn for_each<'s>(&'s self, visit: &mut dyn FnMut(Key<'s>, &'s [u8])) {
        self.visit(self.slots.places().collect(), visit);
    }

    fn visit<'s>(&'s self, places: Vec<Place>, visit: &mut dyn FnMut(Key<'s>, &'s [u8])) {
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

    /// Remembers the key of a record that goes, where the last checkpoint has it.
    fn remember_gone(&mut self, place: Place) {
        if self.arena.take_mark(place) == Some(Mark::New) {
            return;
        }
        let words = self.arena.at(place);
        let header = Header::read(words);
        let Some(kind) = KeyKind::from_number(header.kind) else { return };
        let name = bytes_at(words, HEADER_WORDS, header.name_bytes);
        let key = Key { kind, id: header.id, second: header.second, name };
        self.gone.add(&key);
    }

    /// How much memory the records take, in bytes.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let gone = self.gone.memory_bytes();
        (self.slots.memory_bytes() + self.arena.memory_bytes() + gone) as u64
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
        self.arena.mark(found.place, Mark::Changed);
        let words = self.arena.at_mut(found.place);
        let header = Header::read(words);
        bytes_at_mut(words, header.value_at(), header.value_bytes)
    }

    fn put(&mut self, found: Option<Found>, tag: u32, key: &Key<'_>, bytes: usize) -> &mut [u8] {
        let units = units_for(key, bytes);
        let Some(found) = found else {
            let place = self.arena.allocate(units);
            self.arena.mark(place, Mark::New);
            self.slots.insert(tag, place);
            return self.begin(place, units, key, bytes);
        };
        let has = Header::read(self.arena.at(found.place)).units;
        // It stays where it fits without leaving most of its place unused.
        if (has / 4..=has).contains(&units) {
            self.arena.mark(found.place, Mark::Changed);
            return self.begin(found.place, has, key, bytes);
        }
        let mark = self.arena.take_mark(found.place).unwrap_or(Mark::Changed);
        self.arena.release(found.place, has);
        let place = self.arena.allocate(units);
        self.arena.mark(place, mark);
        self.slots.set(found, place);
        self.begin(place, units, key, bytes);
        self.sweep();
        // A sweep moves records, and leaves slots where they are.
        let words = self.arena.at_mut(self.slots.place_now(found));
        bytes_at_mut(words, Header::read(words).value_at(), bytes)
    }

    fn remove(&mut self, found: Found) {
        let words = self.arena.at(found.place);
        let header = Header::read(words);
        let units = header.units;
        if self.arena.is_tracked() {
            self.remember_gone(found.place);
        }
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
