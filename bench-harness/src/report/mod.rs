//! What the harness found, in one schema: what is printed, what a page is made of, and what another run is
//! compared with.
//!
//! Each command fills its own part. Reports of several commands can be put together into one. A part that a
//! command doesn't fill is empty, and nothing that shows a report needs any of them.

pub(crate) mod command;
#[cfg(test)]
mod documented;
mod json;
mod merge;
mod page;
mod parts;
mod peers;
mod plots;
pub(crate) mod profile;
mod readme;
#[cfg(test)]
mod samples;
mod sections;
pub(crate) mod text;

use serde::{Deserialize, Serialize};

pub(crate) use self::parts::{MadeBy, Part, this_command};
pub(crate) use self::peers::{OURS, PeerFigures, PeerRow, PeerRun};
pub(crate) use self::profile::{Latency, Profile};
use crate::figure;
use crate::machine::Machine;
use crate::measuring::{Better, Quantiles, Rooflines};
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
    /// Which commands it was made by, part by part.
    #[serde(default)]
    pub(crate) made_by: Vec<MadeBy>,
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
    /// Where the time and the memory of one replay go.
    #[serde(default)]
    pub(crate) profile: Option<Profile>,
    /// What others come to with the same data.
    #[serde(default)]
    pub(crate) peers: Vec<PeerRow>,
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
    #[serde(default, deserialize_with = "figure::range_or_none")]
    pub(crate) claimed: Option<[f64; 2]>,
    pub(crate) ours: Quantiles,
    /// How often the better end of the claim our median is, where there is a claim: 10 is ten times
    /// better.
    pub(crate) times_better: Option<f64>,
    /// The share of what the machine could do at most, where that says something, and what that is.
    #[serde(default, deserialize_with = "figure::share_or_none")]
    pub(crate) of_roofline: Option<(f64, String)>,
}

/// One thing varied, all else the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// What is varied, with its unit.
    pub(crate) varied: String,
    /// The name of the workload that all points have; empty where the points are workloads.
    #[serde(default)]
    pub(crate) on: String,
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
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) nanoseconds_per_event: f64,
    /// The most memory that the process had resident, in bytes; the median of the rounds.
    pub(crate) peak_bytes: u64,
    /// What of that is neither state nor program, in bytes.
    pub(crate) pipeline_bytes: u64,
}

impl Report {
    /// One without figures, of this machine.
    pub(crate) fn new() -> Self {
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine: Machine::this(),
            made_by: Vec::new(),
            workloads: Vec::new(),
            rooflines: Vec::new(),
            table: Vec::new(),
            sweeps: Vec::new(),
            profile: None,
            peers: Vec::new(),
        }
    }
}
