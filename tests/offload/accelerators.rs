//! Accelerators that do as they should, and others. They compute with the sha2 crate alone.

use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};
use vexfs_kernels::Digest;
use vexfs_replay::offload::{Accelerator, Offload, OffloadPolicy};

/// Where one panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    Opening,
    Hashing,
}

/// What an accelerator is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// It hashes everything.
    Honest,
    /// It leaves some to the workers.
    Choosy,
    /// It fails at its call of this number, having done some.
    FailsAt(u64),
    /// It is not to be had.
    Missing,
    /// It panics, when it is opened or when it hashes.
    Panics(At),
    /// Some of its digests are wrong.
    Liar,
    /// It says less than it was asked for, or more.
    Miscounting,
}

struct Fake {
    nature: Nature,
    calls: u64,
    dice: ChaCha8Rng,
}

/// With an accelerator of this nature.
pub(crate) fn offload(nature: Nature, seed: u64) -> Offload {
    let dice = ChaCha8Rng::seed_from_u64(seed);
    let fake = Fake { nature, calls: 0, dice };
    let opener = move |_| match nature {
        Nature::Missing => Err("there is none".to_owned()),
        Nature::Panics(At::Opening) => panic!("it can't be opened"),
        _ => Ok(Box::new(fake) as Box<dyn Accelerator>),
    };
    Offload::new(OffloadPolicy::Always, Box::new(opener))
}

impl Accelerator for Fake {
    fn name(&self) -> String {
        format!("{:?}", self.nature)
    }

    fn hash(&mut self, ranges: &[&[u8]], found: &mut Vec<Option<Digest>>) -> Result<(), String> {
        let call = self.calls;
        self.calls += 1;
        found.clear();
        found.extend(ranges.iter().map(|range| Some(Sha256::digest(range).into())));
        match self.nature {
            Nature::Honest | Nature::Missing | Nature::Panics(At::Opening) => {}
            Nature::Panics(At::Hashing) => panic!("it broke"),
            Nature::Choosy => self.leave_some(found),
            Nature::FailsAt(number) => {
                if call >= number {
                    self.leave_some(found);
                    return Err("it broke".to_owned());
                }
            }
            Nature::Liar => {
                for digest in found.iter_mut().flatten() {
                    if self.dice.random_bool(0.3) {
                        self.dice.fill_bytes(digest);
                    }
                }
            }
            Nature::Miscounting => {
                found.resize(self.dice.random_range(0..2 * ranges.len() + 2), None);
            }
        }
        Ok(())
    }
}

impl Fake {
    fn leave_some(&mut self, found: &mut [Option<Digest>]) {
        for digest in found {
            if self.dice.random_bool(0.5) {
                *digest = None;
            }
        }
    }
}
