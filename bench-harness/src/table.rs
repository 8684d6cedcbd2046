//! The table of figures: what was aimed at, what was claimed before, and what is measured here.

use crate::Measured;
use crate::measuring::{Better, Quantiles, Replaying, Rooflines};
use crate::report::{Report, Row};
use crate::workloads::Workloads;

/// How many rounds there usually are.
pub(crate) const ROUNDS: usize = 9;

/// Measures all of it.
pub(crate) fn measure(workloads: &Workloads, rounds: usize, report: &mut Report) -> Measured<()> {
    let usual = workloads.named("1M")?;
    let rooflines = Rooflines::measure(&usual)?;
    let (mut rates, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let replayed = Replaying::of(&usual.path).alone()?;
        rates.push(replayed.events_per_second());
        seconds.push(replayed.seconds);
    }
    let ours = Quantiles::of(&rates, Better::More);
    report.table.push(Row {
        measure: "replay throughput".to_owned(),
        workload: usual.name.clone(),
        unit: "events/s".to_owned(),
        better: Better::More,
        target: Some(5_000.0),
        claimed: Some([12_000.0, 8_500.0]),
        ours,
        times_better: Some(ours.p50 / 12_000.0),
        of_roofline: Some((
            ours.p50 / rooflines.events_per_second(),
            "read, SHA-256 and map, all cores".to_owned(),
        )),
    });
    report.rooflines.push((usual.name.clone(), rooflines));
    report.workloads.push(usual);
    Ok(())
}
