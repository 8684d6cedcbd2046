//! Where a replay's time and memory go: what the command `profile` fills. Plain data.

use serde::{Deserialize, Serialize};

use crate::figure;
use crate::measuring::Quantiles;

/// One replay, looked into.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Profile {
    /// The workload's name.
    pub(crate) workload: String,
    /// How many events it replayed.
    pub(crate) events: u64,
    /// How much longer a replay with timers took than the one beside it without, as a share, by round.
    #[serde(default)]
    pub(crate) cost: Quantiles,
    /// How long it took on the clock, in seconds.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) seconds: f64,
    /// What the workers did.
    #[serde(default)]
    pub(crate) breakdown: StageBreakdown,
    /// What the threads of the stages did.
    #[serde(default)]
    pub(crate) threads: Vec<StageThread>,
    /// How full the channels between stages were.
    #[serde(default)]
    pub(crate) queues: Vec<Queue>,
    /// How long single things took.
    #[serde(default)]
    pub(crate) latencies: Vec<Latency>,
    /// How much memory the process had, as time went on.
    #[serde(default)]
    pub(crate) memory: Vec<MemoryOverTime>,
}

/// What the workers did, by stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StageBreakdown {
    /// In the order in which events pass them.
    pub(crate) stages: Vec<Stage>,
    /// How long each worker had nothing to do, in seconds.
    #[serde(deserialize_with = "figure::all_or_none")]
    pub(crate) idle_seconds: Vec<f64>,
}

/// One stage's work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stage {
    /// Its verb.
    pub(crate) name: String,
    /// How long each worker was at it, in seconds.
    #[serde(deserialize_with = "figure::all_or_none")]
    pub(crate) busy_seconds: Vec<f64>,
    /// The work of all workers, in nanoseconds an event.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) nanoseconds_per_event: f64,
    /// Its share of all that the workers did, from 0 to 1; idling isn't part of that.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) share: f64,
}

/// What a thread that runs a stage did with its time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct StageThread {
    /// The stage: read, verify, apply.
    pub(crate) name: String,
    /// Workers worked for it, in seconds.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) working_seconds: f64,
    /// It worked alone, in seconds.
    #[serde(default, deserialize_with = "figure::or_none")]
    pub(crate) alone_seconds: f64,
    /// Waiting for the stage before, or for a free space, in seconds.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) waiting_seconds: f64,
    /// Waiting for the stage behind to take something, in seconds.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) blocked_seconds: f64,
}

/// How full a channel was whenever something was put into it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Queue {
    /// Between which stages it lies.
    pub(crate) name: String,
    /// In epochs.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) mean_depth: f64,
    /// In epochs.
    pub(crate) max_depth: u64,
}

/// How long one kind of thing took: a block, an epoch, a checkpoint's stall, a recovery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// What was timed.
    pub(crate) label: String,
    /// The unit of the values.
    pub(crate) unit: String,
    /// How often it was.
    pub(crate) count: u64,
    /// Quantiles from 0 to 1, rising, and the value that so many are no more than. The last quantile is 1,
    /// which has the most.
    #[serde(deserialize_with = "figure::pairs_or_none")]
    pub(crate) points: Vec<(f64, f64)>,
}

impl Latency {
    /// The value of the first point that holds for at least so many; nothing where there is none.
    pub(crate) fn at(&self, quantile: f64) -> f64 {
        let point = self.points.iter().find(|(at, _)| *at >= quantile - 1e-9);
        point.map_or(f64::NAN, |(_, value)| *value)
    }
}

/// The memory of one replay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct MemoryOverTime {
    /// Which replay.
    pub(crate) label: String,
    /// Seconds since its begin, and the bytes that the process had resident then.
    pub(crate) samples: Vec<Sample>,
}

/// How much memory there was at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Since the begin, in seconds.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) seconds: f64,
    /// Resident, in bytes.
    pub(crate) resident_bytes: u64,
}
