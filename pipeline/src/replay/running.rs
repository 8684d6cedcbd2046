//! A replay that runs by itself, watched and steered through a handle.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::control::Control;
use super::options::ReplayOptions;
use super::outcome::Outcome;
use super::progress::Progress;
use crate::error::Error;
use crate::flow;
use crate::journal::Journal;
use crate::state::MemoryState;

/// A replay on a thread of its own. Dropped, it goes on to its end, and its result is lost.
#[derive(Debug)]
pub struct Running {
    control: Control,
    latest: Arc<Mutex<Progress>>,
    #[cfg(feature = "tokio")]
    updates: tokio::sync::watch::Receiver<Progress>,
    thread: JoinHandle<Result<(MemoryState, Outcome), Error>>,
}

/// Starts a replay, and comes back at once.
///
/// # Errors
/// [`Error::InvalidOption`] when there is no thread for it; everything else comes from
/// [`Running::wait`].
pub fn start(journal: Journal, options: ReplayOptions) -> Result<Running, Error> {
    let (control, latest) = (options.control.clone(), Arc::new(Mutex::new(Progress::default())));
    let told = Arc::clone(&latest);
    // Its sender goes with the replay's thread, and so the stream ends when the replay does.
    #[cfg(feature = "tokio")]
    let (changed, updates) = tokio::sync::watch::channel(Progress::default());
    let thread = flow::spawn_alone("replay", move || {
        super::replay(&journal, &options, &mut |progress| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = *progress;
            #[cfg(feature = "tokio")]
            changed.send_replace(*progress);
        })
    })?;
    Ok(Running {
        control,
        latest,
        #[cfg(feature = "tokio")]
        updates,
        thread,
    })
}

impl Running {
    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By which it is paused, resumed and cancelled.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Whether it has ended, so that [`Self::wait`] comes back at once.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// As [`replay`](super::replay).
    pub fn wait(self) -> Result<(MemoryState, Outcome), Error> {
        self.thread.join().unwrap_or_else(|panic| Err(flow::panicked(&*panic)))
    }

    /// How far it has come, each time that this has changed, until it ends. Who is slow misses what
    /// came in between, and never holds the replay up.
    #[cfg(feature = "tokio")]
    pub fn updates(&self) -> impl tokio_stream::Stream<Item = Progress> + use<> {
        tokio_stream::wrappers::WatchStream::from_changes(self.updates.clone())
    }
}
