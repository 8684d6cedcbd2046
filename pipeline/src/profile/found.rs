//! What came of the timers. Plain data.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::{Post, Queue, Stage};

/// How long a worker was at each stage, in seconds; the rest of the time it was idle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerTimes {
    /// By stage; one that it was never at is missing.
    pub busy: BTreeMap<Stage, f64>,
    /// The rest, in seconds.
    pub idle: f64,
}

/// How long a thread that hands over did what, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PostTimes {
    /// It waited for something to do.
    pub waiting: f64,
    /// Workers worked for it.
    pub working: f64,
    /// It worked alone.
    pub alone: f64,
    /// It waited for somebody to take what it had done.
    pub blocked: f64,
}

/// How many waited in a queue when one was taken out, that one left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Depth {
    /// On average.
    pub mean: f64,
    /// At the most.
    pub max: u64,
}

/// Where times lie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// How many there were.
    pub count: u64,
    /// Shares of them, and what so many were no longer than, in seconds to three digits.
    pub quantiles: Vec<(f64, f64)>,
}

impl Distribution {
    /// The shares that are told.
    pub const SHARES: [f64; 11] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];

    /// What this share of them was no longer than, in seconds, where it is one of those that are told.
    #[must_use]
    pub fn at(&self, share: f64) -> Option<f64> {
        self.quantiles.iter().find(|(told, _)| *told == share).map(|&(_, seconds)| seconds)
    }

    pub(super) fn of(times: Option<&Histogram<u64>>) -> Self {
        let Some(times) = times.filter(|times| !times.is_empty()) else { return Self::default() };
        let at = |share| (share, times.value_at_quantile(share) as f64 / 1e9);
        Self { count: times.len(), quantiles: Self::SHARES.map(at).to_vec() }
    }
}

/// What came of the timers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// How long the passes took that were timed, in seconds.
    pub seconds: f64,
    /// The workers.
    pub workers: Vec<WorkerTimes>,
    /// The threads that hand over.
    pub posts: BTreeMap<Post, PostTimes>,
    /// The queues between them.
    pub queues: BTreeMap<Queue, Depth>,
    /// What proving a block took, on average of those that were hashed side by side.
    pub blocks: Distribution,
    /// What an epoch took from having been read to having been applied.
    pub epochs: Distribution,
}

impl Profile {
    /// How long all workers together were at a stage, in seconds.
    #[must_use]
    pub fn busy_seconds(&self, stage: Stage) -> f64 {
        self.workers.iter().filter_map(|worker| worker.busy.get(&stage)).sum()
    }
}
