//! A series: a few rounds in a process of its own. Between processes the places of code and data differ, and
//! a gate that knew one of them alone would take its luck for the code's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::clock::Times;
use super::figures::{Acts, Burden, Figures, Took};
use super::yardstick::{self, Yardstick};
use crate::Measured;
use crate::workloads::Workload;

/// How many rounds a series has.
const ROUNDS: usize = 8;
/// How much longer the yardstick may take on the clock than on the cores, where these are this process's own.
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
    /// Each figure by its name: the time of the yardstick as a share of its own.
    pub(super) shares: BTreeMap<String, f64>,
}

impl Making {
    /// Makes a series in this process.
    pub(crate) fn here(&self) -> Measured<Series> {
        let acts = Acts::prepare(&self.journal, self.burden)?;
        let yardstick = Yardstick::new(&acts.file()?, self.events)?;
        let mut measured = Rounds::default();
        for round in 0..=ROUNDS {
            let mut before = yardstick.measure()?;
            for act in acts.all() {
                let figures = act(&acts)?;
                let after = yardstick.measure()?;
                // The first round touches what the others find touched.
                if round > 0 {
                    measured.add(figures, [before, after]);
                }
                before = after;
            }
        }
        Ok(Series { yardstick: yardstick::VERSION, shares: measured.shares() })
    }
}

/// What was measured, in seconds.
#[derive(Debug, Default)]
struct Rounds {
    yardsticks: Vec<Times>,
    took: BTreeMap<String, Vec<Took>>,
}

impl Rounds {
    /// Adds what an act came to, and the yardsticks around it.
    fn add(&mut self, figures: Figures, around: [Times; 2]) {
        let own_cores = around.iter().all(|it| it.wall < it.cpu / cores() as f64 * OWN_CORES);
        for (name, took) in figures.0 {
            let took_any = self.took.entry(name).or_default();
            took_any.extend(Some(took).filter(|it| own_cores || matches!(it, Took::Cpu(_))));
        }
        self.yardsticks.extend(around);
    }

    /// By what was least of each figure, and nearly least of the yardstick: what is more was somebody
    /// else's doing.
    fn shares(&self) -> BTreeMap<String, f64> {
        let mut limits = self.yardsticks.clone();
        limits.sort_by(|one, other| one.cpu.total_cmp(&other.cpu));
        let Some(limit) = limits.get(limits.len() / 10) else { return BTreeMap::new() };
        let share = |took: &Took| match took {
            Took::Cpu(seconds) => limit.cpu / seconds,
            Took::Wall(seconds) => limit.cpu / cores() as f64 / seconds,
        };
        let most = |all: &Vec<Took>| all.iter().map(share).max_by(f64::total_cmp);
        let shares = self.took.iter().filter_map(|(name, all)| Some((name.clone(), most(all)?)));
        shares.collect()
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
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
        let output = command.output()?;
        let program = self.program.display();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{program} made no series ({}): {said}", output.status).into());
        }
        let series: Series = serde_json::from_slice(&output.stdout)?;
        if series.yardstick != yardstick::VERSION {
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
