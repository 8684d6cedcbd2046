//! The report as text, for a terminal or a log.

use comfy_table::Table;

use super::{Point, Report, Row, Sweep};
use crate::measuring::Quantiles;

/// The report.
pub(crate) fn of(report: &Report) -> String {
    let machine = &report.machine;
    let mut text = format!(
        "{}, {} cores, SHA-256 by {}\n",
        machine.processor, machine.cores, machine.sha256_backend
    );
    if !report.table.is_empty() {
        text.push_str(&format!("{}\n", table(&report.table)));
    }
    for sweep in &report.sweeps {
        text.push_str(&format!("{}\n", self::sweep(sweep)));
        for bend in &sweep.bends {
            text.push_str(&format!("  {bend}\n"));
        }
    }
    text
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "measure",
        "on",
        "unit",
        "target",
        "claimed",
        "n",
        "p50",
        "p90",
        "p99",
        "max",
        "ratio",
        "of the machine's limit",
    ]);
    for row in rows {
        let Quantiles { count, p50, p90, p99, max } = row.ours;
        let mut cells = vec![row.measure.clone(), row.workload.clone(), row.unit.clone()];
        cells.push(row.target.map_or_else(String::new, number));
        cells.push(row.claimed.map_or_else(String::new, |it| it.map(number).join(" to ")));
        cells.push(count.to_string());
        cells.extend([p50, p90, p99, max].map(number));
        cells.push(row.times_better.map_or_else(String::new, |it| format!("{} x", number(it))));
        let share = |(share, what): &(f64, String)| format!("{share:.2} of {what}");
        cells.push(row.of_roofline.as_ref().map_or_else(String::new, share));
        table.add_row(cells);
    }
    table
}

fn sweep(sweep: &Sweep) -> Table {
    let mut table = Table::new();
    table.set_header([
        sweep.varied.as_str(),
        "M events/s, median",
        "least",
        "ns an event",
        "peak memory, MB",
        "beside the state, MB",
    ]);
    for point in &sweep.points {
        let Point { label, events_per_second, nanoseconds_per_event, .. } = point;
        table.add_row([
            label.clone(),
            number(events_per_second.p50 / 1e6),
            number(events_per_second.max / 1e6),
            number(*nanoseconds_per_event),
            number(point.peak_bytes as f64 / 1e6),
            number(point.pipeline_bytes as f64 / 1e6),
        ]);
    }
    table
}

/// A number to three digits or more.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
