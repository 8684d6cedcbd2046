//! `scan`: verifies every journal at or under a folder, and prints a row for each and the sums.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::scan::{Finding, Gravity, ScanOptions, ScanReport, Scanned, Verdict, scan};

use super::backend::{add_hashing, offload_rows};
use super::exit::Exit;
use super::output::{Report, facts, grouped};
use super::pass::CheckArguments;
use super::progress::Shown;
use super::record::quote_path;

#[derive(Args, Clone, Debug)]
pub(crate) struct ScanArguments {
    /// The folder: it, or what lies under it, holds journals. Links are not followed.
    folder: PathBuf,
    #[command(flatten)]
    check: CheckArguments,
}

pub(crate) fn run(arguments: &ScanArguments) -> Result<Report, Error> {
    let options = ScanOptions { replay: arguments.check.options_of_looking() };
    let mut shown = Shown::new("scan", arguments.check.progress);
    let report = scan(&arguments.folder, &options, &mut |now| shown.show(now))?;
    drop(shown);
    let told = [rows(&report), offload_rows(&options.replay)].concat();
    let text = [table(&report).into_bytes(), facts(&told)].concat();
    let mut json = json!(report);
    add_hashing(&options.replay, &mut json);
    Ok(Report { exit: exit_of(&report), json, text })
}

fn exit_of(report: &ScanReport) -> Exit {
    if !report.complete {
        return Exit::Interrupted;
    }
    match report.gravest() {
        Gravity::Clean | Gravity::Locked => Exit::Clean,
        Gravity::TornTail => Exit::TornTail,
        Gravity::UnknownFormat | Gravity::Damaged | Gravity::NoJournal => Exit::Refused,
        Gravity::Storage => Exit::InputOutput,
        Gravity::Program => Exit::Internal,
    }
}

/// A row for each journal.
fn table(report: &ScanReport) -> String {
    let mut table = comfy_table::Table::new();
    table.set_header(["journal", "verdict", "head LSN", "events", "bytes"]);
    for Scanned { path, finding, .. } in &report.journals {
        let number = |number: Option<u64>| number.map_or("unknown".to_owned(), grouped);
        let counts = finding.counts.as_ref();
        table.add_row([
            quote_path(path.as_bytes()),
            in_words(finding),
            number(counts.map(|it| it.head_lsn)),
            number(counts.map(|it| it.events)),
            number(counts.map(|it| it.bytes)),
        ]);
    }
    format!("{table}\n")
}

fn in_words(finding: &Finding) -> String {
    let name = finding.verdict.gravity().name();
    let text = match &finding.verdict {
        Verdict::Damaged { ranges, contradictions, .. } => {
            let counted = [(*ranges, "range"), (*contradictions, "contradiction")];
            format!("{name}: {}", in_numbers(counted))
        }
        Verdict::Unreadable { .. }
        | Verdict::Clean
        | Verdict::Locked
        | Verdict::TornTail { .. }
        | Verdict::UnknownFormat { .. } => name.to_owned(),
    };
    match &finding.holder {
        Some(holder) => format!("{text} ({})", quote_path(holder.as_bytes())),
        None => text,
    }
}

/// How many there are of each thing, where there are any.
fn in_numbers<const N: usize>(counted: [(u64, &str); N]) -> String {
    let counted = counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{} {what}{plural}", grouped(count))
    });
    counted.collect::<Vec<String>>().join(", ")
}

/// What more is told of journals that aren't clean, what wasn't looked into, and the sums.
fn rows(report: &ScanReport) -> Vec<(&'static str, String)> {
    let totals = &report.totals;
    let told = report.journals.iter().filter_map(|it| {
        let detail = it.finding.verdict.detail()?;
        let (path, detail) = (quote_path(it.path.as_bytes()), quote_path(detail.as_bytes()));
        Some((it.finding.verdict.gravity().short(), format!("{path}: {detail}")))
    });
    let left_out = report.left_out.iter().map(|it| {
        ("not looked into", format!("{}: {}", quote_path(it.path.as_bytes()), it.because.name()))
    });
    let counted = [
        (totals.clean, "clean"),
        (totals.locked, "locked by a living writer"),
        (totals.torn_tail, "with a torn tail"),
        (totals.unknown_format, "of an unknown format"),
        (totals.damaged, "damaged"),
        (totals.unreadable, "unreadable"),
    ];
    let counted = counted.into_iter().filter(|(count, _)| *count > 0);
    let counted: Vec<String> =
        counted.map(|(count, what)| format!("{} {what}", grouped(count))).collect();
    let counted = if counted.is_empty() { "none".to_owned() } else { counted.join(", ") };
    let incomplete = (!report.complete).then(|| {
        let (looked, found) = (grouped(totals.journals), grouped(report.found));
        ("incomplete", format!("interrupted: {looked} of {found} journals found were looked at"))
    });
    let sums = [
        ("journals", format!("{}: {counted}", grouped(totals.journals))),
        ("events", grouped(totals.events)),
        ("bytes", grouped(totals.bytes)),
        ("rate", format!("{:.1} MB/s", report.bytes_per_second / 1e6)),
        ("time", format!("{:.3} s, {} validation", report.seconds, report.validation.name())),
    ];
    told.chain(left_out).chain(incomplete).chain(sums).collect()
}
