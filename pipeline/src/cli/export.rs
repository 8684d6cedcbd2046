//! `export`: turns a journal into something else.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::export::{SemjExportOptions, SemjExported, export_semj};
use vexfs_replay::journal::{EndKind, Journal, Validation};
use vexfs_replay::replay::{Control, DamagePolicy, Findings};

use super::exit::{Exit, HELP};
use super::output::{Report, facts, grouped};
use super::pass::interruption;
use super::progress::{ProgressArgument, Shown};
use super::running::place_of;

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum ExportVerb {
    /// To a kernel's semantic journal, in the layout "SEMJ": every event that the journal proves.
    #[command(after_help = HELP)]
    Semj(SemjArguments),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ValidationArgument {
    Full,
    Cryptographic,
}

/// What is done about damage; there is no way past it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum DamageArgument {
    Strict,
    Tail,
    Prefix,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SemjArguments {
    /// The journal: a folder of segments, or one segment's file. It is not touched.
    journal: PathBuf,
    /// The file, written over an old one of that name once all of it is there.
    file: PathBuf,
    /// How much is proven of an event before it is exported.
    #[arg(long, value_enum, default_value = "cryptographic")]
    validation: ValidationArgument,
    /// What is done about damage. Prefix exports what lies before it, and says what is lost.
    #[arg(long, value_enum, default_value = "tail")]
    damage: DamageArgument,
    /// How progress is shown, on stderr.
    #[arg(long, value_enum, default_value = "auto")]
    progress: ProgressArgument,
}

impl SemjArguments {
    fn options(&self) -> SemjExportOptions {
        SemjExportOptions {
            validation: match self.validation {
                ValidationArgument::Full => Validation::Full,
                ValidationArgument::Cryptographic => Validation::Cryptographic,
            },
            damage: match self.damage {
                DamageArgument::Strict => DamagePolicy::Strict,
                DamageArgument::Tail => DamagePolicy::Tail,
                DamageArgument::Prefix => DamagePolicy::Prefix,
            },
            control: Control::with_flag(interruption()),
        }
    }
}

pub(crate) fn run(verb: &ExportVerb) -> Result<Report, Error> {
    let ExportVerb::Semj(arguments) = verb;
    let started = Instant::now();
    let journal = Journal::open_path(&arguments.journal)?;
    let (folder, name) = place_of(&arguments.file, "file")?;
    let mut shown = Shown::new("export", arguments.progress);
    let place = (folder.as_ref(), name);
    let exported = export_semj(&journal, place, &arguments.options(), &mut |now| shown.show(now))?;
    drop(shown);
    let seconds = started.elapsed().as_secs_f64();
    let SemjExported { events, foreign, verbatim, bytes, findings } = exported;
    let json = json!({
        "journal": arguments.journal.to_string_lossy(),
        "file": arguments.file.to_string_lossy(),
        "events": events,
        "foreign": foreign,
        "verbatim": verbatim,
        "bytes": bytes,
        "end": { "kind": findings.end.kind, "tail": findings.end.tail },
        "damages": findings.damages,
        "seconds": seconds,
    });
    let mut rows = vec![
        ("file", arguments.file.display().to_string()),
        ("events", grouped(events)),
        ("bytes", grouped(bytes)),
    ];
    rows.extend(findings.end.tail.as_ref().map(|tail| ("left out", tail.to_string())));
    rows.extend(findings.damages.iter().map(|damage| ("damage", damage.to_string())));
    rows.push(("time", format!("{seconds:.2} s")));
    Ok(Report { exit: exit_of(&findings), json, text: facts(&rows) })
}

fn exit_of(findings: &Findings) -> Exit {
    match (findings.damages.is_empty(), findings.end.kind) {
        (false, _) => Exit::Loss,
        (true, EndKind::TornTail) => Exit::TornTail,
        (true, _) => Exit::Clean,
    }
}
