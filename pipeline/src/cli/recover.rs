//! `recover`: brings a journal's state back after a crash, or only says what it would do.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::recovery::{
    Accept, DecisionFile, FailureType, Places, Recovered, RecoveryManager, RecoveryOptions, Way,
};
use vexfs_replay::replay::ReplayOptions;

use super::choice::one_of;
use super::exit::Exit;
use super::outcome::outcome_json;
use super::output::{Report, facts, grouped};
use super::pass::{LimitArguments, PassArguments, create_folder, open_folder, parse_seconds};
use super::progress::Shown;
use super::recovered::{plan_report, record_rows};

#[derive(Args, Clone, Debug)]
pub(crate) struct RecoverArguments {
    #[command(flatten)]
    pass: PassArguments,
    #[command(flatten)]
    limits: LimitArguments,
    /// Change nothing; show what each strategy would keep, lose and cost, and which one would be
    /// chosen.
    #[arg(long)]
    plan: bool,
    /// What may be lost, where it can't be helped. Nothing when not given.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    accept_loss: Vec<LossArgument>,
    /// A failure that is known from elsewhere. It counts before what is found.
    #[arg(long, value_parser = one_of(FailureType::ALL, |_| None), value_name = "TYPE")]
    failure: Option<FailureType>,
    /// Try this one alone, instead of choosing.
    #[arg(long, value_parser = one_of(ways(), |way| Some(way.about())))]
    strategy: Option<Way>,
    /// Go back to the checkpoint of this watermark, and keep aside what came after it.
    #[arg(long, value_name = "LSN", conflicts_with_all = ["strategy", "failure"])]
    rollback_to: Option<u64>,
    /// Bring back what the last rollback undid.
    #[arg(long, conflicts_with_all = ["plan", "rollback_to", "strategy", "failure"])]
    redo: bool,
    /// What all participants agreed on: a file with one JSON object, of `journal_id`, `cut_lsn` and
    /// `in_doubt`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rollback_to", "redo"])]
    decision: Option<PathBuf>,
    /// Where checkpoints are; `checkpoints` among the records when not given.
    #[arg(long, value_name = "FOLDER")]
    checkpoints: Option<PathBuf>,
    /// Where recoveries write down what they do; the journal's path with `.recovery` at its end when
    /// not given.
    #[arg(long, value_name = "FOLDER")]
    records: Option<PathBuf>,
    /// How old a checkpoint is at most that counts as recent, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = parse_seconds)]
    recent: Duration,
    /// How often a strategy is tried again after storage failed.
    #[arg(long, value_name = "N", default_value = "3")]
    retries: u32,
    /// Show what came of earlier recoveries.
    #[arg(long, conflicts_with_all = ["plan", "redo", "rollback_to", "strategy"])]
    history: bool,
    /// Take away all but the newest N records and checkpoints, and those that these build on.
    #[arg(long, value_name = "N", conflicts_with_all = ["plan", "redo", "rollback_to", "history"])]
    cleanup: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LossArgument {
    /// All from the first damage on.
    Suffix,
    /// What is damaged, and what depended on it.
    Holes,
    /// What came after a checkpoint; it is kept aside.
    Undo,
}

/// The ways that may be asked for by name. A rollback also needs to be told where to.
fn ways() -> impl Iterator<Item = Way> {
    Way::ALL.into_iter().filter(|way| *way != Way::Rollback)
}

impl RecoverArguments {
    fn records_path(&self) -> PathBuf {
        self.records.clone().unwrap_or_else(|| {
            // The same for every name of the journal.
            let journal = &self.pass.journal;
            let journal = std::fs::canonicalize(journal).unwrap_or_else(|_| journal.clone());
            let mut path = journal.into_os_string();
            path.push(".recovery");
            path.into()
        })
    }

    /// The folders; who only looks makes none.
    fn places(&self) -> Result<Places, Error> {
        let records = self.records_path();
        let checkpoints = self.checkpoints.clone().unwrap_or_else(|| records.join("checkpoints"));
        let path = &self.pass.journal;
        if !path.exists() {
            return Err(Error::NotAJournal { path: path.clone(), fault: None });
        }
        let folders = [path, &records, &checkpoints].map(|it| std::fs::canonicalize(it).ok());
        let same = (0..3).any(|at| folders[at].is_some() && folders[at] == folders[(at + 1) % 3]);
        if same {
            let reason =
                "journal, checkpoints and records each need a folder of their own".to_owned();
            return Err(Error::InvalidOption { option: "records", reason });
        }
        let journal = open_folder(path)?;
        let [records, checkpoints] = match self.plan || self.history {
            true => [records, checkpoints]
                .map(|path| if path.is_dir() { open_folder(&path).map(Some) } else { Ok(None) }),
            false => [records, checkpoints].map(|path| create_folder(&path).map(Some)),
        };
        Ok(Places { journal, checkpoints: checkpoints?, records: records? })
    }

    fn options(&self) -> Result<RecoveryOptions, Error> {
        let accepts = |what| self.accept_loss.contains(&what);
        let default = RecoveryOptions::default();
        // Taking one costs time; what they spare a killed recovery is worth a few percent.
        let policy = CheckpointPolicy { time_share_max: 0.05, ..default.checkpoint_policy };
        let rollback = self.rollback_to.map(|_| Way::Rollback);
        Ok(RecoveryOptions {
            accept: Accept {
                suffix: accepts(LossArgument::Suffix),
                holes: accepts(LossArgument::Holes),
                undo: accepts(LossArgument::Undo) || self.rollback_to.is_some(),
            },
            reported: self.failure,
            only: rollback.or(self.strategy),
            rollback_to: self.rollback_to,
            recent: self.recent,
            retries: self.retries,
            checkpoint_policy: policy,
            replay: self.limits.limit(ReplayOptions { ..self.pass.options() })?,
            ..default
        })
    }
}

pub(crate) fn run(arguments: &RecoverArguments) -> Result<Report, Error> {
    let manager = RecoveryManager::new(arguments.places()?, arguments.options()?);
    let mut manager = match &arguments.decision {
        Some(path) => manager.with_coordinator(Box::new(DecisionFile { path: path.clone() })),
        None => manager,
    };
    if arguments.history {
        return history(&manager);
    }
    if let Some(keep) = arguments.cleanup {
        return cleanup(&mut manager, keep);
    }
    if arguments.plan {
        let survey = manager.survey()?;
        let (plan, estimates) = (manager.plan(&survey), manager.estimates(&survey)?);
        let told = (manager.rollback()?, manager.refusal(&survey, &plan)?);
        let left = manager.left_by_rollback()?;
        return Ok(plan_report(
            &survey,
            (&plan, &left),
            &estimates,
            (told.0.as_ref(), told.1.as_ref()),
        ));
    }
    if arguments.redo {
        manager.redo()?;
    }
    let mut shown = Shown::new("recover", arguments.pass.check.progress);
    let recovered = manager.recover(&mut |now| shown.show(now));
    drop(shown);
    Ok(report(&recovered?))
}

fn report(recovered: &Recovered) -> Report {
    let recovery = recovered.recovery();
    let (record, outcome) = (&recovery.record, &recovery.outcome);
    let exit = match recovered {
        Recovered::WithLoss(_) => Exit::Loss,
        Recovered::Whole(_) if record.lost.torn_tail.is_some() => Exit::TornTail,
        Recovered::Whole(_) => Exit::Clean,
    };
    let mut json = json!(record);
    json["strategy"] = json!(record.way().map(Way::strategy));
    json["way"] = json!(record.way());
    json["started_ns"] = json!(record.started_ns);
    json["outcome"] = outcome_json(outcome);
    Report { exit, json, text: facts(&record_rows(recovery)) }
}

fn history(manager: &RecoveryManager) -> Result<Report, Error> {
    let (records, statistics) = (manager.history()?, manager.statistics()?);
    let line = |it: &vexfs_replay::recovery::Record| {
        let way = it.way().map_or("nothing", Way::name);
        let (lsn, seconds) = (grouped(it.last_lsn), it.seconds);
        format!("{}  {way}, to LSN {lsn}, {seconds:.3} s, {:?}\n", it.started_ns, it.state)
    };
    let text = records.iter().map(line).collect::<String>();
    let json = json!({ "recoveries": records, "statistics": statistics });
    Ok(Report { exit: Exit::Clean, json, text: text.into_bytes() })
}

fn cleanup(manager: &mut RecoveryManager, keep: usize) -> Result<Report, Error> {
    let cleaned = manager.cleanup(keep)?;
    let gone = cleaned.records.iter().chain(&cleaned.aside).chain(&cleaned.unfinished);
    let gone = gone.chain(&cleaned.checkpoints.removed);
    let text = gone.map(|name| format!("removed  {name}\n")).collect::<String>();
    let json: Value = json!(cleaned);
    Ok(Report { exit: Exit::Clean, json, text: text.into_bytes() })
}
