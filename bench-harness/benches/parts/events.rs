//! What happens to events once their blocks are proven: decoding, telling their effects apart by
//! partition, applying these.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use vexfs_replay::state::{self, Home, MemoryState, PARTITIONS, Stamp, for_each_effect};

use crate::material::{blocks, for_each_event, journal};

fn count(blocks: &[Vec<u8>]) -> Throughput {
    let mut events = 0;
    for_each_event(blocks, |_, _| events += 1);
    Throughput::Elements(events)
}

pub(crate) fn decode(criterion: &mut Criterion) {
    let blocks = blocks(&journal());
    let mut group = criterion.benchmark_group("decode");
    group.throughput(count(&blocks));
    group.bench_function("headers and bodies", |it| {
        it.iter(|| {
            for_each_event(&blocks, |event, body| {
                black_box((event, body));
            });
        });
    });
    group.finish();
}

/// As [`decode`], and the home of each effect's key. Buckets are kept from round to round, as the pipeline
/// does with its own.
pub(crate) fn partition(criterion: &mut Criterion) {
    let blocks = blocks(&journal());
    let mut buckets: Vec<Vec<(u64, u32)>> = vec![Vec::new(); PARTITIONS];
    let mut group = criterion.benchmark_group("partition");
    group.throughput(count(&blocks));
    group.bench_function("decoded, by home of the key", |it| {
        it.iter(|| {
            buckets.iter_mut().for_each(Vec::clear);
            for_each_event(&blocks, |event, body| {
                for_each_effect(body, |effect| {
                    let Home { partition, tag } = effect.key.home();
                    buckets[partition].push((event.lsn, tag));
                });
            });
            black_box(&buckets);
        });
    });
    group.finish();
}

/// Applies all effects in the order of their events, transactions or not, to a state that is empty: what
/// partitioning costs is in it.
pub(crate) fn apply(criterion: &mut Criterion) {
    let blocks = blocks(&journal());
    let mut group = criterion.benchmark_group("apply");
    group.throughput(count(&blocks));
    group.bench_function("decoded, to tables in memory", |it| {
        let into = |state: &mut MemoryState| {
            for_each_event(&blocks, |event, body| {
                let stamp = Stamp { lsn: event.lsn, timestamp_ns: event.header.timestamp_ns };
                for_each_effect(body, |effect| {
                    let Home { partition, tag } = effect.key.home();
                    let table = &mut state.partitions_mut()[partition];
                    black_box(state::apply(table, tag, &effect, stamp));
                });
            });
        };
        it.iter_batched_ref(MemoryState::default, into, BatchSize::PerIteration);
    });
    group.finish();
}
