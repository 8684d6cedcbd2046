//! Measures the replay pipeline against yardsticks taken in the same run.
//!
//! Every figure is a median of several rounds, in which all that is compared alternates: the machine
//! may be shared, and a ratio within one round says more than a time.

mod checkpoints;
mod kernels;
mod peers;
mod recovery;
mod rows;
mod throughput;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use self::rows::Rows;

/// Measures the replay pipeline against yardsticks taken in the same run.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// How many rounds there are.
    #[arg(long, default_value_t = 7, global = true)]
    rounds: usize,
}

#[derive(Subcommand)]
enum What {
    /// Throughput of replay, what checkpoints cost it, how soon recovery begins, and how soon damage is
    /// found.
    Replay(Journals),
    /// The integrity kernels on one core, beside the libraries that people use instead (feature `peers`).
    Kernels,
    /// Recovery after a kill and bulk load, beside other engines on the same records; builds them first.
    Peers(peers::Arguments),
    /// Writes the events of a journal as the flat file that the peers read.
    Payloads {
        /// The journal.
        journal: PathBuf,
        /// The new file.
        file: PathBuf,
    },
    /// Writes a journal's events into a new one, as `peers` asks for it, and waits to be killed.
    #[command(hide = true)]
    OwnLoad {
        /// The journal.
        journal: PathBuf,
        /// The folder of the new one.
        folder: PathBuf,
    },
}

#[derive(Args)]
struct Journals {
    /// The journal to replay; it should fit into the page cache.
    journal: PathBuf,
    /// Another journal, such as a longer one of the same kind, whose rate per event is compared.
    #[arg(long)]
    beside: Option<PathBuf>,
    /// After how many events a checkpoint is due.
    #[arg(long, default_value_t = 100_000)]
    checkpoint_events: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { what, rounds } = Arguments::parse();
    let rounds = rounds.max(1);
    let rows = match what {
        What::Replay(journals) => replays(&journals, rounds)?,
        What::Kernels => kernels::measure(rounds),
        What::Peers(arguments) => return peers::run(&arguments, rounds),
        What::Payloads { journal, file } => {
            println!("{} records", peers::write_payloads(&journal, &file)?);
            return Ok(());
        }
        What::OwnLoad { journal, folder } => return peers::load_own(&journal, &folder),
    };
    println!("{}", rows.table());
    Ok(())
}

fn replays(journals: &Journals, rounds: usize) -> Result<Rows, Box<dyn std::error::Error>> {
    let Journals { journal, beside, checkpoint_events } = journals;
    let mut rows = Rows::default();
    for round in 0..rounds {
        let rate = throughput::measure(journal, beside.as_deref(), &mut rows)?;
        checkpoints::measure(journal, *checkpoint_events, rate, &mut rows)?;
        recovery::measure(journal, round as u64, &mut rows)?;
    }
    Ok(rows)
}
