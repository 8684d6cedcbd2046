//! What the harness found, in one schema: what is printed, what a page is made of, and what another run is
//! compared with.
//!
//! Each command fills its own part. Reports of several commands can be put together into one.

pub(crate) mod text;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use vexfs_replay::profile::Stage;

use crate::measuring::{Better, Quantiles, Replayed, Rooflines};
use crate::workloads::Workload;

/// The version of the schema: it changes when a reader must.
pub(crate) const SCHEMA: u32 = 1;

/// All of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// [`SCHEMA`], when it was written.
    pub(crate) schema: u32,
    /// The program's version.
    pub(crate) version: String,
    pub(crate) machine: Machine,
    /// What the figures are about.
    #[serde(default)]
    pub(crate) workloads: Vec<Workload>,
    /// What the machine could do at most, by workload.
    #[serde(default)]
    pub(crate) rooflines: Vec<(String, Rooflines)>,
    /// The table of figures.
    #[serde(default)]
    pub(crate) table: Vec<Row>,
    /// What changes when one thing changes.
    #[serde(default)]
    pub(crate) sweeps: Vec<Sweep>,
    /// Where the time of a replay goes.
    #[serde(default)]
    pub(crate) profile: Option<Profiled>,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) measure: String,
    /// On which workload.
    pub(crate) workload: String,
    /// The unit of every figure of it.
    pub(crate) unit: String,
    pub(crate) better: Better,
    /// What was aimed at, where there was an aim.
    pub(crate) target: Option<f64>,
    /// What was claimed before, from the better to the worse end.
    pub(crate) claimed: Option<[f64; 2]>,
    pub(crate) ours: Quantiles,
    /// How often the better end of the claim our median is, where there is a claim: 10 is ten times
    /// better.
    pub(crate) times_better: Option<f64>,
    /// The share of what the machine could do at most, where that says something, and what that is.
    pub(crate) of_roofline: Option<(f64, String)>,
}

/// One thing varied, all else the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// What is varied, with its unit.
    pub(crate) varied: String,
    pub(crate) points: Vec<Point>,
    /// Where time per event or memory beside the state isn't flat, in words; none where it is.
    pub(crate) bends: Vec<String>,
}

/// A point of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Point {
    /// The value, as it is called.
    pub(crate) label: String,
    /// The value, where it is a number.
    pub(crate) value: Option<f64>,
    /// How many events there are a second, by round.
    pub(crate) events_per_second: Quantiles,
    pub(crate) nanoseconds_per_event: f64,
    /// The most memory that the process had resident, in bytes; the median of the rounds.
    pub(crate) peak_bytes: u64,
    /// What of that is neither state nor program, in bytes.
    pub(crate) pipeline_bytes: u64,
}

/// Where the time of a replay goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Profiled {
    pub(crate) workload: String,
    pub(crate) threads: usize,
    /// How much longer a replay with timers took than the one beside it without, as a share, by round.
    pub(crate) cost: Quantiles,
    /// The replay whose time is the median, with its profile and its memory over time.
    pub(crate) replayed: Replayed,
}

/// A stage's part of the time that all workers had.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StageShare {
    pub(crate) name: &'static str,
    /// How many nanoseconds an event all workers together spent.
    pub(crate) nanoseconds_per_event: f64,
    /// The share of the time that they had.
    pub(crate) share: f64,
    /// How long each worker was at it, in seconds, where that is known.
    pub(crate) workers: Vec<f64>,
}

impl Profiled {
    /// The stages, and what is none: together they are all of the workers' time.
    pub(crate) fn stages(&self) -> Vec<StageShare> {
        let Replayed { seconds, digest_seconds, events, ref profile, .. } = self.replayed;
        let threads = self.threads as f64;
        let profile = profile.clone().unwrap_or_default();
        let share = |name, workers: Vec<f64>, all: f64| StageShare {
            name,
            nanoseconds_per_event: all * 1e9 / events as f64,
            share: all / (seconds * threads),
            workers,
        };
        let mut stages = Vec::new();
        for stage in Stage::ALL {
            let busy = profile.workers.iter();
            let busy = busy.map(|it| it.busy.get(&stage).copied().unwrap_or_default());
            let busy: Vec<f64> = busy.collect();
            let all: f64 = busy.iter().sum();
            if all > 0.0 {
                stages.push(share(stage.name(), busy, all));
            }
        }
        let idle: Vec<f64> = profile.workers.iter().map(|it| it.idle).collect();
        let all = idle.iter().sum();
        stages.push(share("idle", idle, all));
        stages.push(share("digest of the state", Vec::new(), digest_seconds * threads));
        let rest = seconds - profile.seconds - digest_seconds;
        stages.push(share("before and after the pass", Vec::new(), rest * threads));
        stages
    }
}

impl Report {
    /// One without figures, of this machine.
    pub(crate) fn new() -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine: Machine::this(),
            workloads: Vec::new(),
            rooflines: Vec::new(),
            table: Vec::new(),
            sweeps: Vec::new(),
            profile: None,
        }
    }
}
