//! Where the time and the memory of one replay go.

use super::axis::{Axis, Scale, short, short_bytes};
use super::bars::{Bar, Bars};
use super::canvas::{Drawing, Drawn};
use super::colours::{IDLE, OTHERS, OURS, series};
use super::lines::{Lines, Series};
use super::{Plot, plot};
use crate::Measured;
use crate::figure::number;
use crate::report::{Latency, Part, Profile, Report};

/// All plots of it.
pub(super) fn plots(report: &Report, profile: &Profile) -> Measured<Vec<Plot>> {
    let workload = format!("The journal {}.", profile.workload);
    let mut plots = Vec::new();
    let mut add = |name: &str, says: &str, drawing: Option<Drawing>| {
        let what = format!("{workload} {says}");
        plots.extend(drawing.map(|it| plot(report, Part::Profile, &[name], &what, it)));
    };
    let says = "The work of all workers over the number of events, in the order in which events pass the stages.";
    add("stages", says, stages(profile)?);
    add(
        "stages-by-worker",
        "What each worker did, and when it had nothing to do.",
        workers(profile)?,
    );
    add("threads", "What the thread of each stage did with its time.", threads(profile)?);
    for (number, (unit, latencies)) in by_unit(&profile.latencies).into_iter().enumerate() {
        let says = format!(
            "So many took no longer; each step to the right is a tenth of the rest. In {unit}."
        );
        let name =
            if number == 0 { "latencies".to_owned() } else { format!("latencies-{}", number + 1) };
        add(&name, &says, self::latencies(unit, &latencies)?);
    }
    add("memory-over-time", "All that the process had resident.", memory(profile)?);
    Ok(plots)
}

fn stages(profile: &Profile) -> Drawn<Option<Drawing>> {
    let stages = &profile.breakdown.stages;
    let parts = stages.iter().enumerate().map(|(at, it)| (series(at), it.nanoseconds_per_event));
    let mut bar = Bar {
        label: "all stages".to_owned(),
        parts: parts.collect(),
        value: String::new(),
        note: String::new(),
    };
    bar.value = format!("{} ns an event", number(bar.length()));
    let legend = stages.iter().enumerate();
    let legend = legend.map(|(at, it)| {
        (series(at), format!("{} {} ns", it.name, number(it.nanoseconds_per_event)))
    });
    bars("Work by stage, ns an event", "ns an event", legend.collect(), vec![bar])
}

fn workers(profile: &Profile) -> Drawn<Option<Drawing>> {
    let (stages, idle) = (&profile.breakdown.stages, &profile.breakdown.idle_seconds);
    let busy = stages.iter().map(|it| it.busy_seconds.len()).max().unwrap_or(0);
    let of_worker = |worker: usize| {
        let busy = stages
            .iter()
            .enumerate()
            .filter_map(|(at, it)| Some((series(at), *it.busy_seconds.get(worker)?)));
        let idle = idle.get(worker).map(|it| (IDLE, *it));
        Bar {
            label: format!("worker {}", worker + 1),
            parts: busy.chain(idle).collect(),
            value: idle.map_or_else(String::new, |it| format!("idle {} s", number(it.1))),
            note: String::new(),
        }
    };
    let legend = stages.iter().enumerate().map(|(at, it)| (series(at), it.name.clone()));
    let legend = legend.chain([(IDLE, "idle".to_owned())]).collect();
    let all = (0..busy.max(idle.len())).map(of_worker).collect();
    bars("Time of each worker, s", "seconds", legend, all)
}

fn threads(profile: &Profile) -> Drawn<Option<Drawing>> {
    let all = profile.threads.iter().map(|it| Bar {
        label: it.name.clone(),
        parts: vec![
            (OURS, it.working_seconds),
            (series(3), it.alone_seconds),
            (IDLE, it.waiting_seconds),
            (OTHERS, it.blocked_seconds),
        ],
        value: format!("working {} s", number(it.working_seconds)),
        note: String::new(),
    });
    let meanings = [
        (OURS, "workers work for it"),
        (series(3), "works alone"),
        (IDLE, "waiting for input"),
        (OTHERS, "blocked on output"),
    ];
    let legend = meanings.map(|(colour, label)| (colour, label.to_owned())).into();
    bars("Time of each stage's thread, s", "seconds", legend, all.collect())
}

fn bars(
    title: &str,
    unit: &str,
    legend: Vec<(plotters::style::RGBColor, String)>,
    bars: Vec<Bar>,
) -> Drawn<Option<Drawing>> {
    let lengths = bars.iter().map(Bar::length).filter(|it| *it > 0.0);
    let Some(axis) = Axis::of(unit, Scale::Linear, lengths, &short) else { return Ok(None) };
    Bars { title: title.to_owned(), axis, legend, bars }.draw().map(Some)
}

/// What has one unit has one plot.
fn by_unit(all: &[Latency]) -> Vec<(&str, Vec<&Latency>)> {
    let mut units: Vec<(&str, Vec<&Latency>)> = Vec::new();
    for it in all {
        match units.iter_mut().find(|(unit, _)| *unit == it.unit) {
            Some((_, latencies)) => latencies.push(it),
            None => units.push((&it.unit, vec![it])),
        }
    }
    units
}

fn latencies(unit: &str, all: &[&Latency]) -> Drawn<Option<Drawing>> {
    let series: Vec<Series> = all
        .iter()
        .enumerate()
        .map(|(at, it)| {
            let points = it.points.iter();
            let points = points.map(|&(quantile, value)| (tail_end(quantile, it.count), value));
            Series::plain(at, &it.label, points.collect())
        })
        .collect();
    let points = series.iter().flat_map(|it| &it.points);
    let scale = Scale::fitting(points.clone().map(|it| it.1));
    let x = Axis::of("took no longer", Scale::Tail, points.clone().map(|it| it.0), &short);
    let y = Axis::of(unit, scale, points.map(|it| it.1), &short);
    let (Some(x), Some(y)) = (x, y) else { return Ok(None) };
    let title = format!("Latencies by quantile, {unit}");
    Lines { title, x, y, series }.draw().map(Some)
}

/// Where a quantile is drawn: the most of so many is in the middle of the last of them.
fn tail_end(quantile: f64, count: u64) -> f64 {
    let last = 1.0 - 0.5 / count.clamp(1, 1_000_000_000) as f64;
    if quantile > last && quantile <= 1.0 { last } else { quantile }
}

fn memory(profile: &Profile) -> Drawn<Option<Drawing>> {
    let all: Vec<Series> = profile
        .memory
        .iter()
        .enumerate()
        .map(|(at, it)| {
            let points = it.samples.iter().map(|it| (it.seconds, it.resident_bytes as f64));
            Series::plain(at, &it.label, points.collect())
        })
        .collect();
    let points = all.iter().flat_map(|it| &it.points);
    let x = Axis::of("seconds", Scale::Linear, points.clone().map(|it| it.0), &short);
    let y = Axis::of("bytes resident", Scale::Linear, points.map(|it| it.1), &short_bytes);
    let (Some(x), Some(y)) = (x, y) else { return Ok(None) };
    let title = "Memory over time, bytes".to_owned();
    Lines { title, x, y, series: all }.draw().map(Some)
}
