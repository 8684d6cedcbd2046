//! Rows about recovery: how soon it begins, how long it takes, what memory it needs.

use super::{About, share_of_time};
use crate::Measured;
use crate::measuring::{Better, RecoveredOnce, Recovering, Rooflines};
use crate::report::Row;
use crate::workloads::Workload;

/// Measures so many rounds of each of the two journals.
pub(super) fn measure(
    million: &Workload,
    ten_millions: &Workload,
    rounds: [usize; 2],
    limits: &Rooflines,
    rows: &mut Vec<Row>,
) -> Measured<()> {
    for (workload, rounds) in [million, ten_millions].into_iter().zip(rounds) {
        let recovering = Recovering { journal: workload.path.clone() };
        let recovered: Measured<Vec<RecoveredOnce>> =
            (0..rounds).map(|_| recovering.alone()).collect();
        let recovered = recovered?;
        let about = About {
            measure: "",
            workload: &workload.name,
            unit: "ms",
            better: Better::Less,
            target: None,
            claimed: None,
        };
        let of = |figure: &dyn Fn(&RecoveredOnce) -> f64| -> Vec<f64> {
            recovered.iter().map(figure).collect()
        };
        let initiation = About {
            measure: "recovery initiation",
            target: Some(50.0),
            claimed: Some([15.0, 45.0]),
            ..about
        };
        rows.push(initiation.of(&of(&|it| it.initiation_seconds * 1e3)));
        let survey = About { measure: "survey of the journal", ..about };
        rows.push(survey.of(&of(&|it| it.survey_seconds * 1e3)));
        let is_million = workload.name == million.name;
        let completion = About {
            measure: if is_million { "1 M events recovered" } else { "10 M events recovered" },
            unit: "s",
            target: Some(if is_million { 10.0 } else { 100.0 }),
            claimed: Some(if is_million { [6.0, 8.0] } else { [60.0, 80.0] }),
            ..about
        };
        let seconds = of(&|it| it.seconds);
        let of_roofline = share_of_time(limits, workload.events as f64, &seconds);
        rows.push(Row { of_roofline, ..completion.of(&seconds) });
        let memory = About {
            measure: "peak memory during recovery",
            unit: "MB",
            target: Some(200.0),
            claimed: Some([120.0, 180.0]),
            ..about
        };
        rows.push(memory.of(&of(&|it| it.peak_bytes as f64 / 1e6)));
    }
    Ok(())
}
