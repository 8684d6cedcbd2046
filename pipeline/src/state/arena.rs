//! The memory in which a partition's records lie: chunks that never move, cut into places.
//!
//! A place that is given back is used again for the next record of its size. So nothing is copied
//! when the state grows, and a record that changes its size leaves no page of memory untouched
//! behind it.

use vexfs_kernels::prefetch;

use super::marks::{Mark, Marks};
use super::slots::Place;

/// The unit of places, in words of 8 bytes.
pub(super) const UNIT_WORDS: usize = 4;
/// How long a chunk is, in units. The first ones are shorter, each twice as long as the one before: of a small
/// state most partitions have a record or two.
const CHUNK_UNITS: usize = 1 << CHUNK_BITS;
const CHUNK_BITS: u32 = 10;
/// A longer record gets a chunk of its own: so little is left over at the end of a shared one.
const SHARED_UNITS_MAX: usize = CHUNK_UNITS / 8;
/// How much of a record is asked for ahead of time, in words: what most records have.
const PREFETCH_WORDS: usize = 24;

/// The memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Arena {
    chunks: Vec<Box<[u64]>>,
    /// What changed in each chunk, where somebody wants to know.
    marks: Option<Vec<Marks>>,
    /// The chunk that is being filled, and how many of its units are given out.
    filling: Option<(usize, usize)>,
    /// The places that were given back, for each length in units. Told here and not in the places
    /// themselves, whose memory is far away by the time they are wanted again.
    free: Vec<Vec<Place>>,
    /// Numbers of chunks that were given back whole.
    free_chunks: Vec<usize>,
    free_units: usize,
    /// How much was given back since the arena was new.
    released_units: usize,
    units: usize,
}

/// The chunk and unit of a place. Chunks count from 1 in a place, so that none is zero.
fn split(place: Place) -> (usize, usize) {
    let place = place.get() as usize;
    ((place >> CHUNK_BITS) - 1, place & (CHUNK_UNITS - 1))
}

fn join(chunk: usize, unit: usize) -> Place {
    let place = u32::try_from((chunk + 1) << CHUNK_BITS | unit).ok().and_then(Place::new);
    place.unwrap_or_else(|| unreachable!("a partition's records take less than 128 GiB"))
}

impl Arena {
    /// From now on remembers which records change.
    pub(super) fn track(&mut self) {
        let units = |chunk: &[u64]| chunk.len() / UNIT_WORDS;
        let marks = self.chunks.iter().map(|chunk| Marks::for_units(units(chunk)));
        self.marks = Some(marks.collect());
    }

    /// An empty arena that remembers changes where this one does.
    pub(super) fn fresh(&self) -> Self {
        Self { marks: self.marks.as_ref().map(|_| Vec::new()), ..Self::default() }
    }

    /// Marks the record at a place, where changes are remembered.
    #[inline]
    pub(super) fn mark(&mut self, place: Place, mark: Mark) {
        if let Some(marks) = &mut self.marks {
            let (chunk, unit) = split(place);
            marks[chunk].set(unit, mark);
        }
    }

    /// Takes a record's mark away, and gives it.
    pub(super) fn take_mark(&mut self, place: Place) -> Option<Mark> {
        let (chunk, unit) = split(place);
        self.marks.as_mut()?[chunk].take(unit)
    }

    /// Whether changes are remembered.
    pub(super) fn is_tracked(&self) -> bool {
        self.marks.is_some()
    }

    /// The places of all marked records.
    pub(super) fn marked(&self) -> impl Iterator<Item = Place> {
        let chunks = self.marks.iter().flatten().enumerate();
        chunks.flat_map(|(chunk, marks)| marks.units().map(move |unit| join(chunk, unit)))
    }

    /// Takes all marks away.
    pub(super) fn clear_marks(&mut self) {
        self.marks.iter_mut().flatten().for_each(Marks::clear);
    }

    /// A place of this many units, whose content is undefined.
    pub(super) fn allocate(&mut self, units: usize) -> Place {
        if units > SHARED_UNITS_MAX {
            return join(self.add_chunk(units), 0);
        }
        if let Some(place) = self.free.get_mut(units).and_then(Vec::pop) {
            self.free_units -= units;
            if let Some(&next) = self.free[units].last() {
                self.prefetch(next);
            }
            return place;
        }
        let (chunk, unit) = match self.filling {
            Some((chunk, unit)) if unit + units <= self.units_of(chunk) => (chunk, unit),
            filled => {
                let mut fresh_units = SHARED_UNITS_MAX;
                if let Some((chunk, unit)) = filled {
                    let chunk_units = self.units_of(chunk);
                    if unit < chunk_units {
                        self.keep(join(chunk, unit), chunk_units - unit);
                    }
                    fresh_units = CHUNK_UNITS.min(2 * chunk_units);
                }
                (self.add_chunk(fresh_units), 0)
            }
        };
        self.filling = Some((chunk, unit + units));
        join(chunk, unit)
    }

    fn units_of(&self, chunk: usize) -> usize {
        self.chunks[chunk].len() / UNIT_WORDS
    }

    fn add_chunk(&mut self, units: usize) -> usize {
        self.units += units;
        let chunk = vec![0; units * UNIT_WORDS].into_boxed_slice();
        let number = self.free_chunks.pop();
        if let Some(marks) = &mut self.marks {
            let fresh = Marks::for_units(units);
            match number {
                Some(number) => marks[number] = fresh,
                None => marks.push(fresh),
            }
        }
        if let Some(number) = number {
            self.chunks[number] = chunk;
            return number;
        }
        self.chunks.push(chunk);
        self.chunks.len() - 1
    }

    /// Takes a place of this many units back.
    pub(super) fn release(&mut self, place: Place, units: usize) {
        self.released_units += units;
        if units > SHARED_UNITS_MAX {
            let (chunk, _) = split(place);
            self.chunks[chunk] = Box::default();
            self.free_chunks.push(chunk);
            self.units -= units;
        } else {
            self.keep(place, units);
        }
    }

    fn keep(&mut self, place: Place, units: usize) {
        if self.free.len() <= units {
            self.free.resize(units + 1, Vec::new());
        }
        self.free[units].push(place);
        self.free_units += units;
    }

    /// Whether most of the memory is given back and waits for records of sizes that don't come. Not
    /// before as much was given back as moving all the rest is worth.
    pub(super) fn is_sparse(&self) -> bool {
        let unused = self.free_units * 2 > self.units && self.free_units > 2 * CHUNK_UNITS;
        unused && self.released_units * 2 > self.units
    }

    /// The words from a place on, up to the end of its chunk.
    #[inline]
    pub(super) fn at(&self, place: Place) -> &[u64] {
        let (chunk, unit) = split(place);
        &self.chunks[chunk][unit * UNIT_WORDS..]
    }

    /// The words from a place on, to be changed.
    #[inline]
    pub(super) fn at_mut(&mut self, place: Place) -> &mut [u64] {
        let (chunk, unit) = split(place);
        &mut self.chunks[chunk][unit * UNIT_WORDS..]
    }

    /// Asks the processor for the first cache lines of a place.
    #[inline]
    pub(super) fn prefetch(&self, place: Place) {
        let words = self.at(place);
        prefetch(&words[..words.len().min(PREFETCH_WORDS)]);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let free = self.free.capacity() * size_of::<Vec<Place>>()
            + self.free.iter().map(Vec::capacity).sum::<usize>() * size_of::<Place>();
        let marks = self.marks.iter().flatten().map(Marks::memory_bytes).sum::<usize>();
        self.units * UNIT_WORDS * size_of::<u64>() + free + marks
    }
}
