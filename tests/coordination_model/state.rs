//! One state, and all that can happen next.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher as _};

use vexfs_replay::coordination::{
    Answer, Call, Entry, Input, Machine, Memory, Name, Output, Ruling, Terms, Timer, answer,
};

use crate::node::{Heard, Node, Whereabouts};

/// How often what may still go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) lost: u8,
    pub(crate) twice: u8,
    pub(crate) crashes: u8,
    pub(crate) killed: u8,
    pub(crate) record: u8,
    pub(crate) early: u8,
    pub(crate) late: u8,
    pub(crate) cancels: u8,
}

/// What is on its way, by its hash: a set without an order.
type OnTheWay<T> = BTreeMap<u64, (Name, T)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    terms: Terms,
    machine: Machine,
    lives: bool,
    recording: Option<Entry>,
    timers: BTreeSet<Timer>,
    entries: Vec<Entry>,
    nodes: BTreeMap<Name, (Node, Heard)>,
    calls: OnTheWay<Call>,
    answers: OnTheWay<Answer>,
    budget: Budget,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The entry is on storage, and this is known.
    Kept,
    /// It isn't known; it is on storage, or not.
    RecordFails(bool),
    Ask(u64, Fate),
    LoseCall(u64),
    Tell(u64),
    LoseAnswer(u64),
    Silent(Name),
    Expired(Timer),
    Late,
    Cancel,
    Rule(String, Ruling),
    /// The coordinator dies; what it was writing down is there, or not.
    Kill(bool),
    Begin,
}

/// What becomes of a message that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Once,
    /// It will arrive once more.
    Twice,
    /// Who hears it crashes after so many steps.
    Crash(u8),
}

pub(crate) fn hash(it: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    it.hash(&mut hasher);
    hasher.finish()
}

impl State {
    pub(crate) fn first(terms: &Terms, nodes: BTreeMap<Name, Node>, budget: Budget) -> Self {
        let mut state = Self {
            terms: terms.clone(),
            machine: Machine::new(terms.clone(), Memory::default()),
            lives: false,
            recording: None,
            timers: BTreeSet::new(),
            entries: Vec::new(),
            nodes: nodes.into_iter().map(|(name, node)| (name, (node, Heard::default()))).collect(),
            calls: BTreeMap::new(),
            answers: BTreeMap::new(),
            budget,
        };
        state.take(&Step::Begin);
        state
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.entries.last(), Some(Entry::Ended))
    }

    /// The step that comes next if nothing goes wrong any more; none once nothing is left to be done.
    pub(crate) fn fair(&self) -> Option<Step> {
        if self.recording.is_some() {
            return Some(Step::Kept);
        }
        if let Some(&call) = self.calls.keys().next() {
            return Some(Step::Ask(call, Fate::Once));
        }
        if let Some(&answer) = self.answers.keys().next() {
            return Some(Step::Tell(answer));
        }
        if self.is_over() {
            return None;
        }
        if !self.lives {
            return Some(Step::Begin);
        }
        if let Some(found) = self.machine.waiting().next() {
            return Some(Step::Rule(found.conflict.key(), found.choices[0].clone()));
        }
        if let Some(timer) = self.timers.first() {
            return Some(Step::Expired(timer.clone()));
        }
        Some(Step::Silent(self.machine.unanswered().next()?.clone()))
    }

    /// All that can happen next.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let (budget, mut steps) = (self.budget, Vec::new());
        let mut may = |count: u8, more: &[Step]| {
            if count > 0 {
                steps.extend_from_slice(more);
            }
        };
        for (&key, (name, call)) in &self.calls {
            let stale = call.turn() < self.nodes[name].1.0;
            may(1, &[Step::Ask(key, Fate::Once)]);
            may(budget.twice * u8::from(!stale), &[Step::Ask(key, Fate::Twice)]);
            may(
                budget.crashes * u8::from(!stale),
                &[0, 1].map(|it| Step::Ask(key, Fate::Crash(it))),
            );
            may(budget.lost * u8::from(!stale), &[Step::LoseCall(key)]);
        }
        for &answer in self.answers.keys() {
            may(1, &[Step::Tell(answer)]);
            may(budget.lost, &[Step::LoseAnswer(answer)]);
        }
        if !self.lives {
            may(u8::from(!self.is_over()), &[Step::Begin]);
            return steps;
        }
        may(budget.killed, &[Step::Kill(false)]);
        may(budget.cancels, &[Step::Cancel]);
        may(budget.late, &[Step::Late]);
        if self.recording.is_some() {
            may(1, &[Step::Kept]);
            may(budget.killed, &[Step::Kill(true)]);
            may(budget.record, &[Step::RecordFails(true), Step::RecordFails(false)]);
            return steps;
        }
        for timer in &self.timers {
            may(1, &[Step::Expired(timer.clone())]);
        }
        for found in self.machine.waiting() {
            for ruling in &found.choices {
                may(1, &[Step::Rule(found.conflict.key(), ruling.clone())]);
            }
        }
        for name in self.machine.unanswered() {
            let now = (self.machine.epoch(), self.machine.round());
            let asked =
                self.calls.values().any(|(to, it)| to == name && (it.epoch, it.round) == now);
            let told =
                self.answers.values().any(|(of, it)| of == name && (it.epoch, it.round) == now);
            let early = if asked || told { budget.early } else { 1 };
            may(early, &[Step::Silent(name.clone())]);
        }
        steps
    }

    /// What follows from a step.
    pub(crate) fn take(&mut self, step: &Step) {
        self.follow(step);
        // Answers to earlier questions change nothing; states that differ in them alone are one.
        let (epoch, round) = (self.machine.epoch(), self.machine.round());
        let waits = self.lives && self.recording.is_none();
        self.answers.retain(|_, (_, it)| waits && (it.epoch, it.round) == (epoch, round));
    }

    fn follow(&mut self, step: &Step) {
        match step.clone() {
            Step::Kept => {
                self.entries.extend(self.recording.take());
                self.feed(Input::Recorded);
            }
            Step::RecordFails(kept) => {
                self.budget.record -= 1;
                self.entries.extend(self.recording.take().filter(|_| kept));
                self.feed(Input::RecordFailed);
            }
            Step::Ask(call, fate) => self.ask(call, fate),
            Step::LoseCall(call) => {
                self.budget.lost -= 1;
                self.calls.remove(&call);
            }
            Step::Tell(answer) => {
                let (name, told) = self.answers.remove(&answer).unwrap();
                self.feed(Input::Answered(name, told));
            }
            Step::LoseAnswer(answer) => {
                self.budget.lost -= 1;
                self.answers.remove(&answer);
            }
            Step::Silent(name) => {
                let now = (self.machine.epoch(), self.machine.round());
                let on_its_way =
                    self.calls.values().any(|(to, it)| *to == name && (it.epoch, it.round) == now)
                        || self
                            .answers
                            .values()
                            .any(|(of, it)| *of == name && (it.epoch, it.round) == now);
                self.budget.early -= u8::from(on_its_way);
                self.feed(Input::Silent(name));
            }
            Step::Expired(timer) => {
                self.timers.remove(&timer);
                self.feed(Input::Expired(timer));
            }
            Step::Late => {
                self.budget.late -= 1;
                self.feed(Input::Expired(Timer::Whole));
            }
            Step::Cancel => {
                self.budget.cancels -= 1;
                self.feed(Input::Cancel);
            }
            Step::Rule(conflict, ruling) => self.feed(Input::Ruled(conflict, ruling)),
            Step::Kill(kept) => {
                self.budget.killed -= 1;
                self.entries.extend(self.recording.take().filter(|_| kept));
                self.dies();
            }
            Step::Begin => {
                self.lives = true;
                self.machine = Machine::new(self.terms.clone(), Memory::of(&self.entries));
                let outputs = self.machine.begin();
                self.act(outputs);
            }
        }
    }

    fn dies(&mut self) {
        (self.lives, self.recording) = (false, None);
        self.timers.clear();
        // What it was matters no more.
        self.machine = Machine::new(self.terms.clone(), Memory::default());
    }

    fn ask(&mut self, key: u64, fate: Fate) {
        let (name, call) = self.calls[&key].clone();
        let (node, heard) = self.nodes.get_mut(&name).unwrap();
        match fate {
            Fate::Once => drop(self.calls.remove(&key)),
            Fate::Twice => self.budget.twice -= 1,
            Fate::Crash(steps) => {
                self.budget.crashes -= 1;
                self.calls.remove(&key);
                node.fuse = Some(steps);
            }
        }
        let told = answer(node, heard, &call, &|| ());
        node.fuse = None;
        if !matches!(fate, Fate::Crash(_)) {
            let told = (name, told);
            self.answers.insert(hash(&told), told);
        }
    }

    fn feed(&mut self, input: Input) {
        if self.lives {
            let outputs = self.machine.step(input);
            self.act(outputs);
        }
    }

    fn act(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(name, call) => {
                    let call = (name, call);
                    self.calls.insert(hash(&call), call);
                }
                Output::Record(entry) => self.recording = Some(entry),
                Output::Set(timer @ Timer::Again { .. }) => drop(self.timers.insert(timer)),
                Output::Set(Timer::Whole) | Output::Wait => {}
                Output::End(_) => self.dies(),
            }
        }
        let round = self.machine.round();
        self.timers.retain(|it| matches!(it, Timer::Again { round: of, .. } if *of == round));
    }

    /// What never may be.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let committed = self.entries.contains(&Entry::Committed);
        let turned = self.entries.iter().find_map(|entry| match entry {
            Entry::TurnedBack { members, .. } => Some(members.iter().collect::<BTreeSet<_>>()),
            _ => None,
        });
        let planned = self.entries.iter().find_map(|entry| match entry {
            Entry::Planned { members, .. } => Some(members.keys().collect::<BTreeSet<_>>()),
            _ => None,
        });
        if committed && (turned.is_some() || planned.is_none()) {
            return Some("two ends, or an end without a plan");
        }
        if self.nodes.values().any(|(node, _)| node.outraged) {
            return Some("somebody was asked what nobody may ask");
        }
        let members = if committed { planned } else { turned };
        let place = if committed { Whereabouts::There } else { Whereabouts::Home };
        let wrong = self.nodes.iter().any(|(name, (node, _))| {
            let is_member = members.as_ref().is_some_and(|it| it.contains(name));
            let right = if is_member { place } else { Whereabouts::Home };
            // Who was left out and couldn't be reached keeps what it prepared until it is asked again.
            let left = node.undo.is_some() || is_member && node.prepared.is_some();
            node.is != right || left
        });
        let gone_back = self
            .nodes
            .values()
            .any(|(node, _)| node.undo.is_none() && node.is == Whereabouts::OnTheWay);
        match self.is_over() && wrong {
            true => Some("at the end somebody isn't where all are, or has left something behind"),
            false if gone_back => Some("somebody is on the way, and can't go back"),
            false => None,
        }
    }
}
