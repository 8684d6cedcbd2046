//! What others come to with the same data: what the command `peers` fills. Plain data.

use serde::{Deserialize, Serialize};

use crate::figure;
use crate::measuring::Quantiles;

/// The name of the row that is ours.
pub(crate) const OURS: &str = "vexfs-replay";

/// A system that keeps a log and recovers from it; [`OURS`] is one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PeerRow {
    /// What it is called.
    pub(crate) name: String,
    /// Its own version.
    pub(crate) version: String,
    /// Which data it was given.
    pub(crate) dataset: String,
    /// What came of it.
    pub(crate) run: PeerRun,
}

/// Whether it ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PeerRun {
    /// It did.
    Measured(PeerFigures),
    /// It didn't, and why.
    NotRun(String),
}

/// What a system came to, and what it does for that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PeerFigures {
    /// How many events a second it takes in.
    pub(crate) load_events_per_second: Quantiles,
    /// How many events a second it recovers.
    pub(crate) recovery_events_per_second: Quantiles,
    /// How long its log is, in bytes.
    pub(crate) log_bytes: u64,
    /// The most memory that the recovering process had resident, in bytes.
    pub(crate) peak_bytes: u64,
    /// What it proves of its log while it recovers, in words.
    pub(crate) verifies: String,
    /// What it rebuilds, in words.
    pub(crate) applies: String,
    /// When something that was taken in is durable, in words.
    pub(crate) durable: String,
    /// Our rate of recovery over its own, the median of the rounds: 10 is ten times as quick as it.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) ours_times: f64,
}
