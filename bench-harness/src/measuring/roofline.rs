//! What the machine could do at most, measured in the same run as what it does.
//!
//! A verified replay must at least read the journal's bytes out of the page cache, hash them, and put an
//! entry for each effect into a map. Each of the three is measured here on one core, alone and with all that
//! it needs at hand: the map has keys that are hashed already, and values of one word. Together, on all cores
//! and at no cost for anything else, they are the roofline.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash as _, Hasher};
use std::hint::black_box;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use vexfs_kernels::{Digest, sha256_many};
use vexfs_replay::event::{EventIter, Malformed};
use vexfs_replay::journal::{Journal, block, layout::BlockHeader};
use vexfs_replay::state::{Key, for_each_effect};

use super::{Better, Quantiles};
use crate::Measured;
use crate::figure;
use crate::machine::cores;
use crate::workloads::Workload;

/// How much of a journal is looked at, in bytes: more than caches hold.
const SAMPLE_BYTES: usize = 64 << 20;
/// How much is read at once, in bytes.
const READ_BYTES: usize = 256 * 1024;
const BLOCK_BYTES: usize = 64 * 1024;
/// How many blocks are hashed at once.
const BATCH: usize = 16;

/// The limits, each on one core.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rooflines {
    /// How many bytes SHA-256 hashes in a second, with the quickest backend.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) sha256_bytes_per_second: f64,
    /// How many bytes `pread` copies out of the page cache in a second.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) read_bytes_per_second: f64,
    /// How many effects a map of the standard library takes in a second, with the journal's keys, hashed, and
    /// values of one word.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) map_effects_per_second: f64,
    /// How many effects an event has in the journal that was looked at.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) effects_per_event: f64,
    /// How many bytes an event has there.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) bytes_per_event: f64,
    /// How many cores there are.
    pub(crate) cores: usize,
}

impl Rooflines {
    /// Measures them over a journal's own bytes and events.
    pub(crate) fn measure(workload: &Workload) -> Measured<Self> {
        let journal = Journal::open_path(&workload.path)?;
        let (bytes, read_bytes_per_second) = read(&journal)?;
        let sample = Sample::of(&journal, &bytes)?;
        Ok(Self {
            sha256_bytes_per_second: hash(&bytes),
            read_bytes_per_second,
            map_effects_per_second: sample.insert(),
            effects_per_event: sample.effects.len() as f64 / sample.events as f64,
            bytes_per_event: workload.bytes as f64 / workload.events as f64,
            cores: cores(),
        })
    }

    /// Those of several rounds, each the median.
    pub(crate) fn medians(rounds: &[Self]) -> Self {
        let of = |figure: &dyn Fn(&Self) -> f64| {
            Quantiles::of(&rounds.iter().map(figure).collect::<Vec<_>>(), Better::More).p50
        };
        Self {
            sha256_bytes_per_second: of(&|it| it.sha256_bytes_per_second),
            read_bytes_per_second: of(&|it| it.read_bytes_per_second),
            map_effects_per_second: of(&|it| it.map_effects_per_second),
            effects_per_event: of(&|it| it.effects_per_event),
            bytes_per_event: of(&|it| it.bytes_per_event),
            cores: rounds.first().map_or(1, |it| it.cores),
        }
    }

    /// How many events a second one core hashes, and does nothing else.
    pub(crate) fn hashed_events_per_second(&self) -> f64 {
        self.sha256_bytes_per_second / self.bytes_per_event
    }

    /// How many events a second one core reads, and does nothing else.
    pub(crate) fn read_events_per_second(&self) -> f64 {
        self.read_bytes_per_second / self.bytes_per_event
    }

    /// How many events a second one core inserts into a map, and does nothing else.
    pub(crate) fn mapped_events_per_second(&self) -> f64 {
        self.map_effects_per_second / self.effects_per_event
    }

    /// How many events a second all cores read, hash and insert, at no cost for anything else.
    pub(crate) fn events_per_second(&self) -> f64 {
        let seconds = 1.0 / self.hashed_events_per_second()
            + 1.0 / self.read_events_per_second()
            + 1.0 / self.mapped_events_per_second();
        self.cores as f64 / seconds
    }
}

/// Reads the front of a journal, and how fast that was the second time, in bytes per second.
fn read(journal: &Journal) -> Measured<(Vec<u8>, f64)> {
    let segment = journal.segments.first().ok_or("the journal has no segment")?;
    let length = usize::try_from(segment.file_bytes)?.min(SAMPLE_BYTES);
    let mut bytes = vec![0; length];
    let mut rate = 0.0;
    for _ in 0..2 {
        let started = Instant::now();
        for (part, bytes) in bytes.chunks_mut(READ_BYTES).enumerate() {
            segment.read(bytes, (part * READ_BYTES) as u64)?;
        }
        rate = length as f64 / started.elapsed().as_secs_f64();
    }
    Ok((bytes, rate))
}

/// How fast bytes are hashed by blocks, in bytes per second.
fn hash(bytes: &[u8]) -> f64 {
    let blocks: Vec<&[u8]> = bytes.chunks_exact(BLOCK_BYTES).collect();
    let mut digests: Vec<Digest> = Vec::with_capacity(BATCH);
    let started = Instant::now();
    for batch in blocks.chunks(BATCH) {
        sha256_many(black_box(batch), &mut digests);
        black_box(&digests);
    }
    (blocks.len() * BLOCK_BYTES) as f64 / started.elapsed().as_secs_f64()
}

/// What the events at a journal's front do.
struct Sample {
    events: u64,
    /// The hash of each effect's key.
    effects: Vec<u64>,
}

impl Sample {
    fn of(journal: &Journal, bytes: &[u8]) -> Measured<Self> {
        let mut sample = Self { events: 0, effects: Vec::new() };
        for indexed in journal.segment_index(0)?.blocks {
            let at = usize::try_from(indexed.entry.file_offset)?;
            let Some(bytes) = bytes.get(at..at + indexed.entry.block_bytes as usize) else { break };
            sample.add(bytes)?;
        }
        Ok(sample)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let header = BlockHeader::read(bytes);
        let payload = block::payload(&header, bytes);
        for event in EventIter::new(payload, header.first_lsn, header.event_count) {
            let event = event?;
            self.events += 1;
            if let Some(body) = event.body()? {
                for_each_effect(&body, |effect| self.effects.push(hash_of(&effect.key)));
            }
        }
        Ok(())
    }

    /// How many of them a map takes in a second.
    fn insert(&self) -> f64 {
        let started = Instant::now();
        let mut map: HashMap<u64, u64, BuildHasherDefault<Hashed>> = HashMap::default();
        for (lsn, &key) in (1..).zip(black_box(&self.effects)) {
            map.insert(key, lsn);
        }
        let seconds = started.elapsed().as_secs_f64();
        black_box(map);
        self.effects.len() as f64 / seconds
    }
}

fn hash_of(key: &Key<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// The hasher of what is hashed already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0 << 8 | u64::from(byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
