//! Measures the replay pipeline against a yardstick taken in the same run.
//!
//! The yardstick is what no verified replay can beat: hashing the journal's bytes on all cores, from
//! a buffer that is in the cache, and doing nothing else. Every figure is a median of several
//! rounds, in which yardstick and pipeline alternate: the machine may be shared, and a ratio within
//! one round says more than a time.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Parser;
use comfy_table::Table;
use rayon::prelude::*;
use vexfs_replay::Error;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::replay::{ReplayOptions, replay};

/// Measures the throughput of replay.
#[derive(Parser)]
struct Arguments {
    /// The journal to replay; it should fit into the page cache.
    journal: PathBuf,
    /// How many rounds there are.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

/// One row of the result: a name, and its value in each round.
#[derive(Debug)]
struct Row {
    name: String,
    values: Vec<f64>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut rows: Vec<Row> = Vec::new();
    let mut record = |name: String, value: f64| match rows.iter_mut().find(|it| it.name == name) {
        Some(row) => row.values.push(value),
        None => rows.push(Row { name, values: vec![value] }),
    };
    for _ in 0..arguments.rounds.max(1) {
        for validation in Validation::ALL {
            let (rate, bytes_per_event) = replay_rate(&arguments.journal, validation)?;
            record(format!("replay, {}, M events/s", validation.name()), rate / 1e6);
            if validation == Validation::Cryptographic {
                let bytes_per_second = hash_rate();
                record("SHA-256 alone, all cores, GB/s".to_owned(), bytes_per_second / 1e9);
                let yardstick = bytes_per_second / bytes_per_event;
                record("SHA-256 alone, M events/s".to_owned(), yardstick / 1e6);
                record("replay, cryptographic, share of that".to_owned(), rate / yardstick);
            }
        }
    }
    println!("{}", table(rows));
    Ok(())
}

/// From opening the journal to the state's digest: events per second, and bytes per event.
fn replay_rate(journal: &Path, validation: Validation) -> Result<(f64, f64), Error> {
    let started = Instant::now();
    let journal = Journal::open_path(journal)?;
    let options = ReplayOptions { validation, ..ReplayOptions::default() };
    let (state, outcome) = replay(&journal, &options, &mut |_| {})?;
    black_box(state.digest());
    let events = outcome.findings.tally.events as f64;
    Ok((events / started.elapsed().as_secs_f64(), outcome.findings.bytes as f64 / events))
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

fn table(rows: Vec<Row>) -> Table {
    let mut table = Table::new();
    table.set_header(["measure", "median", "least", "most"]);
    for Row { name, mut values } in rows {
        values.sort_by(f64::total_cmp);
        let picked = [values[values.len() / 2], values[0], values[values.len() - 1]];
        let [median, least, most] = picked.map(|value| format!("{value:.2}"));
        table.add_row([name, median, least, most]);
    }
    table
}
