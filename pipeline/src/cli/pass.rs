//! The options and results that verify, replay and state have in common.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::checkpoint::{CheckpointPolicy, Stalls};
use vexfs_replay::journal::{Amount, EndKind, Head, Journal, PlanSummary, SkipReason, Validation};
use vexfs_replay::receipt::{self, Receipt};
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, Control, DamagePolicy, Findings, FollowOptions, Outcome,
    Progress, ReplayOptions, StartedFrom, StopPoint, THREADS_MAX, follow, replay, replay_validated,
    resident_bytes,
};
use vexfs_replay::state::{KeyKind, MemoryState};
use vexfs_replay::storage::{DiskFolder, Folder};

use super::exit::Exit;
use super::output::grouped;
use super::progress::{ProgressArgument, Shown};
use super::selection::SelectionArguments;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ValidationArgument {
    None,
    Basic,
    Full,
    Cryptographic,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DamageArgument {
    Strict,
    Tail,
    Prefix,
    Salvage,
}

/// The journal, and how a pass over it is made.
#[derive(Args, Clone, Debug)]
pub(crate) struct PassArguments {
    /// The journal: a folder of segments, or one segment's file.
    pub(crate) journal: PathBuf,
    /// How much is proven before it is believed.
    #[arg(long, value_enum, default_value = "cryptographic")]
    validation: ValidationArgument,
    /// How many workers share the work, 1 to 256; as many as there are cores when not given.
    #[arg(long, value_parser = parse_threads)]
    threads: Option<NonZero<usize>>,
    #[command(flatten)]
    until: UntilArguments,
    /// A head kept outside of the journal, which must be found in it.
    #[arg(long, value_name = "LSN:DIGEST", value_parser = parse_head)]
    anchor: Option<Head>,
    /// How progress is shown, on stderr.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) progress: ProgressArgument,
}

/// Where the pass ends, where not with the journal.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub(crate) struct UntilArguments {
    /// Leave out what comes after this LSN.
    #[arg(long, value_name = "LSN")]
    until_lsn: Option<u64>,
    /// End before the first event that happened after this time, in nanoseconds since 1970-01-01
    /// UTC.
    #[arg(long, value_name = "NANOSECONDS")]
    until_time: Option<u64>,
    /// End behind the record that ends this transaction.
    #[arg(long, value_name = "ID")]
    until_transaction: Option<u64>,
}

impl UntilArguments {
    fn stop_point(self) -> Option<StopPoint> {
        let lsn = self.until_lsn.map(StopPoint::Lsn);
        let time = self.until_time.map(StopPoint::Time);
        lsn.or(time).or(self.until_transaction.map(StopPoint::Transaction))
    }
}

/// Where checkpoints are, and when new ones are taken.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Checkpoints")]
pub(crate) struct CheckpointArguments {
    /// Start from the newest checkpoint in this folder that can be used, and add to them.
    #[arg(long, value_name = "FOLDER")]
    checkpoints: Option<PathBuf>,
    /// Take a checkpoint after so many events.
    #[arg(long, value_name = "EVENTS", requires = "checkpoints")]
    checkpoint_events: Option<u64>,
    /// Take a checkpoint after so much journal.
    #[arg(long, value_name = "SIZE", requires = "checkpoints", value_parser = parse_size)]
    checkpoint_bytes: Option<u64>,
    /// Take a checkpoint after so many seconds.
    #[arg(long, value_name = "SECONDS", requires = "checkpoints", value_parser = parse_seconds)]
    checkpoint_seconds: Option<Duration>,
    /// Put off checkpoints that would take more than this share of the time.
    #[arg(long, value_name = "PERCENT", requires = "checkpoints", default_value = "15", value_parser = parse_percent)]
    checkpoint_share: f64,
    /// How many checkpoints are kept, beside those that they build on.
    #[arg(long, value_name = "N", requires = "checkpoints", default_value = "2")]
    keep: NonZero<usize>,
    /// Start from a checkpoint, and refuse where none can be used.
    #[arg(long, requires = "checkpoints")]
    incremental: bool,
    /// Start from the journal's first event, whatever checkpoints there are.
    #[arg(long, requires = "checkpoints", conflicts_with = "incremental")]
    full: bool,
}

impl CheckpointArguments {
    fn checkpoints(&self) -> Result<Option<Checkpoints>, Error> {
        let Some(path) = &self.checkpoints else { return Ok(None) };
        let folder = open_folder(path)?;
        let start = match (self.incremental, self.full) {
            (true, _) => CheckpointStart::Required,
            (_, true) => CheckpointStart::Nothing,
            _ => CheckpointStart::Newest,
        };
        let default = CheckpointPolicy::default();
        let policy = CheckpointPolicy {
            every_events: self.checkpoint_events,
            every_bytes: self.checkpoint_bytes.unwrap_or(default.every_bytes),
            every: self.checkpoint_seconds,
            time_share_max: self.checkpoint_share / 100.0,
            keep: self.keep.get(),
            ..default
        };
        Ok(Some(Checkpoints { folder, start, policy: Some(policy) }))
    }
}

/// Opens the folder of checkpoints, or makes it.
pub(crate) fn open_folder(path: &Path) -> Result<Arc<dyn Folder>, Error> {
    let folder = DiskFolder::create(path);
    let folder = folder.map_err(|source| Error::Io {
        operation: "open",
        path: path.to_owned(),
        offset: None,
        source,
    })?;
    Ok(Arc::new(folder))
}

/// How the result of a replay is proven.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Proof")]
pub(crate) struct ProofArguments {
    /// Also replay serially, event by event, and compare the states' digests. Both start from the
    /// journal's first event.
    #[arg(long)]
    validate: bool,
    /// Compare the state's digest with this one instead.
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    expect_digest: Option<Digest>,
    /// Write a receipt of what was proven, which `receipt check` checks again later.
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

impl ProofArguments {
    pub(crate) fn is_wanted(&self) -> bool {
        self.validate || self.expect_digest.is_some() || self.receipt.is_some()
    }
}

type Digest = [u8; 32];

fn parse_digest(text: &str) -> Result<Digest, String> {
    let mut digest = [0; 32];
    let wrong = |_| "expected a digest of 64 hexadecimal digits".to_owned();
    hex::decode_to_slice(text, &mut digest).map_err(wrong).map(|()| digest)
}

/// What a replay does beyond a verification.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayArguments {
    #[command(flatten)]
    pub(crate) pass: PassArguments,
    /// What is done about damage. Prefix and salvage lose data, and say what.
    #[arg(long, value_enum, default_value = "tail")]
    damage: DamageArgument,
    /// How much memory the process may take.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory_limit: Option<u64>,
    /// How many seconds it may take. Where there are checkpoints, one is left behind.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    time_limit: Option<Duration>,
    #[command(flatten)]
    checkpoints: CheckpointArguments,
    /// Keep reading a journal that another process writes, as far as it is known to be durable, until
    /// its writer closes it.
    #[arg(long, conflicts_with_all = ["validate", "expect_digest", "receipt", "explain"])]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) proof: ProofArguments,
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
}

/// More workers than there are partitions have nothing to do but to wake each other.
fn parse_threads(text: &str) -> Result<NonZero<usize>, String> {
    let threads =
        text.parse().ok().filter(|&threads: &NonZero<usize>| threads.get() <= THREADS_MAX);
    threads.ok_or_else(|| format!("expected a number from 1 to {THREADS_MAX}"))
}

pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    match parse_size::parse_size(text) {
        Ok(0) => Err("expected more than 0 bytes".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(format!("expected a size as 200M or 64KiB: {error}")),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent: &f64| *percent >= 0.0);
    percent.ok_or_else(|| "expected a number of percent, 0 or more".to_owned())
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|&seconds: &f64| seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "expected a number of seconds above 0".to_owned())
}

fn parse_head(text: &str) -> Result<Head, String> {
    let wrong = || "expected LSN:DIGEST with a digest of 64 hexadecimal digits".to_owned();
    let (lsn, hexadecimal) = text.split_once(':').ok_or_else(wrong)?;
    let mut digest = [0; 32];
    hex::decode_to_slice(hexadecimal, &mut digest).map_err(|_| wrong())?;
    Ok(Head { lsn: lsn.parse().map_err(|_| wrong())?, digest })
}

impl PassArguments {
    pub(crate) fn options(&self) -> ReplayOptions {
        let default = ReplayOptions::default();
        ReplayOptions {
            validation: match self.validation {
                ValidationArgument::None => Validation::None,
                ValidationArgument::Basic => Validation::Basic,
                ValidationArgument::Full => Validation::Full,
                ValidationArgument::Cryptographic => Validation::Cryptographic,
            },
            threads: self.threads.unwrap_or(default.threads),
            until: self.until.stop_point(),
            anchor: self.anchor,
            control: Control::with_flag(interruption()),
            ..default
        }
    }
}

impl ReplayArguments {
    /// The limit is for the process, of which the program itself is a part.
    fn memory_limit(&self) -> Result<Option<u64>, Error> {
        let Some(limit) = self.memory_limit else { return Ok(None) };
        let needed = resident_bytes().unwrap_or(0);
        match limit.checked_sub(needed) {
            Some(left) => Ok(Some(left)),
            None => Err(Error::MemoryLimit { what: "the program itself", needed, limit }),
        }
    }

    pub(crate) fn options(&self) -> Result<ReplayOptions, Error> {
        let damage = match self.damage {
            DamageArgument::Strict => DamagePolicy::Strict,
            DamageArgument::Tail => DamagePolicy::Tail,
            DamageArgument::Prefix => DamagePolicy::Prefix,
            DamageArgument::Salvage => DamagePolicy::Salvage,
        };
        Ok(ReplayOptions {
            damage,
            memory_limit: self.memory_limit()?,
            time_limit: self.time_limit,
            checkpoints: self.checkpoints.checkpoints()?,
            selection: self.selection.selection(),
            ..self.pass.options()
        })
    }
}

/// A flag that the first interrupt sets; the second one ends the process.
pub(crate) fn interruption() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let interrupt = signal_hook::consts::SIGINT;
    // Without a handler an interrupt ends the process at once, which loses nothing either.
    let _ = signal_hook::flag::register_conditional_shutdown(interrupt, 130, Arc::clone(&flag));
    let _ = signal_hook::flag::register(interrupt, Arc::clone(&flag));
    flag
}

/// Follows a journal until its writer closes it.
pub(crate) fn follow_journal(
    pass: &PassArguments,
    options: &ReplayOptions,
) -> Result<Replayed, Error> {
    let started = Instant::now();
    let path = &pass.journal;
    let folder = DiskFolder::open(path).map_err(|source| Error::Io {
        operation: "open",
        path: path.clone(),
        offset: None,
        source,
    })?;
    let folder: Arc<dyn Folder> = Arc::new(folder);
    let mut shown = Shown::new("follow", pass.progress);
    let mut initiation_seconds = None;
    let options = FollowOptions { replay: options.clone(), ..FollowOptions::default() };
    let (state, outcome) = follow(&folder, &options, &mut |now| {
        initiation_seconds.get_or_insert_with(|| started.elapsed().as_secs_f64());
        shown.show_following(now);
    })?;
    drop(shown);
    let digest = outcome.state_digest.unwrap_or_else(|| state.digest());
    let seconds = started.elapsed().as_secs_f64();
    let initiation_seconds = initiation_seconds.unwrap_or(seconds);
    Ok(Replayed { state, outcome, digest, seconds, initiation_seconds })
}

/// A replay and its figures.
pub(crate) struct Replayed {
    pub(crate) state: MemoryState,
    pub(crate) outcome: Outcome,
    pub(crate) digest: [u8; 32],
    pub(crate) seconds: f64,
    /// From the call to the first epoch applied.
    pub(crate) initiation_seconds: f64,
}

/// What is told of a replay and its state.
pub(crate) struct Figures {
    pub(crate) outcome: Outcome,
    pub(crate) counts: Vec<(KeyKind, u64)>,
    pub(crate) digest: [u8; 32],
    pub(crate) seconds: f64,
    pub(crate) initiation_seconds: f64,
    pub(crate) state_memory_bytes: u64,
}

impl From<Replayed> for Figures {
    fn from(replayed: Replayed) -> Self {
        let Replayed { state, outcome, digest, seconds, initiation_seconds } = replayed;
        let (counts, state_memory_bytes) = (state.counts(), state.memory_bytes());
        Self { outcome, counts, digest, seconds, initiation_seconds, state_memory_bytes }
    }
}

/// Opens and replays a journal, from nothing to the state's digest.
pub(crate) fn replay_journal(
    pass: &PassArguments,
    options: &ReplayOptions,
    proof: Option<&ProofArguments>,
) -> Result<Replayed, Error> {
    let (path, how) = (&pass.journal, pass.progress);
    let started = Instant::now();
    let journal = Journal::open_path(path)?;
    let mut shown = Shown::new("replay", how);
    let mut initiation_seconds = None;
    let mut watch = |now: &Progress| {
        initiation_seconds.get_or_insert_with(|| started.elapsed().as_secs_f64());
        shown.show(now);
    };
    let (state, outcome) = match proof.filter(|proof| proof.is_wanted()) {
        None => replay(&journal, options, &mut watch)?,
        Some(proof) => {
            let (state, outcome, receipt) =
                replay_validated(&journal, options, proof.expect_digest, &mut watch)?;
            if let Some(path) = &proof.receipt {
                write_receipt(&receipt, path)?;
            }
            (state, outcome)
        }
    };
    drop(shown);
    let digest = outcome.state_digest.unwrap_or_else(|| state.digest());
    let seconds = started.elapsed().as_secs_f64();
    let initiation_seconds = initiation_seconds.unwrap_or(seconds);
    Ok(Replayed { state, outcome, digest, seconds, initiation_seconds })
}

fn write_receipt(receipt: &Receipt, path: &Path) -> Result<(), Error> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::InvalidOption {
        option: "receipt",
        reason: format!("{} names no file", path.display()),
    })?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = open_folder(parent.unwrap_or(Path::new(".")))?;
    receipt::write(receipt, folder.as_ref(), name)
}

/// The exit code that an outcome deserves.
pub(crate) fn exit_of(outcome: &Outcome, with_loss: Exit) -> Exit {
    if outcome.has_loss() {
        with_loss
    } else if outcome.findings.end.kind == EndKind::TornTail {
        Exit::TornTail
    } else {
        Exit::Clean
    }
}

/// An outcome as fields of a JSON result.
pub(crate) fn outcome_json(outcome: &Outcome) -> Value {
    let findings = &outcome.findings;
    let transactions = &findings.transactions;
    let selects = outcome.plan.is_some() || findings.tally.selected > 0;
    json!({
        "events": findings.tally.events,
        "mutations": findings.tally.mutations,
        "observations": findings.tally.observations,
        "unknown": findings.tally.unknown,
        "blocks": findings.blocks,
        "bytes": findings.bytes,
        "end": {
            "kind": findings.end.kind,
            "lsn": outcome.last_lsn,
            "segment": findings.end.position.segment,
            "offset": findings.end.position.offset,
            "tail": findings.end.tail,
        },
        "head": format!("{}:{}", outcome.head.lsn, hex::encode(outcome.head.digest)),
        "anchored": outcome.anchored,
        "transactions": {
            "committed": transactions.committed,
            "aborted": transactions.aborted,
            "discarded": transactions.discarded.count,
            "discarded_ids": transactions.discarded.ids,
            "broken": transactions.broken.count,
            "broken_ids": transactions.broken.ids,
        },
        "damages": findings.damages,
        "inconsistencies": findings.inconsistencies,
        "started_from": outcome.started_from,
        "passed_over": outcome.passed_over,
        "checkpoints": outcome.checkpoints,
        "selected": selects.then_some(findings.tally.selected),
        "plan": outcome.plan,
    })
}

/// An outcome in words.
pub(crate) fn outcome_rows(
    outcome: &Outcome,
    options: &ReplayOptions,
) -> Vec<(&'static str, String)> {
    let findings = &outcome.findings;
    let position = &findings.end.position;
    let kind = match findings.end.kind {
        EndKind::Sealed => "sealed by its writer",
        EndKind::Unsealed => "without a seal: the writer died, or still writes",
        EndKind::Unwritten => "in space that was never written",
        EndKind::Stale => "in what an earlier file or life left behind",
        EndKind::TornTail => "in a torn write, which is left out",
        EndKind::Damaged => "in damage",
        EndKind::Until => "where it was asked to",
    };
    let transactions = &findings.transactions;
    let ended = format!(
        "{} committed, {} aborted, {} discarded, {} broken",
        grouped(transactions.committed),
        grouped(transactions.aborted),
        grouped(transactions.discarded.count),
        grouped(transactions.broken.count),
    );
    let place = format!("segment {}, byte {}", position.segment, position.offset);
    let proven = match (options.anchor.filter(|_| outcome.anchored), options.validation) {
        (None, _) => "unanchored".to_owned(),
        (Some(anchor), Validation::Cryptographic)
            if outcome.started_from.is_some() || outcome.plan.is_some() =>
        {
            format!(
                "the anchor at LSN {} is there; not all before it was read this time",
                anchor.lsn
            )
        }
        (Some(anchor), Validation::Cryptographic) => {
            format!("verified against the anchor up to LSN {}, unanchored behind it", anchor.lsn)
        }
        (Some(_), _) => {
            "the anchor is there; no digest was computed anew, so nothing is verified".to_owned()
        }
    };
    let mut rows = vec![
        ("events", grouped(findings.tally.events)),
        ("transactions", ended),
        ("ends", format!("{kind}, after LSN {} ({place})", outcome.last_lsn)),
        ("head", format!("{}:{}", outcome.head.lsn, hex::encode(outcome.head.digest))),
        ("proof", proven),
    ];
    rows.extend(findings.end.tail.as_ref().map(|tail| ("left out", tail.to_string())));
    rows.extend(loss_rows(outcome));
    rows.extend(checkpoint_rows(outcome));
    if let Some(plan) = &outcome.plan {
        rows.push(("selected", format!("{} events", grouped(findings.tally.selected))));
        rows.extend(plan_rows(plan));
    }
    rows
}

/// What a selective replay reads and steps over, in words.
pub(crate) fn plan_rows(plan: &PlanSummary) -> Vec<(&'static str, String)> {
    let amount =
        |it: &Amount| format!("{} blocks, {} bytes", grouped(it.blocks), grouped(it.bytes));
    let mut rows = vec![
        ("planned by", format!("the seals of {} of {} segments", plan.sealed, plan.segments)),
        ("read, at most", amount(&plan.read)),
    ];
    rows.extend(plan.skipped.iter().map(|(reason, skipped)| {
        let reason = match reason {
            SkipReason::Lsn => "no LSN in them is selected",
            SkipReason::Time => "no time in them is selected",
            SkipReason::Family => "no family in them is selected",
        };
        ("stepped over", format!("{}: {reason}", amount(skipped)))
    }));
    rows
}

/// What the replay had to do with checkpoints, in words.
fn checkpoint_rows(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let passed_over = outcome.passed_over.iter();
    let passed_over =
        passed_over.map(|it| ("passed over", format!("{}: {}", it.checkpoint, it.fault)));
    let mut rows: Vec<_> = passed_over.collect();
    rows.extend(outcome.started_from.as_ref().map(|from| {
        let StartedFrom { checkpoint, watermark, restart_lsn, .. } = from;
        (
            "started from",
            format!("{checkpoint}, at LSN {watermark}, reading from LSN {restart_lsn}"),
        )
    }));
    let taken = &outcome.checkpoints;
    if taken.written > 0 {
        let Stalls { p50_seconds, p99_seconds, .. } = taken.stalls;
        let text = format!(
            "{} written, {} put off, {} merged, {:.1} MB; applying stood still for {:.2} ms \
             (median) to {:.2} ms (99 %)",
            taken.written,
            taken.put_off,
            taken.merged,
            taken.bytes as f64 / 1e6,
            p50_seconds * 1e3,
            p99_seconds * 1e3,
        );
        rows.push(("checkpoints", text));
    }
    rows
}

/// What is lost or contradicts itself, in words.
pub(crate) fn loss_rows(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let Findings { damages, inconsistencies, .. } = &outcome.findings;
    let damages = damages.iter().map(|damage| ("damage", damage.to_string()));
    let told = inconsistencies.first.iter();
    let told = told.map(|it| ("inconsistent", format!("LSN {}: {}", it.lsn, it.cause)));
    let untold = inconsistencies.count - inconsistencies.first.len() as u64;
    let untold = (untold > 0).then(|| ("inconsistent", format!("and {} more", grouped(untold))));
    damages.chain(told).chain(untold).collect()
}
