//! Rows about replay: its rate, its latencies, its memory, and what checkpoints cost it.
//!
//! All candidates alternate within a round, and the machine's limits are measured in each.

use vexfs_replay::checkpoint::Stalls;

use super::{About, OF_REPLAY, median};
use crate::Measured;
use crate::measuring::{Better, Keeping, Quantiles, Replayed, Replaying, Rooflines};
use crate::report::Row;
use crate::workloads::Workload;

/// What is compared in each round.
struct Round {
    limits: Rooflines,
    parallel: Replayed,
    serial: Replayed,
    one_thread: Replayed,
    timed: Replayed,
}

/// Measures so many rounds of the first journal, and of the second one.
pub(super) fn measure(
    million: &Workload,
    ten_millions: &Workload,
    [rounds, few]: [usize; 2],
    rows: &mut Vec<Row>,
) -> Measured<Rooflines> {
    let usual = Replaying::of(&million.path);
    let longer = Replaying::of(&ten_millions.path);
    let rounds: Measured<Vec<Round>> =
        (0..rounds).map(|_| Round::measure(million, &usual)).collect();
    let rounds = rounds?;
    let with_checkpoints = Replaying { keeping: Keeping::Checkpoints, ..longer.clone() };
    let (mut tens, mut kept) = (Vec::new(), Vec::new());
    for _ in 0..few {
        tens.push(longer.alone()?);
        kept.push(with_checkpoints.alone()?);
    }
    rates(million, &rounds, rows);
    let about = About { workload: &ten_millions.name, ..throughput() };
    let tens_rates: Vec<f64> = tens.iter().map(Replayed::events_per_second).collect();
    let limit = median(&rounds.iter().map(|it| it.limits.events_per_second()).collect::<Vec<_>>());
    let of_roofline = Some((median(&tens_rates) / limit, OF_REPLAY.to_owned()));
    rows.push(Row { of_roofline, ..about.of(&tens_rates) });
    latencies(million, &rounds, rows);
    checkpoints(ten_millions, &tens, &kept, rows);
    for (workload, replayed) in [
        (million, rounds.iter().map(|it| &it.parallel).collect::<Vec<_>>()),
        (ten_millions, tens.iter().collect()),
    ] {
        let memory = About {
            measure: "memory beside the state and the program",
            workload: &workload.name,
            unit: "MB",
            better: Better::Less,
            target: Some(33.6),
            claimed: None,
        };
        let bytes = replayed.iter().map(|it| it.pipeline_bytes() as f64 / 1e6);
        rows.push(memory.of(&bytes.collect::<Vec<_>>()));
    }
    let limits = rounds.into_iter().map(|it| it.limits).collect::<Vec<_>>();
    Ok(Rooflines::medians(&limits))
}

impl Round {
    fn measure(workload: &Workload, usual: &Replaying) -> Measured<Self> {
        let with = |threads| Replaying { threads, ..usual.clone() };
        Ok(Self {
            limits: Rooflines::measure(workload)?,
            parallel: usual.alone()?,
            serial: with(0).alone()?,
            one_thread: with(1).alone()?,
            timed: Replaying { profile: true, ..usual.clone() }.alone()?,
        })
    }
}

fn throughput() -> About<'static> {
    About {
        measure: "replay throughput",
        workload: "",
        unit: "events/s",
        better: Better::More,
        target: Some(5_000.0),
        claimed: Some([12_000.0, 8_500.0]),
    }
}

fn rates(workload: &Workload, rounds: &[Round], rows: &mut Vec<Row>) {
    let of = |figure: &dyn Fn(&Round) -> f64| -> Vec<f64> { rounds.iter().map(figure).collect() };
    let rate = |it: &Round| it.parallel.events_per_second();
    let about = About { workload: &workload.name, ..throughput() };
    let mut row = about.of(&of(&rate));
    let share = |limit: &dyn Fn(&Rooflines) -> f64| median(&of(&|it| rate(it) / limit(&it.limits)));
    let all = share(&Rooflines::events_per_second);
    row.of_roofline = Some((all, OF_REPLAY.to_owned()));
    rows.push(row);
    let serial = |it: &Round| it.serial.events_per_second();
    let times = About { unit: "times", claimed: None, ..about };
    let against_serial =
        About { measure: "replay, as quick as the serial one", target: Some(1.8), ..times };
    rows.push(against_serial.of(&of(&|it| rate(it) / serial(it))));
    let against_one = About { measure: "replay, as quick as on one thread", target: None, ..times };
    rows.push(against_one.of(&of(&|it| rate(it) / it.one_thread.events_per_second())));
}

fn latencies(workload: &Workload, rounds: &[Round], rows: &mut Vec<Row>) {
    let profiles: Vec<_> = rounds.iter().filter_map(|it| it.timed.profile.as_ref()).collect();
    let about = About {
        measure: "",
        workload: &workload.name,
        unit: "us",
        better: Better::Less,
        target: None,
        claimed: None,
    };
    let all = [
        ("a block verified, of those side by side", profiles.iter().map(|it| &it.blocks).collect()),
        (
            "an epoch, from read to applied",
            profiles.iter().map(|it| &it.epochs).collect::<Vec<_>>(),
        ),
    ];
    for (measure, distributions) in all {
        let at = |share: f64| {
            let of_round = distributions.iter().filter_map(|it| it.at(share));
            median(&of_round.map(|seconds| seconds * 1e6).collect::<Vec<_>>())
        };
        let count = distributions.iter().map(|it| it.count).sum();
        let ours = Quantiles { count, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1.0) };
        rows.push(About { measure, ..about }.row(ours));
    }
}

/// What checkpoints cost that are taken on the way, in their share of the time.
fn checkpoints(workload: &Workload, without: &[Replayed], with: &[Replayed], rows: &mut Vec<Row>) {
    let about = About {
        measure: "with checkpoints on the way, of the rate without",
        workload: &workload.name,
        unit: "share",
        better: Better::More,
        target: Some(0.95),
        claimed: None,
    };
    let shares = with.iter().zip(without).map(|(with, without)| without.seconds / with.seconds);
    rows.push(about.of(&shares.collect::<Vec<_>>()));
    let at = |figure: &dyn Fn(&Stalls) -> f64| {
        median(&with.iter().map(|it| figure(&it.stalls) * 1e6).collect::<Vec<_>>())
    };
    let ours = Quantiles {
        count: with.iter().map(|it| it.stalls.count).sum(),
        p50: at(&|it| it.p50_seconds),
        p90: at(&|it| it.p90_seconds),
        p99: at(&|it| it.p99_seconds),
        max: at(&|it| it.max_seconds),
    };
    let measure = "applying stands still for a checkpoint";
    let stalls = About { measure, unit: "us", better: Better::Less, target: None, ..about };
    rows.push(stalls.row(ours));
}
