//! `verify`: says where the journal ends and why, and lists every damaged range; with a trusted key, also
//! whether it is what was signed.

use std::path::Path;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::{Outcome, ReplayOptions, verify};
use vexfs_replay::trust::{Trust, check};

use super::backend::{add_hashing, offload_rows};
use super::exit::Exit;
use super::outcome::{exit_of, outcome_json, outcome_rows};
use super::output::{Report, facts};
use super::pass::{PassArguments, open_folder};
use super::progress::Shown;
use super::trust::{TrustArguments, place_of, trust_json, trust_rows, trusted_key};

#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pass: PassArguments,
    #[command(flatten)]
    trust: TrustArguments,
}

pub(crate) fn run(arguments: &VerifyArguments) -> Result<Report, Error> {
    let started = Instant::now();
    let VerifyArguments { pass, trust: trusted } = arguments;
    let options = pass.options_of_looking();
    let (outcome, trust) = match &trusted.trust {
        Some(key) => {
            let (outcome, trust) = checked(arguments, key, &options)?;
            (outcome, Some(trust))
        }
        None => {
            let journal = Journal::open_path(&pass.journal)?;
            let mut shown = Shown::new("verify", pass.check.progress);
            (verify(&journal, &options, &mut |now| shown.show(now))?, None)
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    let mut json = outcome_json(&outcome);
    json["seconds"] = json!(seconds);
    json["validation"] = json!(options.validation);
    add_hashing(&options, &mut json);
    json["trust"] = trust.as_ref().map_or(json!(null), trust_json);
    let mut rows = outcome_rows(&outcome, &options);
    let mut exit = exit_of(&outcome, Exit::Refused);
    if let Some(trust) = &trust {
        exit = trusted.exit_of(trust, exit);
        // Without an anchor there is nothing that this row would say beside it.
        rows.retain(|(name, _)| *name != "proof" || outcome.anchored);
        rows = [trust_rows(trust), rows].concat();
    }
    rows.extend(offload_rows(&options));
    rows.push(("time", format!("{seconds:.3} s, {} validation", options.validation.name())));
    Ok(Report { exit, json, text: facts(&rows) })
}

fn checked(
    arguments: &VerifyArguments,
    key: &Path,
    options: &ReplayOptions,
) -> Result<(Outcome, Trust), Error> {
    let VerifyArguments { pass, trust } = arguments;
    let key = trusted_key(key)?;
    let folder = open_folder(&pass.journal)?;
    let place = place_of(&folder, trust.signature.as_deref(), key.id())?;
    let mut shown = Shown::new("verify", pass.check.progress);
    check(&folder, &place, &key, options, &mut |now| shown.show(now))
}
