//! How fast a journal is replayed, in each validation mode.
//!
//! The yardstick is what no verified replay can beat: hashing the journal's bytes on all cores, from
//! a buffer that is in the cache, and doing nothing else.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use rayon::prelude::*;
use vexfs_replay::Error;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::replay::{ReplayOptions, replay};

use crate::rows::Rows;

/// One replay, from opening the journal to the state's digest.
struct Replay {
    events_per_second: f64,
    bytes_per_event: f64,
    /// The memory that it took beside the state, in bytes.
    memory_beside_state: f64,
}

/// Measures a round; gives the cryptographic rate in events per second.
pub(crate) fn measure(
    journal: &Path,
    beside: Option<&Path>,
    rows: &mut Rows,
) -> Result<f64, Error> {
    let mut rate = 0.0;
    for validation in Validation::ALL {
        let one = run(journal, validation)?;
        rate = one.events_per_second;
        rows.record(format!("replay, {}, M events/s", validation.name()), rate / 1e6);
        if validation < Validation::Cryptographic {
            continue;
        }
        let bytes_per_second = hash_rate();
        let yardstick = bytes_per_second / one.bytes_per_event;
        rows.record("SHA-256 alone, all cores, GB/s", bytes_per_second / 1e9);
        rows.record("SHA-256 alone, M events/s", yardstick / 1e6);
        rows.record("replay, cryptographic, share of that", rate / yardstick);
        if let Some(beside) = beside {
            let other = run(beside, validation)?;
            rows.record("beside, cryptographic, M events/s", other.events_per_second / 1e6);
            rows.record("beside, share of the rate per event", other.events_per_second / rate);
            rows.record("memory beside the state, MB", one.memory_beside_state / 1e6);
            rows.record("beside, memory beside the state, MB", other.memory_beside_state / 1e6);
        }
    }
    Ok(rate)
}

fn run(journal: &Path, validation: Validation) -> Result<Replay, Error> {
    let started = Instant::now();
    let journal = Journal::open_path(journal)?;
    let options = ReplayOptions { validation, ..ReplayOptions::default() };
    let (state, outcome) = replay(&journal, &options, &mut |_| {})?;
    black_box(state.digest());
    let events = outcome.findings.tally.events as f64;
    Ok(Replay {
        events_per_second: events / started.elapsed().as_secs_f64(),
        bytes_per_event: outcome.findings.bytes as f64 / events,
        memory_beside_state: outcome.memory_bytes_max as f64 - state.memory_bytes() as f64,
    })
}

/// How fast all cores together hash blocks of 64 KiB, in bytes per second.
fn hash_rate() -> f64 {
    let block = vec![7_u8; 64 * 1024];
    let (batches, blocks) = (1024, 4);
    let started = Instant::now();
    (0..batches).into_par_iter().for_each_init(Vec::new, |digests, _| {
        vexfs_kernels::sha256_many(black_box(&vec![&block[..]; blocks]), digests);
        black_box(digests);
    });
    (batches * blocks * block.len()) as f64 / started.elapsed().as_secs_f64()
}
