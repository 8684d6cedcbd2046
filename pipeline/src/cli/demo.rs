//! `demo`: makes the 1M dataset, tears its tail as a crash would, verifies and replays it, and sets
//! the figures beside those that VexFS claims for its earlier recovery.
//!
//! Each step is this program run anew with `--json`, so that the figures are those of the step
//! alone, and anyone can repeat them. Then it breaks a system of two journals, and mends it.

mod two_journals;

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use clap::Args;
use comfy_table::Table;
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::journal::layout::PAGE_BYTES;

use super::exit::Exit;
use super::output::{Report, grouped};
use super::pass::interruption;

#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArguments {
    /// Where the journal is made, and left; a temporary folder that is taken away when not given.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// The recipe; see `generate`.
    #[arg(long, default_value = "1M")]
    recipe: String,
}

pub(crate) fn run(arguments: &DemoArguments) -> Result<Report, Error> {
    // An interrupt reaches the step at hand as well, which ends; then what was made is taken away.
    let interrupted = interruption();
    make_and_show(arguments).map_err(|error| match interrupted.load(Ordering::Relaxed) {
        true => Error::Cancelled,
        false => error,
    })
}

fn make_and_show(arguments: &DemoArguments) -> Result<Report, Error> {
    let Some(journal) = &arguments.journal else {
        let name = format!("vexfs-replay-demo-{}", std::process::id());
        let journal = std::env::temp_dir().join(name);
        let report = show(&journal, &arguments.recipe);
        let removed = fs::remove_dir_all(&journal);
        let report = report?;
        removed.map_err(|source| failed("remove", &journal, source))?;
        return Ok(report);
    };
    show(journal, &arguments.recipe)
}

fn failed(operation: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { operation, path: path.to_owned(), offset: None, source }
}

fn show(journal: &Path, recipe: &str) -> Result<Report, Error> {
    let made = step(&["generate", "--recipe", recipe], journal, Exit::Clean)?;
    let torn_bytes = tear(journal)?;
    eprintln!("tore {torn_bytes} bytes off its end, as a crash would");
    let verified = step(&["verify"], journal, Exit::TornTail)?;
    let replayed = step(&["replay"], journal, Exit::TornTail)?;
    let again = step(&["replay", "--threads", "1"], journal, Exit::TornTail)?;
    let same = replayed["state_digest"] == again["state_digest"];
    let exit = if same { Exit::Clean } else { Exit::Differs };
    let (mended, told) = two_journals::show(&journal.with_extension("system"))?;
    let text = table(&verified, &replayed, same) + &told;
    let json = json!({
        "generate": made,
        "torn_bytes": torn_bytes,
        "verify": verified,
        "replay": replayed,
        "replay_on_one_thread": again,
        "two_journals": mended,
    });
    Ok(Report { exit, json, text: text.into_bytes() })
}

/// Runs one step, which must end with the code expected, and gives its result.
fn step(verb: &[&str], journal: &Path, expected: Exit) -> Result<Value, Error> {
    let path = journal.to_string_lossy();
    let arguments: Vec<&str> = verb.iter().copied().chain([path.as_ref()]).collect();
    run_step(&arguments, expected)
}

fn run_step(arguments: &[&str], expected: Exit) -> Result<Value, Error> {
    eprintln!("vexfs-replay-pipe {}", arguments.join(" "));
    let program =
        std::env::current_exe().map_err(|error| failed("find", Path::new("itself"), error))?;
    let mut command = Command::new(&program);
    command.args(arguments).arg("--json").stderr(Stdio::inherit());
    let output = command.output().map_err(|error| failed("run", &program, error))?;
    let code = output.status.code();
    let result = serde_json::from_slice(&output.stdout).map_err(io::Error::other);
    let result: Value = result.map_err(|error| failed("read the result of", &program, error))?;
    if code == Some(i32::from(expected as u8)) {
        return Ok(result);
    }
    let text =
        format!("{} ended with {code:?} where {expected:?} was expected", arguments.join(" "));
    Err(failed("run", &program, io::Error::other(text)))
}

/// Cuts the newest segment off in the middle of its last block, seal and all, as if the writer had
/// died while it wrote it. Gives how many bytes that were.
fn tear(journal: &Path) -> Result<u64, Error> {
    let opened = vexfs_replay::journal::Journal::open_path(journal)?;
    let Some(newest) = opened.segments.last() else { return Ok(0) };
    let blocks_end = newest.trailer.map_or(newest.file_bytes, |trailer| trailer.seal_offset);
    let cut = blocks_end.saturating_sub(PAGE_BYTES as u64 + 512);
    let path = &newest.path;
    let file = OpenOptions::new().write(true).open(path);
    let file = file.map_err(|error| failed("open", path, error))?;
    file.set_len(cut).map_err(|error| failed("cut", path, error))?;
    Ok(newest.file_bytes - cut)
}

fn table(verified: &Value, replayed: &Value, same: bool) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let events = replayed["events"].as_u64().unwrap_or(0);
    let blocks = number(&verified["blocks"]);
    let per_block_us = number(&verified["seconds"]) * 1e6 / blocks;
    let peak = number(&replayed["peak_memory_bytes"]) / 1e6;
    let mut table = Table::new();
    table.set_header(["measure", "VexFS claims", "here"]);
    let rows = [
        (
            "recovery initiation",
            "15-45 ms",
            format!("{:.1} ms", number(&replayed["initiation_seconds"]) * 1e3),
        ),
        (
            "replay throughput, every byte SHA-256-verified",
            "8,500-12,000 events/s",
            format!("{:.2} M events/s", number(&replayed["events_per_second"]) / 1e6),
        ),
        (
            "1 M events recovered",
            "6-8 s",
            format!("{:.3} s for {}", number(&replayed["seconds"]), grouped(events)),
        ),
        ("peak memory, state included", "120-180 MB", format!("{peak:.0} MB")),
        ("integrity, per journal block", "0.3-0.8 ms", format!("{:.4} ms", per_block_us / 1e3)),
    ];
    for (measure, claimed, here) in rows {
        table.add_row([measure, claimed, &here]);
    }
    let verdict = if same { "equal" } else { "DIFFERENT" };
    let digest = replayed["state_digest"].as_str().unwrap_or("none");
    let end = &replayed["end"];
    format!(
        "{table}\nthe torn tail was dropped; the journal is intact up to LSN {}\n\
         state digest {digest}\nstate digests on all threads and on one: {verdict}\n",
        end["lsn"],
    )
}
