//! Time as a gate counts it: on the clock, and of all the process's threads on their processors. The
//! latter stands still while somebody else has the processor.

use std::ops::Sub;

use rustix::time::{ClockId, clock_gettime};

/// Times, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    /// On the clock.
    pub(super) wall: f64,
    /// Of the process's threads, together.
    pub(super) cpu: f64,
}

impl Times {
    /// How long something takes, and what it gives.
    pub(super) fn of<T>(act: impl FnOnce() -> T) -> (Self, T) {
        let before = Self::now();
        let done = act();
        (Self::now() - before, done)
    }

    fn now() -> Self {
        let seconds = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
        };
        Self { wall: seconds(ClockId::Monotonic), cpu: seconds(ClockId::ProcessCPUTime) }
    }
}

impl Sub for Times {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { wall: self.wall - other.wall, cpu: self.cpu - other.cpu }
    }
}
