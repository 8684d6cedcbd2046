//! What a coordination stands on: where its decisions are kept, how questions come to participants, what time it
//! is. On one machine these are a file, threads and sockets, and the system's clock.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, at, never};

use super::engine::Event;
use super::message::Call;
use super::record::Entry;
use super::report::Name;
use crate::error::Error;

/// Where a coordinator's decisions are kept.
///
/// Law: entries stay in the order in which they were appended. After `append` returns, the entry survives every
/// crash. Once another one leads, appending fails.
pub trait DecisionRecord: Debug + Send {
    /// Leads from now on, and gives all entries so far.
    ///
    /// # Errors
    /// [`Error::Locked`] while another one leads; when what is there can't be read.
    fn lead(&mut self) -> Result<Vec<Entry>, Error>;

    /// Keeps one more.
    ///
    /// # Errors
    /// When another one leads: then the entry isn't kept. When storage fails: then it may be, or not.
    fn append(&mut self, entry: &Entry) -> Result<(), Error>;
}

/// How questions come to participants, and answers back.
///
/// Law: what is sent may get lost, come twice, or come late; what comes was sent.
pub trait Transport: Debug + Send {
    /// Sends a question. Where that is known to be impossible, the answer is that it failed.
    fn send(&mut self, to: &Name, call: Call);

    /// Where answers and signs of life come in.
    fn events(&self) -> Receiver<Event>;
}

/// What time it is.
///
/// Law: it only goes on.
pub trait Clock: Debug + Send + Sync {
    /// The time since some moment that stays the same.
    fn now(&self) -> Duration;

    /// Gives something once it is that time.
    fn alarm(&self, time: Option<Duration>) -> Receiver<Instant>;
}

/// The system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn alarm(&self, time: Option<Duration>) -> Receiver<Instant> {
        time.and_then(|time| self.0.checked_add(time)).map_or_else(never, at)
    }
}
