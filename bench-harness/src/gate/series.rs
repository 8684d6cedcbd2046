//! A series: a few rounds in a process of its own. Between processes the places of code and data differ, and
//! a gate that knew one of them alone would take its luck for the code's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::clock::Times;
use super::figures::{Acts, Burden, Done};
use super::yardstick::{self, Yardstick};
use crate::Measured;
use crate::machine::cores;
use crate::measuring::json_of;
use crate::workloads::Workload;

/// How often each act is wanted without anybody in its way.
const WANTED: usize = 4;
/// How often it must have been, so that its figures count.
const ENOUGH: usize = 2;
/// How many rounds there are at most.
const ROUNDS_MAX: usize = 14;
/// How much longer the yardstick may take on the clock than it has each core, where these are this process's own.
const OWN_CORES: f64 = 1.2;

/// What a series is made of.
#[derive(Args, Clone, Debug)]
pub(crate) struct Making {
    /// The journal.
    journal: PathBuf,
    /// How many events it holds.
    #[arg(long)]
    events: u64,
    /// Slows a stage down on purpose: its name, and by which share of its time.
    #[arg(long, value_name = "STAGE=SHARE")]
    burden: Option<Burden>,
}

/// What it came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    /// The version of the yardstick.
    pub(super) yardstick: u32,
    /// Each figure by its name, where there was nobody in its way: the time of the yardstick as a share of
    /// its own.
    pub(super) shares: BTreeMap<String, f64>,
}

impl Making {
    /// Makes a series in this process.
    pub(crate) fn here(&self) -> Measured<Series> {
        let acts = Acts::prepare(&self.journal, self.burden)?;
        let yardstick = Yardstick::new(self.events)?;
        // What the others find touched is touched now.
        for act in acts.all() {
            act(&acts)?;
        }
        let mut measured = Rounds::default();
        let mut wanted = acts.all().map(|act| (act, WANTED));
        for _ in 0..ROUNDS_MAX {
            let mut before = yardstick.measure();
            for (act, wanted) in wanted.iter_mut().filter(|(_, wanted)| *wanted > 0) {
                let done = act(&acts)?;
                let after = yardstick.measure();
                *wanted -= usize::from(done.is_undisturbed());
                measured.add(done, [before, after]);
                before = after;
            }
        }
        Ok(Series { yardstick: yardstick::VERSION, shares: measured.shares() })
    }
}

/// What was measured, in seconds.
#[derive(Debug, Default)]
struct Rounds {
    yardsticks: Vec<f64>,
    took: BTreeMap<String, Vec<f64>>,
}

impl Rounds {
    /// Adds what an act came to, and the yardsticks around it.
    fn add(&mut self, done: Done, around: [Times; 2]) {
        let undisturbed = done.is_undisturbed();
        let Done { took, on_the_clock, figures, .. } = done;
        self.yardsticks.extend(around.map(|it| it.cpu));
        let mut add = |name: &str, seconds: Option<f64>| {
            self.took.entry(name.to_owned()).or_default().extend(seconds);
        };
        for (name, seconds) in figures {
            add(&name, Some(seconds).filter(|_| undisturbed));
        }
        if let Some(name) = on_the_clock {
            // As processor time, of which the yardstick is.
            let seconds = took.wall * cores() as f64;
            let own = around.iter().all(|it| it.wall < it.cpu / cores() as f64 * OWN_CORES);
            add(name, Some(seconds).filter(|_| own));
        }
    }

    /// By what was least of each figure, and nearly least of the yardstick: what is more was somebody
    /// else's doing.
    fn shares(mut self) -> BTreeMap<String, f64> {
        self.yardsticks.sort_by(f64::total_cmp);
        let limit = self.yardsticks.get(self.yardsticks.len() / 10).copied();
        let enough = self.took.into_iter().filter(|(_, all)| all.len() >= ENOUGH);
        let shares = enough.filter_map(|(name, all)| {
            let least = all.into_iter().min_by(f64::total_cmp)?;
            Some((name, limit? / least))
        });
        shares.collect()
    }
}

/// Who makes series.
#[derive(Clone, Debug)]
pub(super) struct Maker {
    /// The program.
    pub(super) program: PathBuf,
    pub(super) burden: Option<Burden>,
}

impl Maker {
    /// Has one made of a journal.
    pub(super) fn make(&self, workload: &Workload) -> Measured<Series> {
        let mut command = Command::new(&self.program);
        command.arg("series").arg(&workload.path);
        command.args(["--events", &workload.events.to_string()]);
        if let Some(burden) = &self.burden {
            command.args(["--burden", &burden.to_string()]);
        }
        let series: Series = json_of(&mut command)?;
        if series.yardstick != yardstick::VERSION {
            let program = self.program.display();
            let (expected, found) = (yardstick::VERSION, series.yardstick);
            return Err(format!("{program} has yardstick {found}, this is {expected}").into());
        }
        Ok(series)
    }

    /// This program, as it is.
    pub(super) fn this(burden: Option<Burden>) -> Measured<Self> {
        Ok(Self { program: std::env::current_exe()?, burden })
    }

    /// Another build.
    pub(super) fn other(program: &Path) -> Self {
        Self { program: program.to_owned(), burden: None }
    }
}
