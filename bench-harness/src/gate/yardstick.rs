//! What figures are shares of, measured within milliseconds before and after: a slice of what a replay
//! must do at least. It copies bytes, hashes them, and puts an entry for each effect into a table in memory that was just got.
//!
//! Nothing of it is the pipeline's or the kernels' own, so that it stays as it is when those become slower
//! or quicker; and it works on all cores at once, so that it meets the same neighbours.

use std::hint::black_box;

use rayon::{ThreadPool, ThreadPoolBuilder};
use sha2::{Digest as _, Sha256};

use super::clock::Times;
use crate::Measured;

/// Who changes anything in this file counts this up: then all baselines are void.
pub(super) const VERSION: u32 = 1;

/// Of how many events a slice is, on each core.
const EVENTS: usize = 12_800;
/// How many bytes an event has.
const EVENT_BYTES: usize = 256;
/// How much is copied and hashed at once, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;
/// How many effects an event has.
const EFFECTS: usize = 2;
/// How many entries the table has: more than a core's own caches hold, on every core.
const ENTRIES: usize = 1 << 18;

/// The yardstick, with all that it needs at hand.
#[derive(Debug)]
pub(super) struct Yardstick {
    /// What is copied and hashed.
    bytes: Vec<u8>,
    workers: ThreadPool,
    /// How many slices the work is that is asked for.
    slices: f64,
}

impl Yardstick {
    /// One for so many events, on all cores.
    pub(super) fn new(events: u64) -> Measured<Self> {
        let bytes = (0..=u8::MAX).cycle().take(EVENTS * EVENT_BYTES).collect();
        let workers = ThreadPoolBuilder::new().build()?;
        let slices = events as f64 / (EVENTS * workers.current_num_threads()) as f64;
        Ok(Self { bytes, workers, slices })
    }

    /// How long replaying takes at least, by the slice of it that is done now.
    pub(super) fn measure(&self) -> Times {
        let (took, done) = Times::of(|| self.workers.broadcast(|_| slice(&self.bytes)));
        black_box(done);
        Times { wall: took.wall * self.slices, cpu: took.cpu * self.slices }
    }
}

fn slice(bytes: &[u8]) -> u64 {
    let mut block = vec![0; BLOCK_BYTES];
    let mut random = 1;
    for bytes in bytes.chunks_exact(BLOCK_BYTES) {
        block.copy_from_slice(black_box(bytes));
        random ^= u64::from(Sha256::digest(black_box(&block))[0]);
    }
    let mut table: Vec<u64> = vec![0; ENTRIES];
    for _ in 0..EVENTS * EFFECTS {
        // Xorshift (Marsaglia 2003): cheap, and no prefetcher foresees it.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let at = usize::try_from(random % ENTRIES as u64).unwrap_or(0);
        table[at] = table[at].wrapping_add(random);
    }
    black_box(table).first().copied().unwrap_or(0)
}
