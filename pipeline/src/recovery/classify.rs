//! From facts to what happened. A table, read from its top; the first row that fits decides.

use serde::Serialize;

use super::facts::{Ending, Facts, FailureType};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Diagnosis {
    /// Nothing: the journal was closed, and all is there.
    Healthy,
    /// A failure of this type.
    Failed(FailureType),
    /// Another process has the journal. Recovering it now would race with a writer that lives.
    InUse,
    /// The journal is of a format that this version doesn't know, and must not guess at.
    NewerFormat,
}

/// A row: in words, when it fits, and what it says.
type Row = (&'static str, fn(&Facts, Option<FailureType>) -> Option<Diagnosis>);

/// The table. `reported` is what an operator or an application says that it knows.
const TABLE: [Row; 11] = [
    ("a segment is of a newer format", |facts, _| {
        (facts.ending == Ending::NewerFormat).then_some(Diagnosis::NewerFormat)
    }),
    ("another process holds the journal", |facts, _| facts.held.then_some(Diagnosis::InUse)),
    ("a failure is reported from outside", |_, reported| reported.map(Diagnosis::Failed)),
    ("storage fails while the end is looked for", |facts, _| {
        failed(facts.ending == Ending::Unreadable, FailureType::StorageFailure)
    }),
    ("damage, a missing or a foreign segment", |facts, _| {
        failed(facts.ending.is_damage(), FailureType::DataCorruption)
    }),
    ("the journal ends before something proven durable", |facts, _| {
        failed(facts.ending == Ending::Truncated, FailureType::JournalTruncation)
    }),
    ("the journal has another history than the head that was kept outside", |facts, _| {
        failed(facts.anchor_differs, FailureType::DataCorruption)
    }),
    ("checkpoints are broken or contradict the journal", |facts, _| {
        failed(facts.bad_checkpoints, FailureType::CheckpointInconsistency)
    }),
    ("a transaction was open at the end", |facts, _| {
        failed(facts.unfinished, FailureType::IncompleteTransaction)
    }),
    ("no closing seal, or a torn write", |facts, _| {
        failed(matches!(facts.ending, Ending::Open | Ending::Torn), FailureType::SystemCrash)
    }),
    ("a closing seal", |_, _| Some(Diagnosis::Healthy)),
];

fn failed(fits: bool, failure: FailureType) -> Option<Diagnosis> {
    fits.then_some(Diagnosis::Failed(failure))
}

/// What happened, by the facts and by what is reported.
#[must_use]
pub fn classify(facts: &Facts, reported: Option<FailureType>) -> Diagnosis {
    let decided = TABLE.iter().find_map(|(_, row)| row(facts, reported));
    decided.unwrap_or(Diagnosis::Healthy)
}

/// The rows of the table in words, in their order, as documentation shows them.
#[must_use]
pub fn rules() -> Vec<&'static str> {
    TABLE.iter().map(|(words, _)| *words).collect()
}
