//! What a coordination has come to, for people and machines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::conflict::{Resolution, Ruling, Severity};
use super::drive::Life;
use super::kind::{ParticipantKind, Phase};
use super::machine::{End, Machine};
use super::plan::Plan;
use super::report::{Name, Report};

/// What a coordination has come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Counts up with each life of a coordinator.
    pub epoch: u64,
    /// The phase that it is in.
    pub phase: Phase,
    /// Whether it goes on.
    pub state: State,
    /// Those who take part.
    pub members: BTreeMap<Name, MemberState>,
    /// The conflicts that were found.
    pub conflicts: Vec<ConflictState>,
    /// Where all are to go, once that is known.
    pub plan: Option<Plan>,
    /// How it ended, once it has.
    pub end: Option<End>,
}

/// Whether a coordination goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It does.
    Running,
    /// Somebody has to say something about its conflicts first.
    Waiting,
    /// It has ended.
    Ended,
}

/// One who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// What it is.
    pub kind: Option<ParticipantKind>,
    /// Whether it has answered what was asked last.
    pub answered: bool,
    /// What it said of itself, once it has.
    pub report: Option<Report>,
}

/// A conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictState {
    /// By which it is ruled about.
    pub key: String,
    /// How much it matters.
    pub severity: Severity,
    /// It in words.
    pub text: String,
    /// What is done about it.
    pub resolution: Resolution,
    /// What somebody said about it.
    pub ruling: Option<Ruling>,
    /// Whether something is lost by that.
    pub loses: bool,
    /// What somebody can say about it, where it waits.
    pub choices: Vec<Ruling>,
}

impl Snapshot {
    /// Of this machine now.
    #[must_use]
    pub fn of(machine: &Machine, life: Option<&Life>) -> Self {
        let open: Vec<&Name> = machine.unanswered().collect();
        let member = |name: &Name, report: Option<&Report>| MemberState {
            kind: machine.kind(name),
            answered: !open.contains(&name),
            report: report.cloned(),
        };
        let waits = machine.waiting().next().is_some();
        let end = match life {
            Some(Life::Ended(end)) => Some(end.clone()),
            Some(Life::Waits) | None => None,
        };
        let state = match &end {
            Some(_) => State::Ended,
            None if waits => State::Waiting,
            None => State::Running,
        };
        Self {
            epoch: machine.epoch(),
            phase: machine.phase(),
            state,
            members: machine
                .reports()
                .map(|(name, report)| (name.clone(), member(name, report)))
                .collect(),
            conflicts: machine.found().iter().map(|it| ConflictState::of(it, machine)).collect(),
            plan: Some(machine.plan()).filter(|plan| !plan.cut.is_empty()).cloned(),
            end,
        }
    }

    /// The conflicts that wait for somebody to say something.
    pub fn waiting(&self) -> impl Iterator<Item = &ConflictState> {
        let waits = self.state == State::Waiting;
        self.conflicts
            .iter()
            .filter(move |it| waits && it.resolution == Resolution::Manual && it.ruling.is_none())
    }
}

impl ConflictState {
    fn of(found: &super::machine::Found, machine: &Machine) -> Self {
        Self {
            key: found.conflict.key(),
            severity: found.conflict.severity(),
            text: found.conflict.to_string(),
            resolution: found.resolution,
            ruling: found.ruling.clone(),
            loses: found.loses(machine),
            choices: found.choices.clone(),
        }
    }
}
