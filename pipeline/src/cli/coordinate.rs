//! `coordinate`: brings several journals and what follows them to one cut, or says why it can't.

use std::io::IsTerminal as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::coordination::protocol::Hello;
use vexfs_replay::coordination::site::{First, Site, Word, say};
use vexfs_replay::coordination::{
    ConflictState, End, Entry, JoinEvent, Life, Loss, ParticipantKind, Patience, Rejoin, Ruling,
    Snapshot, State, SystemClock, join,
};
use vexfs_replay::replay::ReplayOptions;

use super::exit::{Exit, HELP};
use super::output::{Report, facts};
use super::pass::parse_threads;

#[derive(Subcommand, Clone, Debug)]
pub(crate) enum CoordinateVerb {
    /// Bring all to one cut, or go on with what was begun: nothing that was decided is decided anew.
    ///
    /// Killed at any moment it goes on when it is run again. It ends where somebody has to say something about a
    /// conflict; `coordinate resolve` says it.
    #[command(after_help = HELP)]
    Run(RunArguments),
    /// Show what it has come to, from the outside and while it runs, too. Changes nothing.
    #[command(after_help = HELP)]
    Status(FolderArguments),
    /// Say something about a conflict that waits.
    #[command(after_help = HELP)]
    Resolve(ResolveArguments),
    /// Let it come to nothing, where that is still possible: all go back to where they were.
    #[command(after_help = HELP)]
    Cancel(CancelArguments),
    /// Take part in a coordination that another process holds, until it has ended.
    #[command(after_help = HELP)]
    Join(JoinArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct FolderArguments {
    /// The folder of the coordination; `coordination.json` in it says who takes part (docs/coordination.md).
    folder: PathBuf,
}

/// How participants replay.
#[derive(Args, Clone, Copy, Debug)]
struct ReplayArguments {
    /// How many workers each replay has.
    #[arg(long, value_parser = parse_threads)]
    threads: Option<NonZero<usize>>,
}

impl ReplayArguments {
    fn options(self) -> ReplayOptions {
        let default = ReplayOptions::default();
        ReplayOptions { threads: self.threads.unwrap_or(default.threads), ..default }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    replay: ReplayArguments,
    /// Let sources go back to the cut without asking: what they have after it is kept aside, and out.
    #[arg(long)]
    accept_loss: bool,
    /// Wait until somebody has said something about conflicts, instead of ending.
    #[arg(long)]
    wait: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CancelArguments {
    #[command(flatten)]
    folder: FolderArguments,
    #[command(flatten)]
    replay: ReplayArguments,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ResolveArguments {
    #[command(flatten)]
    folder: FolderArguments,
    /// The conflict, as `coordinate status` names it.
    conflict: String,
    /// What is said about it: one of the choices that `coordinate status` shows.
    #[arg(long, value_name = "CHOICE", value_parser = parse_ruling)]
    by: Ruling,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct JoinArguments {
    /// The socket: `sockets/participants` in the folder of the coordination.
    socket: PathBuf,
    /// The name under which it takes part.
    #[arg(long)]
    name: String,
    /// What it brings to the cut: a file with one JSON object, as for a member in `coordination.json`. Paths in it
    /// are relative to its folder.
    #[arg(long, value_name = "FILE")]
    member: PathBuf,
    /// How often it comes again without being welcome before it gives up.
    #[arg(long, value_name = "COUNT")]
    tries: Option<u32>,
    #[command(flatten)]
    replay: ReplayArguments,
}

fn parse_ruling(text: &str) -> Result<Ruling, String> {
    let known = "commit, abort, rollback, stop, prefer:NAME or without:NAME";
    Ruling::parse(text).ok_or_else(|| format!("it is one of {known}"))
}

pub(crate) fn run(verb: &CoordinateVerb) -> Result<Report, Error> {
    match verb {
        CoordinateVerb::Run(it) => {
            let mut site = Site::open(&it.folder.folder)?;
            if it.accept_loss {
                site.config_mut().policy.loss = Loss::Accept;
            }
            let patience = if it.wait { Patience::Wait } else { Patience::End };
            if it.accept_loss && site.is_under_way()? {
                // It may have been begun without the permission, and asks for it all the same.
                let mut held = hold(&site, it.replay, Patience::End, First::Nothing)?;
                while held.exit == Exit::InDoubt && site.accept_losses()? > 0 {
                    held = hold(&site, it.replay, Patience::End, First::Nothing)?;
                }
                let waits = site.status()?.is_some_and(|it| it.state == State::Waiting);
                if patience == Patience::End || !waits {
                    return Ok(held);
                }
            }
            hold(&site, it.replay, patience, First::Nothing)
        }
        CoordinateVerb::Status(it) => status(&it.folder),
        CoordinateVerb::Resolve(it) => resolve(it),
        CoordinateVerb::Cancel(it) => cancel(it),
        CoordinateVerb::Join(it) => take_part(it),
    }
}

fn hold(
    site: &Site,
    replay: ReplayArguments,
    patience: Patience,
    first: First,
) -> Result<Report, Error> {
    let shown = std::io::stderr().is_terminal();
    let mut before = None;
    let mut watch = |snapshot: &Snapshot| {
        let line = in_one_line(snapshot);
        if shown && before.as_ref() != Some(&line) {
            eprintln!("{line}");
            before = Some(line);
        }
    };
    let (life, snapshot) = site.hold(&replay.options(), patience, first, &mut watch)?;
    let exit = match &life {
        Life::Ended(End::Consistent { .. }) if is_loss(&snapshot) => Exit::Loss,
        Life::Ended(End::Consistent { .. }) => Exit::Clean,
        Life::Ended(End::Refused { .. }) => Exit::Refused,
        Life::Ended(End::RecordFailed) => Exit::InputOutput,
        Life::Ended(End::Pending { .. } | End::Superseded { .. }) | Life::Waits => Exit::InDoubt,
    };
    Ok(report(exit, &snapshot))
}

/// Whether a source went back, so that what it had after the cut is out.
fn is_loss(snapshot: &Snapshot) -> bool {
    snapshot.conflicts.iter().any(|it| it.loses)
}

fn in_one_line(snapshot: &Snapshot) -> String {
    let open = snapshot.members.iter().filter(|(_, member)| !member.answered);
    let open: Vec<&str> = open.map(|(name, _)| name.as_str()).collect();
    let phase = word(&snapshot.phase);
    match (snapshot.state, open.as_slice()) {
        (State::Running, []) => format!("{phase}: everyone has answered"),
        (State::Running, open) => format!("{phase}: waiting for {}", open.join(", ")),
        (State::Waiting, _) => format!("{phase}: somebody has to say something"),
        (State::Ended, _) => "it has ended".to_owned(),
    }
}

/// A value of the library under the name that results give it.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().replace('_', " ")
}

fn status(folder: &Path) -> Result<Report, Error> {
    let site = Site::open(folder)?;
    let entries = site.entries()?;
    match site.status()? {
        Some(snapshot) => Ok(report(Exit::Clean, &snapshot)),
        None => {
            let begun = entries.iter().any(|entry| matches!(entry, Entry::Began { .. }));
            let text = if begun { "it began, and has told nothing yet" } else { "it hasn't begun" };
            let json = json!({ "coordination": Value::Null });
            Ok(Report { exit: Exit::Clean, json, text: format!("{text}\n").into_bytes() })
        }
    }
}

fn resolve(arguments: &ResolveArguments) -> Result<Report, Error> {
    let ResolveArguments { folder, conflict, by } = arguments;
    let site = Site::open(&folder.folder)?;
    let word = Word::Rule { conflict: conflict.clone(), ruling: by.clone() };
    let runs = say(&site.control_socket(), &word)?;
    if !runs {
        site.rule(conflict, by.clone())?;
    }
    let next = match runs {
        true => "the coordinator that runs goes by it",
        false => "the next `coordinate run` goes by it",
    };
    let json = json!({ "conflict": conflict, "by": by.text(), "running": runs });
    let rows = [("conflict", conflict.clone()), ("by", by.text()), ("next", next.to_owned())];
    Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
}

fn cancel(arguments: &CancelArguments) -> Result<Report, Error> {
    let site = Site::open(&arguments.folder.folder)?;
    if say(&site.control_socket(), &Word::Cancel)? {
        let text = b"the coordinator that runs was told\n".to_vec();
        return Ok(Report { exit: Exit::Clean, json: json!({ "running": true }), text });
    }
    if !site.is_under_way()? {
        let coordination = format!("under way in {}", arguments.folder.folder.display());
        return Err(Error::CoordinationNotFound { coordination });
    }
    let mut cancelled = hold(&site, arguments.replay, Patience::End, First::Cancel)?;
    if cancelled.exit == Exit::Refused {
        // That is what was wanted.
        cancelled.exit = Exit::Clean;
    }
    Ok(cancelled)
}

fn take_part(arguments: &JoinArguments) -> Result<Report, Error> {
    let JoinArguments { socket, name, member, tries, replay } = arguments;
    let (site, mut local) = Site::of_one(member, name, &replay.options())?;
    let about = site.config().terms().members.get(name).map(|it| word(&it.kind));
    let kind = ParticipantKind::ExternalSystem;
    let hello = Hello::new(name.clone(), kind, about.unwrap_or_default());
    let rejoin = Rejoin { tries_max: *tries, ..Rejoin::default() };
    let (mut asked, shown) = (0_u64, std::io::stderr().is_terminal());
    let mut watch = |event: JoinEvent<'_>| match event {
        JoinEvent::Asked(call) => {
            asked += 1;
            if shown {
                eprintln!("epoch {}, round {}", call.epoch, call.round);
            }
        }
        JoinEvent::Lost(error) if shown => eprintln!("{error}; it comes again"),
        JoinEvent::Welcomed | JoinEvent::Answered(_) | JoinEvent::Lost(_) => {}
    };
    join(socket, &hello, &mut local, rejoin, &SystemClock::default(), &mut watch)?;
    let json = json!({ "name": name, "questions": asked });
    let rows = [("name", name.clone()), ("questions", asked.to_string())];
    Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
}

fn report(exit: Exit, snapshot: &Snapshot) -> Report {
    let json = json!({ "coordination": snapshot });
    let mut rows = vec![("state", word(&snapshot.state)), ("phase", word(&snapshot.phase))];
    rows.push(("end", end_in_words(snapshot)));
    for (stream, at) in snapshot.plan.iter().flat_map(|plan| &plan.cut) {
        rows.push(("cut", format!("{at} of {stream}")));
    }
    for (id, verdict) in snapshot.plan.iter().flat_map(|plan| &plan.verdicts) {
        rows.push(("transaction", format!("{id}: {verdict}")));
    }
    for (name, member) in &snapshot.members {
        let kind = member.kind.map_or_else(String::new, |kind| word(&kind));
        let answered = if member.answered { "" } else { ", hasn't answered" };
        rows.push(("participant", format!("{name}, {kind}{answered}")));
    }
    for conflict in &snapshot.conflicts {
        rows.push(("conflict", conflict_in_words(conflict)));
    }
    for conflict in snapshot.waiting() {
        let choices: Vec<String> = conflict.choices.iter().map(Ruling::text).collect();
        let what = format!("{} --by {}", conflict.key, choices.join(" | "));
        rows.push(("to be resolved", what));
    }
    Report { exit, json, text: facts(&rows) }
}

fn end_in_words(snapshot: &Snapshot) -> String {
    match &snapshot.end {
        None if snapshot.state == State::Waiting => "it waits for somebody".to_owned(),
        None => "it hasn't ended".to_owned(),
        Some(End::Consistent { .. }) => "all are at the cut".to_owned(),
        Some(End::Refused { reason }) => format!("all are where they were: {reason}"),
        Some(End::Pending { participants }) => {
            format!("it is decided; not told yet: {}", participants.join(", "))
        }
        Some(End::Superseded { epoch }) => format!("another one coordinates, under epoch {epoch}"),
        Some(End::RecordFailed) => "what was decided could not be kept".to_owned(),
    }
}

fn conflict_in_words(conflict: &ConflictState) -> String {
    let ConflictState { severity, text, resolution, ruling, .. } = conflict;
    let ruled = ruling.as_ref().map_or_else(String::new, |ruling| format!(", {}", ruling.text()));
    format!("{}: {text} ({}{ruled})", word(severity), word(resolution))
}
