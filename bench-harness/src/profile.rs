//! Where the time of a replay goes, stage by stage, and what it costs to know.
//!
//! Replays with timers and without alternate. What is told is the profile of the round whose time is the
//! median.

use std::path::Path;

use clap::Args;

use crate::Measured;
use crate::measuring::{Better, Keeping, Quantiles, Replayed, Replaying};
use crate::report::{Profiled, Report};
use crate::workloads::Workloads;

/// How many rounds there usually are.
pub(crate) const ROUNDS: usize = 15;

/// What is replayed, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// A recipe by name, or a journal's path.
    #[arg(default_value = "1M")]
    journal: String,
    /// On how many threads, where not on all cores.
    #[arg(long)]
    threads: Option<usize>,
    /// What is kept on the way.
    #[arg(long, value_enum, default_value_t)]
    keeping: Keeping,
}

/// Measures it.
pub(crate) fn measure(
    arguments: &Arguments,
    workloads: &Workloads,
    rounds: usize,
    report: &mut Report,
) -> Measured<()> {
    let name = &arguments.journal;
    let workload = match Path::new(name) {
        path if path.is_dir() => workloads.at(path)?,
        _ => workloads.named(name)?,
    };
    let usual = Replaying::of(&workload.path);
    let threads = arguments.threads.unwrap_or(usual.threads).max(1);
    let without = Replaying { threads, keeping: arguments.keeping, ..usual };
    let with = Replaying { profile: true, ..without.clone() };
    let (mut timed, mut cost) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Whoever comes first finds another machine than whoever comes second.
        let (first, second) = (round % 2 == 0, round % 2 == 1);
        let before = first.then(|| without.alone()).transpose()?;
        let replayed = with.alone()?;
        let after = second.then(|| without.alone()).transpose()?;
        let plain: Replayed = before.or(after).unwrap_or_default();
        cost.push(replayed.seconds / plain.seconds - 1.0);
        timed.push(replayed);
    }
    timed.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let replayed = timed.swap_remove(timed.len() / 2);
    let cost = Quantiles::of(&cost, Better::Less);
    report.profile = Some(Profiled { workload: workload.name.clone(), threads, cost, replayed });
    report.workloads.push(workload);
    Ok(())
}
