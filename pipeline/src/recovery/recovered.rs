//! What came of a recovery: the state, and the record of how it was brought back.

use super::choose::Plan;
use super::classify::Diagnosis;
use super::execute::Done;
use super::facts::FailureType;
use super::record::{Attempt, Record, RecoveryState, Tried};
use crate::journal::Journal;
use crate::replay::Outcome;
use crate::state::MemoryState;

/// What a recovery brought back.
#[derive(Debug)]
pub struct Recovery {
    /// The state.
    pub state: MemoryState,
    /// What the replay found that led to it.
    pub outcome: Outcome,
    /// What came of it, as history keeps it.
    pub record: Record,
}

/// What came of a recovery: all of it, or some of it.
#[derive(Debug)]
pub enum Recovered {
    /// All that the writer had finished is back.
    Whole(Box<Recovery>),
    /// Some of it is lost; the record's `lost` says what.
    WithLoss(Box<Recovery>),
}

impl Recovered {
    pub(super) fn of(done: Done, record: Record) -> Self {
        let Done { state, outcome, .. } = done;
        let with_loss = record.lost.is_loss();
        let recovery = Box::new(Recovery { state, outcome, record });
        if with_loss { Self::WithLoss(recovery) } else { Self::Whole(recovery) }
    }

    /// What was brought back, whole or not.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        match self {
            Self::Whole(recovery) | Self::WithLoss(recovery) => recovery,
        }
    }
}

/// The record of what a plan came to: with its times in seconds, until the end and until the first event was
/// on its way; with the journal, and whether it went on where a killed one had been.
pub(super) fn record_of(
    done: &Done,
    plan: &Plan,
    attempt: &Attempt,
    tried: Tried,
    (seconds, initiation_seconds): (f64, f64),
    (journal, resumed): (&Journal, bool),
) -> Record {
    let surveyed = match plan.diagnosis {
        Diagnosis::Failed(failure) => Some(failure),
        _ => None,
    };
    let shown = attempt.failed.iter().find_map(|tried| tried.shows);
    let damaged = (!done.lost.ranges.is_empty()).then_some(FailureType::DataCorruption);
    let known = surveyed.filter(|failure| !failure.is_superficial());
    let failure = known.or(shown).or(damaged).or(surveyed);
    let state = match done.lost.is_loss() {
        true => RecoveryState::PartiallyCompleted,
        false => RecoveryState::Completed,
    };
    let outcome = &done.outcome;
    let spared_bytes = outcome.started_from.as_ref().map_or(0, |from| from.journal_bytes);
    Record {
        schema: Record::SCHEMA,
        started_ns: attempt.started_ns,
        seconds,
        initiation_seconds,
        resumed,
        journal_id: journal.journal_id,
        state,
        failure,
        path: attempt.failed.iter().cloned().chain([tried]).collect(),
        last_lsn: outcome.last_lsn,
        events: outcome.findings.tally.events,
        journal_bytes: outcome.findings.bytes.saturating_sub(spared_bytes),
        spared_events: outcome.started_from.as_ref().map_or(0, |from| from.events),
        transactions: outcome.findings.transactions.clone(),
        state_digest: outcome.state_digest.unwrap_or_else(|| done.state.digest()),
        checkpoint: done.checkpoint.clone(),
        aside: done.aside.clone(),
        unread: done.unread.clone(),
        lost: done.lost.clone(),
    }
}
