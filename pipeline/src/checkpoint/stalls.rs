//! For how long applying stands still while what changed is taken or written.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// How long applying stood still for checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stalls {
    /// How often it did.
    pub count: u64,
    /// The median, in seconds.
    pub p50_seconds: f64,
    /// Nine of ten were no longer, in seconds.
    pub p90_seconds: f64,
    /// 99 of 100 were no longer, in seconds.
    pub p99_seconds: f64,
    /// The longest, in seconds.
    pub max_seconds: f64,
}

/// Each time that it stood still.
#[derive(Debug)]
pub(crate) struct StallTimes {
    /// In microseconds, to three digits.
    times: Option<Histogram<u64>>,
}

impl StallTimes {
    pub(crate) fn none() -> Self {
        Self { times: Histogram::new(3).ok() }
    }

    pub(crate) fn add(&mut self, stall: Duration) {
        if let Some(times) = &mut self.times {
            // It grows for any stall; only memory could be missing, and then a figure is.
            let _ = times.record(u64::try_from(stall.as_micros()).unwrap_or(u64::MAX));
        }
    }

    pub(crate) fn sum_up(&self) -> Stalls {
        let seconds = |microseconds: u64| microseconds as f64 / 1e6;
        self.times.as_ref().map_or_else(Stalls::default, |times| Stalls {
            count: times.len(),
            p50_seconds: seconds(times.value_at_quantile(0.5)),
            p90_seconds: seconds(times.value_at_quantile(0.9)),
            p99_seconds: seconds(times.value_at_quantile(0.99)),
            max_seconds: seconds(times.max()),
        })
    }
}
