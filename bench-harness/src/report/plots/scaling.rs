//! What changes when one thing changes: throughput, time and memory by it.

use super::axis::{Axis, Scale, short, short_bytes};
use super::bars::{Bar, Bars};
use super::canvas::{Drawing, Drawn};
use super::colours::{OTHERS, series};
use super::lines::{Lines, Look, REFERENCE, Series};
use super::{Plot, plot};
use crate::Measured;
use crate::figure::{bytes, number};
use crate::report::{Part, Point, Report, Sweep};

/// One figure of a point, by what is varied.
struct Shown<'a> {
    name: &'a str,
    /// Of the plot.
    title: String,
    /// Of the axis.
    unit: &'a str,
    caption: String,
    figures: Vec<Figure<'a>>,
    tick: &'a dyn Fn(f64) -> String,
    value: &'a dyn Fn(f64) -> String,
}

/// One of those that are shown together.
struct Figure<'a> {
    label: &'a str,
    of: &'a dyn Fn(&Point) -> f64,
    /// What it is at worst.
    worst: Option<&'a dyn Fn(&Point) -> f64>,
}

/// All plots of it.
pub(super) fn plots(report: &Report, sweep: &Sweep) -> Measured<Vec<Plot>> {
    let by = format!("by {}", sweep.varied);
    let on = match sweep.on.as_str() {
        "" => "Each point is a journal of its own.".to_owned(),
        on => format!("All points replay the journal {on}."),
    };
    let peak: &dyn Fn(&Point) -> f64 = &|it| it.peak_bytes as f64;
    let beside: &dyn Fn(&Point) -> f64 = &|it| it.pipeline_bytes as f64;
    let all = [
        Shown {
            name: "throughput",
            title: format!("Replay throughput {by}, events/s"),
            unit: "events/s",
            caption: format!(
                "{on} The median of the rounds; lines from a dot go down to the worst round."
            ),
            figures: vec![Figure {
                label: "",
                of: &|it| it.events_per_second.p50,
                worst: Some(&|it| it.events_per_second.max),
            }],
            tick: &short,
            value: &|it| format!("{} events/s", number(it)),
        },
        Shown {
            name: "time",
            title: format!("Time an event {by}, ns"),
            unit: "ns an event",
            caption: format!("{on} The time on the clock over the number of events."),
            figures: vec![Figure { label: "", of: &|it| it.nanoseconds_per_event, worst: None }],
            tick: &short,
            value: &|it| format!("{} ns", number(it)),
        },
        Shown {
            name: "memory",
            title: format!("Memory {by}, bytes"),
            unit: "bytes",
            caption: format!(
                "{on} The most that the process had resident, and what of it is neither state nor program."
            ),
            figures: vec![
                Figure { label: "peak", of: peak, worst: None },
                Figure { label: "beside the state and the program", of: beside, worst: None },
            ],
            tick: &short_bytes,
            value: &bytes,
        },
    ];
    let mut plots = Vec::new();
    for shown in &all {
        if let Some(drawing) = shown.draw(report, sweep)? {
            let name = [shown.name, "by", &sweep.varied, &sweep.on];
            plots.push(plot(report, Part::Scaling, &name, &shown.caption, drawing));
        }
    }
    Ok(plots)
}

impl Shown<'_> {
    fn draw(&self, report: &Report, sweep: &Sweep) -> Drawn<Option<Drawing>> {
        let is_numeric = sweep.points.iter().all(|it| it.value.is_some());
        let lines = if is_numeric { self.lines(report, sweep) } else { None };
        let bars = if is_numeric { None } else { self.bars(sweep) };
        match (lines, bars) {
            (Some(lines), _) => lines.draw().map(Some),
            (None, Some(bars)) => bars.draw().map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Where it is by numbers.
    fn lines(&self, report: &Report, sweep: &Sweep) -> Option<Lines> {
        let points = || sweep.points.iter().filter_map(|it| Some((it.value?, it)));
        let mut all: Vec<Series> = self
            .figures
            .iter()
            .enumerate()
            .map(|(at, figure)| Series {
                label: figure.label.to_owned(),
                colour: series(at),
                look: Look::Dotted,
                points: points().map(|(x, it)| (x, (figure.of)(it))).collect(),
                spread: figure.worst.map_or_else(Vec::new, |worst| {
                    points().map(|(x, it)| (x, [(figure.of)(it), worst(it)])).collect()
                }),
            })
            .collect();
        if self.name == "throughput" {
            all.extend(limit(report, sweep).into_iter().chain(ideal(sweep)));
        }
        let x = points().map(|it| it.0);
        let x_scale = Scale::fitting(x.clone());
        let x = Axis::of(&sweep.varied, x_scale, x, &short)?;
        let values = all.iter().flat_map(Series::values);
        let scale =
            if self.name == "time" { Scale::fitting(values.clone()) } else { Scale::Linear };
        let y = Axis::of(self.unit, scale, values, self.tick)?;
        Some(Lines { title: self.title.clone(), x, y, series: all })
    }

    /// Where it is by names.
    fn bars(&self, sweep: &Sweep) -> Option<Bars> {
        let figures = || self.figures.iter().enumerate();
        let bar = |point: &Point, at: usize, figure: &Figure<'_>| Bar {
            label: match at {
                0 => point.label.clone(),
                _ => figure.label.to_owned(),
            },
            parts: vec![(series(at), (figure.of)(point))],
            value: (self.value)((figure.of)(point)),
            note: String::new(),
        };
        let bars: Vec<Bar> = sweep
            .points
            .iter()
            .flat_map(|point| figures().map(move |(at, figure)| bar(point, at, figure)))
            .collect();
        let axis = Axis::of(self.unit, Scale::Linear, bars.iter().map(Bar::length), self.tick)?;
        let legend = figures().map(|(at, figure)| (series(at), figure.label.to_owned()));
        let legend = if self.figures.len() > 1 { legend.collect() } else { Vec::new() };
        Some(Bars { title: self.title.clone(), axis, legend, bars })
    }
}

/// What the machine could do at most, where that is known of a journal that is shown, and it is one's.
fn limit(report: &Report, sweep: &Sweep) -> Option<Series> {
    let is_shown = |name: &str| name == sweep.on || sweep.points.iter().any(|it| it.label == name);
    let (name, limits) = report.rooflines.iter().find(|(name, _)| is_shown(name))?;
    let ends = sweep.points.iter().filter_map(|it| it.value);
    let from = ends.clone().fold(f64::INFINITY, f64::min);
    let to = ends.fold(f64::NEG_INFINITY, f64::max);
    let rate = limits.events_per_second();
    Some(Series {
        label: format!("read, SHA-256 and map at no other cost, all cores ({name})"),
        colour: REFERENCE,
        look: Look::Dashed,
        points: vec![(from, rate), (to, rate)],
        spread: Vec::new(),
    })
}

/// As many times the rate of one thread as there are threads.
fn ideal(sweep: &Sweep) -> Option<Series> {
    let of_threads = sweep.varied.starts_with("threads");
    let one = sweep.points.iter().find(|it| of_threads && it.value == Some(1.0))?;
    let rate = one.events_per_second.p50;
    let points = sweep.points.iter().filter_map(|it| it.value).map(|it| (it, it * rate));
    Some(Series {
        label: "one thread's rate times the threads".to_owned(),
        colour: OTHERS,
        look: Look::Dashed,
        points: points.collect(),
        spread: Vec::new(),
    })
}
