//! Checkpoints: writing a base and loading it, in memory, so that no disk is measured.

use std::sync::Arc;

use criterion::{Criterion, Throughput};
use vexfs_replay::checkpoint::{Catalogue, CheckpointFile, CheckpointPolicy, merge};
use vexfs_replay::replay::{CheckpointStart, Checkpoints, ReplayOptions, replay};
use vexfs_replay::storage::MemoryFolder;

use crate::material::journal;

/// A folder with one checkpoint, a base that holds the whole state.
fn catalogue() -> Catalogue {
    let folder = Arc::new(MemoryFolder::default());
    let (start, policy) = (CheckpointStart::Nothing, Some(CheckpointPolicy::default()));
    let checkpoints = Some(Checkpoints { folder: folder.clone(), start, policy });
    let options = ReplayOptions { checkpoints, ..ReplayOptions::default() };
    replay(&journal(), &options, &mut |_| {}).unwrap();
    Catalogue::open(folder).unwrap()
}

fn raw_bytes(file: &CheckpointFile) -> Throughput {
    Throughput::Bytes(file.sections.iter().map(|section| section.raw_bytes).sum())
}

/// A base is written out of another one, so that reading that is in it, too: nobody outside can hand a
/// state to the writer.
pub(crate) fn write(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let file = catalogue.find(None).unwrap();
    let level = CheckpointPolicy::default().compression_level;
    let mut group = criterion.benchmark_group("checkpoint/write");
    group.throughput(raw_bytes(file));
    group.bench_function("a base, out of a base", |it| {
        it.iter(|| merge(&catalogue, file, &MemoryFolder::default(), level).unwrap());
    });
    group.finish();
}

pub(crate) fn load(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let file = catalogue.find(None).unwrap();
    let mut group = criterion.benchmark_group("checkpoint/load");
    group.throughput(raw_bytes(file));
    group.bench_function("a base", |it| it.iter(|| catalogue.load(file).unwrap()));
    group.finish();
}
