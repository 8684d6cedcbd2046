//! How often signs of life are given: not more often than is asked for, however often a participant says that
//! it is alive.

use std::cell::Cell;
use std::time::Duration;

use super::ground::Clock;

/// When the next sign of life is due.
#[derive(Debug)]
pub(super) struct Beat<'c> {
    clock: &'c dyn Clock,
    every: Duration,
    last: Cell<Duration>,
}

impl<'c> Beat<'c> {
    /// From now on.
    pub(super) fn new(clock: &'c dyn Clock, every: Duration) -> Self {
        Self { clock, every, last: Cell::new(clock.now()) }
    }

    /// Whether one is due. Who is told so gives it.
    pub(super) fn is_due(&self) -> bool {
        let now = self.clock.now();
        let due = now.saturating_sub(self.last.get()) >= self.every;
        if due {
            self.last.set(now);
        }
        due
    }
}
