//! The integrity kernels over blocks as a journal has them.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use vexfs_kernels::{Backend, Kernel};

const BLOCK_BYTES: usize = 64 * 1024;
/// How many blocks are hashed at once: as many as the widest backend has lanes.
const BLOCKS: usize = 16;

pub(crate) fn crc32c(criterion: &mut Criterion) {
    let block = vec![7; BLOCK_BYTES];
    let mut group = criterion.benchmark_group("kernels/crc32c");
    group.throughput(Throughput::Bytes(BLOCK_BYTES as u64));
    group.bench_function("block", |it| it.iter(|| vexfs_kernels::crc32c(black_box(&block))));
    group.finish();
}

pub(crate) fn sha256(criterion: &mut Criterion) {
    let blocks: Vec<Vec<u8>> = (0..BLOCKS).map(|_| vec![7; BLOCK_BYTES]).collect();
    let ranges: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
    let mut group = criterion.benchmark_group("kernels/sha256");
    group.throughput(Throughput::Bytes((BLOCKS * BLOCK_BYTES) as u64));
    for kernel in Kernel::all() {
        let mut digests = Vec::with_capacity(BLOCKS);
        group.bench_function(Backend::name(kernel.backend()), |it| {
            it.iter(|| kernel.sha256_many(black_box(&ranges), &mut digests));
        });
    }
    group.finish();
}
