//! Measures the points of a sweep, one after the other in every round.

use super::vary::{Candidate, Varied};
use super::words;
use crate::measuring::{Better, Quantiles, Replayed};
use crate::report::{Point, Sweep};
use crate::{Measured, progress};

/// Replays each of these once a round, by candidate.
pub(super) fn alternate(
    varied: Varied,
    candidates: &[Candidate],
    rounds: usize,
) -> Measured<Vec<Vec<Replayed>>> {
    let mut all: Vec<Vec<Replayed>> = vec![Vec::new(); candidates.len()];
    let replays = rounds * candidates.len();
    let bar = progress::bar(format!("scaling by {}", varied.name()), replays as u64);
    for _ in 0..rounds {
        for (candidate, replayed) in candidates.iter().zip(&mut all) {
            replayed.push(candidate.replaying.alone()?);
            bar.inc(1);
        }
    }
    Ok(all)
}

/// What a report tells of them.
pub(super) fn sweep(varied: Varied, candidates: &[Candidate], all: &[Vec<Replayed>]) -> Sweep {
    let mut journals = candidates.iter().map(|it| it.journal.workload.name.as_str());
    let first = journals.next().unwrap_or_default();
    let on = if journals.all(|it| it == first) { first } else { "" };
    Sweep {
        varied: varied.name().to_owned(),
        on: on.to_owned(),
        points: candidates.iter().zip(all).map(|(it, replayed)| point(it, replayed)).collect(),
        bends: words::of(varied, candidates, all),
    }
}

fn point(candidate: &Candidate, replayed: &[Replayed]) -> Point {
    let of = |figure: &dyn Fn(&Replayed) -> f64, better| {
        Quantiles::of(&replayed.iter().map(figure).collect::<Vec<_>>(), better)
    };
    let events_per_second = of(&Replayed::events_per_second, Better::More);
    let workload = &candidate.journal.workload;
    Point {
        label: candidate.label.clone(),
        value: candidate.value,
        workload: workload.name.clone(),
        events_per_second,
        bytes_per_second: of(&|it| it.bytes as f64 / it.seconds, Better::More).p50,
        nanoseconds_per_event: 1e9 / events_per_second.p50,
        peak_bytes: middle(replayed.iter().map(|it| it.peak_bytes)),
        pipeline_bytes: middle(replayed.iter().map(Replayed::pipeline_bytes)),
    }
}

/// The median of sizes in bytes.
fn middle(sizes: impl Iterator<Item = u64>) -> u64 {
    let mut sizes: Vec<u64> = sizes.collect();
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or_default()
}
