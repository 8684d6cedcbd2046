//! Where a recovery works, and what it may do.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::facts::FailureType;
use super::strategy::Way;
use crate::checkpoint::CheckpointPolicy;
use crate::error::Error;
use crate::replay::ReplayOptions;
use crate::storage::Folder;

/// The folders of a recovery.
#[derive(Clone, Debug)]
pub struct Places {
    /// The journal. It is never changed.
    pub journal: Arc<dyn Folder>,
    /// Its checkpoints, where there are any: recovery starts from them and adds to them.
    pub checkpoints: Option<Arc<dyn Folder>>,
    /// Where a recovery writes down what it does: so that a killed one goes on where it was, and
    /// what is undone or broken is kept aside. Without it there is no rollback.
    pub records: Option<Arc<dyn Folder>>,
}

/// What may be lost. Nothing, unless it is said here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    /// All from the first damage on.
    pub suffix: bool,
    /// What is damaged, and what depended on it.
    pub holes: bool,
    /// What came after a checkpoint; it is kept aside and can be redone.
    pub undo: bool,
}

/// How a recovery is done.
#[derive(Clone, Debug)]
pub struct RecoveryOptions {
    /// What may be lost.
    pub accept: Accept,
    /// A failure that is known from elsewhere. It counts before what the survey finds.
    pub reported: Option<FailureType>,
    /// The only way that may be tried, where not the best one is to be chosen.
    pub only: Option<Way>,
    /// The watermark of the checkpoint that a rollback goes back to; the newest usable one where it
    /// isn't given.
    pub rollback_to: Option<u64>,
    /// How old a checkpoint is at most that counts as recent.
    pub recent: Duration,
    /// How often a way is tried again after storage failed.
    pub retries: u32,
    /// How long is waited before it is tried again the first time; twice as long each time after that.
    pub retry_wait: Duration,
    /// When checkpoints are taken on the way.
    pub checkpoint_policy: CheckpointPolicy,
    /// Validation, workers, limits, stop point, anchor and reins. What it says of damage, checkpoints
    /// and selections doesn't count: that is for recovery to choose.
    pub replay: ReplayOptions,
}

impl Default for RecoveryOptions {
    fn default() -> Self {
        Self {
            accept: Accept::default(),
            reported: None,
            only: None,
            rollback_to: None,
            recent: Duration::from_secs(60 * 60),
            retries: 3,
            retry_wait: Duration::from_millis(100),
            // What is pruned may be what a rollback wants; `cleanup` prunes when it is told to.
            checkpoint_policy: CheckpointPolicy { keep: usize::MAX, ..CheckpointPolicy::default() },
            replay: ReplayOptions { list_skipped: true, ..ReplayOptions::default() },
        }
    }
}

impl RecoveryOptions {
    /// Tries something, and again when storage failed, which may pass; `retries` counts, and is told.
    pub(super) fn retrying<T>(
        &self,
        deadline: Option<Instant>,
        retries: &mut u32,
        attempt: &mut dyn FnMut(u32) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut wait = self.retry_wait;
        loop {
            match attempt(*retries) {
                Err(error)
                    if may_pass(&error)
                        && *retries < self.retries
                        && !self.replay.control.is_cancelled() =>
                {
                    tracing::warn!(%error, retries, "storage failed");
                    self.replay.control.wait(wait, deadline);
                    wait = wait.saturating_mul(2);
                    *retries += 1;
                }
                result => return result,
            }
        }
    }
}

/// Whether what failed may work when it is tried again.
fn may_pass(error: &Error) -> bool {
    match error {
        Error::Io { source, .. } => {
            !matches!(source.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied)
        }
        Error::ChangedWhileRead { .. } => true,
        _ => false,
    }
}
