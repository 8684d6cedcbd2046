//! The recovery manager: one call after a crash. It surveys, classifies, chooses, carries out, and
//! writes down what came of it.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::choose::{Allowed, Excluded, Plan, choose, choose_only};
use super::classify::{Diagnosis, classify};
use super::coordinated::{Agreement, Coordinator, LocalReport};
use super::estimate::{Estimate, estimate};
use super::execute::Executor;
use super::facts::FailureType;
use super::foresee::{Asking, foresee};
use super::options::{Places, RecoveryOptions};
use super::record::{Asked, Attempt, Record, RecoveryState};
use super::recovered::{Recovered, record_of};
use super::roll_back::no_such_checkpoint;
use super::strategy::Way;
use super::survey::{Looking, Survey, look};
use super::work::clear_work;
use crate::checkpoint::JournalSync;
use crate::error::Error;
use crate::journal::Journal;
use crate::replay::{Control, Progress, SeenAnchor, StopPoint};
use crate::storage;
use crate::time::now_ns;

/// The recovery manager of one journal.
#[derive(Debug)]
pub struct RecoveryManager {
    pub(super) places: Places,
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
        let survey = look(&Looking {
            journal: &self.places.journal,
            checkpoints: self.places.checkpoints.as_ref(),
            recent: self.options.recent,
            until: self.until()?,
            replay: &self.options.replay,
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
        let plan = match self.options.only {
            Some(way) => choose_only(way, diagnosis, &survey.facts, allowed),
            None => choose(diagnosis, &survey.facts, allowed),
        };
        // Who can't be asked now is asked when it is carried out.
        let agreed = self.decided(survey).ok().flatten();
        plan.without(|way| foresee(way, survey, self.asking(agreed.as_ref())))
    }

    fn asking<'a>(&self, agreed: Option<&'a Agreement>) -> Asking<'a> {
        let (rollback_to, anchor) = (self.options.rollback_to, self.options.replay.anchor);
        Asking { rollback_to, anchor, agreed }
    }

    /// What all have agreed on, where that is known without asking anybody.
    fn decided(&self, survey: &Survey) -> Result<Option<Agreement>, Error> {
        match (&self.coordinator, &survey.journal) {
            (Some(coordinator), Some(journal)) => {
                coordinator.decided(&LocalReport::of(journal, survey))
            }
            _ => Ok(None),
        }
    }

    /// Why nothing would be done, by what a survey found; none where something would be tried.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails, and what a coordinator's decision is refused for.
    pub fn refusal(&self, survey: &Survey, plan: &Plan) -> Result<Option<Error>, Error> {
        if let Some(holder) = survey.holder.clone().filter(|_| survey.facts.held) {
            return Ok(Some(Error::Locked { path: self.places.journal.path(""), holder }));
        }
        let Some(journal) = &survey.journal else {
            // It says what it doesn't know.
            return Ok(Some(match Journal::open(Arc::clone(&self.places.journal)) {
                Err(error) => error,
                Ok(_) => {
                    let reason = "the journal changed while it was looked at".to_owned();
                    Error::InconsistentRecovery { reason }
                }
            }));
        };
        let standing = self.rollback()?;
        let against = standing.and_then(|it| it.stands_against(journal, survey.last_lsn()));
        if against.is_some() || !plan.ways.is_empty() {
            return Ok(against);
        }
        let asking = self.asking(None);
        Ok(Some(why_nothing(survey, plan, asking, self.decided(survey)?)))
    }

    /// What each way would keep, lose and cost, by what a survey found.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails, and what a coordinator's decision is refused for.
    pub fn estimates(&self, survey: &Survey) -> Result<Vec<Estimate>, Error> {
        let last = self.history()?.into_iter().rfind(|it| it.journal_bytes > 0);
        let rate = last.map(|it| it.journal_bytes as f64 / it.seconds.max(f64::MIN_POSITIVE));
        let (standing, agreed) = (self.rollback()?, self.decided(survey)?);
        let asking = self.asking(agreed.as_ref());
        let estimated = |way| estimate(way, survey, asking, standing.as_ref(), rate);
        Ok(Way::ALL.into_iter().map(estimated).collect())
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
        let lock = self.lock()?;
        let finished = self.finish_rollback().unwrap_or_else(|error| {
            // What is still there lies behind the stop, and is not used.
            tracing::warn!(%error, "the rollback that stands could not be finished");
            Vec::new()
        });
        let deadline = self.options.replay.deadline().map(|(deadline, _)| deadline);
        let mut survey = self.options.retrying(deadline, &mut 0, &mut |_| self.survey())?;
        if lock.is_some() {
            // It is this recovery that holds it now.
            (survey.holder, survey.facts.held) = (None, false);
        } else if let Some(holder) = survey.holder {
            return Err(Error::Locked { path: self.places.journal.path(""), holder });
        }
        let made;
        let plan = match plan {
            Some(plan) => plan,
            None => {
                made = self.plan(&survey);
                &made
            }
        };
        if let Some(refusal) = self.refusal(&survey, plan)? {
            self.note(RecoveryState::Failed);
            return Err(refusal);
        }
        self.note(RecoveryState::InProgress);
        let result = self.carry_out((started, deadline), &survey, (plan, finished), progress);
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
        (plan, finished): (&Plan, Vec<String>),
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Recovered, Error> {
        let Some(journal) = &survey.journal else {
            return Err(Error::InconsistentRecovery { reason: "there is no journal".to_owned() });
        };
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
            unreadable: Vec::new(),
            started_ns: attempt.started_ns,
        };
        let carried_out = executor.carry_out(plan, &mut attempt, &mut watch);
        if let (Err(Error::Unrecovered { .. }), Some(records)) =
            (&carried_out, &self.places.records)
        {
            // It has ended. What failed may work the next time, and must not be passed over then in
            // favour of what loses data.
            clear_work(records)?;
            Attempt::end(records.as_ref())?;
        }
        let (mut done, tried) = carried_out?;
        let finished = finished.into_iter().filter(|it| !done.aside.contains(it));
        done.aside = finished.chain(done.aside.clone()).collect();
        // What is reported as recovered must not be in a page cache alone.
        JournalSync::of(journal.clone()).up_to(u64::MAX)?;
        if let Some(rollback) = self.rollback()?.filter(|_| tried.way != Way::Rollback) {
            done.lost.tell_standing(&rollback, survey.last_lsn());
        }
        let seconds = started.elapsed().as_secs_f64();
        let times = (seconds, initiation_seconds.unwrap_or(seconds));
        let record = record_of(&done, plan, &attempt, tried, times, (journal, resumed));
        self.finish(&record)?;
        Ok(Recovered::of(done, record))
    }

    /// Writes the record, and takes away what was needed to go on after a kill.
    fn finish(&self, record: &Record) -> Result<(), Error> {
        let Some(records) = &self.places.records else { return Ok(()) };
        record.save(records.as_ref())?;
        clear_work(records)?;
        Attempt::end(records.as_ref())
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
            Some(mut attempt) if attempt.of == of => {
                // What storage failed at may work now.
                attempt.failed.retain(|it| {
                    it.shows != Some(FailureType::StorageFailure) && plan.ways.contains(&it.way)
                });
                Ok((attempt, true))
            }
            // Nobody knows of what there is.
            _ => clear_work(records).map(|()| (fresh(of), false)),
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

    /// Keeps writers and other recoveries away. A journal on storage that can't be written has none.
    pub(super) fn lock(&self) -> Result<Option<Box<dyn Debug + Send + Sync>>, Error> {
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

/// Why no way is left.
fn why_nothing(
    survey: &Survey,
    plan: &Plan,
    asking: Asking<'_>,
    agreed: Option<Agreement>,
) -> Error {
    let is_excluded = |why: Excluded| plan.excluded.iter().any(|(_, it)| *it == why);
    if let Some(anchor) = asking.anchor
        && (anchor.lsn > survey.last_lsn() || is_excluded(Excluded::AnchorMissing))
    {
        let reason = match &survey.anchor {
            Some(SeenAnchor::Missing { reason }) => reason.clone(),
            _ if survey.until_lsn < anchor.lsn => {
                format!("it is read up to LSN {} alone, as asked", survey.until_lsn)
            }
            _ => format!("it ends at LSN {}", survey.last_lsn()),
        };
        return Error::BelowAnchor { lsn: anchor.lsn, reason };
    }
    if let Some(id) = survey.no_such_transaction
        && is_excluded(Excluded::NoSuchTransaction)
    {
        return Error::NoSuchTransaction { id };
    }
    if is_excluded(Excluded::NoSuchCheckpoint) {
        return no_such_checkpoint(survey.checkpoints.iter().filter(|it| it.fault.is_none()));
    }
    match agreed {
        Some(Agreement { in_doubt, .. }) if is_excluded(Excluded::InDoubt) => {
            return Error::InDoubt { transactions: in_doubt };
        }
        Some(Agreement { cut_lsn: agreed, .. }) if is_excluded(Excluded::BehindCut) => {
            let reached = survey.until_lsn.min(survey.last_lsn());
            return Error::BehindCut { reached, agreed };
        }
        _ => {}
    }
    let damage = survey.end.as_ref().and_then(|end| end.tail.clone());
    let seen = match damage.filter(|_| survey.facts.ending.is_damage()) {
        Some(damage) => Some(damage.to_string()),
        None => survey.checkpoints.iter().find_map(|it| {
            it.fault.as_ref().map(|fault| format!("the checkpoint {}: {fault}", it.name))
        }),
    };
    Error::NoWay { seen, excluded: plan.excluded.clone() }
}
