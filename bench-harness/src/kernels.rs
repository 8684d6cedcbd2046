//! How fast the integrity kernels are, on one core, beside the libraries that people use instead.
//!
//! All candidates alternate within a round, over the same blocks of 64 KiB, on one thread: a ratio within
//! a round says more than a rate. The libraries are built with the feature `peers`.

use std::hint::black_box;
use std::time::Instant;

use rayon::ThreadPoolBuilder;
use rayon::prelude::*;
use vexfs_kernels::{Backend, Digest, Kernel, crc32c, sha256_many};

use crate::rows::Rows;

const BLOCK_BYTES: usize = 64 * 1024;
/// More than a core's own caches hold, less than what all cores share.
const BLOCKS: usize = 64;
/// How often a round repeats each candidate; the quickest time counts.
const REPEATS: usize = 3;

/// Hashes every one of the blocks, one after the other or side by side.
type Hash = dyn Fn(&[&[u8]], &mut Vec<Digest>);

/// Something that does so.
struct Candidate {
    name: String,
    hash: Box<Hash>,
}

impl Candidate {
    fn one_by_one(name: &str, hash: impl Fn(&[u8]) -> Digest + 'static) -> Self {
        let hash = move |blocks: &[&[u8]], digests: &mut Vec<Digest>| {
            digests.clear();
            digests.extend(blocks.iter().map(|block| hash(block)));
        };
        Self { name: name.to_owned(), hash: Box::new(hash) }
    }
}

/// The libraries that hash one range after the other; the first one is what the portable backend is.
fn libraries() -> Vec<Candidate> {
    let portable = |block: &[u8]| vexfs_kernels::sha256(block);
    #[cfg_attr(not(feature = "peers"), expect(unused_mut, reason = "there are no others then"))]
    let mut libraries = vec![Candidate::one_by_one("sha2", portable)];
    #[cfg(feature = "peers")]
    libraries.extend(peers::all());
    libraries
}

/// Measures rounds, and checks that all come to the same digests.
pub(crate) fn measure(rounds: usize) -> Rows {
    let bytes = noise(BLOCKS * BLOCK_BYTES);
    let blocks: Vec<&[u8]> = bytes.chunks(BLOCK_BYTES).collect();
    let libraries = libraries();
    let ours = Kernel::all().filter(|kernel| kernel.backend() != Backend::Portable);
    let ours = ours.map(|kernel| Candidate {
        name: kernel.backend().name().to_owned(),
        hash: Box::new(move |blocks, digests| kernel.sha256_many(blocks, digests)),
    });
    let ours: Vec<Candidate> = ours.collect();
    let mut expected = Vec::new();
    Kernel::PORTABLE.sha256_many(&blocks, &mut expected);
    let mut rows = Rows::default();
    for _ in 0..rounds {
        let mut rate_of = |candidate: &Candidate| {
            let rate = rate(&blocks, &candidate.hash, &expected);
            rows.record(format!("{}, GB/s on one core", candidate.name), rate / 1e9);
            (rate, candidate.name.clone())
        };
        let best = libraries.iter().map(&mut rate_of).map(|it| it.0).fold(0.0, f64::max);
        let rates: Vec<(f64, String)> = ours.iter().map(&mut rate_of).collect();
        for (rate, name) in &rates {
            rows.record(format!("{name}, of the best library"), rate / best);
        }
        let ours = rates.into_iter().map(|it| it.0).fold(0.0, f64::max);
        rows.record("a block of 64 KiB, amortised, microseconds", BLOCK_BYTES as f64 / ours * 1e6);
        let two = threads(2, &blocks);
        rows.record("two threads, of twice the rate of one", two / (2.0 * threads(1, &blocks)));
        rows.record("crc32c, GB/s on one core", crc_rate(&blocks) / 1e9);
        #[cfg(feature = "peers")]
        peers::record_others(&blocks, &mut rows);
    }
    rows
}

/// How fast the blocks are hashed, in bytes per second.
fn rate(blocks: &[&[u8]], hash: &Hash, expected: &[Digest]) -> f64 {
    let mut digests = Vec::with_capacity(blocks.len());
    let rate = best_of(|| hash(black_box(blocks), &mut digests));
    assert!(digests == expected, "a candidate computes something else");
    rate
}

/// The quickest of a few repetitions over all blocks, in bytes per second.
fn best_of(mut work: impl FnMut()) -> f64 {
    let seconds = (0..REPEATS).map(|_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    });
    (BLOCKS * BLOCK_BYTES) as f64 / seconds.fold(f64::MAX, f64::min)
}

/// How fast so many threads hash with the backend that is chosen, in bytes per second.
fn threads(threads: usize, blocks: &[&[u8]]) -> f64 {
    let Ok(pool) = ThreadPoolBuilder::new().num_threads(threads).build() else { return f64::NAN };
    let part = blocks.len() / threads;
    pool.install(|| {
        best_of(|| {
            blocks.par_chunks(part).for_each_init(Vec::new, |digests, blocks| {
                sha256_many(black_box(blocks), digests);
                black_box(digests);
            });
        })
    })
}

fn crc_rate(blocks: &[&[u8]]) -> f64 {
    best_of(|| {
        blocks.iter().for_each(|block| {
            black_box(crc32c(block));
        });
    })
}

/// Bytes that repeat nowhere.
fn noise(length: usize) -> Vec<u8> {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut bytes = vec![0; length];
    ChaCha8Rng::seed_from_u64(5).fill_bytes(&mut bytes);
    bytes
}

/// The libraries beside ours.
#[cfg(feature = "peers")]
mod peers {
    use super::*;

    pub(super) fn all() -> [Candidate; 3] {
        let ring =
            |block: &[u8]| digest(ring::digest::digest(&ring::digest::SHA256, block).as_ref());
        let aws = |block: &[u8]| {
            digest(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, block).as_ref())
        };
        [
            Candidate::one_by_one("ring", ring),
            Candidate::one_by_one("aws-lc-rs", aws),
            Candidate::one_by_one("openssl", openssl::sha::sha256),
        ]
    }

    fn digest(bytes: &[u8]) -> Digest {
        let mut digest = [0; 32];
        digest.copy_from_slice(bytes);
        digest
    }

    /// What answers other questions: another hash, and another crate for the CRC.
    pub(super) fn record_others(blocks: &[&[u8]], rows: &mut Rows) {
        let blake3 = best_of(|| {
            blocks.iter().for_each(|block| {
                black_box(blake3::hash(block));
            });
        });
        rows.record("BLAKE3 (another hash), GB/s on one core", blake3 / 1e9);
        let other = best_of(|| {
            blocks.iter().for_each(|block| {
                black_box(crc32c_crate::crc32c(block));
            });
        });
        rows.record("the crate crc32c, GB/s on one core", other / 1e9);
    }
}
