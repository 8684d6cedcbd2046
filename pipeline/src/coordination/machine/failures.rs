//! Who fails or falls silent, what is cancelled, and the way back.

use super::{Asked, End, Found, Machine, Output, Part, Stage, Timer};
use crate::coordination::conflict::{Conflict, Resolution};
use crate::coordination::record::{Entry, Refusal};
use crate::coordination::report::Name;
use crate::coordination::terms::Need;

impl Machine {
    /// A participant failed or fell silent: it is asked again, later each time, as often as the terms allow; and
    /// as long as there is time, once it is decided how it ends.
    pub(super) fn failed(&mut self, name: &Name, reason: String) -> Vec<Output> {
        let (round, decided) = (self.round, self.is_decided());
        let retries = self.terms.policy.retries;
        let Some(part) = self.members.get_mut(name) else { return Vec::new() };
        if part.asked != Asked::Waits {
            return Vec::new();
        }
        part.tries = part.tries.saturating_add(1);
        let tries = part.tries;
        let again = (decided && !part.left_out) || tries <= retries;
        let resolution = if again { Resolution::Retry } else { Resolution::Abort };
        let participant = name.clone();
        if again {
            part.asked = Asked::Later;
        }
        let conflict = Conflict::Unreachable {
            participant: participant.clone(),
            reason: reason.clone(),
            tries,
        };
        self.note(Found { conflict, resolution, ruling: None, choices: Vec::new() });
        if again {
            return vec![Output::Set(Timer::Again { participant, round, tries })];
        }
        self.give_up(name, reason)
    }

    /// Asks one again.
    pub(super) fn again(&mut self, name: &Name, round: u32) -> Vec<Output> {
        match self.members.get_mut(name) {
            Some(part) if round == self.round && part.asked == Asked::Later => {
                part.asked = Asked::Waits;
                self.call(name).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Those who were left out on the way may have prepared, in this life or an earlier one.
    pub(super) fn ask_those_left_out(&mut self) {
        for name in self.terms.members.keys() {
            let left_out = || Part { left_out: true, ..Part::default() };
            self.members.entry(name.clone()).or_insert_with(left_out);
        }
    }

    fn give_up(&mut self, name: &Name, reason: String) -> Vec<Output> {
        if self.members.get(name).is_some_and(|it| it.left_out) {
            self.members.remove(name);
            return if self.unanswered().count() == 0 { self.all_answered() } else { Vec::new() };
        }
        let needed = self.terms.members.get(name).is_none_or(|it| it.need == Need::Required);
        let before_plan = matches!(self.stage, Stage::Assessing | Stage::Preparing);
        if needed || !before_plan {
            return self.refuse(Refusal::Unreachable { participant: name.clone(), reason });
        }
        self.members.remove(name);
        // Those that are left may come to a later cut.
        self.ask(Stage::Assessing)
    }

    /// Comes to nothing, if that is still possible; what is being written down counts first.
    pub(super) fn refuse(&mut self, reason: Refusal) -> Vec<Output> {
        if self.recording.is_some() {
            self.to_refuse.get_or_insert(reason);
            return Vec::new();
        }
        match self.stage {
            Stage::GoingBack | Stage::CleaningUp | Stage::Ended => Vec::new(),
            Stage::Beginning
            | Stage::Assessing
            | Stage::Waiting
            | Stage::Preparing
            | Stage::Executing
            | Stage::Validating => {
                self.refusal = Some(reason.clone());
                let members = self.members.keys().cloned().collect();
                self.record(Entry::TurnedBack { reason, members })
            }
        }
    }

    /// It took too long. There is as much time again once it is decided how it ends; after that it is left for
    /// later.
    pub(super) fn late(&mut self) -> Vec<Output> {
        if self.is_decided() && self.recording.is_none() {
            let open = self.members.iter().filter(|(_, part)| part.asked != Asked::Answered);
            let needed = open.filter(|(_, part)| !part.left_out);
            let participants: Vec<Name> = needed.map(|(name, _)| name.clone()).collect();
            if participants.is_empty() {
                return self.record(Entry::Ended);
            }
            return self.end(End::Pending { participants });
        }
        self.refuse(Refusal::TimedOut)
    }

    /// Whether it is decided how it ends.
    fn is_decided(&self) -> bool {
        matches!(self.stage, Stage::GoingBack | Stage::CleaningUp | Stage::Ended)
    }

    /// Takes in what was found, in place of what was found of the same before.
    pub(super) fn note(&mut self, found: Found) {
        let key = found.conflict.key();
        self.found.retain(|before| before.conflict.key() != key);
        self.found.push(found);
    }
}
