//! Where the time of a replay goes, stage by stage, and what it costs to know.
//!
//! Replays with timers and without alternate. What is told is the profile of the round whose time is the
//! median; what memory there was in between is a further replay's, since to ask takes time.

use clap::Args;
use vexfs_replay::profile::{Distribution, Profile as Timed, Stage};

use crate::Measured;
use crate::measuring::{Better, Keeping, Quantiles, Replayed, Replaying};
use crate::report::Report;
use crate::report::profile::{
    self as report, Latency, MemoryOverTime, Profile, Queue, Sample, StageBreakdown, StageThread,
};
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
    found: &mut Report,
) -> Measured<()> {
    let workload = workloads.named_or_at(&arguments.journal)?;
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
    let mut replayed = timed.swap_remove(timed.len() / 2);
    replayed.memory = Replaying { memory: true, ..without }.alone()?.memory;
    let cost = Quantiles::of(&cost, Better::Less);
    found.profile = Some(Profile { cost, ..of(&replayed, &workload.name, threads) });
    found.workloads.push(workload);
    Ok(())
}

/// What a replay's timers say, put as the report has it.
fn of(replayed: &Replayed, workload: &str, workers: usize) -> Profile {
    let timed = replayed.profile.clone().unwrap_or_default();
    let threads = timed.posts.iter().map(|(post, times)| StageThread {
        name: post.name().to_owned(),
        working_seconds: times.working,
        alone_seconds: times.alone,
        waiting_seconds: times.waiting,
        blocked_seconds: times.blocked,
    });
    let queues = timed.queues.iter().map(|(queue, depth)| Queue {
        name: queue.name().to_owned(),
        mean_depth: depth.mean,
        max_depth: depth.max,
    });
    let latency = |label: &str, times: &Distribution| Latency {
        label: label.to_owned(),
        unit: "us".to_owned(),
        count: times.count,
        points: times.quantiles.iter().map(|(share, seconds)| (*share, seconds * 1e6)).collect(),
    };
    let samples = replayed.memory.iter();
    let samples = samples.map(|&(seconds, resident_bytes)| Sample { seconds, resident_bytes });
    Profile {
        workload: workload.to_owned(),
        events: replayed.events,
        seconds: replayed.seconds,
        breakdown: breakdown(replayed, &timed, workers),
        threads: threads.collect(),
        queues: queues.collect(),
        latencies: vec![
            latency("a block verified, of those side by side", &timed.blocks),
            latency("an epoch, from read to applied", &timed.epochs),
        ],
        memory: vec![MemoryOverTime { label: workload.to_owned(), samples: samples.collect() }],
        ..Profile::default()
    }
}

/// The stages of the flow, and then the digest of the state, which all workers compute together.
fn breakdown(replayed: &Replayed, timed: &Timed, workers: usize) -> StageBreakdown {
    let busy = |stage| -> Vec<f64> {
        let workers = timed.workers.iter();
        workers.map(|it| it.busy.get(&stage).copied().unwrap_or_default()).collect()
    };
    let mut all: Vec<(&str, Vec<f64>)> =
        Stage::ALL.iter().map(|&stage| (stage.name(), busy(stage))).collect();
    all.push(("digest", vec![replayed.digest_seconds; workers]));
    all.retain(|(_, busy)| busy.iter().sum::<f64>() > 0.0);
    let whole: f64 = all.iter().flat_map(|(_, busy)| busy).sum();
    let stages = all.into_iter().map(|(name, busy_seconds)| {
        let seconds: f64 = busy_seconds.iter().sum();
        report::Stage {
            name: name.to_owned(),
            busy_seconds,
            nanoseconds_per_event: seconds * 1e9 / replayed.events as f64,
            share: seconds / whole,
        }
    });
    let idle_seconds = timed.workers.iter().map(|it| it.idle).collect();
    StageBreakdown { stages: stages.collect(), idle_seconds }
}
