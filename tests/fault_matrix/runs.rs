//! One recovery: in which way, in which mode, and what is accepted.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::Validation;
use vexfs_replay::recovery::{
    Accept, Agreement, Coordinator, LocalReport, Places, Recovered, RecoveryManager,
    RecoveryOptions, Way,
};
use vexfs_replay::replay::{ReplayOptions, Shared};
use vexfs_replay::storage::{Folder, MemoryFolder};

/// No recovery of these journals takes so long; one that did would hang.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// The only way, or the best one.
    pub(crate) way: Option<Way>,
    pub(crate) suffix: bool,
    pub(crate) holes: bool,
    pub(crate) undo: bool,
}

const fn column(way: Option<Way>, suffix: bool, holes: bool, undo: bool) -> Column {
    Column { way, suffix, holes, undo }
}

/// The columns. Who may lose everything still loses nothing in a way that promises so.
pub(crate) const COLUMNS: [Column; 15] = [
    column(Some(Way::Full), true, true, true),
    column(Some(Way::Partial), true, true, true),
    column(Some(Way::Incremental), true, true, true),
    column(Some(Way::Coordinated), true, true, true),
    column(Some(Way::BeforeDamage), false, true, true),
    column(Some(Way::BeforeDamage), true, false, false),
    column(Some(Way::Emergency), false, false, true),
    column(Some(Way::Emergency), true, false, true),
    column(Some(Way::Emergency), false, true, false),
    column(Some(Way::Rollback), true, true, false),
    column(Some(Way::Rollback), false, false, true),
    column(None, false, false, false),
    column(None, true, false, false),
    column(None, false, true, false),
    column(None, true, true, false),
];

/// Takes no checkpoints.
pub(crate) fn plain_policy() -> CheckpointPolicy {
    CheckpointPolicy {
        at_end: false,
        every_bytes: u64::MAX,
        keep: usize::MAX,
        deltas_max: 1_000,
        ..CheckpointPolicy::default()
    }
}

thread_local! {
    static SHARED: Arc<Shared> =
        Arc::new(Shared::new(NonZero::<usize>::MIN, None).unwrap().keeping_buffers());
}

pub(crate) fn replay_options() -> ReplayOptions {
    ReplayOptions {
        threads: NonZero::<usize>::MIN,
        shared: Some(SHARED.with(Arc::clone)),
        time_limit: Some(TIME_LIMIT),
        ..ReplayOptions::default()
    }
}

pub(crate) fn options(column: Column, validation: Validation) -> RecoveryOptions {
    let Column { way: only, suffix, holes, undo } = column;
    RecoveryOptions {
        accept: Accept { suffix, holes, undo },
        only,
        retries: 0,
        retry_wait: Duration::ZERO,
        checkpoint_policy: plain_policy(),
        replay: ReplayOptions { validation, ..replay_options() },
        ..RecoveryOptions::default()
    }
}

/// All agree on this LSN.
#[derive(Debug)]
struct All(u64);

impl Coordinator for All {
    fn agree(&mut self, _: &LocalReport) -> Result<Agreement, Error> {
        Ok(Agreement { cut_lsn: self.0, in_doubt: Vec::new() })
    }
}

/// Where a recovery works.
pub(crate) fn places(
    journal: impl Folder + 'static,
    checkpoints: Option<MemoryFolder>,
    records: impl Folder + 'static,
) -> Places {
    let checkpoints = checkpoints.map(|it| Arc::new(it) as Arc<dyn Folder>);
    Places { journal: Arc::new(journal), checkpoints, records: Some(Arc::new(records)) }
}

/// Recovers; all participants agree on `cut_lsn`.
pub(crate) fn recover(
    places: Places,
    options: RecoveryOptions,
    cut_lsn: u64,
) -> Result<Recovered, Error> {
    let coordinated = options.only == Some(Way::Coordinated);
    let manager = RecoveryManager::new(places, options);
    let mut manager = match coordinated {
        true => manager.with_coordinator(Box::new(All(cut_lsn))),
        false => manager,
    };
    manager.recover(&mut |_| {})
}
