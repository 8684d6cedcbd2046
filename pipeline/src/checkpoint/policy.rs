//! When checkpoints are taken, and how many are kept.

use std::time::Duration;

/// When a replay takes checkpoints, and how many of them stay.
///
/// A checkpoint is due when any of the three distances is reached. It is taken at the next end of an
/// epoch (a few megabytes of journal) at which the one before has been written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckpointPolicy {
    /// After this many events.
    pub every_events: Option<u64>,
    /// After this many bytes of journal. It bounds how much changes between two, and so the memory
    /// that taking one needs.
    pub every_bytes: u64,
    /// After this much time.
    pub every: Option<Duration>,
    /// How much of the replay's time those that are taken on the way may take: one that is due is put
    /// off while it and those before it would take more. Infinity puts off none.
    pub time_share_max: f64,
    /// Whether one is taken at the end, whatever it takes.
    pub at_end: bool,
    /// How many deltas may build on a base before they are merged into a new one.
    pub deltas_max: usize,
    /// How many checkpoints are kept, beside those that they build on.
    pub keep: usize,
    /// zstd's level for what is stored; see its documentation.
    pub compression_level: i32,
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self {
            every_events: None,
            every_bytes: 256 * 1024 * 1024,
            every: None,
            time_share_max: 0.15,
            at_end: true,
            deltas_max: 16,
            keep: 2,
            compression_level: 1,
        }
    }
}
