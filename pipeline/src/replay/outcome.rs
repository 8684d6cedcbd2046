//! What came of a replay.

use std::path::Path;

use serde::Serialize;
use vexfs_kernels::Digest;

use super::cut::Cut;
use super::findings::Findings;
use crate::checkpoint::{Loaded, PassedOver, Report};
use crate::journal::{Head, PlanSummary};

/// The checkpoint that a replay started from, or the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StartedFrom {
    /// Its file name.
    pub checkpoint: String,
    /// Its watermark: what takes place up to this LSN was in it.
    pub watermark: u64,
    /// Where reading restarted.
    pub restart_lsn: u64,
    /// How many bytes of checkpoints were read.
    pub bytes: u64,
    /// How many events it spared.
    pub events: u64,
    /// How many bytes of the journal's blocks it spared.
    pub journal_bytes: u64,
}

impl StartedFrom {
    pub(super) fn of_store(path: &Path, cut: &Cut) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            checkpoint: name.to_string_lossy().into_owned(),
            watermark: cut.lsn,
            restart_lsn: cut.restart.next_lsn,
            bytes: 0,
            events: cut.so_far.tally.events,
            journal_bytes: cut.so_far.bytes,
        }
    }

    pub(super) fn of(loaded: &Loaded) -> Self {
        Self {
            checkpoint: loaded.newest.name.clone(),
            watermark: loaded.cut.lsn,
            restart_lsn: loaded.cut.restart.next_lsn,
            bytes: loaded.bytes,
            events: loaded.cut.so_far.tally.events,
            journal_bytes: loaded.cut.so_far.bytes,
        }
    }
}

/// What came of a replay.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was found on the way, by this replay and by those whose checkpoint it started from.
    pub findings: Findings,
    /// The last LSN that was taken in, 0 for none.
    pub last_lsn: u64,
    /// The head that the journal has now; see [`Head`].
    pub head: Head,
    /// Whether a head that was kept outside of the journal was found in it. Only then, and only
    /// under [`Validation::Cryptographic`](crate::journal::Validation), is it proven that nothing
    /// before the head was changed or cut off; of what a checkpoint spared or a selection left out, that
    /// was proven when the checkpoint was made, or is not.
    pub anchored: bool,
    /// The checkpoint that it started from.
    pub started_from: Option<StartedFrom>,
    /// The checkpoints that could not be used.
    pub passed_over: Vec<PassedOver>,
    /// The checkpoints that it took.
    pub checkpoints: Report,
    /// Which blocks a selective replay read, and which it stepped over.
    pub plan: Option<PlanSummary>,
    /// The most memory that it took at once, as it counts, in bytes.
    pub memory_bytes_max: u64,
    /// The cut at which the state is, where a later pass could go on from it.
    pub cut: Option<Cut>,
    /// The state's digest, where it was computed on the way.
    pub state_digest: Option<Digest>,
}

impl Outcome {
    /// Whether something was lost that the writer may have finished: damage, or contradictions.
    #[must_use]
    pub fn has_loss(&self) -> bool {
        !self.findings.damages.is_empty()
            || self.findings.inconsistencies.count > 0
            || self.findings.transactions.broken.count > 0
    }

    pub(super) fn of(findings: Findings, until: u64, anchored: bool) -> Self {
        let position = findings.end.position;
        let head = Head { lsn: position.next_lsn.saturating_sub(1), digest: position.digest };
        let last_lsn = findings.last_lsn(until);
        Self {
            findings,
            last_lsn,
            head,
            anchored,
            started_from: None,
            passed_over: Vec::new(),
            checkpoints: Report::default(),
            plan: None,
            memory_bytes_max: 0,
            cut: None,
            state_digest: None,
        }
    }
}
