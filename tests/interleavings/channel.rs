//! A bounded channel for models, which behaves as crossbeam's does: who sends waits for room, who receives waits
//! for something, and either is told when the other side is gone. What is on its way then stays until both are.

use std::collections::VecDeque;
use std::fmt;

use loom::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Nobody is there on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disconnected;

struct Channel<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: usize,
}

struct State<T> {
    queue: VecDeque<T>,
    senders: usize,
    has_receiver: bool,
}

impl<T> Channel<T> {
    /// Changes the state, and wakes whoever waits.
    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let changed = change(&mut self.state.lock().unwrap());
        self.changed.notify_all();
        changed
    }

    fn wait_while(&self, waits: impl Fn(&State<T>) -> bool) -> MutexGuard<'_, State<T>> {
        let mut state = self.state.lock().unwrap();
        while waits(&state) {
            state = self.changed.wait(state).unwrap();
        }
        state
    }
}

pub(crate) struct Sender<T>(Arc<Channel<T>>);

pub(crate) struct Receiver<T>(Arc<Channel<T>>);

pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let state = Mutex::new(State { queue: VecDeque::new(), senders: 1, has_receiver: true });
    let channel = Arc::new(Channel { state, changed: Condvar::new(), capacity });
    (Sender(Arc::clone(&channel)), Receiver(channel))
}

impl<T> Sender<T> {
    pub(crate) fn send(&self, message: T) -> Result<(), Disconnected> {
        let channel = &self.0;
        let mut state =
            channel.wait_while(|it| it.has_receiver && it.queue.len() >= channel.capacity);
        if !state.has_receiver {
            drop(state);
            return Err(Disconnected);
        }
        state.queue.push_back(message);
        drop(state);
        channel.changed.notify_all();
        Ok(())
    }

    pub(crate) fn try_send(&self, message: T) -> Result<(), T> {
        let capacity = self.0.capacity;
        self.0.change(|state| match state.has_receiver && state.queue.len() < capacity {
            true => {
                state.queue.push_back(message);
                Ok(())
            }
            false => Err(message),
        })
    }
}

impl<T> Receiver<T> {
    pub(crate) fn recv(&self) -> Result<T, Disconnected> {
        let mut state = self.0.wait_while(|it| it.queue.is_empty() && it.senders > 0);
        let message = state.queue.pop_front();
        drop(state);
        self.0.changed.notify_all();
        message.ok_or(Disconnected)
    }

    pub(crate) fn try_recv(&self) -> Result<T, Disconnected> {
        self.0.change(|state| state.queue.pop_front()).ok_or(Disconnected)
    }

    pub(crate) fn try_iter(&self) -> impl Iterator<Item = T> {
        std::iter::from_fn(|| self.0.change(|state| state.queue.pop_front()))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.change(|state| state.senders += 1);
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.change(|state| state.senders -= 1);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.change(|state| state.has_receiver = false);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sender")
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Receiver")
    }
}
