//! Which backend a process uses: the one it was told to, or else the quickest one, found by a trial of a
//! few dozen microseconds at the first use.

use std::hint::black_box;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::{Backend, Kernel, Unavailable};

static CHOSEN: OnceLock<Kernel> = OnceLock::new();

/// How many ranges a trial hashes: as many as the widest backend has lanes.
const TRIAL_RANGES: usize = 16;
/// How long each of them is, in bytes.
const TRIAL_BYTES: usize = 2048;
/// How often each backend is tried: the quickest time counts, since only that of others disturbs it.
const TRIALS: usize = 3;

/// Makes the process use this backend from now on. Tells which one it uses: another one where it had
/// used that before.
///
/// # Errors
/// [`Unavailable`] when this processor can't run it.
pub fn choose(backend: Backend) -> Result<Backend, Unavailable> {
    let kernel = backend.kernel()?;
    Ok(CHOSEN.get_or_init(|| kernel).backend())
}

/// The backend that the process uses.
pub(crate) fn chosen() -> Kernel {
    *CHOSEN.get_or_init(quickest)
}

/// The quickest backend of those that run here.
fn quickest() -> Kernel {
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
