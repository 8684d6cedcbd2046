//! The parts of a replay one by one, each alone and with all that it needs at hand: for who changes one of
//! them and wants to know at once what that is worth. What a replay comes to is for the gate to say.
//!
//! All of it: `cargo bench -p bench-harness --bench parts`. One part, by its name: the same with
//! `-- decode`. Absent on purpose: the pipeline's own buckets and threads, which nobody outside can reach.

#![expect(clippy::unwrap_used, reason = "as in a test: what fails here is a bug in this file")]

mod checkpoint;
mod events;
mod kernels;
mod material;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    parts,
    kernels::crc32c,
    kernels::sha256,
    events::decode,
    events::partition,
    events::apply,
    checkpoint::write,
    checkpoint::load,
);
criterion_main!(parts);
