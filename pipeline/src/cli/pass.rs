//! The options and results that verify, replay and state have in common.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::journal::{EndKind, Head, Journal, Validation};
use vexfs_replay::replay::{
    DamagePolicy, Findings, Outcome, Progress, ReplayOptions, THREADS_MAX, replay,
};
use vexfs_replay::state::MemoryState;

use super::exit::Exit;
use super::output::grouped;
use super::progress;

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
    /// Leave out what comes after this LSN.
    #[arg(long, value_name = "LSN")]
    until_lsn: Option<u64>,
    /// A head kept outside of the journal, which must be found in it.
    #[arg(long, value_name = "LSN:DIGEST", value_parser = parse_head)]
    anchor: Option<Head>,
}

/// What a replay does beyond a verification.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayArguments {
    #[command(flatten)]
    pub(crate) pass: PassArguments,
    /// What is done about damage. Prefix and salvage lose data, and say what.
    #[arg(long, value_enum, default_value = "tail")]
    damage: DamageArgument,
    /// How much memory state and pipeline may take together.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory_limit: Option<u64>,
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
            until_lsn: self.until_lsn,
            anchor: self.anchor,
            cancel: interruption(),
            ..default
        }
    }
}

impl ReplayArguments {
    pub(crate) fn options(&self) -> ReplayOptions {
        let damage = match self.damage {
            DamageArgument::Strict => DamagePolicy::Strict,
            DamageArgument::Tail => DamagePolicy::Tail,
            DamageArgument::Prefix => DamagePolicy::Prefix,
            DamageArgument::Salvage => DamagePolicy::Salvage,
        };
        ReplayOptions { damage, memory_limit: self.memory_limit, ..self.pass.options() }
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

/// A replay and its figures.
pub(crate) struct Replayed {
    pub(crate) state: MemoryState,
    pub(crate) outcome: Outcome,
    pub(crate) digest: [u8; 32],
    pub(crate) seconds: f64,
    /// From the call to the first epoch applied.
    pub(crate) initiation_seconds: f64,
}

/// Opens and replays a journal, from nothing to the state's digest.
pub(crate) fn replay_journal(path: &Path, options: &ReplayOptions) -> Result<Replayed, Error> {
    let started = Instant::now();
    let journal = Journal::open_path(path)?;
    let bar = progress::of_bytes("replay");
    let mut initiation_seconds = None;
    let (state, outcome) = replay(&journal, options, &mut |now: &Progress| {
        initiation_seconds.get_or_insert_with(|| started.elapsed().as_secs_f64());
        bar.set_length(now.total_bytes);
        bar.set_position(now.bytes);
    })?;
    bar.finish_and_clear();
    let digest = state.digest();
    let seconds = started.elapsed().as_secs_f64();
    let initiation_seconds = initiation_seconds.unwrap_or(seconds);
    Ok(Replayed { state, outcome, digest, seconds, initiation_seconds })
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
