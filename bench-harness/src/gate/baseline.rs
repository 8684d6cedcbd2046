//! The baseline: what was measured of the code that is compared with, for each class of machines that it
//! was measured on.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::statistics::Estimate;
use super::yardstick;
use crate::Measured;
use crate::machine::Machine;
use crate::workloads::Workload;

/// The version of the file's layout.
const SCHEMA: u32 = 1;

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Baseline {
    schema: u32,
    /// The version of the yardstick that all figures are shares of.
    yardstick: u32,
    /// By class of machines.
    accepted: Vec<Accepted>,
}

/// What was accepted of one class of machines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Accepted {
    machine: Class,
    /// The journal: what it is called, and its head.
    workload: [String; 2],
    /// On which day, by UTC.
    accepted_on: String,
    /// Why.
    pub(super) reason: String,
    pub(super) figures: BTreeMap<String, Figure>,
}

/// Machines whose shares may be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Class {
    processor: String,
    cores: usize,
    sha256_backend: String,
}

impl Class {
    /// That of this machine.
    pub(super) fn this() -> Self {
        let Machine { processor, cores, sha256_backend, .. } = Machine::this();
        Self { processor, cores, sha256_backend }
    }
}

impl std::fmt::Display for Class {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { processor, cores, sha256_backend } = self;
        write!(formatter, "{processor}, {cores} cores, SHA-256 by {sha256_backend}")
    }
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Figure {
    /// The share of the yardstick, and where it is for sure.
    share: Estimate,
    /// The shares that it comes from, one a series.
    pub(super) series: Vec<f64>,
}

impl Figure {
    pub(super) fn of(series: &[f64]) -> Self {
        // Six digits are more than are known.
        let round = |value: &f64| (value * 1e6).round() / 1e6;
        let series: Vec<f64> = series.iter().map(round).collect();
        let Estimate { value, least, most } = Estimate::of(&series);
        let [value, least, most] = [value, least, most].map(|it| round(&it));
        Self { share: Estimate { value, least, most }, series }
    }
}

impl Default for Baseline {
    fn default() -> Self {
        Self { schema: SCHEMA, yardstick: yardstick::VERSION, accepted: Vec::new() }
    }
}

impl Baseline {
    /// Reads it; an empty one where there is none yet.
    pub(super) fn read(path: &Path) -> Measured<Self> {
        let text = match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            text => text.map_err(|error| format!("{} can't be read: {error}", path.display()))?,
        };
        let read = serde_json::from_slice::<Self>(&text);
        let read = read.map_err(|error| format!("{} is no baseline: {error}", path.display()))?;
        if read.schema != SCHEMA {
            return Err(
                format!("{} has schema {}, not {SCHEMA}", path.display(), read.schema).into()
            );
        }
        Ok(read)
    }

    /// What was accepted of these machines, with this journal.
    pub(super) fn find(&self, class: &Class, workload: &Workload) -> Measured<Option<&Accepted>> {
        let Some(found) = self.accepted.iter().find(|it| it.machine == *class) else {
            return Ok(None);
        };
        if self.yardstick != yardstick::VERSION {
            let (found, expected) = (self.yardstick, yardstick::VERSION);
            return Err(format!(
                "the baseline was measured by yardstick {found}, and this is {expected}: accept a new one"
            )
            .into());
        }
        let [name, head] = &found.workload;
        if *head != workload.head {
            return Err(format!(
                "the baseline was measured on another journal ({name}, head {head}) than this ({}, head \
                 {}): accept a new one",
                workload.name, workload.head
            )
            .into());
        }
        Ok(Some(found))
    }

    /// Accepts what was measured, in place of what was there for these machines.
    pub(super) fn accept(
        &mut self,
        machine: Class,
        workload: &Workload,
        reason: String,
        figures: &BTreeMap<String, Vec<f64>>,
    ) {
        if self.yardstick != yardstick::VERSION {
            *self = Self::default();
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let figures = figures.iter().map(|(name, series)| (name.clone(), Figure::of(series)));
        let workload = [workload.name.clone(), workload.head.clone()];
        let accepted_on = date(since.map_or(0, |since| since.as_secs()));
        self.accepted.retain(|it| it.machine != machine);
        self.accepted.push(Accepted {
            machine,
            workload,
            accepted_on,
            reason,
            figures: figures.collect(),
        });
    }

    /// Writes it, beside its place first.
    pub(super) fn write(&self, path: &Path) -> Measured<()> {
        let beside = path.with_extension("unfinished");
        std::fs::write(&beside, format!("{}\n", serde_json::to_string_pretty(self)?))?;
        std::fs::rename(beside, path)?;
        Ok(())
    }
}

/// The day of a time in seconds since 1970-01-01 UTC.
fn date(seconds: u64) -> String {
    // As by Hinnant's "chrono-compatible low-level date algorithms": years begin in March, so that a leap day
    // is the last of its year, and repeat after 400.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month < 3);
    format!("{year}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `date --utc --date=@… +%F`.
    #[test]
    fn dates() {
        let dates = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_795_714_729, "2026-11-26"),
            (4_107_542_399, "2100-02-28"),
            (4_107_542_400, "2100-03-01"),
        ];
        for (seconds, expected) in dates {
            assert_eq!(date(seconds), expected);
        }
    }

    fn workload(head: &str) -> Workload {
        Workload {
            name: "100k".to_owned(),
            events: 100_000,
            bytes: 1,
            head: head.to_owned(),
            path: "somewhere".into(),
        }
    }

    fn accepted(reason: &str) -> Baseline {
        let mut baseline = Baseline::default();
        let figures = BTreeMap::from([("replay".to_owned(), vec![0.25, 0.26, 0.24])]);
        baseline.accept(Class::this(), &workload("1:ab"), reason.to_owned(), &figures);
        baseline
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("baseline.json");
        let written = accepted("the first one");
        written.write(&path).unwrap();
        assert_eq!(Baseline::read(&path).unwrap(), written);
        assert_eq!(Baseline::read(&folder.path().join("none")).unwrap(), Baseline::default());
    }

    #[test]
    fn a_machine_has_one_baseline() {
        let mut baseline = accepted("the first one");
        let figures = BTreeMap::from([("replay".to_owned(), vec![0.30])]);
        baseline.accept(Class::this(), &workload("1:ab"), "quicker".to_owned(), &figures);
        let found = baseline.find(&Class::this(), &workload("1:ab")).unwrap().unwrap();
        assert_eq!((found.reason.as_str(), found.figures["replay"].series.len()), ("quicker", 1));
        let other = Class { cores: 1000, ..Class::this() };
        assert_eq!(baseline.find(&other, &workload("1:ab")).unwrap(), None);
    }

    #[test]
    fn another_journal_or_yardstick_is_no_basis() {
        let mut baseline = accepted("the first one");
        let error = baseline.find(&Class::this(), &workload("2:cd")).unwrap_err();
        assert!(error.to_string().contains("another journal"), "{error}");
        baseline.yardstick += 1;
        let error = baseline.find(&Class::this(), &workload("1:ab")).unwrap_err();
        assert!(error.to_string().contains("yardstick"), "{error}");
    }
}
