//! The report as text, for a terminal or a log.

use comfy_table::Table;

use super::{Point, Profiled, Report, Row, Sweep};
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
    if let Some(profiled) = &report.profile {
        text.push_str(&profile(profiled));
    }
    text
}

fn profile(profiled: &Profiled) -> String {
    let Profiled { workload, threads, cost, replayed } = profiled;
    let mut stages = Table::new();
    let mut header = vec!["stage".to_owned(), "ns an event".to_owned(), "share".to_owned()];
    header.extend((0..*threads).map(|worker| format!("worker {worker}, ms")));
    stages.set_header(header);
    for stage in profiled.stages() {
        let mut cells = vec![stage.name.to_owned(), number(stage.nanoseconds_per_event)];
        cells.push(format!("{:.1} %", stage.share * 100.0));
        cells.extend(stage.workers.iter().map(|seconds| number(seconds * 1e3)));
        stages.add_row(cells);
    }
    let mut text = format!(
        "{workload}, {threads} threads: {} M events/s\n{stages}\n",
        number(replayed.events_per_second() / 1e6)
    );
    let Some(profile) = &replayed.profile else { return text };
    let mut posts = Table::new();
    posts.set_header([
        "thread that hands over",
        "waits for input, ms",
        "workers work for it, ms",
        "works alone, ms",
        "waits for a taker, ms",
    ]);
    for (post, times) in &profile.posts {
        let mut cells = vec![format!("{post:?}").to_lowercase()];
        let times = [times.waiting, times.working, times.alone, times.blocked];
        cells.extend(times.map(|seconds| number(seconds * 1e3)));
        posts.add_row(cells);
    }
    text.push_str(&format!("{posts}\n"));
    for (queue, depth) in &profile.queues {
        let queue = format!("{queue:?}").to_lowercase();
        text.push_str(&format!(
            "queue of what is {queue}: {:.2} behind each on average, {} at the most\n",
            depth.mean, depth.max
        ));
    }
    for (what, times) in [("a block, verified", &profile.blocks), ("an epoch", &profile.epochs)] {
        let quantiles = times.quantiles.iter().filter(|(share, _)| *share >= 0.5);
        let told = quantiles.map(|(share, seconds)| {
            format!("{} % within {} us", share * 100.0, number(seconds * 1e6))
        });
        let told: Vec<String> = told.collect();
        text.push_str(&format!("{what} ({}): {}\n", times.count, told.join(", ")));
    }
    text.push_str(&format!(
        "timers: {:.2} % slower in the median of {} rounds\n",
        cost.p50 * 100.0,
        cost.count
    ));
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
