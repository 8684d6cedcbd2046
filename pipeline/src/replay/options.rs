//! How a journal is replayed or verified.

use std::num::NonZero;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use vexfs_kernels::Kernel;

use super::control::Control;
use super::selection::Selection;
use super::shared::Shared;
use super::stop::StopPoint;
use crate::checkpoint::CheckpointPolicy;
use crate::journal::{Head, Journal, Validation};
use crate::offload::Offload;
use crate::profile::Profiler;
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
    /// What computes the digests of blocks.
    pub kernel: Kernel,
    /// What may hash blocks beside the workers, where digests are checked.
    pub offload: Option<Offload>,
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
    /// Lists every block that is accepted; see [`Findings::listed`](super::Findings).
    pub list_blocks: bool,
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
    /// Counts where the time goes, where somebody wants to know. The serial replay counts nothing.
    pub profiler: Option<Arc<Profiler>>,
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
            kernel: Kernel::quickest(),
            offload: None,
            damage: DamagePolicy::default(),
            threads: cores().min(NonZero::new(THREADS_MAX).unwrap_or(NonZero::<usize>::MIN)),
            shared: None,
            until: None,
            selection: None,
            list_skipped: false,
            list_blocks: false,
            memory_limit: None,
            time_limit: None,
            anchor: None,
            checkpoints: None,
            control: Control::default(),
            profiler: None,
        }
    }
}

impl ReplayOptions {
    /// When a replay that starts now must have ended, and how long it has.
    pub(crate) fn deadline(&self) -> Option<(Instant, Duration)> {
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

/// How many cores the process may use. Asked for once: on Linux the answer is put together from a dozen files.
pub(crate) fn cores() -> NonZero<usize> {
    static CORES: LazyLock<NonZero<usize>> =
        LazyLock::new(|| std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN));
    *CORES
}
