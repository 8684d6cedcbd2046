//! The reins of a replay: cancel, pause and go on, from any thread.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::sync::{Arc, AtomicBool, Condvar, Mutex, Ordering, PoisonError};

/// How long a paused replay waits before it looks again whether a flag from outside was set, which
/// can't wake it.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The reins of one replay or of several; clones hold the same ones.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Reins>);

#[derive(Debug, Default)]
struct Reins {
    cancelled: Arc<AtomicBool>,
    paused: Mutex<bool>,
    changed: Condvar,
}

impl Control {
    /// Reins that also cancel when someone sets `flag`, as a signal handler does.
    #[must_use]
    pub fn with_flag(flag: Arc<AtomicBool>) -> Self {
        Self(Arc::new(Reins { cancelled: flag, ..Reins::default() }))
    }

    /// Ends the replay at the next consistent cut, which comes within milliseconds unless a long
    /// transaction is being committed. It then fails with [`Error::Cancelled`](crate::Error), having
    /// left a checkpoint where it was to write some.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
        // Who has looked at the flag holds the lock until it waits, so that it doesn't miss this.
        drop(self.0.paused.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.changed.notify_all();
    }

    /// Whether it was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Relaxed)
    }

    /// Lets the replay read no further. What it has read is still applied.
    pub fn pause(&self) {
        self.set_paused(true);
    }

    /// Lets a paused replay go on.
    pub fn resume(&self) {
        self.set_paused(false);
    }

    fn set_paused(&self, paused: bool) {
        *self.0.paused.lock().unwrap_or_else(PoisonError::into_inner) = paused;
        self.0.changed.notify_all();
    }

    /// Fails when it was cancelled, or the deadline has come; the limit that it was made of is told.
    pub(crate) fn check(&self, deadline: Option<(Instant, Duration)>) -> Result<(), Error> {
        match deadline {
            _ if self.is_cancelled() => Err(Error::Cancelled),
            Some((deadline, limit)) if Instant::now() >= deadline => Err(Error::TimedOut { limit }),
            _ => Ok(()),
        }
    }

    /// Waits for so long, or until it is cancelled or out of time.
    pub(crate) fn wait(&self, for_long: Duration, deadline: Option<Instant>) {
        let end = Instant::now() + for_long;
        let end = deadline.map_or(end, |deadline| deadline.min(end));
        let mut paused = self.0.paused.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_cancelled()
            && let Some(left) =
                end.checked_duration_since(Instant::now()).filter(|it| !it.is_zero())
        {
            let waited = self.0.changed.wait_timeout(paused, left.min(LOOK_AGAIN));
            (paused, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits while the replay is paused, not cancelled, in time, and somebody needs more.
    pub(crate) fn wait_while_paused(&self, deadline: Option<Instant>, enough: &AtomicBool) {
        let mut paused = self.0.paused.lock().unwrap_or_else(PoisonError::into_inner);
        while *paused
            && !enough.load(Ordering::Relaxed)
            && !self.is_cancelled()
            && deadline.is_none_or(|deadline| Instant::now() < deadline)
        {
            let waited = self.0.changed.wait_timeout(paused, LOOK_AGAIN);
            (paused, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}
