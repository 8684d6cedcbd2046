//! Several ways to participants as one: each name has its way.

use std::collections::BTreeMap;

use crossbeam_channel::Receiver;

use super::engine::Event;
use super::ground::Transport;
use super::mail::Mail;
use super::message::Call;
use super::report::Name;

/// Several ways to participants, which put what they say into the same [`Mail`].
#[derive(Debug)]
pub struct Routed {
    mail: Mail,
    ways: Vec<Box<dyn Transport>>,
    of: BTreeMap<Name, usize>,
}

impl Routed {
    /// Where all of them put what participants say.
    #[must_use]
    pub fn new(mail: Mail) -> Self {
        Self { mail, ways: Vec::new(), of: BTreeMap::new() }
    }

    /// These are reached that way from now on.
    #[must_use]
    pub fn with(mut self, names: impl IntoIterator<Item = Name>, way: Box<dyn Transport>) -> Self {
        let index = self.ways.len();
        self.of.extend(names.into_iter().map(|name| (name, index)));
        self.ways.push(way);
        self
    }
}

impl Transport for Routed {
    fn send(&mut self, to: &Name, call: Call) {
        let way = self.of.get(to).and_then(|&index| self.ways.get_mut(index));
        match way {
            Some(way) => way.send(to, call),
            None => self.mail.failed(to, &call, format!("no way leads to {to}")),
        }
    }

    fn events(&self) -> Receiver<Event> {
        self.mail.events()
    }
}
