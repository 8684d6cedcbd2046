//! Where what participants say comes in: one bounded channel for all ways that lead to them, on which nobody
//! ever waits to send. What finds no room is lost, as the law of [`Transport`](super::Transport) allows.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::engine::Event;
use super::message::{Answer, Call, Reply};

/// As many may be there unread. A participant answers a call once, so that answers find room; signs of life may
/// come without end, and find half of it.
const EVENTS_MAX: usize = 1024;

/// Where answers and signs of life come in.
#[derive(Clone, Debug)]
pub struct Mail {
    sender: Sender<Event>,
    receiver: Receiver<Event>,
}

impl Default for Mail {
    fn default() -> Self {
        let (sender, receiver) = bounded(EVENTS_MAX);
        Self { sender, receiver }
    }
}

impl Mail {
    /// Where they are taken out.
    #[must_use]
    pub fn events(&self) -> Receiver<Event> {
        self.receiver.clone()
    }

    pub(super) fn answered(&self, name: &str, answer: Answer) {
        if self.sender.try_send(Event::Answered(name.to_owned(), answer)).is_err() {
            tracing::warn!(participant = name, "an answer is lost: too many are unread");
        }
    }

    /// That a call came to nothing.
    pub(super) fn failed(&self, name: &str, call: &Call, reason: String) {
        let Call { epoch, round, .. } = *call;
        self.answered(name, Answer { epoch, round, reply: Reply::Failed(reason) });
    }

    pub(super) fn alive(&self, name: &str, epoch: u64) {
        if self.sender.len() < EVENTS_MAX / 2 {
            // Another one follows.
            let _ = self.sender.try_send(Event::Alive(name.to_owned(), epoch));
        }
    }
}
