//! The command line: parses, calls the library, prints. It decides nothing itself.

mod backend;
mod checkpoint;
mod choice;
mod coordinate;
mod demo;
mod exit;
mod export;
mod generate;
mod import;
mod inspect;
mod kernel_journal;
mod key;
mod outcome;
mod output;
mod pass;
mod progress;
mod receipt;
mod record;
mod recover;
mod recovered;
mod replay;
mod running;
mod salvage;
mod scan;
mod seal;
mod selection;
mod state;
mod store;
mod trust;
mod verify;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use tracing_subscriber::fmt::format::FmtSpan;
use vexfs_replay::Error;

use self::exit::Exit;
use self::output::Report;

/// Crash recovery for journals: proves what is intact, drops what was never committed, and
/// rebuilds the state on all cores.
#[derive(Parser, Debug)]
#[command(name = "vexfs-replay-pipe", version, after_help = exit::HELP)]
struct Arguments {
    /// Print one JSON object on stdout.
    #[arg(long, global = true)]
    json: bool,
    /// Tell on stderr what is done and how long each part takes.
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<tracing_subscriber::filter::LevelFilter>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make the 1M dataset, tear its tail, verify and replay it, and show the figures.
    #[command(after_help = exit::HELP)]
    Demo(demo::DemoArguments),
    /// Turn a journal into something that other programs read.
    #[command(subcommand, after_help = exit::HELP)]
    Export(export::ExportVerb),
    /// Write a seeded synthetic journal.
    #[command(after_help = exit::HELP)]
    Generate(generate::GenerateArguments),
    /// Turn something else into a journal.
    #[command(subcommand, after_help = exit::HELP)]
    Import(import::ImportVerb),
    /// Show a journal's segments, blocks or events, one JSON object a line.
    #[command(after_help = exit::HELP)]
    Inspect(inspect::InspectArguments),
    /// Look at a block journal of the VexFS kernel module, and redo it into an image.
    #[command(subcommand, after_help = exit::HELP)]
    KernelJournal(kernel_journal::KernelJournalVerb),
    /// Make and show the keys that sign journals.
    #[command(subcommand, after_help = exit::HELP)]
    Key(key::KeyVerb),
    /// Sign all that a journal holds.
    ///
    /// `verify --trust` tells later what was done to it since.
    #[command(after_help = exit::HELP)]
    Seal(seal::SealArguments),
    /// Say where a journal ends and why, and list every damaged range.
    ///
    /// With a trusted key it also says whether the journal is what was signed.
    #[command(after_help = exit::HELP)]
    Verify(verify::VerifyArguments),
    /// Verify every journal at or under a folder, and report on all of them.
    ///
    /// It changes nothing, and no journal ends it. The exit code is that of the gravest verdict; `verify`
    /// tells more of a single journal.
    #[command(after_help = exit::HELP)]
    Scan(scan::ScanArguments),
    /// Check the receipt of a validated replay.
    #[command(subcommand, after_help = exit::HELP)]
    Receipt(receipt::ReceiptVerb),
    /// Rebuild the state, in memory or in a store; print a summary and the state's digest.
    #[command(after_help = exit::HELP)]
    Replay(replay::ReplayVerb),
    /// Bring a journal's state back after a crash, and say what is lost.
    ///
    /// Finds out what happened, chooses the way, and falls back where it must.
    #[command(after_help = exit::HELP)]
    Recover(recover::RecoverArguments),
    /// Bring several journals, and what follows them, to one consistent cut after a crash.
    #[command(subcommand, after_help = exit::HELP)]
    Coordinate(coordinate::CoordinateVerb),
    /// Write a new, valid journal out of a damaged one, and say what was left out and why.
    #[command(after_help = exit::HELP)]
    Salvage(salvage::SalvageArguments),
    /// Look after the checkpoints of a journal.
    #[command(subcommand, after_help = exit::HELP)]
    Checkpoint(checkpoint::CheckpointVerb),
    /// Show the state that a store holds, or that a journal leads to.
    #[command(subcommand, after_help = exit::HELP)]
    State(state::StateVerb),
}

impl Verb {
    fn name(&self) -> &'static str {
        match self {
            Self::Checkpoint(_) => "checkpoint",
            Self::Coordinate(_) => "coordinate",
            Self::Demo(_) => "demo",
            Self::Export(_) => "export",
            Self::Generate(_) => "generate",
            Self::Import(_) => "import",
            Self::Inspect(_) => "inspect",
            Self::KernelJournal(_) => "kernel-journal",
            Self::Key(_) => "key",
            Self::Verify(_) => "verify",
            Self::Receipt(_) => "receipt",
            Self::Recover(_) => "recover",
            Self::Replay(_) => "replay",
            Self::Scan(_) => "scan",
            Self::Seal(_) => "seal",
            Self::Salvage(_) => "salvage",
            Self::State(_) => "state",
        }
    }

    /// Runs the verb; gives what is still to be printed.
    fn run(&self, json: bool) -> Result<Outcome, Error> {
        let report = match self {
            Self::Checkpoint(verb) => checkpoint::run(verb),
            Self::Coordinate(verb) => coordinate::run(verb),
            Self::Demo(arguments) => demo::run(arguments),
            Self::Export(verb) => export::run(verb),
            Self::Generate(arguments) => generate::run(arguments),
            Self::Import(verb) => import::run(verb),
            Self::Inspect(arguments) => {
                return inspect::run(arguments, json).map(Outcome::Printed);
            }
            Self::State(verb) => return state::run(verb, json),
            Self::KernelJournal(verb) => kernel_journal::run(verb),
            Self::Key(verb) => key::run(verb),
            Self::Seal(arguments) => seal::run(arguments),
            Self::Verify(arguments) => verify::run(arguments),
            Self::Receipt(verb) => receipt::run(verb),
            Self::Recover(arguments) => recover::run(arguments),
            Self::Replay(arguments) => replay::run(arguments),
            Self::Salvage(arguments) => salvage::run(arguments),
            Self::Scan(arguments) => scan::run(arguments),
        };
        report.map(Outcome::Report)
    }
}

/// What a verb leaves to do.
enum Outcome {
    /// To print this.
    Report(Report),
    /// Nothing but to exit: it has printed its rows itself.
    Printed(Exit),
}

/// Runs the command line; the result is the process's exit code.
pub(crate) fn run() -> ExitCode {
    let Arguments { json, log, verb } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => return refuse(&refusal),
    };
    if let Some(level) = log {
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(io::stderr)
            .init();
    }
    let report = match verb.run(json) {
        Ok(Outcome::Printed(exit)) => return ExitCode::from(exit as u8),
        Ok(Outcome::Report(report)) => report,
        Err(error) => {
            complain(&error);
            Report { exit: Exit::of(&error), json: output::error_json(&error), text: Vec::new() }
        }
    };
    if (json || !report.text.is_empty())
        && let Err(error) = output::print(Some(verb.name()), json, &report)
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        complain(&error);
        return ExitCode::from(Exit::InputOutput as u8);
    }
    ExitCode::from(report.exit as u8)
}

/// Says what is wrong with the arguments, or prints the help that they ask for. Who asked for JSON
/// gets it here, too.
fn refuse(refusal: &clap::Error) -> ExitCode {
    let mut given = std::env::args_os();
    if !refusal.use_stderr() || !given.any(|argument| argument == "--json") {
        refusal.exit()
    }
    let known = Arguments::command();
    let is_verb = |argument: &String| known.find_subcommand(argument).is_some();
    let verb = std::env::args_os().filter_map(|it| it.into_string().ok()).skip(1).find(is_verb);
    let (exit, json) = (Exit::Usage, output::refusal_json(refusal));
    // The exit code says the same, where nobody reads either of these.
    let _ = refusal.print();
    let _ = output::print(verb.as_deref(), true, &Report { exit, json, text: Vec::new() });
    ExitCode::from(exit as u8)
}

/// What a failure of storage is as an error of the library: what was tried, and where.
fn io_error(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { operation, path: path.to_owned(), offset: None, source }
}

/// The folder in which the file of an option is, and its name there.
fn split_path<'p>(path: &'p Path, option: &'static str) -> Result<(&'p Path, &'p str), Error> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::InvalidOption {
        option,
        reason: format!("{} names no file, or its name is no text", path.display()),
    })?;
    if vexfs_replay::journal::segment::number_of(name).is_some() {
        let reason = format!("{} is named as a segment of a journal is", path.display());
        return Err(Error::InvalidOption { option, reason });
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((parent.unwrap_or(Path::new(".")), name))
}

fn complain(error: &dyn std::error::Error) {
    match error.source() {
        Some(cause) => eprintln!("vexfs-replay-pipe: {error}: {cause}"),
        None => eprintln!("vexfs-replay-pipe: {error}"),
    }
}
