//! Journals of several epochs, each with a state of its own; and a way to stop a replay of one where
//! it is to stand.

use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use vexfs_replay::event::{Body, Property};
use vexfs_replay::journal::{Durability, Journal, NewEvent, Writer, WriterOptions};
use vexfs_replay::replay::{Control, ReplayOptions, Running, replay_serially};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::watched::{Call, WatchedFolder};

/// How long the values are that the state keeps, in bytes.
const VALUE_BYTES: usize = 2_000;

/// On how many threads what depends on their number is replayed.
pub(crate) const THREADS: NonZero<usize> = NonZero::new(2).unwrap();

/// How much of a journal is on its way through the pipeline as one, on so many threads.
pub(crate) const EPOCH_BYTES: u64 = 2 * 1024 * 1024;

/// Tests that measure memory or wait for each other's replays take their turns.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A journal of so many events, in one segment, and the digest that it leads to.
pub(crate) struct Made {
    pub(crate) folder: MemoryFolder,
    pub(crate) events: u64,
    pub(crate) digest: [u8; 32],
}

impl Made {
    pub(crate) fn of(seed: u64, events: u64) -> Self {
        let folder = MemoryFolder::default();
        let options = WriterOptions { durability: Durability::None, ..WriterOptions::default() };
        let writer = Writer::create(Arc::new(folder.clone()), options).unwrap();
        for number in 0..events {
            let value =
                [seed.to_le_bytes(), number.to_le_bytes()].concat().repeat(VALUE_BYTES / 16);
            let property = Property { node: seed, name: &number.to_le_bytes(), value: &value };
            writer.append(&NewEvent::new(number, Body::PropertySet(property))).unwrap();
        }
        writer.close().unwrap();
        let journal = Journal::open(Arc::new(folder.clone())).unwrap();
        let (state, _) = replay_serially(&journal, &ReplayOptions::default()).unwrap();
        Self { folder, events, digest: state.digest() }
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(Arc::new(self.folder.clone())).unwrap()
    }

    /// The journal on storage that pauses `control` when it is read at `offset` or behind it, once;
    /// and how far it was read, in bytes from the file's start.
    pub(crate) fn pausing_at(&self, offset: u64, control: &Control) -> (Journal, Arc<Mutex<u64>>) {
        let (control, read) = (control.clone(), Arc::new(Mutex::new(0)));
        let watched = Arc::clone(&read);
        let armed = Mutex::new(false);
        // Opening looks at the file's end.
        let folder = Arc::new(Armed { armed, done: Mutex::new(false) });
        let gate = Arc::clone(&folder);
        let storage = WatchedFolder::over(self.folder.clone(), move |call| {
            let Call::Read(at) = call else { return Ok(()) };
            if !*gate.armed.lock().unwrap() {
                return Ok(());
            }
            let mut furthest = watched.lock().unwrap();
            *furthest = at.max(*furthest);
            if at >= offset && !std::mem::replace(&mut *gate.done.lock().unwrap(), true) {
                control.pause();
            }
            Ok(())
        });
        let storage: Arc<dyn Folder> = Arc::new(storage);
        let journal = Journal::open(storage).unwrap();
        *folder.armed.lock().unwrap() = true;
        (journal, read)
    }
}

/// Whether the journal is open, and whether the replay was paused.
struct Armed {
    armed: Mutex<bool>,
    done: Mutex<bool>,
}

/// Waits until something is so that another thread brings about.
pub(crate) fn wait_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

/// How often another journal is replayed, from its start to its end, without the one that rests having come
/// any farther: the scheduler lets no thread wait for all of them.
const REPLAYS_AT_REST: usize = 25;

/// Waits until a paused replay has come to rest.
pub(crate) fn wait_for_rest(running: &Running, other: &Made) {
    let (mut before, mut at_rest) = (None, 0);
    while at_rest < REPLAYS_AT_REST {
        let events = Some(running.progress().events);
        at_rest = if before == events { at_rest + 1 } else { 0 };
        before = events;
        let (state, _) = replay_serially(&other.open(), &ReplayOptions::default()).unwrap();
        assert_eq!(state.digest(), other.digest);
    }
}
