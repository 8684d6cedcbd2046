//! How a journal is replayed or verified.

use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::control::Control;
use super::cut::Cut;
use super::selection::{Filter, Selection};
use super::shared::Shared;
use super::stop::StopPoint;
use crate::checkpoint::CheckpointPolicy;
use crate::flow::FlowOptions;
use crate::journal::{Head, Journal, Plan, Validation};
use crate::stages::decode::Reading;
use crate::state::PARTITIONS;
use crate::storage::Folder;

/// What is done about damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DamagePolicy {
    /// Any damage refuses, a torn tail too.
    Strict,
    /// A proven torn tail is dropped; all other damage refuses.
    #[default]
    Tail,
    /// Replay stops before the first damage, and the loss is reported.
    Prefix,
    /// Replay goes past damage, and every hole is reported.
    Salvage,
}

/// How many workers may be asked for: as many as there are partitions to share.
pub const THREADS_MAX: usize = PARTITIONS;

/// How a journal is replayed or verified.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// How much is proven before it is believed.
    pub validation: Validation,
    /// What is done about damage.
    pub damage: DamagePolicy,
    /// The workers and the memory limit that it shares with other replays; the next two don't count
    /// then.
    pub shared: Option<Arc<Shared>>,
    /// How many workers share the work, [`THREADS_MAX`] at most.
    pub threads: NonZero<usize>,
    /// Where the replay ends, where not with the journal.
    pub until: Option<StopPoint>,
    /// Which events are applied, where not all: a selective replay.
    pub selection: Option<Selection>,
    /// Lists every event that takes no effect; see [`Findings::skipped`](super::Findings).
    pub list_skipped: bool,
    /// How much memory it may take, in bytes, beside what the process had before.
    pub memory_limit: Option<u64>,
    /// How long it may take.
    pub time_limit: Option<Duration>,
    /// A head that was kept outside of the journal and must be found in it.
    pub anchor: Option<Head>,
    /// Where checkpoints are, to start from and to add to.
    pub checkpoints: Option<Checkpoints>,
    /// By which anyone pauses or cancels the replay.
    pub control: Control,
}

/// The checkpoints of a replay.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// The folder that they are in. While the replay runs it holds the folder's lock.
    pub folder: Arc<dyn Folder>,
    /// Which one the replay starts from.
    pub start: CheckpointStart,
    /// When new ones are taken; none are where there is no policy.
    pub policy: Option<CheckpointPolicy>,
}

/// Which checkpoint a replay starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CheckpointStart {
    /// The newest one that can be used, or the journal's first event where there is none.
    #[default]
    Newest,
    /// The newest one that can be used, and there must be one.
    Required,
    /// None: from the journal's first event.
    Nothing,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            validation: Validation::Cryptographic,
            damage: DamagePolicy::default(),
            threads: cores().min(NonZero::new(THREADS_MAX).unwrap_or(NonZero::<usize>::MIN)),
            shared: None,
            until: None,
            selection: None,
            list_skipped: false,
            memory_limit: None,
            time_limit: None,
            anchor: None,
            checkpoints: None,
            control: Control::default(),
        }
    }
}

/// What of a pass its caller chooses, beside the options.
#[derive(Clone, Copy, Debug)]
pub(super) struct PassChoice<'c> {
    pub(super) stop_at_fault: bool,
    /// Someone wants the effects.
    pub(super) route: bool,
    pub(super) until_lsn: u64,
    pub(super) start: Option<&'c Cut>,
    /// Which events are wanted, where not all.
    pub(super) filter: Option<&'c Filter>,
    /// Which blocks need not be read.
    pub(super) plan: Option<&'c Plan>,
}

impl ReplayOptions {
    pub(super) fn for_flow<'o>(
        &'o self,
        choice: PassChoice<'o>,
        deadline: Option<(Instant, Duration)>,
    ) -> FlowOptions<'o> {
        let PassChoice { stop_at_fault, route, until_lsn, start, .. } = choice;
        let after_lsn = start.map_or(0, |cut| cut.lsn);
        let validation = self.validation;
        FlowOptions {
            reading: Reading {
                validation,
                after_lsn,
                until_lsn,
                stop_at_fault,
                route,
                filter: choice.filter,
                list_skipped: self.list_skipped,
                gaps: choice.plan.is_some_and(Plan::has_gaps),
            },
            plan: choice.plan,
            // Where nothing is stepped over, nothing is left unread at the end either.
            selected_until: choice
                .filter
                .filter(|_| choice.plan.is_some())
                .map_or(u64::MAX, Filter::last_lsn),
            anchor_lsn: self.anchor.map(|anchor| anchor.lsn),
            start,
            // A state of some events is none to go on from.
            cuts: route && choice.filter.is_none(),
            control: &self.control,
            deadline,
        }
    }

    /// When a replay that starts now must have ended, and how long it has.
    pub(super) fn deadline(&self) -> Option<(Instant, Duration)> {
        let limit = self.time_limit?;
        Instant::now().checked_add(limit).map(|deadline| (deadline, limit))
    }

    /// The span of an operation with these options.
    pub(super) fn span(&self, operation: &'static str, journal: &Journal) -> tracing::Span {
        let (validation, journal) = (self.validation.name(), hex::encode(journal.journal_id));
        tracing::info_span!("operation", operation, journal, validation, damage = ?self.damage)
    }

    /// How much memory it may take, alone or with those that it shares a limit with.
    pub(super) fn memory_limit(&self) -> Option<u64> {
        match &self.shared {
            Some(shared) => shared.budget.limit(),
            None => self.memory_limit,
        }
    }

    /// Whether damage makes the replay refuse.
    pub(super) fn refuses(&self) -> bool {
        matches!(self.damage, DamagePolicy::Strict | DamagePolicy::Tail)
    }
}

fn cores() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}
