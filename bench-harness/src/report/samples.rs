//! Reports for tests: one with all there can be, and any at all.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::profile::{MemoryOverTime, Queue, Sample, Stage, StageBreakdown, StageThread};
use super::*;
use crate::measuring::Rooflines;
use crate::workloads::Workload;

/// One in which no part, list or option is empty.
pub(crate) fn full() -> Report {
    let quantiles =
        |p50: f64| Quantiles { count: 9, p50, p90: p50 / 2.0, p99: p50 / 3.0, max: p50 / 4.0 };
    let row = |measure: &str, unit: &str, better| Row {
        measure: measure.to_owned(),
        workload: "1M".to_owned(),
        unit: unit.to_owned(),
        better,
        target: Some(5_000.0),
        claimed: Some([12_000.0, 8_500.0]),
        ours: quantiles(2.5e6),
        times_better: Some(148.0),
        of_roofline: Some((0.27, "read, SHA-256 and map, all cores".to_owned())),
    };
    let point = |label: &str, value| Point {
        label: label.to_owned(),
        value,
        events_per_second: quantiles(value.unwrap_or(1.0).ln() * 2e5 + 1e6),
        nanoseconds_per_event: 400.0,
        peak_bytes: 56_500_000,
        pipeline_bytes: 7_490_000,
    };
    let sweep = |varied: &str, on: &str, points| Sweep {
        varied: varied.to_owned(),
        on: on.to_owned(),
        points,
        bends: vec!["time per event rises from 1M to 10M".to_owned()],
    };
    let made_by = |part: Part| MadeBy {
        part,
        command: format!("cargo run --release -p bench-harness -- {}", part.name()),
    };
    Report {
        machine: machine(),
        made_by: Part::ALL.map(made_by).into(),
        workloads: vec![Workload {
            name: "1M".to_owned(),
            events: 1_000_000,
            bytes: 258_000_000,
            head: format!("1000000:{}", "ab".repeat(32)),
            path: "".into(),
        }],
        rooflines: vec![("1M".to_owned(), rooflines(2e9))],
        table: vec![
            row("replay throughput", "events/s", Better::More),
            row("recovery initiation", "ms", Better::Less),
        ],
        sweeps: vec![
            sweep(
                "events",
                "",
                ["1k", "10k", "100k", "1M", "10M"]
                    .into_iter()
                    .zip(3..)
                    .map(|(label, zeros)| point(label, Some(f64::powi(10.0, zeros))))
                    .collect(),
            ),
            sweep(
                "threads",
                "1M",
                (1..=4).map(|it| point(&it.to_string(), Some(f64::from(it)))).collect(),
            ),
            sweep(
                "validation",
                "1M",
                ["none", "basic", "full", "cryptographic"].map(|it| point(it, None)).into(),
            ),
        ],
        profile: Some(profile()),
        peers: peers(quantiles),
        ..Report::new()
    }
}

fn machine() -> Machine {
    Machine {
        processor: "AMD EPYC".to_owned(),
        cores: 2,
        memory_bytes: 25_276_502_016,
        kernel: "6.18".to_owned(),
        sha256_backend: "avx512-16".to_owned(),
    }
}

fn rooflines(rate: f64) -> Rooflines {
    Rooflines {
        sha256_bytes_per_second: rate * 2.0,
        read_bytes_per_second: rate * 4.0,
        map_effects_per_second: rate / 200.0,
        effects_per_event: 1.2,
        bytes_per_event: 258.0,
        cores: 2,
    }
}

fn profile() -> Profile {
    let stages = [
        ("read", 40.0),
        ("verify", 150.0),
        ("decode", 60.0),
        ("partition", 45.0),
        ("settle", 12.0),
        ("apply", 210.0),
    ];
    let all: f64 = stages.iter().map(|it| it.1).sum();
    let stage = |(name, nanoseconds): (&str, f64)| Stage {
        name: name.to_owned(),
        busy_seconds: vec![nanoseconds * 0.000_52, nanoseconds * 0.000_48],
        nanoseconds_per_event: nanoseconds,
        share: nanoseconds / all,
    };
    let thread = |name: &str, working: f64, waiting: f64, blocked: f64| StageThread {
        name: name.to_owned(),
        working_seconds: working,
        alone_seconds: working / 8.0,
        waiting_seconds: waiting,
        blocked_seconds: blocked,
    };
    let latency = |label: &str, unit: &str, from: f64| Latency {
        label: label.to_owned(),
        unit: unit.to_owned(),
        count: 4000,
        points: [0.0_f64, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0]
            .map(|it| (it, from * (1.2 + it.powi(9) * 9.0)))
            .into(),
    };
    let samples = (0..60).map(|it| Sample {
        seconds: f64::from(it) * 0.01,
        resident_bytes: 7_000_000 + 800_000 * (u64::from(it as u32)).min(40),
    });
    Profile {
        workload: "1M".to_owned(),
        events: 1_000_000,
        cost: Quantiles { count: 15, p50: 0.004, p90: 0.02, p99: 0.03, max: 0.03 },
        seconds: 0.3,
        breakdown: StageBreakdown {
            stages: stages.map(stage).into(),
            idle_seconds: vec![0.02, 0.05],
        },
        threads: vec![
            thread("read", 0.05, 0.2, 0.05),
            thread("verify", 0.2, 0.02, 0.08),
            thread("apply", 0.25, 0.05, 0.0),
        ],
        queues: vec![
            Queue { name: "read to verify".to_owned(), mean_depth: 0.7, max_depth: 1 },
            Queue { name: "verify to apply".to_owned(), mean_depth: 0.4, max_depth: 1 },
        ],
        latencies: vec![
            latency("a block, verified", "µs", 14.0),
            latency("an epoch, applied", "µs", 900.0),
            latency("a checkpoint's stall", "µs", 2100.0),
            latency("a recovery, to its first event", "ms", 2.6),
        ],
        memory: vec![MemoryOverTime { label: "1M".to_owned(), samples: samples.collect() }],
    }
}

fn peers(quantiles: impl Fn(f64) -> Quantiles) -> Vec<PeerRow> {
    let peer = |name: &str, version: &str, rate: f64| PeerRow {
        name: name.to_owned(),
        version: version.to_owned(),
        dataset: "1M".to_owned(),
        run: PeerRun::Measured(PeerFigures {
            load_events_per_second: quantiles(rate / 2.0),
            recovery_events_per_second: quantiles(rate),
            log_bytes: 258_000_000,
            peak_bytes: 56_500_000,
            verifies: "CRC32C and SHA-256 of every block, the chain, transactions".to_owned(),
            applies: "every event's effects, into tables in memory".to_owned(),
            durable: "at each group commit".to_owned(),
            ours_times: 2.5e6 / rate,
        }),
    };
    vec![
        peer(OURS, "0.1.0", 2.5e6),
        peer("SQLite", "3.50.2, WAL, synchronous=FULL", 210_000.0),
        peer("RocksDB", "10.4", 900_000.0),
        PeerRow {
            name: "fjall".to_owned(),
            version: String::new(),
            dataset: "1M".to_owned(),
            run: PeerRun::NotRun("it wasn't built: --features peers".to_owned()),
        },
    ]
}

/// Anything that a report's types allow.
pub(crate) fn whatever() -> impl Strategy<Value = Report> {
    let head = (any_text(), vec(any_workload(), 0..3), vec((any_text(), any_rooflines()), 0..3));
    let parts = (
        vec(any_row(), 0..4),
        vec(any_sweep(), 0..4),
        option::of(any_profile()),
        vec(any_peer(), 0..5),
    );
    let made_by = vec((0..4_usize, any_text()), 0..5);
    (head, parts, made_by).prop_map(|((text, workloads, rooflines), parts, made_by)| {
        let (table, sweeps, profile, peers) = parts;
        let made_by =
            made_by.into_iter().map(|(at, command)| MadeBy { part: Part::ALL[at], command });
        Report {
            schema: SCHEMA,
            version: text.clone(),
            machine: Machine { processor: text, ..machine() },
            made_by: made_by.collect(),
            workloads,
            rooflines,
            table,
            sweeps,
            profile,
            peers,
        }
    })
}

/// With all that means something somewhere.
fn any_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "",
        "<script>alert(1)</script>",
        "a&b",
        "\"'>",
        "]]>",
        "|",
        "\u{0}\u{1b}[31m",
        "-->",
        "漢字",
        "\n",
        "a very long label that goes on and on, for as long as somebody may think of something to add to it",
    ]);
    prop_oneof![nasty.prop_map(str::to_owned), any::<String>()]
}

/// Ends, and what is none, more often than chance has them.
fn any_figure() -> impl Strategy<Value = f64> {
    let ends = vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN_POSITIVE,
    ];
    prop_oneof![prop::sample::select(ends), 0.0..1e7, any::<f64>()]
}

/// For an option, in which JSON can't tell nothing from a figure that is none.
fn any_finite() -> impl Strategy<Value = f64> {
    any_figure().prop_filter("a number", |it| it.is_finite())
}

fn any_quantiles() -> impl Strategy<Value = Quantiles> {
    let figures = (any_figure(), any_figure(), any_figure(), any_figure());
    (any::<u64>(), figures).prop_map(|(count, (p50, p90, p99, max))| Quantiles {
        count,
        p50,
        p90,
        p99,
        max,
    })
}

fn any_rooflines() -> impl Strategy<Value = Rooflines> {
    (any_figure(), 0..9_usize).prop_map(|(rate, cores)| Rooflines { cores, ..rooflines(rate) })
}

fn any_workload() -> impl Strategy<Value = Workload> {
    (any_text(), any::<u64>(), any::<u64>(), any_text()).prop_map(|(name, events, bytes, head)| {
        Workload { name, events, bytes, head, path: "".into() }
    })
}

fn any_row() -> impl Strategy<Value = Row> {
    let words = (any_text(), any_text(), any_text());
    let compared = (
        option::of(any_finite()),
        option::of([any_figure(), any_figure()]),
        option::of(any_finite()),
    );
    let share = option::of((any_figure(), any_text()));
    let better = prop::sample::select(vec![Better::Less, Better::More]);
    (words, compared, share, better, any_quantiles()).prop_map(
        |(words, compared, of_roofline, better, ours)| {
            let (measure, workload, unit) = words;
            let (target, claimed, times_better) = compared;
            Row {
                measure,
                workload,
                unit,
                better,
                target,
                claimed,
                ours,
                times_better,
                of_roofline,
            }
        },
    )
}

fn any_sweep() -> impl Strategy<Value = Sweep> {
    let varied = prop_oneof![Just("events".to_owned()), Just("threads".to_owned()), any_text()];
    (varied, any_text(), vec(any_point(), 0..6), vec(any_text(), 0..2))
        .prop_map(|(varied, on, points, bends)| Sweep { varied, on, points, bends })
}

fn any_point() -> impl Strategy<Value = Point> {
    let value = option::weighted(0.8, any_finite());
    (any_text(), value, any_quantiles(), any_figure(), any::<u64>(), any::<u64>()).prop_map(
        |(label, value, events_per_second, nanoseconds_per_event, peak_bytes, pipeline_bytes)| {
            Point {
                label,
                value,
                events_per_second,
                nanoseconds_per_event,
                peak_bytes,
                pipeline_bytes,
            }
        },
    )
}

fn any_profile() -> impl Strategy<Value = Profile> {
    let rest = (vec(any_thread(), 0..4), vec(any_queue(), 0..3));
    let curves = (vec(any_latency(), 0..4), vec(any_memory(), 0..3));
    let counts = (any::<u64>(), any_quantiles());
    (any_text(), counts, any_figure(), any_breakdown(), rest, curves).prop_map(
        |(workload, counts, seconds, breakdown, (threads, queues), (latencies, memory))| Profile {
            workload,
            events: counts.0,
            cost: counts.1,
            seconds,
            breakdown,
            threads,
            queues,
            latencies,
            memory,
        },
    )
}

fn any_breakdown() -> impl Strategy<Value = StageBreakdown> {
    let stage = (any_text(), vec(any_figure(), 0..4), any_figure(), any_figure()).prop_map(
        |(name, busy_seconds, nanoseconds_per_event, share)| Stage {
            name,
            busy_seconds,
            nanoseconds_per_event,
            share,
        },
    );
    (vec(stage, 0..12), vec(any_figure(), 0..4))
        .prop_map(|(stages, idle_seconds)| StageBreakdown { stages, idle_seconds })
}

fn any_thread() -> impl Strategy<Value = StageThread> {
    let working = (any_figure(), any_figure());
    (any_text(), working, any_figure(), any_figure()).prop_map(
        |(name, (working_seconds, alone_seconds), waiting_seconds, blocked_seconds)| StageThread {
            name,
            working_seconds,
            alone_seconds,
            waiting_seconds,
            blocked_seconds,
        },
    )
}

fn any_queue() -> impl Strategy<Value = Queue> {
    (any_text(), any_figure(), any::<u64>()).prop_map(|(name, mean_depth, max_depth)| Queue {
        name,
        mean_depth,
        max_depth,
    })
}

fn any_latency() -> impl Strategy<Value = Latency> {
    let quantile = prop_oneof![0.0..1.0, any_figure()];
    let unit = prop_oneof![Just("µs".to_owned()), any_text()];
    (any_text(), unit, any::<u64>(), vec((quantile, any_figure()), 0..9))
        .prop_map(|(label, unit, count, points)| Latency { label, unit, count, points })
}

fn any_memory() -> impl Strategy<Value = MemoryOverTime> {
    let sample = (any_figure(), any::<u64>())
        .prop_map(|(seconds, resident_bytes)| Sample { seconds, resident_bytes });
    (any_text(), vec(sample, 0..9)).prop_map(|(label, samples)| MemoryOverTime { label, samples })
}

fn any_peer() -> impl Strategy<Value = PeerRow> {
    let figures = (any_quantiles(), any_quantiles(), any::<u64>(), any::<u64>());
    let words = (any_text(), any_text(), any_text(), any_figure());
    let measured =
        (figures, words).prop_map(|(figures, (verifies, applies, durable, ours_times))| {
            let (load_events_per_second, recovery_events_per_second, log_bytes, peak_bytes) =
                figures;
            PeerRun::Measured(PeerFigures {
                load_events_per_second,
                recovery_events_per_second,
                log_bytes,
                peak_bytes,
                verifies,
                applies,
                durable,
                ours_times,
            })
        });
    let run = prop_oneof![3 => measured, 1 => any_text().prop_map(PeerRun::NotRun)];
    let dataset = prop_oneof![Just("1M".to_owned()), any_text()];
    let name = prop_oneof![Just(OURS.to_owned()), any_text()];
    (name, any_text(), dataset, run).prop_map(|(name, version, dataset, run)| PeerRow {
        name,
        version,
        dataset,
        run,
    })
}
