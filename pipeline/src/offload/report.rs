//! Who hashed what, and why.

use serde::Serialize;
use vexfs_kernels::Digest;

use super::OffloadPolicy;

/// Blocks that were hashed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hashed {
    /// How many.
    pub blocks: u64,
    /// How many bytes of them.
    pub bytes: u64,
}

impl Hashed {
    fn add(&mut self, range: &[u8]) {
        self.blocks += 1;
        self.bytes += range.len() as u64;
    }
}

/// What was done by an accelerator and what by the workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OffloadReport {
    /// When one was to be used.
    pub policy: OffloadPolicy,
    /// The accelerator; none where none was opened.
    pub accelerator: Option<String>,
    /// What it hashed.
    pub offloaded: Hashed,
    /// What the workers hashed.
    pub workers: Hashed,
    /// How many of its digests were wrong, which the workers then computed.
    pub wrong_blocks: u64,
    /// Why it isn't used any more, or never was; none while it is.
    pub ended: Option<String>,
    /// How quickly blocks went through the whole flow with the workers hashing, in bytes per second, where
    /// that was measured.
    pub workers_bytes_per_second: Option<f64>,
    /// The same with the accelerator.
    pub accelerator_bytes_per_second: Option<f64>,
}

impl OffloadReport {
    pub(super) fn of(policy: OffloadPolicy) -> Self {
        Self {
            policy,
            accelerator: None,
            offloaded: Hashed::default(),
            workers: Hashed::default(),
            wrong_blocks: 0,
            ended: None,
            workers_bytes_per_second: None,
            accelerator_bytes_per_second: None,
        }
    }

    /// Counts an epoch's blocks: those that were found were offloaded.
    pub(super) fn count(&mut self, ranges: &[&[u8]], found: &[Option<Digest>]) {
        for (index, range) in ranges.iter().enumerate() {
            let is_offloaded = found.get(index).is_some_and(Option::is_some);
            let hashed = if is_offloaded { &mut self.offloaded } else { &mut self.workers };
            hashed.add(range);
        }
    }
}
