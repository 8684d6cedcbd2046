//! What others come to with the same data, and what each of them does for that.

use super::Section;
use crate::figure::{bytes, number};
use crate::report::{OURS, PeerRow, PeerRun};

/// What others come to, a table for each dataset: figures, and what each of them does for that.
pub(super) fn of(all: &[PeerRow]) -> Vec<Section> {
    let mut datasets: Vec<&str> = Vec::new();
    for it in all {
        if !datasets.contains(&it.dataset.as_str()) {
            datasets.push(&it.dataset);
        }
    }
    datasets.into_iter().flat_map(|it| peers_with(all, it)).collect()
}

fn peers_with(all: &[PeerRow], dataset: &str) -> [Section; 2] {
    let all = || all.iter().filter(|it| it.dataset == dataset);
    let measured = all().filter_map(|it| match &it.run {
        PeerRun::Measured(figures) => Some((named(it), figures)),
        PeerRun::NotRun(_) => None,
    });
    let figures = measured.clone().map(|(name, it)| {
        let [load, recovery] = [it.load_events_per_second, it.recovery_events_per_second];
        let rates = [load.p50, load.max, recovery.p50, recovery.max].map(number);
        let rest = [bytes(it.log_bytes as f64), bytes(it.peak_bytes as f64), number(it.ours_times)];
        [name].into_iter().chain(rates).chain(rest).collect()
    });
    let header = [
        "system",
        "takes in, events/s, p50",
        "worst",
        "recovers, events/s, p50",
        "worst",
        "log",
        "peak memory",
        "ours is times as quick",
    ];
    let not_run = all().filter_map(|it| match &it.run {
        PeerRun::NotRun(why) => Some(format!("{} wasn't run: {why}", named(it))),
        PeerRun::Measured(_) => None,
    });
    let does = measured
        .map(|(name, it)| vec![name, it.verifies.clone(), it.applies.clone(), it.durable.clone()]);
    let what = ["system", "verifies", "applies", "durable"];
    [
        Section::new(format!("With {dataset}"), header).with(figures).noting(not_run),
        Section::new(format!("What each does, with {dataset}"), what).with(does),
    ]
}

/// A system and its version.
pub(crate) fn named(peer: &PeerRow) -> String {
    let ours = if peer.name == OURS { " (ours)" } else { "" };
    format!("{} {}{ours}", peer.name, peer.version).trim_end().to_owned()
}
