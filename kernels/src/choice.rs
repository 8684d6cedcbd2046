//! Which backend is the quickest on this processor: found by a trial of a few dozen microseconds, once.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::Kernel;

/// How many ranges a trial hashes: as many as the widest backend has lanes.
const TRIAL_RANGES: usize = 16;
/// How long each of them is, in bytes.
const TRIAL_BYTES: usize = 2048;
/// How often each backend is tried: the quickest time counts, since only that of others disturbs it.
const TRIALS: usize = 3;

/// The quickest backend of those that run here.
pub(crate) fn quickest() -> Kernel {
    static QUICKEST: OnceLock<Kernel> = OnceLock::new();
    *QUICKEST.get_or_init(try_all)
}

fn try_all() -> Kernel {
    let bytes = [0x5A; TRIAL_BYTES];
    let ranges = [&bytes[..]; TRIAL_RANGES];
    let mut digests = Vec::with_capacity(TRIAL_RANGES);
    let mut candidates: Vec<(Duration, Kernel)> =
        Kernel::all().map(|kernel| (Duration::MAX, kernel)).collect();
    for _ in 0..TRIALS {
        for (quickest, kernel) in &mut candidates {
            let started = Instant::now();
            kernel.sha256_many(black_box(&ranges), &mut digests);
            black_box(&digests);
            *quickest = started.elapsed().min(*quickest);
        }
    }
    let found = candidates.into_iter().min_by_key(|(time, _)| *time);
    found.map_or(Kernel::PORTABLE, |(_, kernel)| kernel)
}
