//! The records of one partition in memory: a hash table of places, and an arena of bytes.
//!
//! A record is changed in place while it fits; when it has outgrown its place it moves to the end
//! of the arena, and what it leaves is swept when it is more than half.

use hashbrown::HashTable;

use super::Records;
use super::key::{Key, KeyKind};

const WORD: usize = 8;
const HEADER_WORDS: usize = 3;
/// Places are rounded up to this, so that a record whose length varies a little stays put.
const ROUND_WORDS: usize = 4;
const SWEEP_FROM_WORDS: usize = 8 * 1024;

#[derive(Clone, Copy, Debug)]
struct Place {
    hash: u64,
    /// Where the record starts in the arena, in words.
    at: u32,
    /// How long its place is, in words, header and name included.
    words: u32,
}

/// The records of one partition.
#[derive(Clone, Debug, Default)]
pub struct Table {
    places: HashTable<Place>,
    arena: Vec<u64>,
    garbage_words: usize,
}

/// A record's header in the arena: kind and lengths in the first word, then both numbers.
#[derive(Clone, Copy)]
struct Header {
    kind: u8,
    name_bytes: usize,
    value_bytes: usize,
    id: u64,
    second: u64,
}

impl Header {
    fn read(arena: &[u64], at: usize) -> Self {
        let [first, id, second] = [arena[at], arena[at + 1], arena[at + 2]];
        let kind = first.to_le_bytes()[0];
        let name_bytes = (first >> 8) as usize & 0xFF_FFFF;
        Self { kind, name_bytes, value_bytes: (first >> 32) as usize, id, second }
    }

    fn write(self, arena: &mut [u64], at: usize) {
        let lengths = (self.name_bytes as u64) << 8 | (self.value_bytes as u64) << 32;
        arena[at] = u64::from(self.kind) | lengths;
        (arena[at + 1], arena[at + 2]) = (self.id, self.second);
    }

    fn value_at(self) -> usize {
        HEADER_WORDS + self.name_bytes.div_ceil(WORD)
    }
}

fn bytes_at(arena: &[u64], at: usize, length: usize) -> &[u8] {
    &bytemuck::cast_slice(&arena[at..])[..length]
}

fn bytes_at_mut(arena: &mut [u64], at: usize, length: usize) -> &mut [u8] {
    &mut bytemuck::cast_slice_mut(&mut arena[at..])[..length]
}

fn holds(arena: &[u64], place: &Place, hash: u64, key: &Key<'_>) -> bool {
    let at = place.at as usize;
    let header = Header::read(arena, at);
    place.hash == hash
        && header.id == key.id
        && header.second == key.second
        && header.kind == key.kind as u8
        && bytes_at(arena, at + HEADER_WORDS, header.name_bytes) == key.name
}

impl Table {
    fn find(&self, hash: u64, key: &Key<'_>) -> Option<Place> {
        self.places.find(hash, |place| holds(&self.arena, place, hash, key)).copied()
    }

    fn value(&self, place: Place) -> &[u8] {
        let at = place.at as usize;
        let header = Header::read(&self.arena, at);
        bytes_at(&self.arena, at + header.value_at(), header.value_bytes)
    }

    /// Appends a place of this many words, as zeros.
    fn append(&mut self, words: usize) -> u32 {
        let at = self.arena.len();
        self.arena.resize(at + words, 0);
        u32::try_from(at).unwrap_or_else(|_| unreachable!("a partition's arena is under 32 GiB"))
    }

    fn fill(&mut self, at: u32, key: &Key<'_>, parts: [&[u8]; 2]) {
        let at = at as usize;
        let header = Header {
            kind: key.kind as u8,
            name_bytes: key.name.len(),
            value_bytes: parts[0].len() + parts[1].len(),
            id: key.id,
            second: key.second,
        };
        header.write(&mut self.arena, at);
        let name = bytes_at_mut(&mut self.arena, at + HEADER_WORDS, key.name.len());
        name.copy_from_slice(key.name);
        let value = bytes_at_mut(&mut self.arena, at + header.value_at(), header.value_bytes);
        value[..parts[0].len()].copy_from_slice(parts[0]);
        value[parts[0].len()..].copy_from_slice(parts[1]);
    }

    /// Copies what is alive to the front of a new arena, when garbage is more than half.
    fn sweep(&mut self) {
        if self.garbage_words < SWEEP_FROM_WORDS || self.garbage_words * 2 < self.arena.len() {
            return;
        }
        let mut swept = Vec::with_capacity(self.arena.len() - self.garbage_words);
        for place in &mut self.places {
            let (at, words) = (place.at as usize, place.words as usize);
            place.at = u32::try_from(swept.len()).unwrap_or(u32::MAX);
            swept.extend_from_slice(&self.arena[at..at + words]);
        }
        (self.arena, self.garbage_words) = (swept, 0);
    }
}

fn words_for(key: &Key<'_>, value_bytes: usize) -> usize {
    let exact = HEADER_WORDS + key.name.len().div_ceil(WORD) + value_bytes.div_ceil(WORD);
    exact.next_multiple_of(ROUND_WORDS)
}

impl Records for Table {
    fn get(&self, hash: u64, key: &Key<'_>) -> Option<&[u8]> {
        self.find(hash, key).map(|place| self.value(place))
    }

    fn get_mut(&mut self, hash: u64, key: &Key<'_>) -> Option<&mut [u8]> {
        let at = self.find(hash, key)?.at as usize;
        let header = Header::read(&self.arena, at);
        Some(bytes_at_mut(&mut self.arena, at + header.value_at(), header.value_bytes))
    }

    fn put(&mut self, hash: u64, key: &Key<'_>, parts: [&[u8]; 2]) {
        let words = words_for(key, parts[0].len() + parts[1].len());
        let found = self.find(hash, key);
        if let Some(place) = found.filter(|place| place.words as usize >= words) {
            return self.fill(place.at, key, parts);
        }
        let at = self.append(words);
        self.fill(at, key, parts);
        let new = Place { hash, at, words: u32::try_from(words).unwrap_or(u32::MAX) };
        if let Some(old) = found {
            self.garbage_words += old.words as usize;
            if let Some(place) = self.places.find_mut(hash, |place| place.at == old.at) {
                *place = new;
            }
            self.sweep();
        } else {
            self.places.insert_unique(hash, new, |place| place.hash);
        }
    }

    fn remove(&mut self, hash: u64, key: &Key<'_>) -> bool {
        let Self { places, arena, .. } = self;
        let found = places.find_entry(hash, |place| holds(arena, place, hash, key));
        let Ok(entry) = found else { return false };
        let (place, _) = entry.remove();
        self.garbage_words += place.words as usize;
        self.sweep();
        true
    }

    fn for_each<'s>(&'s self, visit: &mut dyn FnMut(Key<'s>, &'s [u8])) {
        for place in &self.places {
            let header = Header::read(&self.arena, place.at as usize);
            let at = place.at as usize + HEADER_WORDS;
            let name = bytes_at(&self.arena, at, header.name_bytes);
            let Some(kind) = KeyKind::from_number(header.kind) else { continue };
            let key = Key { kind, id: header.id, second: header.second, name };
            visit(key, self.value(*place));
        }
    }

    fn memory_bytes(&self) -> u64 {
        let places = self.places.capacity() * (size_of::<Place>() + 1);
        (self.arena.capacity() * WORD + places) as u64
    }
}
