//! The recovery manager: one call after a crash. It surveys, classifies, chooses, carries out, and
//! writes down what came of it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::aside::Rollback;
use super::choose::{Allowed, Plan, choose, choose_only};
use super::classify::{Diagnosis, classify};
use super::coordinated::Coordinator;
use super::estimate::{Estimate, estimate};
use super::execute::{Done, Executor, clear_work, deadline_of};
use super::facts::FailureType;
use super::options::{Places, RecoveryOptions};
use super::record::{Asked, Attempt, Record, RecoveryState, Tried, history, record_names};
use super::strategy::Way;
use super::survey::{Looking, Survey, look};
use crate::checkpoint::{Catalogue, JournalSync, Pruned, prune};
use crate::error::{Error, IoContext as _};
use crate::journal::Journal;
use crate::replay::{Control, Outcome, Progress, StopPoint};
use crate::state::MemoryState;
use crate::storage;
use crate::time::now_ns;

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
    /// What was brought back, whole or not.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        match self {
            Self::Whole(recovery) | Self::WithLoss(recovery) => recovery,
        }
    }
}

/// Figures over all recoveries of a journal that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// How many there were.
    pub recoveries: u64,
    /// How many of them brought all back.
    pub whole: u64,
    /// How many went on where a killed one had been.
    pub resumed: u64,
    /// How many ways failed before one succeeded.
    pub ways_failed: u64,
    /// How many events were taken in, those that checkpoints spared not counted.
    pub events: u64,
    /// How long they took together, in seconds.
    pub seconds: f64,
    /// How long the slowest one took, in seconds.
    pub seconds_max: f64,
}

/// What was cleaned up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// Records of recoveries that are gone.
    pub records: Vec<String>,
    /// Files that were kept aside since they were broken, and are gone.
    pub aside: Vec<String>,
    /// Checkpoints.
    pub checkpoints: Pruned,
}

/// The recovery manager of one journal.
#[derive(Debug)]
pub struct RecoveryManager {
    places: Places,
    options: RecoveryOptions,
    coordinator: Option<Box<dyn Coordinator>>,
    now: Arc<Mutex<(RecoveryState, Progress)>>,
}

impl RecoveryManager {
    /// A manager that works in these places.
    #[must_use]
    pub fn new(places: Places, options: RecoveryOptions) -> Self {
        let now = Arc::new(Mutex::new((RecoveryState::CrashDetected, Progress::default())));
        Self { places, options, coordinator: None, now }
    }

    /// The same, with somebody who coordinates it with others.
    #[must_use]
    pub fn with_coordinator(self, coordinator: Box<dyn Coordinator>) -> Self {
        Self { coordinator: Some(coordinator), ..self }
    }

    /// The reins of a recovery: cancel, pause, go on; from any thread.
    #[must_use]
    pub fn control(&self) -> Control {
        self.options.replay.control.clone()
    }

    /// What the recovery has come to, and how far it is; to be asked from any thread.
    pub fn watch(&self) -> impl Fn() -> (RecoveryState, Progress) + Send + 'static {
        let now = Arc::clone(&self.now);
        move || *now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the journal and its checkpoints, and changes nothing.
    ///
    /// # Errors
    /// [`Error::NotAJournal`] where there is none; [`Error::Io`] when a folder or a header can't be
    /// read.
    pub fn survey(&self) -> Result<Survey, Error> {
        let until_lsn = match self.until()? {
            Some(StopPoint::Lsn(lsn)) => lsn,
            _ => u64::MAX,
        };
        let survey = look(&Looking {
            journal: &self.places.journal,
            checkpoints: self.places.checkpoints.as_ref(),
            recent: self.options.recent,
            anchor: self.options.replay.anchor,
            until_lsn,
            validation: self.options.replay.validation,
        })?;
        let state = match classify(&survey.facts, self.options.reported) {
            Diagnosis::Healthy => RecoveryState::Healthy,
            _ => RecoveryState::CrashDetected,
        };
        self.note(state);
        Ok(survey)
    }

    /// What is to be done, by what a survey found and what the options allow.
    #[must_use]
    pub fn plan(&self, survey: &Survey) -> Plan {
        let accept = self.options.accept;
        let allowed = Allowed {
            suffix: accept.suffix,
            holes: accept.holes,
            undo: accept.undo,
            aside: self.places.records.is_some() && self.places.checkpoints.is_some(),
            coordinator: self.coordinator.is_some(),
        };
        let diagnosis = classify(&survey.facts, self.options.reported);
        match self.options.only {
            Some(way) => choose_only(way, diagnosis, &survey.facts, allowed),
            None => choose(diagnosis, &survey.facts, allowed),
        }
    }

    /// What each way would keep, lose and cost, by what a survey found.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn estimates(&self, survey: &Survey) -> Result<Vec<Estimate>, Error> {
        let last = self.history()?.into_iter().rfind(|it| it.journal_bytes > 0);
        let rate = last.map(|it| it.journal_bytes as f64 / it.seconds.max(f64::MIN_POSITIVE));
        let to = self.options.rollback_to;
        Ok(Way::ALL.into_iter().map(|way| estimate(way, survey, to, rate)).collect())
    }

    /// Surveys, plans and carries out, with the journal's lock held. What a killed recovery had done
    /// is not done again, where this one is asked for the same.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has the journal; [`Error::Unrecovered`] when no way that
    /// is allowed led to a state; [`Error::InDoubt`] when transactions are; [`Error::Stopped`] when it
    /// was cancelled or out of time, after which it goes on when it is called again.
    pub fn recover(&mut self, progress: &mut dyn FnMut(&Progress)) -> Result<Recovered, Error> {
        self.locked(None, progress)
    }

    /// As [`Self::recover`], with the ways of this plan.
    ///
    /// # Errors
    /// As [`Self::recover`].
    pub fn execute(
        &mut self,
        plan: &Plan,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Recovered, Error> {
        self.locked(Some(plan), progress)
    }

    fn locked(
        &mut self,
        plan: Option<&Plan>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Recovered, Error> {
        let started = Instant::now();
        let _lock = self.lock()?;
        let deadline = deadline_of(self.options.replay.time_limit);
        let mut survey = self.options.retrying(deadline, &mut 0, &mut |_| self.survey())?;
        // It is this recovery that holds it now.
        (survey.holder, survey.facts.held) = (None, false);
        if let Some(rollback) = self.rollback()?
            && survey.last_lsn() > rollback.undone_last
        {
            let Rollback { watermark, undone_last, .. } = rollback;
            let reason = format!(
                "LSN {} to {undone_last} were undone, and the journal has grown since; redo the \
                 rollback, or go on in a new journal",
                watermark + 1
            );
            return Err(Error::InconsistentRecovery { reason });
        }
        let made;
        let plan = match plan {
            Some(plan) => plan,
            None => {
                made = self.plan(&survey);
                &made
            }
        };
        self.note(RecoveryState::InProgress);
        let result = self.carry_out((started, deadline), &survey, plan, progress);
        self.note(match &result {
            Ok(Recovered::Whole(_)) => RecoveryState::Completed,
            Ok(Recovered::WithLoss(_)) => RecoveryState::PartiallyCompleted,
            Err(Error::Stopped { .. } | Error::Cancelled | Error::TimedOut { .. }) => {
                RecoveryState::InProgress
            }
            Err(_) => RecoveryState::Failed,
        });
        result
    }

    fn carry_out(
        &mut self,
        (started, deadline): (Instant, Option<Instant>),
        survey: &Survey,
        plan: &Plan,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Recovered, Error> {
        let Some(journal) = &survey.journal else {
            // It says what it doesn't know.
            return Journal::open(Arc::clone(&self.places.journal)).and_then(|_| {
                let reason = "the journal changed while it was looked at".to_owned();
                Err(Error::InconsistentRecovery { reason })
            });
        };
        if plan.ways.is_empty() {
            return Err(refusal(survey, plan));
        }
        let until = self.until()?;
        let (mut attempt, resumed) = self.attempt(survey, journal, plan)?;
        let mut initiation_seconds = None;
        let now = Arc::clone(&self.now);
        let mut watch = |it: &Progress| {
            initiation_seconds.get_or_insert_with(|| started.elapsed().as_secs_f64());
            now.lock().unwrap_or_else(PoisonError::into_inner).1 = *it;
            progress(it);
        };
        let mut executor = Executor {
            places: &self.places,
            options: &self.options,
            coordinator: self.coordinator.as_mut(),
            survey,
            until,
            deadline,
            started_ns: attempt.started_ns,
        };
        let carried_out = executor.carry_out(plan, &mut attempt, &mut watch);
        if let (Err(Error::Unrecovered { .. }), Some(records)) =
            (&carried_out, &self.places.records)
        {
            // It has ended. What failed may work the next time, and must not be passed over then in
            // favour of what loses data.
            Attempt::end(records.as_ref())?;
        }
        let (mut done, tried) = carried_out?;
        // What is reported as recovered must not be in a page cache alone.
        JournalSync::of(journal.clone()).up_to(u64::MAX)?;
        if tried.way != Way::Rollback && self.rollback()?.is_some() {
            // Behind the stop that it stands for.
            done.lost.undone = done.lost.behind_stop.take();
        }
        let seconds = started.elapsed().as_secs_f64();
        let times = (seconds, initiation_seconds.unwrap_or(seconds));
        let record = record_of(&done, plan, &attempt, tried, times, (journal, resumed));
        self.finish(&record)?;
        let Done { state, outcome, .. } = done;
        let with_loss = record.lost.is_loss();
        let recovery = Box::new(Recovery { state, outcome, record });
        Ok(if with_loss { Recovered::WithLoss(recovery) } else { Recovered::Whole(recovery) })
    }

    /// Writes the record, and takes away what was needed to go on after a kill.
    fn finish(&self, record: &Record) -> Result<(), Error> {
        let Some(records) = &self.places.records else { return Ok(()) };
        record.save(records.as_ref())?;
        Attempt::end(records.as_ref())?;
        clear_work(records)
    }

    /// The attempt that this is, and whether it was begun before.
    fn attempt(
        &self,
        survey: &Survey,
        journal: &Journal,
        plan: &Plan,
    ) -> Result<(Attempt, bool), Error> {
        let of = Asked {
            journal_id: journal.journal_id,
            journal_bytes: journal.total_bytes(),
            head: survey.last_lsn(),
            until: format!("{:?}", self.options.replay.until),
            validation: self.options.replay.validation.name().to_owned(),
            ways: plan.ways.clone(),
        };
        let fresh = |of| Attempt::begin(now_ns(), of);
        let Some(records) = &self.places.records else { return Ok((fresh(of), false)) };
        match Attempt::load(records.as_ref())? {
            Some(attempt) if attempt.of == of => Ok((attempt, true)),
            _ => {
                // Nobody knows of what these are.
                clear_work(records)?;
                Ok((fresh(of), false))
            }
        }
    }

    /// Where recovery stops: where it was asked to, or where a rollback went back to.
    fn until(&self) -> Result<Option<StopPoint>, Error> {
        let asked = self.options.replay.until;
        let Some(rollback) = self.rollback()? else { return Ok(asked) };
        let watermark = rollback.watermark;
        match asked {
            None => Ok(Some(StopPoint::Lsn(watermark))),
            Some(StopPoint::Lsn(lsn)) => Ok(Some(StopPoint::Lsn(lsn.min(watermark)))),
            Some(StopPoint::Time(_) | StopPoint::Transaction(_)) => {
                let reason = format!(
                    "a rollback to LSN {watermark} stands, beyond which nothing is recovered; \
                     stop at an LSN, or redo what was undone first"
                );
                Err(Error::InconsistentRecovery { reason })
            }
        }
    }

    /// The rollback that stands, where one does.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn rollback(&self) -> Result<Option<Rollback>, Error> {
        self.places.records.as_ref().map_or(Ok(None), |records| Rollback::load(records.as_ref()))
    }

    /// Brings back what the last rollback undid: its checkpoints return to their folder, and the next
    /// recovery goes to the journal's end again. Gives the rollback that no longer stands.
    ///
    /// # Errors
    /// [`Error::InconsistentRecovery`] when no rollback stands; [`Error::Locked`] when another process
    /// has the journal; [`Error::Io`] when storage fails.
    pub fn redo(&mut self) -> Result<Rollback, Error> {
        let _lock = self.lock()?;
        let (Some(rollback), Some(records), Some(checkpoints)) =
            (self.rollback()?, &self.places.records, &self.places.checkpoints)
        else {
            let reason = "no rollback stands that could be redone".to_owned();
            return Err(Error::InconsistentRecovery { reason });
        };
        let _checkpoints_lock = storage::lock(checkpoints.as_ref())?;
        rollback.redo(checkpoints.as_ref(), records.as_ref())?;
        Ok(rollback)
    }

    /// What came of earlier recoveries, oldest first.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn history(&self) -> Result<Vec<Record>, Error> {
        self.places.records.as_ref().map_or(Ok(Vec::new()), |records| history(records.as_ref()))
    }

    /// Figures over earlier recoveries.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn statistics(&self) -> Result<Statistics, Error> {
        let records = self.history()?;
        let count = |counted: &dyn Fn(&Record) -> u64| records.iter().map(counted).sum();
        Ok(Statistics {
            recoveries: records.len() as u64,
            whole: count(&|it| u64::from(it.state == RecoveryState::Completed)),
            resumed: count(&|it| u64::from(it.resumed)),
            ways_failed: count(&|it| {
                it.path.iter().filter(|it| it.failed.is_some()).count() as u64
            }),
            events: count(&|it| it.events.saturating_sub(it.spared_events)),
            seconds: records.iter().map(|it| it.seconds).sum(),
            seconds_max: records.iter().map(|it| it.seconds).fold(0.0, f64::max),
        })
    }

    /// Takes away old artefacts: all but the newest `keep` records and checkpoints, those that these
    /// build on, and what a rollback keeps aside, which stays until it is redone.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has the journal or its checkpoints; [`Error::Io`] when
    /// storage fails.
    pub fn cleanup(&mut self, keep: usize) -> Result<Cleaned, Error> {
        let _lock = self.lock()?;
        let mut cleaned = Cleaned::default();
        if let Some(records) = &self.places.records {
            let mut names = record_names(records.as_ref())?;
            names.truncate(names.len().saturating_sub(keep));
            let all = records.list().context("list", records.path(""), None)?;
            cleaned.aside = all.into_iter().filter(|name| name.starts_with("broken-")).collect();
            for name in names.iter().chain(&cleaned.aside) {
                records.remove(name).context("remove", records.path(name), None)?;
            }
            cleaned.records = names;
        }
        if let Some(checkpoints) = &self.places.checkpoints {
            let _lock = storage::lock(checkpoints.as_ref())?;
            cleaned.checkpoints = prune(&Catalogue::open(Arc::clone(checkpoints))?, keep)?;
        }
        Ok(cleaned)
    }

    /// Keeps writers and other recoveries away. A journal on storage that can't be written has none.
    fn lock(&self) -> Result<Option<Box<dyn Debug + Send + Sync>>, Error> {
        match storage::lock(self.places.journal.as_ref()) {
            Err(Error::Io { source, .. })
                if matches!(
                    source.kind(),
                    std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied
                ) =>
            {
                Ok(None)
            }
            lock => lock.map(Some),
        }
    }

    fn note(&self, state: RecoveryState) {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).0 = state;
    }
}

/// Why nothing is done.
fn refusal(survey: &Survey, plan: &Plan) -> Error {
    let damage = survey.end.as_ref().and_then(|end| end.tail.clone());
    let seen = match damage.filter(|_| survey.facts.ending.is_damage()) {
        Some(damage) => Some(damage.to_string()),
        None => survey.checkpoints.iter().find_map(|it| it.fault.as_ref()).map(ToString::to_string),
    };
    Error::NoWay { seen, excluded: plan.excluded.clone() }
}

fn record_of(
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
        lost: done.lost.clone(),
    }
}
