//! Participants without threads: a question is answered before `send` returns.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, at, bounded, never};
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Call, Clock, Event, Fence, Name, Participant, Transport, Turn, answer,
};

/// The latest question, in memory.
#[derive(Debug, Default)]
struct MemoryFence(Turn);

impl Fence for MemoryFence {
    fn latest(&self) -> Turn {
        self.0
    }

    fn raise(&mut self, turn: Turn) -> Result<(), Error> {
        self.0 = turn;
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct Direct {
    participants: BTreeMap<Name, (Box<dyn Participant>, MemoryFence)>,
    say: Sender<Event>,
    said: Receiver<Event>,
}

impl Direct {
    pub(crate) fn new(participants: BTreeMap<Name, Box<dyn Participant>>) -> Self {
        let participants =
            participants.into_iter().map(|(name, it)| (name, (it, MemoryFence::default())));
        let (say, said) = bounded(1_000);
        Self { participants: participants.collect(), say, said }
    }
}

/// A clock on which nobody waits: where nothing is there to be done, it is at once the time for which is waited.
#[derive(Debug)]
pub(crate) struct Hasty {
    now: Mutex<Duration>,
    events: Receiver<Event>,
}

impl Hasty {
    pub(crate) fn new(transport: &Direct) -> Self {
        Self { now: Mutex::default(), events: transport.events() }
    }
}

impl Clock for Hasty {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn alarm(&self, time: Option<Duration>) -> Receiver<Instant> {
        match time {
            Some(time) if self.events.is_empty() => {
                let mut now = self.now.lock().unwrap();
                *now = time.max(*now);
                at(Instant::now())
            }
            _ => never(),
        }
    }
}

impl Transport for Direct {
    fn send(&mut self, to: &Name, call: Call) {
        if let Some((participant, fence)) = self.participants.get_mut(to) {
            let answer = answer(participant.as_mut(), fence, &call, &|| {});
            self.say.send(Event::Answered(to.clone(), answer)).unwrap();
        }
    }

    fn events(&self) -> Receiver<Event> {
        self.said.clone()
    }
}
