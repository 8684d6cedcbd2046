//! Measures the replay pipeline against the machine's limits, taken in the same run.
//!
//! Each command fills a part of one report, which is printed as text and, where wanted, written as JSON or as
//! a page with plots. The command `report` puts several together.
//! All that is compared alternates within a round: the machine may be shared, and a ratio within one
//! round says more than a time.

mod datasets;
mod figure;
mod gate;
mod kernels;
mod machine;
mod measuring;
mod peers;
mod profile;
mod progress;
mod report;
mod rows;
mod scaling;
mod table;
mod workloads;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use self::measuring::{Recovering, Replaying};
use self::report::Report;
use self::report::command::Output;
use self::workloads::Workloads;

/// What comes of measuring: anything may fail, and then the program says why and ends.
type Measured<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures the replay pipeline against the machine's limits, taken in the same run.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    common: Common,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
struct Common {
    /// The folder of the journals that are measured; those that are missing are made.
    #[arg(long, global = true, value_name = "FOLDER", default_value = "target/bench")]
    workloads: PathBuf,
    #[command(flatten)]
    output: Output,
    /// How many rounds there are, instead of the command's usual number.
    #[arg(long, global = true)]
    rounds: Option<usize>,
}

#[derive(Subcommand)]
enum Command {
    /// The table of figures: target, claim, and what is measured here.
    Table,
    /// Where the time of a replay goes, stage by stage.
    Profile(profile::Arguments),
    /// The data sets with a name: made where they are missing, replayed, and held to what is on record.
    Datasets(datasets::Arguments),
    /// Throughput and memory as one thing is varied.
    Scaling(scaling::Arguments),
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
    /// Whether this build is slower than it was.
    Gate(gate::Arguments),
    /// A few rounds of what the gate compares, which tell what they came to in JSON.
    #[command(hide = true)]
    Series(gate::Making),
    /// What other commands wrote as JSON, put together: as text, as a page with plots, as the README's table.
    Report(report::command::Arguments),
    /// One replay, which tells what it came to in JSON.
    #[command(hide = true)]
    One(Replaying),
    /// One recovery, which tells what it came to in JSON.
    #[command(hide = true)]
    OneRecovery(Recovering),
}

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("bench-harness: {error}");
        ExitCode::FAILURE
    })
}

fn run() -> Measured<ExitCode> {
    let Arguments { command, common } = Arguments::parse();
    let workloads = Workloads::new(common.workloads.clone());
    let rounds = |usual: usize| common.rounds.unwrap_or(usual).max(1);
    let mut report = Report::new();
    match command {
        Command::Table => table::measure(&workloads, rounds(table::ROUNDS), &mut report)?,
        Command::Profile(arguments) => {
            profile::measure(&arguments, &workloads, rounds(profile::ROUNDS), &mut report)?;
        }
        Command::Datasets(arguments) => datasets::check(&arguments, &workloads, &mut report)?,
        Command::Scaling(arguments) => {
            scaling::measure(&arguments, &workloads, rounds(scaling::ROUNDS), &mut report)?;
        }
        Command::Peers(arguments) => {
            peers::measure(&arguments, &workloads, rounds(peers::ROUNDS), &mut report)?;
        }
        Command::Payloads { journal, file } => {
            println!("{} records", peers::write_payloads(&journal, &file)?);
            return Ok(ExitCode::SUCCESS);
        }
        Command::OwnLoad { journal, folder } => {
            peers::load_own(&journal, &folder)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Kernels => {
            println!("{}", kernels::measure(rounds(7)).table());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Gate(arguments) => {
            let (code, found) = gate::run(arguments, &workloads)?;
            if let Some(path) = &common.output.json {
                std::fs::write(path, serde_json::to_string_pretty(&found)?)?;
            }
            return Ok(code);
        }
        Command::Series(making) => {
            println!("{}", serde_json::to_string(&making.here()?)?);
            return Ok(ExitCode::SUCCESS);
        }
        Command::OneRecovery(recovering) => {
            println!("{}", serde_json::to_string(&recovering.here()?)?);
            return Ok(ExitCode::SUCCESS);
        }
        Command::Report(arguments) => {
            arguments.carry_out(&common.output)?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::One(replaying) => {
            println!("{}", serde_json::to_string(&replaying.here()?)?);
            return Ok(ExitCode::SUCCESS);
        }
    }
    report.note_command(&report::this_command());
    print!("{}", report::text::of(&report));
    common.output.write(&report)?;
    Ok(ExitCode::SUCCESS)
}
