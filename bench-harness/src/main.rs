//! Measures the replay pipeline against yardsticks taken in the same run.
//!
//! Every figure is a median of several rounds, in which all that is compared alternates: the machine
//! may be shared, and a ratio within one round says more than a time.

mod checkpoints;
mod recovery;
mod rows;
mod throughput;

use std::path::PathBuf;

use clap::Parser;

use self::rows::Rows;

/// Measures the throughput of replay, what checkpoints cost it, how soon recovery begins, and how soon
/// damage is found.
#[derive(Parser)]
struct Arguments {
    /// The journal to replay; it should fit into the page cache.
    journal: PathBuf,
    /// Another journal, such as a longer one of the same kind, whose rate per event is compared.
    #[arg(long)]
    beside: Option<PathBuf>,
    /// After how many events a checkpoint is due.
    #[arg(long, default_value_t = 100_000)]
    checkpoint_events: u64,
    /// How many rounds there are.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { journal, beside, checkpoint_events, rounds } = Arguments::parse();
    let mut rows = Rows::default();
    for round in 0..rounds.max(1) {
        let rate = throughput::measure(&journal, beside.as_deref(), &mut rows)?;
        checkpoints::measure(&journal, checkpoint_events, rate, &mut rows)?;
        recovery::measure(&journal, round as u64, &mut rows)?;
    }
    println!("{}", rows.table());
    Ok(())
}
