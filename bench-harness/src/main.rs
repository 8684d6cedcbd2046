//! Measures the replay pipeline against yardsticks taken in the same run.
//!
//! Every figure is a median of several rounds, in which yardstick and pipeline alternate: the
//! machine may be shared, and a ratio within one round says more than a time.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use comfy_table::Table;
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let mut columns: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut record =
        |name: &'static str, value: f64| match columns.iter_mut().find(|column| column.0 == name) {
            Some(column) => column.1.push(value),
            None => columns.push((name, vec![value])),
        };
    for _ in 0..arguments.rounds.max(1) {
        record("SHA-256, one core, GB/s", sha256_rate());
        for validation in Validation::ALL {
            let started = Instant::now();
            let journal = Journal::open_path(&arguments.journal)?;
            let options = ReplayOptions { validation, ..ReplayOptions::default() };
            let (state, outcome) = replay(&journal, &options, &mut |_| {})?;
            black_box(state.digest());
            let events = outcome.findings.tally.events as f64;
            record(validation.name(), events / started.elapsed().as_secs_f64() / 1e6);
        }
    }
    let mut table = Table::new();
    table.set_header(["measure (validation modes: M events/s)", "median", "least", "most"]);
    for (name, mut values) in columns {
        values.sort_by(f64::total_cmp);
        let picked = [values[values.len() / 2], values[0], values[values.len() - 1]];
        let [median, least, most] = picked.map(|value| format!("{value:.2}"));
        table.add_row([name.to_owned(), median, least, most]);
    }
    println!("{table}");
    Ok(())
}

/// How fast this build hashes a 64 KiB block on one core, in GB/s: what verification can't beat.
fn sha256_rate() -> f64 {
    let block = vec![7_u8; 64 * 1024];
    let rounds = 512;
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(vexfs_kernels::sha256(black_box(&block)));
    }
    (rounds * block.len()) as f64 / started.elapsed().as_secs_f64() / 1e9
}
