//! `kernel-journal`: looks at a block journal of the kernel module, and redoes it into an image.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::block_journal::{
    Damage, Ending, JournalAfter, Place, RedoOptions, Redone, Survey, Warning, redo, survey,
};

use super::exit::{Exit, HELP};
use super::output::{Report, facts, grouped};

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum KernelJournalVerb {
    /// Show what a block journal holds, where it ends and why. Changes nothing.
    #[command(after_help = HELP)]
    Inspect(InspectArguments),
    /// Write what the journal has committed into the image that it serves.
    ///
    /// It can be killed at any moment and run again. A damaged journal writes nothing.
    #[command(after_help = HELP)]
    Redo(RedoArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct InspectArguments {
    /// The journal's file.
    journal: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RedoArguments {
    /// The journal's file.
    journal: PathBuf,
    /// The image that it serves: a regular file.
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// The last sequence that takes effect; what stands behind it stays in the journal.
    #[arg(long, value_name = "N")]
    until_sequence: Option<u64>,
    /// Leave the journal as it is: another redo does the same again.
    #[arg(long)]
    keep_journal: bool,
}

pub(crate) fn run(verb: &KernelJournalVerb) -> Result<Report, Error> {
    match verb {
        KernelJournalVerb::Inspect(arguments) => {
            let seen = survey(&Place::on_disk(&arguments.journal)?)?;
            Ok(inspected(&seen))
        }
        KernelJournalVerb::Redo(arguments) => redone(arguments),
    }
}

fn inspected(seen: &Survey) -> Report {
    let exit = match seen.ending {
        Ending::Clean => Exit::Clean,
        Ending::Torn(_) => Exit::TornTail,
        Ending::Damaged(_) => Exit::Refused,
    };
    let json = json!({
        "journal": seen.path.to_string_lossy(),
        "superblock": superblock_json(seen),
        "transactions": seen.transactions,
        "revocations": seen.revocations,
        "first_sequence": seen.first_sequence(),
        "proven_sequence": seen.proven_sequence,
        "end": seen.end,
        "blocks_used": seen.blocks_used(),
        "ending": ending_json(seen.ending),
        "warnings": seen.warnings,
    });
    let superblock = &seen.superblock;
    let used = (grouped(seen.blocks_used()), grouped(superblock.log_blocks()));
    let mut rows = vec![
        ("journal", seen.path.display().to_string()),
        (
            "log",
            format!("{} of {} blocks, from {} to {}", used.0, used.1, superblock.tail, seen.end),
        ),
        ("committed", grouped(seen.committed().count() as u64)),
        ("transactions", grouped(seen.transactions.len() as u64)),
        ("revocations", grouped(seen.revocations.len() as u64)),
        ("proven", format!("up to sequence {}", seen.proven_sequence)),
        ("end", ending_text(seen.ending)),
    ];
    rows.extend(warning_rows(&seen.warnings));
    Report { exit, json, text: facts(&rows) }
}

fn superblock_json(seen: &Survey) -> Value {
    let it = &seen.superblock;
    json!({
        "major": it.major,
        "minor": it.minor,
        "flags": it.flags,
        "start_block": it.start_block,
        "total_blocks": it.total_blocks,
        "max_transaction_blocks": it.max_transaction_blocks,
        "head": it.head,
        "tail": it.tail,
        "sequence": it.sequence,
        "commit_sequence": it.commit_sequence,
        "total_commits": it.total_commits,
        "total_aborts": it.total_aborts,
        "recovery_count": it.recovery_count,
        "last_recovery_ns": it.last_recovery_ns,
    })
}

fn redone(arguments: &RedoArguments) -> Result<Report, Error> {
    let journal = Place::on_disk(&arguments.journal)?;
    let image = Place::on_disk(&arguments.image)?;
    let after =
        if arguments.keep_journal { JournalAfter::Untouched } else { JournalAfter::Advanced };
    let until_sequence = arguments.until_sequence;
    let options = RedoOptions { until_sequence, journal: after, ..RedoOptions::default() };
    let done = redo(&journal, &image, &options)?;
    let exit = if done.torn.is_some() { Exit::TornTail } else { Exit::Clean };
    let plan = &done.plan;
    let json = json!({
        "journal": journal.path().to_string_lossy(),
        "image": image.path().to_string_lossy(),
        "redone": plan.redone,
        "aborted": plan.aborted,
        "unfinished": plan.unfinished,
        "not_reached": plan.not_reached,
        "blocks_written": done.blocks_written,
        "blocks_revoked": plan.blocks_revoked,
        "proven_sequence": done.proven_sequence,
        "journal_changed": plan.superblock.is_some(),
        "torn": done.torn.map(damage_json),
        "damage_behind": done.damage_behind.map(damage_json),
        "warnings": done.warnings,
    });
    Ok(Report { exit, json, text: facts(&redone_rows(&done)) })
}

fn redone_rows(done: &Redone) -> Vec<(&'static str, String)> {
    let plan = &done.plan;
    let mut rows = vec![
        ("redone", format!("{} transactions", grouped(plan.redone.len() as u64))),
        ("aborted", grouped(plan.aborted.len() as u64)),
        ("written", format!("{} blocks", grouped(done.blocks_written))),
        ("revoked", format!("{} blocks", grouped(plan.blocks_revoked))),
        ("proven", format!("up to sequence {}", done.proven_sequence)),
    ];
    if !plan.not_reached.is_empty() {
        let text = format!("{} transactions, not redone", grouped(plan.not_reached.len() as u64));
        rows.push(("behind", text));
    }
    if let Some(torn) = done.torn {
        rows.push(("torn tail", format!("dropped: {torn}")));
    }
    if let Some(damage) = done.damage_behind {
        rows.push(("damage", format!("behind what was asked for: {damage}")));
    }
    let journal = if plan.superblock.is_some() { "its tail went on" } else { "as it was" };
    rows.push(("journal", journal.to_owned()));
    rows.extend(warning_rows(&done.warnings));
    rows
}

fn ending_json(ending: Ending) -> Value {
    match ending {
        Ending::Clean => json!({ "kind": "clean" }),
        Ending::Torn(damage) => json!({ "kind": "torn", "damage": damage_json(damage) }),
        Ending::Damaged(damage) => json!({ "kind": "damaged", "damage": damage_json(damage) }),
    }
}

fn damage_json(damage: Damage) -> Value {
    let mut json = json!(damage);
    json["offset"] = json!(damage.offset());
    json["message"] = json!(damage.to_string());
    json
}

fn ending_text(ending: Ending) -> String {
    match ending {
        Ending::Clean => "clean".to_owned(),
        Ending::Torn(damage) => format!("a torn tail: {damage}"),
        Ending::Damaged(damage) => format!("DAMAGED: {damage}"),
    }
}

fn warning_rows(warnings: &[Warning]) -> Vec<(&'static str, String)> {
    warnings.iter().map(|warning| ("warning", warning.to_string())).collect()
}
