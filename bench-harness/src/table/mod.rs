//! The table of figures: what was aimed at, what was claimed before, and what is measured here.
//!
//! The first rows are those of the table that the earlier recovery system came with. Those after them are
//! what this one aims at itself.

mod at_once;
mod damage;
mod recovery;
mod throughput;

use crate::Measured;
use crate::measuring::{Better, Quantiles, Rooflines};
use crate::report::{Report, Row};
use crate::workloads::Workloads;

/// How many rounds there usually are.
pub(crate) const ROUNDS: usize = 9;

/// Measures all of it.
pub(crate) fn measure(workloads: &Workloads, rounds: usize, report: &mut Report) -> Measured<()> {
    let (million, ten_millions) = (workloads.named("1M")?, workloads.named("10M")?);
    let (torn, ten_torn) = (workloads.torn(&million)?, workloads.torn(&ten_millions)?);
    let few = rounds.div_ceil(3);
    let mut rows = Vec::new();
    let limits = throughput::measure(&million, &ten_millions, [rounds, few], &mut rows)?;
    recovery::measure(&torn, &ten_torn, [rounds, few], &limits, &mut rows)?;
    damage::measure(&million, &limits, &mut rows)?;
    at_once::measure(workloads, few, &limits, &mut rows)?;
    report.rooflines.push((million.name.clone(), limits));
    // What was claimed before comes first.
    rows.sort_by_key(|row| row.claimed.is_none());
    report.table.append(&mut rows);
    report.workloads.extend([million, ten_millions, torn, ten_torn]);
    Ok(())
}

/// What the limits of a replay are.
const OF_REPLAY: &str = "read, SHA-256 and map on all cores";

/// What a row says beside what was measured.
#[derive(Clone, Copy)]
struct About<'a> {
    measure: &'a str,
    workload: &'a str,
    unit: &'a str,
    better: Better,
    target: Option<f64>,
    claimed: Option<[f64; 2]>,
}

impl About<'_> {
    fn row(&self, ours: Quantiles) -> Row {
        let better_end = self.claimed.map(|[better_end, _]| better_end);
        let times_better = better_end.map(|claimed| match self.better {
            Better::Less => claimed / ours.p50,
            Better::More => ours.p50 / claimed,
        });
        Row {
            measure: self.measure.to_owned(),
            workload: self.workload.to_owned(),
            unit: self.unit.to_owned(),
            better: self.better,
            target: self.target,
            claimed: self.claimed,
            ours,
            times_better,
            of_roofline: None,
        }
    }

    fn of(&self, values: &[f64]) -> Row {
        self.row(Quantiles::of(values, self.better))
    }
}

/// How much of what replaying so many events must take at least is in these times, in seconds.
fn share_of_time(limits: &Rooflines, events: f64, seconds: &[f64]) -> Option<(f64, String)> {
    let share = events / limits.events_per_second() / median(seconds);
    Some((share, OF_REPLAY.to_owned()))
}

/// The median.
fn median(values: &[f64]) -> f64 {
    Quantiles::of(values, Better::Less).p50
}
