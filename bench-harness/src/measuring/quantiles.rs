//! What many measurements of one thing come to.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::figure;

/// Where measurements lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    /// How many there are.
    pub(crate) count: u64,
    /// Half are no more.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) p50: f64,
    /// Nine of ten are no more.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) p90: f64,
    /// 99 of 100 are no more.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) p99: f64,
    /// None is more.
    #[serde(deserialize_with = "figure::or_none")]
    pub(crate) max: f64,
}

impl Quantiles {
    /// Those of a few values, none of which is lost to rounding. Where more is better, p90 is what nine of
    /// ten reach, and max the least of them.
    pub(crate) fn of(values: &[f64], better: Better) -> Self {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        if better == Better::More {
            values.reverse();
        }
        let at = |percent: usize| {
            let rank = (percent * values.len()).div_ceil(100);
            values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
        };
        Self { count: values.len() as u64, p50: at(50), p90: at(90), p99: at(99), max: at(100) }
    }
}

/// What is better of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Better {
    /// The smaller one: a time, a size.
    Less,
    /// The larger one: a rate, a share.
    More,
}

/// Times that were measured, to three digits.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    /// In nanoseconds.
    times: Histogram<u64>,
}

impl Latencies {
    /// None yet.
    pub(crate) fn none() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self { times: Histogram::new(3)? })
    }

    /// Adds one.
    pub(crate) fn add(&mut self, took: Duration) -> Result<(), hdrhistogram::RecordError> {
        self.times.record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Where they lie, in units of so many nanoseconds.
    pub(crate) fn quantiles(&self, unit_ns: f64) -> Quantiles {
        let at = |share| self.times.value_at_quantile(share) as f64 / unit_ns;
        Quantiles {
            count: self.times.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: self.times.max() as f64 / unit_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_few_values() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        let less = Quantiles::of(&values, Better::Less);
        assert_eq!((less.count, less.p50, less.p90, less.max), (5, 3.0, 5.0, 5.0));
        let more = Quantiles::of(&values, Better::More);
        assert_eq!((more.count, more.p50, more.p90, more.max), (5, 3.0, 1.0, 1.0));
    }

    #[test]
    fn latencies_to_three_digits() {
        let mut latencies = Latencies::none().unwrap();
        for microseconds in 1..=1000 {
            latencies.add(Duration::from_micros(microseconds)).unwrap();
        }
        let found = latencies.quantiles(1e3);
        assert_eq!(found.count, 1000);
        for (found, expected) in [(found.p50, 500.0), (found.p99, 990.0), (found.max, 1000.0)] {
            assert!((found / expected - 1.0_f64).abs() < 1e-3, "{found} {expected}");
        }
    }
}
