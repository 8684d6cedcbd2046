//! `replay`: rebuilds the state, in memory or in a store, and prints a summary and the state's digest.

use clap::Args;
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::{ReplayOptions, explain, peak_resident_bytes};
use vexfs_replay::state::KeyKind;

use super::backend::{add_hashing, offload_rows};
use super::exit::Exit;
use super::outcome::{exit_of, outcome_json, outcome_rows, plan_rows};
use super::output::{Report, facts, grouped};
use super::pass::ReplayArguments;
use super::running::{follow_journal, replay_journal};
use super::store::{StoreArguments, replay_stored};

#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayVerb {
    #[command(flatten)]
    replay: ReplayArguments,
    #[command(flatten)]
    store: StoreArguments,
}

pub(crate) fn run(verb: &ReplayVerb) -> Result<Report, Error> {
    let arguments = &verb.replay;
    let options = arguments.options()?;
    if arguments.selection.explain {
        return explain_plan(arguments, &options);
    }
    let replayed = match verb.store.options() {
        Some(store) => replay_stored(&arguments.pass, &options, &store)?,
        None if arguments.follow => follow_journal(&arguments.pass, &options)?.into(),
        None => replay_journal(&arguments.pass, &options, Some(&arguments.proof))?.into(),
    };
    let outcome = &replayed.outcome;
    let peak = peak_resident_bytes();
    let counts = &replayed.counts;
    let digest = hex::encode(replayed.digest);
    let spared = outcome.started_from.as_ref().map_or(0, |from| from.events);
    let rate = (outcome.findings.tally.events - spared) as f64 / replayed.seconds;
    let count_of = |&(kind, count): &(KeyKind, u64)| (kind.name().to_owned(), json!(count));
    let mut json = outcome_json(outcome);
    json["validation"] = json!(options.validation);
    add_hashing(&options, &mut json);
    json["damage_policy"] = json!(options.damage);
    json["threads"] = json!(options.threads);
    json["seconds"] = json!(replayed.seconds);
    json["initiation_seconds"] = json!(replayed.initiation_seconds);
    json["events_per_second"] = json!(rate);
    json["state_digest"] = json!(digest);
    json["state_memory_bytes"] = json!(replayed.state_memory_bytes);
    json["peak_memory_bytes"] = json!(peak);
    json["counted_memory_bytes"] = json!(outcome.memory_bytes_max);
    json["records"] = counts.iter().map(count_of).collect();
    let records: u64 = counts.iter().map(|(_, count)| count).sum();
    let mut rows = outcome_rows(outcome, &options);
    rows.extend(offload_rows(&options));
    rows.push(("records", grouped(records)));
    rows.push(("state digest", digest));
    rows.push(("time", format!("{:.3} s, {:.2} M events/s", replayed.seconds, rate / 1e6)));
    if let Some(peak) = peak {
        rows.push(("peak memory", format!("{:.1} MB", peak as f64 / 1e6)));
    }
    Ok(Report { exit: exit_of(outcome, Exit::Loss), json, text: facts(&rows) })
}

/// Says what a selective replay would read.
fn explain_plan(arguments: &ReplayArguments, options: &ReplayOptions) -> Result<Report, Error> {
    let journal = Journal::open_path(&arguments.pass.journal)?;
    let plan = explain(&journal, options)?;
    let rows = match &plan {
        Some(plan) => plan_rows(plan),
        None => {
            vec![("read", "all of it: nothing is selected, or all damage is to be told".to_owned())]
        }
    };
    Ok(Report { exit: Exit::Clean, json: json!({ "plan": plan }), text: facts(&rows) })
}
