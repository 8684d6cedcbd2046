//! Stores on the command line: the options of `replay --store`, and what is told of a store.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::{Progress, ReplayOptions, StoreOptions, replay_into_store};
use vexfs_replay::state::View as _;
use vexfs_replay::store::{Moment, StoredState};

use super::exit::Exit;
use super::output::grouped;
use super::pass::{PassArguments, ReplayArguments, parse_size};
use super::progress::Shown;
use super::running::{Clock, Figures};

/// A store that the state is kept in.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Store")]
pub(crate) struct StoreArguments {
    /// Keep the state in this file, a database, and go on from what it holds: for states that are
    /// larger than memory.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["checkpoints", "follow", "validate", "expect_digest", "receipt"]
    )]
    store: Option<PathBuf>,
    /// How much memory the records may take that are not in the store yet.
    #[arg(long, value_name = "SIZE", requires = "store", value_parser = parse_size)]
    store_cache: Option<u64>,
}

impl StoreArguments {
    pub(crate) fn options(&self) -> Option<StoreOptions> {
        let options = StoreOptions::at(self.store.clone()?);
        let cache_bytes = self.store_cache.unwrap_or(options.cache_bytes);
        Some(StoreOptions { cache_bytes, ..options })
    }
}

/// Replays a journal into a store, to the state's digest.
pub(crate) fn replay_stored(
    pass: &PassArguments,
    options: &ReplayOptions,
    store: &StoreOptions,
) -> Result<Figures, Error> {
    let mut clock = Clock::start();
    let journal = Journal::open_path(&pass.journal)?;
    let mut shown = Shown::new("replay", pass.check.progress);
    let (state, outcome) = replay_into_store(&journal, options, store, &mut |now: &Progress| {
        clock.tick();
        shown.show(now);
    })?;
    drop(shown);
    let replay_seconds = clock.seconds();
    let (counts, digest) = state.sum_up()?;
    let seconds = clock.seconds();
    tracing::info!(replay_seconds, seconds, "replayed into the store");
    let initiation_seconds = clock.initiation_seconds(seconds);
    let state_memory_bytes = 0;
    Ok(Figures { outcome, counts, digest, seconds, initiation_seconds, state_memory_bytes })
}

/// What is told of a store.
pub(crate) struct Told {
    pub(crate) exit: Exit,
    pub(crate) json: Value,
    /// What was lost on the way to its state, in words.
    pub(crate) losses: Vec<(&'static str, String)>,
}

/// Opens a store to show it.
pub(crate) fn shown(arguments: &ReplayArguments) -> Result<(StoredState, Told), Error> {
    let (path, options) = (&arguments.pass.journal, arguments.options()?);
    let asks_for_proof = arguments.follow || arguments.proof.is_wanted();
    let asks_more =
        options.until.is_some() || options.selection.is_some() || options.anchor.is_some();
    if asks_more || asks_for_proof || options.checkpoints.is_some() {
        let reason = "a store has one state, and is not replayed: give the journal".to_owned();
        return Err(Error::InvalidOption { option: "store", reason });
    }
    let state = StoredState::open(path)?;
    let held = state.held();
    let (moment, mut losses) = match &held.moment {
        Moment::Start => ("start", Vec::new()),
        Moment::Cut(_) => ("cut", Vec::new()),
        Moment::NoCut(_) => {
            ("no cut", vec![("damage", "was left out when this store was made".to_owned())])
        }
    };
    if let Some(cut) = held.moment.cut() {
        let (found, broken) = (&cut.so_far.inconsistencies, cut.so_far.transactions.broken.count);
        let told = found.first.iter();
        losses.extend(told.map(|it| ("inconsistent", format!("LSN {}: {}", it.lsn, it.cause))));
        if broken > 0 {
            losses.push(("broken", format!("{} transactions are not whole", grouped(broken))));
        }
    }
    let exit = if losses.is_empty() { Exit::Clean } else { Exit::Loss };
    let json = json!({
        "path": path.to_string_lossy(),
        "journal_id": hex::encode(held.journal_id),
        "validation": held.validation,
        "moment": moment,
        "lsn": held.moment.lsn(),
    });
    Ok((state, Told { exit, json, losses }))
}
