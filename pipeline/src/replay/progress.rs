//! How far a replay has come.

use std::time::Instant;

use serde::Serialize;

/// Over how many seconds the present rate is taken.
const RATE_SECONDS: f64 = 0.5;

/// How far a replay has come: told when the first events are on their way to be applied, and after each
/// share of its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Events done, those that a checkpoint spared included.
    pub events: u64,
    /// Bytes of blocks done, those that a checkpoint spared included.
    pub bytes: u64,
    /// Bytes of blocks in all, at most.
    pub total_bytes: u64,
    /// How long it has taken, in seconds.
    pub seconds: f64,
    /// Events per second now: over the last half of a second.
    pub events_per_second_now: f64,
    /// Events per second on average.
    pub events_per_second: f64,
    /// How long it will still take at the average rate, in seconds; 0 where that isn't known.
    pub seconds_left: f64,
    /// How much memory it takes, in bytes.
    pub memory_bytes: u64,
    /// How many epochs were read and wait to be verified.
    pub epochs_read: usize,
    /// How many shares of work were verified and wait to be applied.
    pub shares_verified: usize,
    /// How many damaged ranges were met.
    pub damaged_ranges: u64,
    /// The watermark of the newest checkpoint that was handed on to be written, 0 for none.
    pub checkpoint_lsn: u64,
}

/// Turns counts into rates.
#[derive(Debug)]
pub(crate) struct Meter {
    started: Instant,
    /// When the present rate was taken last, and how many events were done then.
    last: (f64, u64),
    rate_now: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), last: (0.0, 0), rate_now: 0.0 }
    }

    /// Adds the rates to the counts. `spared` are the events and bytes that a checkpoint spared.
    pub(crate) fn measure(&mut self, spared: (u64, u64), progress: &mut Progress) {
        let seconds = self.started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        let events = progress.events.saturating_sub(spared.0);
        let bytes = progress.bytes.saturating_sub(spared.1);
        let (then, events_then) = self.last;
        if seconds - then >= RATE_SECONDS || then == 0.0 {
            self.rate_now = (events - events_then.min(events)) as f64 / (seconds - then);
            self.last = (seconds, events);
        }
        progress.seconds = seconds;
        progress.events_per_second = events as f64 / seconds;
        progress.events_per_second_now = self.rate_now;
        let left = progress.total_bytes.saturating_sub(progress.bytes);
        progress.seconds_left = if bytes > 0 { left as f64 * seconds / bytes as f64 } else { 0.0 };
    }
}
