//! The only source of randomness: ChaCha8 from a seed.
//!
//! The seed is laid into the cipher's key here, and numbers are cut from its words here, since how
//! a library does either may change with its version, and the same seed must give the same draws.
//! One thing is left to others: ranks come from powers of fractions, and so from the platform's
//! mathematics, whose last bit may differ from one C library to another.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Zipf};

const KEY_PADDING: [u8; 24] = *b"vexfs-replay datasets v1";

#[derive(Clone, Debug)]
pub(crate) struct Source(ChaCha8Rng);

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(&KEY_PADDING);
        Self(ChaCha8Rng::from_seed(key))
    }

    pub(crate) fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, or 0 where that is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.word()) * u128::from(bound);
        (product >> 64) as u64
    }

    pub(crate) fn below_u32(&mut self, bound: u32) -> u32 {
        u32::try_from(self.below(bound.into())).unwrap_or(u32::MAX)
    }

    pub(crate) fn chance(&mut self, chance: Chance) -> bool {
        u64::from(self.0.next_u32()) < chance.0
    }

    /// A rank from 0 on.
    pub(crate) fn rank(&mut self, zipf: &Zipf<f64>, ranks: u32) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "a sample is a whole number up to n")]
        let sample = zipf.sample(&mut self.0) as u32;
        sample.saturating_sub(1).min(ranks.saturating_sub(1))
    }
}

/// A probability, as a threshold for 32 random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Anything below 0 is never, anything above 1 always.
    pub(crate) fn of(probability: f64) -> Self {
        let scaled = (probability.clamp(0.0, 1.0) * 4_294_967_296.0).round();
        #[expect(clippy::cast_possible_truncation, reason = "at most 2^32")]
        let threshold = scaled as u64;
        Self(threshold)
    }
}

/// `length` bytes that look random, the same for the same seed.
#[must_use]
pub fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut source = Source::new(seed);
    // Another stream than the draws of the same seed take.
    source.0.set_stream(1);
    let mut bytes = vec![0; length];
    source.0.fill_bytes(&mut bytes);
    bytes
}
