//! Throughput and memory as one thing is varied, all else the same.

use clap::{Args, ValueEnum};

use crate::Measured;
use crate::measuring::{Better, Quantiles, Replayed, Replaying};
use crate::report::{Point, Report, Sweep};
use crate::workloads::Workloads;

/// How many rounds there usually are.
pub(crate) const ROUNDS: usize = 5;

/// What is varied.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Which of it; all where none is named.
    #[arg(value_enum)]
    what: Vec<Varied>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Varied {
    /// How many events there are: 1 k to 10 M.
    Events,
}

/// Measures what is asked for.
pub(crate) fn measure(
    arguments: &Arguments,
    workloads: &Workloads,
    rounds: usize,
    report: &mut Report,
) -> Measured<()> {
    let asked = &arguments.what;
    for &varied in Varied::value_variants() {
        if asked.is_empty() || asked.contains(&varied) {
            report.sweeps.push(varied.sweep(workloads, rounds)?);
        }
    }
    Ok(())
}

impl Varied {
    fn sweep(self, workloads: &Workloads, rounds: usize) -> Measured<Sweep> {
        match self {
            Self::Events => events(workloads, rounds),
        }
    }
}

fn events(workloads: &Workloads, rounds: usize) -> Measured<Sweep> {
    let mut candidates = Vec::new();
    for name in ["1k", "10k", "100k", "1M", "10M"] {
        let workload = workloads.named(name)?;
        let value = workload.events as f64;
        candidates.push((name.to_owned(), Some(value), Replaying::of(&workload.path)));
    }
    let points = alternate(&candidates, rounds)?;
    Ok(Sweep { varied: "events".to_owned(), on: String::new(), points, bends: Vec::new() })
}

/// Replays each of these once a round.
fn alternate(
    candidates: &[(String, Option<f64>, Replaying)],
    rounds: usize,
) -> Measured<Vec<Point>> {
    let mut all: Vec<Vec<Replayed>> = vec![Vec::new(); candidates.len()];
    for _ in 0..rounds {
        for ((.., replaying), replayed) in candidates.iter().zip(&mut all) {
            replayed.push(replaying.alone()?);
        }
    }
    let points = candidates.iter().zip(&all);
    Ok(points.map(|((label, value, _), replayed)| point(label, *value, replayed)).collect())
}

fn point(label: &str, value: Option<f64>, replayed: &[Replayed]) -> Point {
    let of = |figure: &dyn Fn(&Replayed) -> f64, better| {
        Quantiles::of(&replayed.iter().map(figure).collect::<Vec<_>>(), better)
    };
    let events_per_second = of(&Replayed::events_per_second, Better::More);
    Point {
        label: label.to_owned(),
        value,
        events_per_second,
        nanoseconds_per_event: 1e9 / events_per_second.p50,
        peak_bytes: of(&|it| it.peak_bytes as f64, Better::Less).p50 as u64,
        pipeline_bytes: of(&|it| it.pipeline_bytes() as f64, Better::Less).p50 as u64,
    }
}
