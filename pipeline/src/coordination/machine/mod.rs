//! The state machine of a coordination: what comes in leads to what is to be done, and to nothing else.
//! Absent on purpose: I/O, clocks, threads. Time comes in as what ran out.
//!
//! Laws: everything that is decided is written down before anybody is told (an output after
//! [`Output::Record`] comes only once that is [`Input::Recorded`]). Once [`Entry::Committed`] is written
//! nobody is told to go back; once [`Entry::TurnedBack`] is, nobody is told to stay.

mod answers;
mod decide;
mod failures;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::conflict::{Conflict, Resolution, Ruling};
use super::kind::{ParticipantKind, Phase};
use super::message::{Answer, Call, Request};
use super::plan::Plan;
use super::record::{Ends, Entry, Memory, Refusal, UnderWay};
use super::report::{Name, Proof, Report, Role};
use super::terms::Terms;

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A participant answered.
    Answered(Name, Answer),
    /// A participant that was asked has neither answered nor given a sign of life for too long.
    Silent(Name),
    /// What was to be written down is on storage.
    Recorded,
    /// What was to be written down may be on storage, or not.
    RecordFailed,
    /// The time of a timer is up.
    Expired(Timer),
    /// Somebody said something about a conflict that waits.
    Ruled(String, Ruling),
    /// Somebody cancels.
    Cancel,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send this to a participant.
    Send(Name, Call),
    /// Write this down, and say when it is on storage.
    Record(Entry),
    /// Say when the time of a timer is up. Of one that is set already, this is the new time.
    Set(Timer),
    /// Somebody has to say something about the conflicts that wait.
    Wait,
    /// It ended.
    End(End),
}

/// What time can run out for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The whole coordination, or the way back from it.
    Whole,
    /// Before a participant is asked again, after so many tries.
    Again {
        /// The participant.
        participant: Name,
        /// Which question it is.
        round: u32,
        /// How often it was tried.
        tries: u32,
    },
}

/// How a coordination ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end")]
pub enum End {
    /// All are at this cut, have proven it, and have left nothing behind.
    Consistent {
        /// The plan that was carried out.
        plan: Plan,
    },
    /// All are where they were, and have left nothing behind.
    Refused {
        /// Why.
        reason: Refusal,
    },
    /// How it ends is decided, and some have not been told: it is to be gone on with.
    Pending {
        /// Who hasn't answered.
        participants: Vec<Name>,
    },
    /// Somebody coordinates under a later epoch.
    Superseded {
        /// The epoch.
        epoch: u64,
    },
    /// What was decided could not be written down: what is on storage decides, when it is gone on with.
    RecordFailed,
}

/// A conflict that was found, and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Found {
    /// The conflict.
    #[serde(flatten)]
    pub conflict: Conflict,
    /// What is done about it.
    pub resolution: Resolution,
    /// What somebody said about it, where somebody had to.
    pub ruling: Option<Ruling>,
    /// What somebody can say about it, where it waits.
    pub choices: Vec<Ruling>,
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    /// Before anything was written down.
    Beginning,
    Assessing,
    /// Somebody has to say something.
    Waiting,
    Preparing,
    Executing,
    Validating,
    GoingBack,
    CleaningUp,
    Ended,
}

/// One coordination.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    epoch: u64,
    terms: Terms,
    memory: Memory,
    stage: Stage,
    round: u32,
    /// Those who take part, and what each has come to.
    members: BTreeMap<Name, Part>,
    plan: Plan,
    /// What is being written down. Nothing but this is waited for.
    recording: Option<Entry>,
    /// That it was cancelled, or is late, while something was being written down.
    to_refuse: Option<Refusal>,
    /// Why it comes to nothing, if it does.
    refusal: Option<Refusal>,
    found: Vec<Found>,
}

/// What a participant has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Part {
    report: Option<Report>,
    /// What it will have at the cut, as far as it knows.
    foreseen: Option<Proof>,
    proof: Option<Proof>,
    asked: Asked,
    tries: u32,
    /// It was left out on the way: what it prepared is to go, and nobody waits for it for long.
    left_out: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Asked {
    #[default]
    Waits,
    Answered,
    /// It failed or fell silent, and is asked again later.
    Later,
}

impl Machine {
    /// The life of a coordinator that goes on where the last one was, by what that had written down; or begins
    /// a coordination on these terms, where none is under way.
    #[must_use]
    pub fn new(terms: Terms, memory: Memory) -> Self {
        let epoch = memory.epoch + 1;
        let mut machine = Self {
            epoch,
            members: terms.members.keys().map(|name| (name.clone(), Part::default())).collect(),
            terms,
            memory,
            stage: Stage::Beginning,
            round: 0,
            plan: Plan::default(),
            recording: None,
            to_refuse: None,
            refusal: None,
            found: Vec::new(),
        };
        if let Some(under_way) = machine.memory.under_way.clone() {
            machine.take_up(under_way);
        }
        machine
    }

    /// Takes up what the last life had come to.
    fn take_up(&mut self, under_way: UnderWay) {
        let UnderWay { terms, without, planned, ends, .. } = under_way;
        let part = |foreseen| Part { foreseen, ..Part::default() };
        self.members = terms.members.keys().map(|name| (name.clone(), part(None))).collect();
        self.terms = terms;
        self.members.retain(|name, _| !without.contains(name));
        if let Some((plan, foreseen)) = planned {
            self.plan = plan;
            let foreseen = foreseen.into_iter();
            self.members = foreseen.map(|(name, proof)| (name, part(Some(proof)))).collect();
        }
        if let Some(Ends::TurnedBack(reason, names)) = ends {
            self.refusal = Some(reason);
            self.members = names.into_iter().map(|name| (name, part(None))).collect();
        }
    }

    /// What is to be done first.
    pub fn begin(&mut self) -> Vec<Output> {
        let began = Entry::Began { epoch: self.epoch, terms: self.terms.clone() };
        [vec![Output::Set(Timer::Whole)], self.record(began)].concat()
    }

    /// What is to be done about what came in.
    pub fn step(&mut self, input: Input) -> Vec<Output> {
        match (input, &self.recording) {
            _ if self.stage == Stage::Ended => Vec::new(),
            (Input::Recorded, Some(_)) => self.recorded(),
            (Input::RecordFailed, Some(_)) => self.end(End::RecordFailed),
            (Input::Cancel, _) => self.refuse(Refusal::Cancelled),
            (Input::Expired(Timer::Whole), _) => self.late(),
            // What is asked after it is written down is asked of all.
            (_, Some(_)) => Vec::new(),
            (Input::Answered(name, answer), None) => self.answered(&name, answer),
            (Input::Silent(name), None) => {
                self.failed(&name, "it gives no sign of life".to_owned())
            }
            (Input::Expired(Timer::Again { participant, round, .. }), None) => {
                self.again(&participant, round)
            }
            (Input::Ruled(conflict, ruling), None) => self.ruled(conflict, ruling),
            (Input::Recorded | Input::RecordFailed, None) => Vec::new(),
        }
    }

    /// The phase that it is in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self.stage {
            Stage::Beginning | Stage::Assessing => Phase::Assessment,
            Stage::Waiting | Stage::Preparing => Phase::Coordination,
            Stage::Executing => Phase::Execution,
            Stage::Validating => Phase::Validation,
            Stage::GoingBack | Stage::CleaningUp | Stage::Ended => Phase::Cleanup,
        }
    }

    /// The conflicts that were found, in the order in which they were.
    #[must_use]
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// The conflicts that wait for somebody to say something.
    pub fn waiting(&self) -> impl Iterator<Item = &Found> {
        let waits = self.stage == Stage::Waiting;
        self.found.iter().filter(move |it| waits && it.is_open())
    }

    /// Who takes part, and what it said of itself.
    pub fn reports(&self) -> impl Iterator<Item = (&Name, Option<&Report>)> {
        self.members.iter().map(|(name, part)| (name, part.report.as_ref()))
    }

    /// Who was asked and hasn't answered.
    pub fn unanswered(&self) -> impl Iterator<Item = &Name> {
        let open = self.members.iter().filter(|(_, part)| part.asked != Asked::Answered);
        open.map(|(name, _)| name)
    }

    /// What a participant is.
    #[must_use]
    pub fn kind(&self, name: &str) -> Option<ParticipantKind> {
        self.terms.members.get(name).map(|member| member.kind)
    }

    /// The epoch of this life.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Which question is asked now, of this life.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// The plan, once there is one.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    fn record(&mut self, entry: Entry) -> Vec<Output> {
        self.recording = Some(entry.clone());
        vec![Output::Record(entry)]
    }

    /// What follows from what is written down now.
    fn recorded(&mut self) -> Vec<Output> {
        let Some(entry) = self.recording.take() else { return Vec::new() };
        self.memory.add(&entry);
        let follows = match entry {
            Entry::Began { .. } => self.go_on(),
            // Time stood still while it waited.
            Entry::Ruled { ruling, .. } => self.anew(|it| it.go_by(ruling)),
            Entry::Planned { .. } => self.ask(Stage::Executing),
            Entry::Committed => self.anew(|it| it.ask(Stage::CleaningUp)),
            Entry::TurnedBack { .. } => self.anew(|it| it.ask(Stage::GoingBack)),
            Entry::Ended => return self.end(self.how_it_ended()),
        };
        match self.to_refuse.take() {
            // What was asked just now doesn't count any more, by its round.
            Some(refusal) => [follows, self.refuse(refusal)].concat(),
            None => follows,
        }
    }

    /// Goes on with as much time as at the beginning.
    fn anew(&mut self, go_on: impl FnOnce(&mut Self) -> Vec<Output>) -> Vec<Output> {
        [vec![Output::Set(Timer::Whole)], go_on(self)].concat()
    }

    /// Goes on where the last life was.
    fn go_on(&mut self) -> Vec<Output> {
        let under_way = self.memory.under_way.as_ref();
        let planned = under_way.is_some_and(|it| it.planned.is_some());
        let ends = under_way.and_then(|it| it.ends.as_ref());
        if let (None, Some(conflict)) = (ends, self.stopped_at()) {
            return self.refuse(Refusal::Ruled { conflict });
        }
        match ends {
            Some(Ends::Committed) => self.ask(Stage::CleaningUp),
            Some(Ends::TurnedBack(..)) => self.ask(Stage::GoingBack),
            None if planned => self.ask(Stage::Executing),
            None => self.ask(Stage::Assessing),
        }
    }

    /// Asks all what is asked in a stage.
    fn ask(&mut self, stage: Stage) -> Vec<Output> {
        self.stage = stage;
        self.round += 1;
        if self.members.is_empty() && stage != Stage::CleaningUp {
            return match stage {
                Stage::Assessing | Stage::Preparing => self.refuse(Refusal::Nobody),
                _ => self.all_answered(),
            };
        }
        if stage == Stage::CleaningUp {
            self.ask_those_left_out();
        }
        for part in self.members.values_mut() {
            (part.asked, part.tries) = (Asked::Waits, 0);
        }
        let names: Vec<Name> = self.members.keys().cloned().collect();
        names.iter().filter_map(|name| self.call(name)).collect()
    }

    /// Asks one what is asked now.
    fn call(&self, name: &Name) -> Option<Output> {
        let plan = || self.plan.clone();
        let request = match self.stage {
            Stage::Assessing => Request::Assess,
            Stage::Preparing => Request::Prepare(plan()),
            Stage::Executing => Request::Execute(plan()),
            Stage::Validating => Request::Validate(plan()),
            Stage::GoingBack => Request::RollBack,
            Stage::CleaningUp => Request::CleanUp,
            Stage::Beginning | Stage::Waiting | Stage::Ended => return None,
        };
        Some(Output::Send(name.clone(), Call { epoch: self.epoch, round: self.round, request }))
    }

    fn end(&mut self, end: End) -> Vec<Output> {
        self.stage = Stage::Ended;
        vec![Output::End(end)]
    }

    fn how_it_ended(&self) -> End {
        match &self.refusal {
            Some(reason) => End::Refused { reason: reason.clone() },
            None => End::Consistent { plan: self.plan.clone() },
        }
    }
}

impl Found {
    /// Whether something is lost by what is done about it: a source goes back to the cut.
    pub(super) fn loses(&self, machine: &Machine) -> bool {
        let Conflict::Ahead { participant, stream, .. } = &self.conflict else { return false };
        let goes_back =
            self.resolution == Resolution::Rollback || self.ruling == Some(Ruling::Rollback);
        let report = machine.members.get(participant).and_then(|part| part.report.as_ref());
        let standing = report.and_then(|report| report.standings.get(stream));
        goes_back && standing.is_some_and(|standing| standing.role == Role::Source)
    }

    fn is_open(&self) -> bool {
        self.resolution == Resolution::Manual && self.ruling.is_none()
    }
}
