//! What a few measurements of two builds say of the difference between them: medians, and how sure one can
//! be of their ratio by resampling (a bootstrap, Efron 1979: 30 lines, and no crate does less).

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How often is resampled.
const RESAMPLED: usize = 4_000;
/// How many of these lie outside of an interval on either side. Few, since a gate looks at a dozen of figures,
/// and at each again and again while it measures.
const OUTSIDE: usize = 20;
/// Resampling is always the same, so that the same measurements always lead to the same result.
const SEED: u64 = 1;

/// An estimate, and the interval in which the truth is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Estimate {
    /// Of the median of what these are drawn from.
    pub(super) fn of(values: &[f64]) -> Self {
        Self::by(median(values), |random| median(&resample(values, random)))
    }

    /// Of the ratio of the medians of what these are drawn from.
    pub(super) fn of_ratio(above: &[f64], below: &[f64]) -> Self {
        Self::by(median(above) / median(below), |random| {
            median(&resample(above, random)) / median(&resample(below, random))
        })
    }

    fn by(value: f64, again: impl Fn(&mut ChaCha8Rng) -> f64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut found: Vec<f64> = (0..RESAMPLED).map(|_| again(&mut random)).collect();
        found.sort_by(f64::total_cmp);
        let at = |rank: usize| found.get(rank).copied().unwrap_or(f64::NAN);
        Self { value, least: at(OUTSIDE), most: at(RESAMPLED - 1 - OUTSIDE) }
    }
}

/// The middle one, or the mean of the two in the middle; not a number where there is none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = |rank: usize| values.get(rank).copied().unwrap_or(f64::NAN);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { at(half) } else { (at(half.wrapping_sub(1)) + at(half)) / 2.0 }
}

fn resample(values: &[f64], random: &mut ChaCha8Rng) -> Vec<f64> {
    let drawn = values.iter().map(|_| values[random.random_range(0..values.len())]);
    drawn.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values around `middle`, as unlike as those of a machine that has neighbours: skewed, and one of eight
    /// far off.
    fn noisy(middle: f64, seed: u64) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let spread = |random: &mut ChaCha8Rng| match random.random_range(0..8) {
            0 => random.random_range(1.0..1.3),
            _ => random.random_range(0.98..1.03),
        };
        (0..12).map(|_| middle * spread(&mut random)).collect()
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn an_interval_holds_the_truth_as_often_as_it_says() {
        let holds = |seed: u64| {
            let ratio = Estimate::of_ratio(&noisy(1.1, 2 * seed), &noisy(1.0, 2 * seed + 1));
            ratio.least <= 1.1 && 1.1 <= ratio.most
        };
        let held = (0..200).filter(|&seed| holds(seed)).count();
        assert!(held >= 197, "{held} of 200");
    }

    #[test]
    fn an_interval_is_as_narrow_as_the_values_are_alike() {
        let alike = Estimate::of(&[1.0, 1.01, 0.99, 1.0, 1.0]);
        assert!((0.98..=1.0).contains(&alike.least) && (1.0..=1.02).contains(&alike.most));
        let unlike = Estimate::of(&[1.0, 1.5, 0.5, 1.2, 0.8]);
        assert!(unlike.most - unlike.least > 0.5, "{unlike:?}");
    }
}
