//! Many coordinations at once in one process, each on a thread of its own, watched and steered by their names.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use serde::Serialize;

use super::conflict::Ruling;
use super::drive::{Ground, Life, Patience, coordinate};
use super::engine::Times;
use super::ground::{Clock, DecisionRecord, Transport};
use super::machine::{End, Input, Machine};
use super::site::check_ruling;
use super::snapshot::{Snapshot, State};
use super::terms::Terms;
use crate::error::Error;
use crate::flow;

/// How many words to a coordination are kept until it hears them.
const SAID_MAX: usize = 64;

/// What a coordination is held with.
#[derive(Debug)]
pub struct Setup {
    /// Who takes part, and on which terms.
    pub terms: Terms,
    /// How long is waited for what.
    pub times: Times,
    /// What is done when somebody has to say something.
    pub patience: Patience,
    /// Where its decisions are kept.
    pub record: Box<dyn DecisionRecord>,
    /// How questions come to participants.
    pub transport: Box<dyn Transport>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// Figures over the coordinations of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// How many began.
    pub begun: u64,
    /// How many are under way.
    pub running: u64,
    /// How many wait for somebody to say something.
    pub waiting: u64,
    /// How many ended at one cut.
    pub consistent: u64,
    /// How many came to nothing, for a reason that they name.
    pub refused: u64,
    /// How many ended otherwise, and are to be gone on with.
    pub unfinished: u64,
    /// How many conflicts were found.
    pub conflicts: u64,
}

/// Many coordinations. Dropped, it cancels those that run, and waits for them.
#[derive(Debug, Default)]
pub struct Service {
    all: Mutex<BTreeMap<String, Held>>,
}

/// One of them.
#[derive(Debug)]
struct Held {
    say: Sender<Input>,
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
    #[cfg(feature = "tokio")]
    updates: tokio::sync::watch::Receiver<Option<Snapshot>>,
}

/// What is known of one of them.
#[derive(Debug, Default)]
struct Board {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    snapshot: Option<Snapshot>,
    result: Option<Result<Life, Arc<Error>>>,
}

impl Board {
    fn change(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn look<T>(&self, look: impl FnOnce(&Now) -> T) -> T {
        look(&self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Service {
    /// Begins a coordination, or goes on with the one that its record knows, and comes back at once.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when one of this name runs, or there is no thread for it. Everything else comes
    /// from [`Self::wait`].
    pub fn start(&self, name: &str, setup: Setup) -> Result<(), Error> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(name).is_some_and(|held| held.board.look(|now| now.result.is_none())) {
            let reason = format!("{name} runs already");
            return Err(Error::InvalidOption { option: "coordination", reason });
        }
        let (say, said) = bounded(SAID_MAX);
        let board = Arc::new(Board::default());
        let on_board = Arc::clone(&board);
        #[cfg(feature = "tokio")]
        let (changed, updates) = tokio::sync::watch::channel(None);
        let tell = move |snapshot: Snapshot| {
            // Whoever sees an update can go by it at once: what it says is on the board by then.
            on_board.change(|now| now.snapshot = Some(snapshot.clone()));
            #[cfg(feature = "tokio")]
            changed.send_replace(Some(snapshot));
        };
        let at_end = Arc::clone(&board);
        let thread = flow::spawn_alone("coordination", move || {
            let held = catch_unwind(AssertUnwindSafe(|| hold(setup, &said, &tell)));
            let result = held.unwrap_or_else(|panic| Err(flow::panicked(&*panic)));
            let result = result.map_err(Arc::new);
            at_end.change(|now| now.result = Some(result));
        })?;
        let held = Held {
            say,
            board,
            thread: Some(thread),
            #[cfg(feature = "tokio")]
            updates,
        };
        if let Some(Held { thread: Some(ended), .. }) = all.insert(name.to_owned(), held) {
            // It has ended, so this doesn't take long; a panic of it is in its result.
            let _ = ended.join();
        }
        Ok(())
    }

    /// What a coordination has come to; none before its first step.
    ///
    /// # Errors
    /// [`Error::CoordinationNotFound`].
    pub fn snapshot(&self, name: &str) -> Result<Option<Snapshot>, Error> {
        Ok(self.board(name)?.look(|now| now.snapshot.clone()))
    }

    /// The names of all coordinations.
    pub fn names(&self) -> Vec<String> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Cancels a coordination: it comes to nothing where that is still possible, and all go back.
    ///
    /// # Errors
    /// [`Error::CoordinationNotFound`].
    pub fn cancel(&self, name: &str) -> Result<(), Error> {
        self.say(name, Input::Cancel)
    }

    /// Says something about a conflict that waits.
    ///
    /// # Errors
    /// [`Error::CoordinationNotFound`], [`Error::ConflictNotFound`] where none such waits, and
    /// [`Error::InvalidOption`] where this can't be said about it.
    pub fn rule(&self, name: &str, conflict: &str, ruling: Ruling) -> Result<(), Error> {
        let snapshot = self.snapshot(name)?;
        check_ruling(snapshot.iter().flat_map(Snapshot::waiting), conflict, &ruling)?;
        self.say(name, Input::Ruled(conflict.to_owned(), ruling))
    }

    /// Waits until a coordination has ended, or waits for somebody to say something and is not to wait itself.
    ///
    /// # Errors
    /// [`Error::CoordinationNotFound`], and as [`coordinate`].
    pub fn wait(&self, name: &str) -> Result<Life, Arc<Error>> {
        let board = self.board(name).map_err(Arc::new)?;
        let now = board.now.lock().unwrap_or_else(PoisonError::into_inner);
        let now = board.changed.wait_while(now, |now| now.result.is_none());
        let now = now.unwrap_or_else(PoisonError::into_inner);
        now.result.clone().unwrap_or(Ok(Life::Waits))
    }

    /// What a coordination has come to, each time that this has changed, until it ends. Who is slow misses what came
    /// in between.
    ///
    /// # Errors
    /// [`Error::CoordinationNotFound`].
    #[cfg(feature = "tokio")]
    pub fn updates(
        &self,
        name: &str,
    ) -> Result<impl tokio_stream::Stream<Item = Snapshot> + use<>, Error> {
        use tokio_stream::StreamExt as _;
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all.get(name).ok_or_else(|| not_found(name))?;
        let updates = tokio_stream::wrappers::WatchStream::new(held.updates.clone());
        Ok(updates.filter_map(|it| it))
    }

    /// Figures over all of them.
    pub fn statistics(&self) -> Statistics {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut figures = Statistics::default();
        for held in all.values() {
            figures.begun += 1;
            held.board.look(|now| {
                figures.conflicts +=
                    now.snapshot.as_ref().map_or(0, |it| it.conflicts.len() as u64);
                let waits = now.snapshot.as_ref().is_some_and(|it| it.state == State::Waiting);
                match &now.result {
                    None if waits => figures.waiting += 1,
                    None => figures.running += 1,
                    Some(Ok(Life::Ended(End::Consistent { .. }))) => figures.consistent += 1,
                    Some(Ok(Life::Ended(End::Refused { .. }))) => figures.refused += 1,
                    Some(Ok(Life::Waits)) => figures.waiting += 1,
                    Some(_) => figures.unfinished += 1,
                }
            });
        }
        figures
    }

    fn say(&self, name: &str, input: Input) -> Result<(), Error> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all.get(name).ok_or_else(|| not_found(name))?;
        // Who has ended hears nothing any more, and who has that much to hear hears this, too.
        let _ = held.say.try_send(input);
        Ok(())
    }

    fn board(&self, name: &str) -> Result<Arc<Board>, Error> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(name).map(|held| Arc::clone(&held.board)).ok_or_else(|| not_found(name))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let all = self.all.get_mut().unwrap_or_else(PoisonError::into_inner);
        for held in all.values() {
            let _ = held.say.try_send(Input::Cancel);
        }
        for held in all.values_mut() {
            if let Some(thread) = held.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

fn not_found(name: &str) -> Error {
    Error::CoordinationNotFound { coordination: name.to_owned() }
}

/// Holds a coordination to its end, and tells what it comes to.
fn hold(mut setup: Setup, said: &Receiver<Input>, tell: &dyn Fn(Snapshot)) -> Result<Life, Error> {
    let ground = Ground {
        record: setup.record.as_mut(),
        transport: setup.transport.as_mut(),
        clock: setup.clock.as_ref(),
        said,
    };
    let mut watch = |machine: &Machine| tell(Snapshot::of(machine, None));
    let (life, engine) = coordinate(setup.terms, setup.times, setup.patience, ground, &mut watch)?;
    tell(Snapshot::of(engine.machine(), Some(&life)));
    Ok(life)
}
