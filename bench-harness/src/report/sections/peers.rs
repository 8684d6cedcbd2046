//! What others come to with the same data, and what each of them does for that.

use super::Section;
use super::figures::quantiles;
use crate::figure::{bytes, number};
use crate::measuring::Quantiles;
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

fn peers_with(all: &[PeerRow], dataset: &str) -> [Section; 3] {
    let all = || all.iter().filter(|it| it.dataset == dataset);
    let measured = || {
        all().filter_map(|it| match &it.run {
            PeerRun::Measured(figures) => Some((named(it), figures)),
            PeerRun::NotRun(_) => None,
        })
    };
    let not_run = all().filter_map(|it| match &it.run {
        PeerRun::NotRun(why) => Some(format!("{} wasn't run: {why}", named(it))),
        PeerRun::Measured(_) => None,
    });
    let recovery = measured().map(|(name, it)| {
        let rest = [bytes(it.peak_bytes as f64), number(it.ours_times)];
        row(name, &it.recovery_events_per_second, rest)
    });
    let load = measured()
        .map(|(name, it)| row(name, &it.load_events_per_second, [bytes(it.log_bytes as f64)]));
    let does = measured()
        .map(|(name, it)| vec![name, it.verifies.clone(), it.applies.clone(), it.durable.clone()]);
    let recovers =
        ["system", "n", "p50", "p90", "p99", "worst", "peak memory", "ours is times as quick"];
    let takes_in = ["system", "n", "p50", "p90", "p99", "worst", "log"];
    let what = ["system", "verifies", "applies", "durable"];
    [
        Section::new(format!("Recovery with {dataset}, events/s"), recovers)
            .with(recovery)
            .noting(not_run),
        Section::new(format!("Taking in with {dataset}, events/s"), takes_in).with(load),
        Section::new(format!("What each does with {dataset}"), what).with(does),
    ]
}

fn row<const MORE: usize>(name: String, rates: &Quantiles, rest: [String; MORE]) -> Vec<String> {
    [name].into_iter().chain(quantiles(rates)).chain(rest).collect()
}

/// A system and its version.
pub(crate) fn named(peer: &PeerRow) -> String {
    let ours = if peer.name == OURS { " (ours)" } else { "" };
    format!("{} {}{ours}", peer.name, peer.version).trim_end().to_owned()
}
