//! A coordination in time: the machine, with the times at which it wakes up and at which a participant counts
//! as silent. Absent on purpose: clocks and threads. Whoever drives it says what time it is.
//!
//! Law: times only go on. A clock that is turned back stands still here until it is past where it was.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::machine::{End, Input, Machine, Output, Timer};
use super::message::{Answer, Call};
use super::record::Entry;
use super::report::Name;

/// How long is waited for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// How often a participant that is at work gives a sign of life, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long a participant that was asked may give none, in milliseconds.
    pub silent_ms: u64,
    /// How long a coordination may take until it is decided how it ends, and as long again after that; in
    /// milliseconds.
    pub whole_ms: u64,
    /// How long is waited before a participant is asked again the first time; twice as long each time after
    /// that, in milliseconds.
    pub again_ms: u64,
    /// How long is waited at most before a participant is asked again, in milliseconds.
    pub again_ms_max: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            heartbeat_ms: 5_000,
            silent_ms: 30_000,
            whole_ms: 600_000,
            again_ms: 100,
            again_ms_max: 10_000,
        }
    }
}

impl Times {
    fn again(&self, tries: u32) -> Duration {
        let factor = 1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(u64::MAX);
        let wait_ms = self.again_ms.saturating_mul(factor).min(self.again_ms_max);
        // Without any wait, asking and falling silent would go on within one moment.
        Duration::from_millis(wait_ms.max(1))
    }
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// It begins.
    Begun,
    /// A participant answered.
    Answered(Name, Answer),
    /// A participant gave a sign of life under this epoch.
    Alive(Name, u64),
    /// Something else came in.
    Came(Input),
    /// Nothing but time went by.
    TimePassed,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this to a participant.
    Send(Name, Call),
    /// Write this down, and say when it is on storage.
    Record(Entry),
    /// Somebody has to say something about the conflicts that wait.
    Wait,
    /// It ended.
    End(End),
}

/// A coordination in time.
#[derive(Clone, Debug)]
pub struct Engine {
    machine: Machine,
    times: Times,
    now: Duration,
    timers: BTreeMap<Timer, Duration>,
    /// Until when those who were asked must have given a sign of life.
    alive_until: BTreeMap<Name, Duration>,
}

impl Engine {
    /// Of this machine, which has not begun.
    #[must_use]
    pub fn new(machine: Machine, times: Times) -> Self {
        let (timers, alive_until) = (BTreeMap::new(), BTreeMap::new());
        Self { machine, times, now: Duration::ZERO, timers, alive_until }
    }

    /// What is to be done about what happened, and about what ran out until then.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        self.now = self.now.max(now);
        let mut actions = match event {
            Event::Begun => {
                let outputs = self.machine.begin();
                self.act(outputs)
            }
            Event::Answered(name, answer) => {
                // Who says that it failed is asked again later, and needn't be alive until then.
                if (answer.epoch, answer.round) == (self.machine.epoch(), self.machine.round()) {
                    self.alive_until.remove(&name);
                }
                self.step(Input::Answered(name, answer))
            }
            Event::Alive(name, epoch) => {
                let until = self.silent_from();
                if let Some(alive_until) = self.alive_until.get_mut(&name)
                    && epoch == self.machine.epoch()
                {
                    *alive_until = until;
                }
                Vec::new()
            }
            Event::Came(input) => self.step(input),
            Event::TimePassed => Vec::new(),
        };
        while let Some(input) = self.ran_out() {
            actions.extend(self.step(input));
        }
        actions
    }

    /// When time runs out for something next.
    #[must_use]
    pub fn wakes_at(&self) -> Option<Duration> {
        self.timers.values().chain(self.alive_until.values()).min().copied()
    }

    /// The machine, to be looked at.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    fn step(&mut self, input: Input) -> Vec<Action> {
        let outputs = self.machine.step(input);
        self.act(outputs)
    }

    fn act(&mut self, outputs: Vec<Output>) -> Vec<Action> {
        let mut actions = Vec::with_capacity(outputs.len());
        for output in outputs {
            match output {
                Output::Send(name, call) => {
                    self.alive_until.insert(name.clone(), self.silent_from());
                    actions.push(Action::Send(name, call));
                }
                Output::Set(timer) => {
                    let wait = match &timer {
                        Timer::Whole => Duration::from_millis(self.times.whole_ms),
                        Timer::Again { tries, .. } => self.times.again(*tries),
                    };
                    self.timers.insert(timer, self.now.saturating_add(wait));
                }
                Output::Record(entry) => actions.push(Action::Record(entry)),
                Output::Wait => {
                    // Somebody may take as long as it takes.
                    self.timers.remove(&Timer::Whole);
                    actions.push(Action::Wait);
                }
                Output::End(end) => {
                    (self.timers, self.alive_until) = (BTreeMap::new(), BTreeMap::new());
                    actions.push(Action::End(end));
                }
            }
        }
        actions
    }

    /// When who gives a sign of life now counts as silent, if none follows.
    fn silent_from(&self) -> Duration {
        self.now.saturating_add(Duration::from_millis(self.times.silent_ms))
    }

    /// What time has run out for, one at a time, the earliest first.
    fn ran_out(&mut self) -> Option<Input> {
        let due = |at: &Duration| *at <= self.now;
        let timer = self.timers.iter().filter(|(_, at)| due(at)).min_by_key(|(_, at)| **at);
        if let Some(timer) = timer.map(|(timer, _)| timer.clone()) {
            self.timers.remove(&timer);
            return Some(Input::Expired(timer));
        }
        let silent = self.alive_until.iter().find(|(_, at)| due(at));
        let name = silent.map(|(name, _)| name.clone())?;
        self.alive_until.remove(&name);
        Some(Input::Silent(name))
    }
}
