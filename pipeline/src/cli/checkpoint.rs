//! `checkpoint`: looks after a folder of checkpoints.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::checkpoint::{
    Catalogue, CheckpointFile, CheckpointPolicy, Entry, Kind, merge, prune,
};
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, ReplayOptions, StopPoint, replay_serially,
};
use vexfs_replay::storage;

use super::exit::{Exit, HELP};
use super::outcome::{exit_of, outcome_json};
use super::output::{Report, facts, grouped};
use super::pass::{PassArguments, create_folder};
use super::running::replay_journal;

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum CheckpointVerb {
    /// List the checkpoints of a folder, newest first.
    #[command(after_help = HELP)]
    List(FolderArguments),
    /// Show all that one checkpoint says of itself.
    #[command(after_help = HELP)]
    Show(OneArguments),
    /// Check every checkpoint of a folder: its seal, what it builds on, the state that it leads to.
    #[command(after_help = HELP)]
    Verify(VerifyArguments),
    /// Replay a journal, and save the state that it leads to.
    #[command(after_help = HELP)]
    Create(CreateArguments),
    /// Turn a checkpoint and all that it builds on into one file in another folder.
    #[command(after_help = HELP)]
    Restore(RestoreArguments),
    /// Take old checkpoints away. What others build on stays.
    #[command(after_help = HELP)]
    Prune(PruneArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct FolderArguments {
    /// The folder of checkpoints.
    folder: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct OneArguments {
    /// The folder of checkpoints.
    folder: PathBuf,
    /// The checkpoint with this watermark; the newest one when not given.
    #[arg(long, value_name = "LSN")]
    lsn: Option<u64>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArguments {
    /// The folder of checkpoints.
    folder: PathBuf,
    /// Also replay this journal, event by event, up to each watermark, and compare the states.
    #[arg(long)]
    journal: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CreateArguments {
    #[command(flatten)]
    pass: PassArguments,
    /// The folder of checkpoints; it is made where it isn't there.
    folder: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RestoreArguments {
    #[command(flatten)]
    one: OneArguments,
    /// The other folder; it is made where it isn't there.
    output: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct PruneArguments {
    /// The folder of checkpoints.
    folder: PathBuf,
    /// How many checkpoints are kept, beside those that they build on.
    #[arg(long, value_name = "N", default_value = "2")]
    keep: NonZero<usize>,
}

pub(crate) fn run(verb: &CheckpointVerb) -> Result<Report, Error> {
    match verb {
        CheckpointVerb::List(it) => list(&it.folder),
        CheckpointVerb::Show(it) => show(it),
        CheckpointVerb::Verify(it) => verify(it),
        CheckpointVerb::Create(it) => create(it),
        CheckpointVerb::Restore(it) => restore(it),
        CheckpointVerb::Prune(it) => take_away(it),
    }
}

/// Opens a folder that must be there.
fn catalogue(path: &Path) -> Result<Catalogue, Error> {
    if !path.is_dir() {
        let reason = format!("{} is not a folder", path.display());
        return Err(Error::InvalidOption { option: "folder", reason });
    }
    Catalogue::open(create_folder(path)?)
}

fn find(catalogue: &Catalogue, lsn: Option<u64>) -> Result<&CheckpointFile, Error> {
    let found = catalogue.find(lsn);
    found.ok_or_else(|| Error::NoCheckpoint {
        path: catalogue.folder.path(""),
        passed_over: Vec::new(),
    })
}

fn entry_json(entry: &Entry) -> Value {
    match &entry.file {
        Ok(file) => file_json(file),
        Err(fault) => json!({ "checkpoint": entry.name, "fault": fault }),
    }
}

fn file_json(file: &CheckpointFile) -> Value {
    let header = &file.header;
    let parent = (file.kind == Kind::Delta).then(|| hex::encode(header.parent_digest));
    json!({
        "checkpoint": file.name,
        "kind": file.kind,
        "journal_id": hex::encode(header.journal_id),
        "watermark": header.watermark_lsn,
        "restart_lsn": header.restart_lsn,
        "format": [header.major, header.minor],
        "validation": file.validation,
        "created_ns": header.created_ns,
        "bytes": file.file_bytes,
        "records": file.records(),
        "seal": hex::encode(file.trailer.digest),
        "state_digest": file.state_digest().map(hex::encode),
        "parent_lsn": parent.as_ref().map(|_| header.parent_lsn),
        "parent_seal": parent,
    })
}

fn list(folder: &Path) -> Result<Report, Error> {
    let catalogue = catalogue(folder)?;
    let listed: Vec<Value> = catalogue.entries.iter().map(entry_json).collect();
    let line = |entry: &Entry| match &entry.file {
        Ok(file) => format!(
            "{}  LSN {}, {}, {} records, {:.1} MB, {}\n",
            entry.name,
            grouped(entry.watermark),
            file.kind.name(),
            grouped(file.records()),
            file.file_bytes as f64 / 1e6,
            file.validation.name(),
        ),
        Err(fault) => format!("{}  not usable: {fault}\n", entry.name),
    };
    let text = catalogue.entries.iter().map(line).collect::<String>();
    Ok(Report { exit: Exit::Clean, json: json!({ "checkpoints": listed }), text: text.into() })
}

fn show(arguments: &OneArguments) -> Result<Report, Error> {
    let catalogue = catalogue(&arguments.folder)?;
    let file = find(&catalogue, arguments.lsn)?;
    let chain = catalogue
        .chain(file)
        .map(|chain| chain.iter().map(|file| file.name.clone()).collect::<Vec<String>>());
    let mut json = file_json(file);
    json["cut"] = json!(file.manifest);
    json["chain"] = json!(chain.as_ref().ok());
    let cut = &file.manifest;
    let known = file.state_digest().map_or("not computed".to_owned(), hex::encode);
    let (segment, offset) = (cut.restart.segment, cut.restart.offset);
    let rows = [
        ("checkpoint", file.name.clone()),
        ("kind", file.kind.name().to_owned()),
        ("journal", hex::encode(file.header.journal_id)),
        ("watermark", format!("LSN {}", grouped(cut.lsn))),
        (
            "reading restarts",
            format!("at LSN {} (segment {segment}, byte {offset})", cut.restart.next_lsn),
        ),
        ("validation", file.validation.name().to_owned()),
        ("records", grouped(file.records())),
        ("bytes", grouped(file.file_bytes)),
        ("state digest", known),
        ("seal", hex::encode(file.trailer.digest)),
        (
            "builds on",
            match &chain {
                Ok(chain) => chain[..chain.len() - 1].join(", "),
                Err(fault) => fault.to_string(),
            },
        ),
    ];
    Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
}

fn verify(arguments: &VerifyArguments) -> Result<Report, Error> {
    let catalogue = catalogue(&arguments.folder)?;
    let journal = arguments.journal.as_deref().map(Journal::open_path).transpose()?;
    let (mut listed, mut text, mut exit) = (Vec::new(), String::new(), Exit::Clean);
    for entry in &catalogue.entries {
        let result = match &entry.file {
            Err(fault) => Err(fault.to_string()),
            Ok(file) => match prove(&catalogue, file, journal.as_ref()) {
                Ok(proven) => Ok(proven),
                Err(error @ (Error::BadCheckpoint { .. } | Error::DigestDiffers { .. })) => {
                    Err(error.to_string())
                }
                Err(error) => return Err(error),
            },
        };
        let told = match &result {
            Ok((digest, records)) => format!("sound, {} records, {digest}", grouped(*records)),
            Err(reason) => {
                exit = Exit::Differs;
                reason.clone()
            }
        };
        text.push_str(&format!("{}  {told}\n", entry.name));
        listed.push(json!({
            "checkpoint": entry.name,
            "sound": result.is_ok(),
            "state_digest": result.as_ref().ok().map(|proven| &proven.0),
            "reason": result.as_ref().err(),
        }));
    }
    Ok(Report { exit, json: json!({ "checkpoints": listed }), text: text.into_bytes() })
}

/// The digest of a checkpoint's state, and how many records it has.
fn prove(
    catalogue: &Catalogue,
    file: &CheckpointFile,
    journal: Option<&Journal>,
) -> Result<(String, u64), Error> {
    let (digest, records) = catalogue.prove(file)?;
    if let Some(journal) = journal {
        let until = Some(StopPoint::Lsn(file.header.watermark_lsn));
        let validation = file.validation;
        let options = ReplayOptions { until, validation, ..ReplayOptions::default() };
        let (state, _) = replay_serially(journal, &options)?;
        let expected = state.digest();
        if expected != digest {
            return Err(Error::DigestDiffers { expected, found: digest });
        }
    }
    Ok((hex::encode(digest), records))
}

fn create(arguments: &CreateArguments) -> Result<Report, Error> {
    let folder = create_folder(&arguments.folder)?;
    // Only the one at the end.
    let policy = CheckpointPolicy { every_bytes: u64::MAX, ..CheckpointPolicy::default() };
    let (start, policy) = (CheckpointStart::Newest, Some(policy));
    let checkpoints = Some(Checkpoints { folder, start, policy });
    let options = ReplayOptions { checkpoints, ..arguments.pass.options() };
    let replayed = replay_journal(&arguments.pass, &options, None)?;
    let outcome = &replayed.outcome;
    let mut json = outcome_json(outcome);
    json["state_digest"] = json!(hex::encode(replayed.digest));
    let newest = outcome.checkpoints.newest.clone();
    let newest = newest.unwrap_or_else(|| "none: there is no event before that".to_owned());
    let rows = [
        ("checkpoint", newest),
        ("watermark", format!("LSN {}", grouped(outcome.checkpoints.watermark))),
        ("state digest", hex::encode(replayed.digest)),
    ];
    Ok(Report { exit: exit_of(outcome, Exit::Loss), json, text: facts(&rows) })
}

fn restore(arguments: &RestoreArguments) -> Result<Report, Error> {
    let catalogue = catalogue(&arguments.one.folder)?;
    let file = find(&catalogue, arguments.one.lsn)?;
    let output = create_folder(&arguments.output)?;
    let _lock = storage::lock(output.as_ref())?;
    let level = CheckpointPolicy::default().compression_level;
    let written = merge(&catalogue, file, output.as_ref(), level)?;
    let json = json!({
        "checkpoint": written.name,
        "bytes": written.bytes,
        "seal": hex::encode(written.digest),
        "watermark": file.header.watermark_lsn,
    });
    let rows = [
        ("checkpoint", written.name),
        ("watermark", format!("LSN {}", grouped(file.header.watermark_lsn))),
        ("bytes", grouped(written.bytes)),
    ];
    Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
}

fn take_away(arguments: &PruneArguments) -> Result<Report, Error> {
    let opened = catalogue(&arguments.folder)?;
    let _lock = storage::lock(opened.folder.as_ref())?;
    // Anew, since it may have changed before the lock was ours.
    let pruned = prune(&Catalogue::open(opened.folder)?, arguments.keep.get())?;
    let line = |(what, name): (&str, &String)| format!("{what}  {name}\n");
    let removed = pruned.removed.iter().map(|name| ("removed", name));
    let kept = pruned.kept.iter().map(|name| ("kept   ", name));
    let text = removed.chain(kept).map(line).collect::<String>();
    Ok(Report { exit: Exit::Clean, json: json!(pruned), text: text.into_bytes() })
}
