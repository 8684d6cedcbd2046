//! What coordinator and participants say to each other.

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::report::{Proof, Report};

/// When a question was asked. Who has heard of a later one refuses an earlier one: what comes late must change
/// nothing, be it of a coordinator that was superseded or of this one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Counts up with each life of a coordinator.
    pub epoch: u64,
    /// Counts up with each question of one life.
    pub round: u32,
}

/// What a coordinator asks of a participant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Counts up with each life of a coordinator. Who has heard of a later one refuses an earlier one.
    pub epoch: u64,
    /// Counts up with each question of one life; an answer carries the question's.
    pub round: u32,
    /// What is asked.
    pub request: Request,
}

impl Call {
    /// When it was asked.
    #[must_use]
    pub fn turn(&self) -> Turn {
        Turn { epoch: self.epoch, round: self.round }
    }
}

/// What is asked. Each may be asked again, and is then answered as the first time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// How far do you come? Changes nothing, and ends what was prepared.
    Assess,
    /// Can you go there, and what will you have? Whoever says yes keeps what it takes to do so.
    Prepare(Plan),
    /// Go there, so that you can still go back.
    Execute(Plan),
    /// Are you there?
    Validate(Plan),
    /// Go back to where you were, be you there or on the way or not even begun.
    RollBack,
    /// It has ended: stay where you are, and leave nothing behind.
    CleanUp,
}

/// What a participant answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Of which epoch the question was.
    pub epoch: u64,
    /// Which question it was.
    pub round: u32,
    /// The answer.
    pub reply: Reply,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Assess`].
    Report(Report),
    /// To [`Request::Prepare`]: yes, and this is what there will be, as far as that is known before.
    Yes(Proof),
    /// To [`Request::Prepare`]: no, for this reason.
    No(String),
    /// To [`Request::Validate`]: this is what there is.
    Proof(Proof),
    /// To the others: it is done.
    Done,
    /// To any: it failed, for this reason.
    Failed(String),
    /// To any: somebody coordinates under this later epoch, or under this one and has asked something later.
    Superseded(u64),
}
