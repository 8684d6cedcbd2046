//! Where the time and the memory of one replay go.

use super::Section;
use crate::figure::{NONE, bytes, number};
use crate::report::profile::{Latency, Profile, Queue, StageBreakdown, StageThread};

/// All of a profile that there is something of.
pub(super) fn of(profile: &Profile) -> Vec<Section> {
    let sections = [
        stages(profile),
        threads(&profile.threads),
        queues(&profile.queues),
        latencies(&profile.latencies),
        memory(profile),
    ];
    sections.into_iter().filter(|it| !it.rows.is_empty()).collect()
}

fn stages(profile: &Profile) -> Section {
    let Profile { workload, events, cost, seconds, .. } = profile;
    let StageBreakdown { stages, idle_seconds } = &profile.breakdown;
    let title = format!(
        "Work by stage: {workload}, {} events in {} s, {} workers; timers cost {} %",
        number(*events as f64),
        number(*seconds),
        idle_seconds.len(),
        number(cost.p50 * 100.0)
    );
    let by_worker =
        |seconds: &[f64]| seconds.iter().map(|it| number(*it)).collect::<Vec<_>>().join(", ");
    let rows = stages.iter().map(|stage| {
        vec![
            stage.name.clone(),
            number(stage.nanoseconds_per_event),
            format!("{} %", number(stage.share * 100.0)),
            by_worker(&stage.busy_seconds),
        ]
    });
    let idle = vec!["idle".to_owned(), String::new(), String::new(), by_worker(idle_seconds)];
    let idle = (!idle_seconds.is_empty()).then_some(idle);
    let header = ["stage", "ns an event", "of the work", "seconds, worker by worker"];
    Section::new(title, header).with(rows.chain(idle))
}

fn threads(all: &[StageThread]) -> Section {
    let header = [
        "thread",
        "workers work, s",
        "works alone, s",
        "waits for input, s",
        "blocked on output, s",
    ];
    let rows = all.iter().map(|it| {
        let StageThread { name, working_seconds, alone_seconds, waiting_seconds, blocked_seconds } =
            it;
        let seconds = [working_seconds, alone_seconds, waiting_seconds, blocked_seconds]
            .map(|it| number(*it));
        [name.clone()].into_iter().chain(seconds).collect()
    });
    Section::new("Threads of the stages", header).with(rows)
}

fn queues(all: &[Queue]) -> Section {
    let rows = all
        .iter()
        .map(|it| vec![it.name.clone(), number(it.mean_depth), number(it.max_depth as f64)]);
    Section::new("Channels between stages, in epochs", ["channel", "mean", "most"]).with(rows)
}

fn latencies(all: &[Latency]) -> Section {
    let rows = all.iter().map(|it| {
        let mut cells = vec![it.label.clone(), number(it.count as f64)];
        cells.extend([0.5, 0.9, 0.99, 0.999, 1.0].map(|quantile| number(it.at(quantile))));
        cells.push(it.unit.clone());
        cells
    });
    Section::new("Latencies", ["of", "n", "p50", "p90", "p99", "p99.9", "most", "unit"]).with(rows)
}

fn memory(profile: &Profile) -> Section {
    let rows = profile.memory.iter().map(|it| {
        let most = it.samples.iter().map(|it| it.resident_bytes).max();
        let last = it.samples.last();
        vec![
            it.label.clone(),
            it.samples.len().to_string(),
            last.map_or_else(|| NONE.to_owned(), |it| number(it.seconds)),
            most.map_or_else(|| NONE.to_owned(), |it| bytes(it as f64)),
            last.map_or_else(|| NONE.to_owned(), |it| bytes(it.resident_bytes as f64)),
        ]
    });
    Section::new("Memory over time", ["of", "samples", "seconds", "most", "at the end"]).with(rows)
}
