//! `verify`: says where the journal ends and why, and lists every damaged range.

use std::time::Instant;

use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::verify;

use super::exit::Exit;
use super::outcome::{exit_of, outcome_json, outcome_rows};
use super::output::{Report, facts};
use super::pass::PassArguments;
use super::progress::Shown;

pub(crate) fn run(arguments: &PassArguments) -> Result<Report, Error> {
    let started = Instant::now();
    let options = arguments.options();
    let journal = Journal::open_path(&arguments.journal)?;
    let mut shown = Shown::new("verify", arguments.progress);
    let outcome = verify(&journal, &options, &mut |now| shown.show(now))?;
    drop(shown);
    let seconds = started.elapsed().as_secs_f64();
    let mut json = outcome_json(&outcome);
    json["seconds"] = json!(seconds);
    json["validation"] = json!(options.validation);
    let mut rows = outcome_rows(&outcome, &options);
    rows.push(("time", format!("{seconds:.3} s, {} validation", options.validation.name())));
    Ok(Report { exit: exit_of(&outcome, Exit::Refused), json, text: facts(&rows) })
}
