//! `receipt`: checks what a validated replay left behind.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::journal::Journal;
use vexfs_replay::receipt::{Checked, Depth, Receipt, SegmentVerdict, check};

use super::exit::{Exit, HELP};
use super::io_error;
use super::output::{Report, facts, grouped};

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum ReceiptVerb {
    /// Check that a receipt still holds: that the journal is what it was. Reads only segments whose
    /// file has changed.
    #[command(after_help = HELP)]
    Check(CheckArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArguments {
    /// The receipt's file.
    receipt: PathBuf,
    /// The journal: a folder of segments, or one segment's file.
    journal: PathBuf,
    /// Read all segments again, also those whose file has the length and time of change that it had.
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(verb: &ReceiptVerb) -> Result<Report, Error> {
    let ReceiptVerb::Check(arguments) = verb;
    let path = &arguments.receipt;
    let json = fs::read(path).map_err(io_error("read", path))?;
    let receipt = Receipt::parse(&json)?;
    let journal = Journal::open_path(&arguments.journal)?;
    let depth = if arguments.all { Depth::All } else { Depth::Changed };
    let checked = check(&receipt, &journal, depth)?;
    let exit = if checked.holds { Exit::Clean } else { Exit::Differs };
    let mut json = json!(checked);
    json["state_digest"] = json!(hex::encode(receipt.state_digest));
    json["last_lsn"] = json!(receipt.last_lsn);
    Ok(Report { exit, json, text: facts(&rows(&receipt, &checked)) })
}

fn rows(receipt: &Receipt, checked: &Checked) -> Vec<(&'static str, String)> {
    let holds = if checked.holds { "yes" } else { "no" };
    let of = |wanted: fn(&SegmentVerdict) -> bool| {
        checked.segments.iter().filter(|it| wanted(&it.verdict)).count()
    };
    let unchanged = of(|verdict| *verdict == SegmentVerdict::Unchanged);
    let same = of(|verdict| *verdict == SegmentVerdict::Same);
    let read = format!(
        "{unchanged} unchanged and not read, {same} read again ({} bytes) and the same",
        grouped(checked.bytes_read),
    );
    let mut rows = vec![
        ("holds", holds.to_owned()),
        ("speaks of", format!("LSN 1 to {}", grouped(receipt.last_lsn))),
        ("state digest", hex::encode(receipt.state_digest)),
        ("segments", read),
    ];
    rows.extend(checked.segments.iter().filter_map(|it| match &it.verdict {
        SegmentVerdict::Differs { reason } => {
            Some(("differs", format!("segment {}: {reason}", it.segment)))
        }
        _ => None,
    }));
    if checked.journal_goes_on {
        rows.push(("since then", "the journal has gone on; that is not spoken of".to_owned()));
    }
    rows
}
