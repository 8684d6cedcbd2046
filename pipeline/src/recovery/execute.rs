//! Carries a plan out: one way after the other, until one succeeds. Chooses nothing itself.

use std::sync::Arc;
use std::time::Instant;

use super::choose::Plan;
use super::classify::Diagnosis;
use super::coordinated::{Coordinator, LocalReport};
use super::facts::FailureType;
use super::loss::Lost;
use super::options::{Places, RecoveryOptions};
use super::record::{Attempt, Tried, Unread};
use super::strategy::{Loss, Way};
use super::survey::{Survey, with_cause};
use super::without::without;
use super::work::work_in;
use crate::checkpoint::{CheckpointFault, is_checkpoint};
use crate::error::{Error, IoContext as _};
use crate::journal::Journal;
use crate::replay::{
    CheckpointStart, Checkpoints, Outcome, Progress, ReplayOptions, StopPoint, replay,
};
use crate::state::MemoryState;
use crate::storage::Folder;

/// What carrying out a way came to.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) state: MemoryState,
    pub(super) outcome: Outcome,
    pub(super) lost: Lost,
    /// The checkpoint that holds the state, where one does.
    pub(super) checkpoint: Option<String>,
    /// What was put aside.
    pub(super) aside: Vec<String>,
    /// Checkpoints that couldn't be read.
    pub(super) unread: Vec<Unread>,
}

/// What is worked with while a plan is carried out.
#[derive(Debug)]
pub(super) struct Executor<'e> {
    pub(super) places: &'e Places,
    pub(super) options: &'e RecoveryOptions,
    pub(super) coordinator: Option<&'e mut Box<dyn Coordinator>>,
    pub(super) survey: &'e Survey,
    /// Nothing behind this LSN is wanted, or may be brought back.
    pub(super) until: Option<StopPoint>,
    /// When all must have ended.
    pub(super) deadline: Option<Instant>,
    /// Checkpoints that couldn't be read when they were needed: it is gone on without them.
    pub(super) unreadable: Vec<Unread>,
    /// When the recovery was begun, in nanoseconds since 1970-01-01 UTC.
    pub(super) started_ns: u64,
}

impl Executor<'_> {
    /// Tries one way after the other; the attempt remembers those that failed.
    pub(super) fn carry_out(
        &mut self,
        plan: &Plan,
        attempt: &mut Attempt,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<(Done, Tried), Error> {
        let is_of_storage = plan.diagnosis == Diagnosis::Failed(FailureType::StorageFailure);
        let mut last: Option<Error> = None;
        for &way in &plan.ways {
            if attempt.failed.iter().any(|tried| tried.way == way) {
                continue;
            }
            // That storage fails says nothing of the journal: it is no reason to lose any of it.
            let of_storage = Some(FailureType::StorageFailure);
            let storage_failed = !self.unreadable.is_empty()
                || attempt.failed.iter().any(|tried| tried.shows == of_storage);
            if storage_failed && way.loss() != Loss::Nothing && !is_of_storage {
                break;
            }
            attempt.trying = Some(way);
            self.save(attempt);
            let started = Instant::now();
            let mut tried = Tried { way, retries: 0, failed: None, shows: None, seconds: 0.0 };
            let result = self.try_often(&mut tried, progress);
            tried.seconds = started.elapsed().as_secs_f64();
            match result {
                Ok(done) => return Ok((done, tried)),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    tracing::warn!(way = way.name(), %error, "failed");
                    tried.failed = Some(with_cause(&error));
                    tried.shows = FailureType::shown_by(&error);
                    attempt.failed.push(tried);
                    last = Some(error);
                }
            }
        }
        if let Some(last) = last {
            let (last, tried) = (Box::new(last), std::mem::take(&mut attempt.failed));
            return Err(Error::Unrecovered { last, tried, not_allowed: plan.not_allowed() });
        }
        // All had failed before the process that tried them was killed: once more, from the first.
        attempt.failed.clear();
        match plan.ways[..] {
            [] => Err(Error::InconsistentRecovery { reason: "the plan is empty".to_owned() }),
            _ => self.carry_out(plan, attempt, progress),
        }
    }

    fn save(&self, attempt: &Attempt) {
        let Some(records) = &self.places.records else { return };
        if let Err(error) = attempt.save(records.as_ref()) {
            // Without it nothing is lost but time, should this be killed.
            tracing::warn!(%error, "what is being tried could not be written down");
        }
    }

    /// Tries a way, and again when storage fails. Where it is a checkpoint that can't be read, the way is
    /// gone without that one at last.
    fn try_often(
        &mut self,
        tried: &mut Tried,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Done, Error> {
        let (options, deadline, way) = (self.options, self.deadline, tried.way);
        loop {
            let result = options.retrying(deadline, &mut tried.retries, &mut |retries| {
                self.try_once(way, retries > 0 || !self.unreadable.is_empty(), progress)
            });
            match result {
                Err(error) if way != Way::Rollback && self.leave_out(&error)? => {
                    tracing::warn!(%error, "a checkpoint is left out");
                }
                result => return result,
            }
        }
    }

    /// Leaves out the checkpoint that an error of storage is about, where it is about one.
    fn leave_out(&mut self, error: &Error) -> Result<bool, Error> {
        let (Error::Io { path, .. }, Some(folder)) = (error, &self.places.checkpoints) else {
            return Ok(false);
        };
        let names = folder.list().context("list", folder.path(""), None)?;
        let found =
            names.into_iter().find(|name| is_checkpoint(name) && folder.path(name) == *path);
        let found = found.filter(|name| self.unreadable.iter().all(|it| it.checkpoint != *name));
        let reason = with_cause(error);
        self.unreadable.extend(found.clone().map(|checkpoint| Unread { checkpoint, reason }));
        Ok(found.is_some())
    }

    /// The checkpoints that couldn't be read: when they were surveyed, and later.
    pub(super) fn unread(&self) -> Vec<Unread> {
        let surveyed = self.survey.checkpoints.iter().filter_map(|it| match &it.fault {
            Some(CheckpointFault::Unreadable { reason }) => {
                Some(Unread { checkpoint: it.name.clone(), reason: reason.clone() })
            }
            _ => None,
        });
        surveyed.chain(self.unreadable.iter().cloned()).collect()
    }

    /// The folder of checkpoints, without those that can't be read.
    fn readable(&self) -> Option<Arc<dyn Folder>> {
        let names: Vec<String> = self.unreadable.iter().map(|it| it.checkpoint.clone()).collect();
        let folder = Arc::clone(self.places.checkpoints.as_ref()?);
        Some(if names.is_empty() { folder } else { without(folder, names) })
    }

    fn try_once(
        &mut self,
        way: Way,
        again: bool,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Done, Error> {
        let opened;
        let journal = match &self.survey.journal {
            Some(journal) if !again => journal,
            _ => {
                opened = Journal::open(Arc::clone(&self.places.journal))?;
                &opened
            }
        };
        match way {
            Way::Rollback => self.roll_back(journal, progress),
            Way::Coordinated => self.coordinate(journal, progress),
            _ => self.replay(way, journal, self.until, progress),
        }
    }

    /// The options of a replay in this way.
    pub(super) fn options(
        &self,
        way: Way,
        until: Option<StopPoint>,
    ) -> Result<ReplayOptions, Error> {
        let base = &self.options.replay;
        // A full replay goes on from its own checkpoints alone, which are among the records.
        let (folder, start) = match (way, &self.places.records) {
            (Way::Full, Some(records)) => (Some(work_in(records)), CheckpointStart::Newest),
            _ => (self.readable(), way.start()),
        };
        let policy = Some(self.options.checkpoint_policy);
        let checkpoints = folder.map(|folder| Checkpoints { folder, start, policy });
        let time_limit = match (base.time_limit, self.deadline) {
            (Some(limit), Some(deadline)) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(Error::TimedOut { limit });
                }
                Some(left)
            }
            _ => None,
        };
        let damage = way.damage();
        Ok(ReplayOptions {
            damage,
            checkpoints,
            time_limit,
            until,
            selection: None,
            list_skipped: true,
            list_blocks: way == Way::Emergency,
            ..base.clone()
        })
    }

    fn replay(
        &self,
        way: Way,
        journal: &Journal,
        until: Option<StopPoint>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Done, Error> {
        let options = self.options(way, until)?;
        let (state, outcome) = replay(journal, &options, progress)?;
        if way.loss() == Loss::Nothing {
            let wanted = match until {
                None => u64::MAX,
                Some(StopPoint::Lsn(lsn)) => lsn,
                // Where that would be in what is missing nobody knows.
                Some(StopPoint::Time(_) | StopPoint::Transaction(_)) => 0,
            };
            reaches(&outcome, self.survey.proven_lsn().min(wanted))?;
        }
        let lost = self.lost(way, &outcome);
        let taken = &outcome.checkpoints;
        let checkpoint = taken.newest.clone().filter(|_| taken.watermark == outcome.last_lsn);
        let mut done =
            Done { state, checkpoint, outcome, lost, aside: Vec::new(), unread: self.unread() };
        if way == Way::Full
            && let Err(error) = self.publish(&mut done)
        {
            // The state is there all the same; the next recovery makes a checkpoint of it.
            tracing::warn!(%error, "the checkpoint of a full replay could not be published");
            done.checkpoint = None;
        }
        Ok(done)
    }

    pub(super) fn lost(&self, way: Way, outcome: &Outcome) -> Lost {
        Lost::of(way, outcome, self.survey.last_lsn(), self.survey.proven_lsn())
    }

    /// Replays to the cut that all agree on.
    fn coordinate(
        &mut self,
        journal: &Journal,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Done, Error> {
        let nobody = || Error::InconsistentRecovery { reason: "nobody coordinates".to_owned() };
        let coordinator = self.coordinator.as_mut().ok_or_else(nobody)?;
        let report = LocalReport::of(journal, self.survey);
        let agreement = coordinator.agree(&report)?;
        let agreed = agreement.cut_lsn;
        // A stop that was asked for, or that a rollback stands for, comes before the cut.
        if let Some(StopPoint::Lsn(reached)) = self.until
            && reached < agreed
        {
            return Err(Error::BehindCut { reached, agreed });
        }
        if !agreement.in_doubt.is_empty() {
            return Err(Error::InDoubt { transactions: agreement.in_doubt });
        }
        let until = Some(StopPoint::Lsn(agreed));
        let done = self.replay(Way::Coordinated, journal, until, progress)?;
        match done.outcome.last_lsn {
            reached if reached < agreed => Err(Error::BehindCut { reached, agreed }),
            _ => Ok(done),
        }
    }
}

/// A checkpoint is made of what is synced: what ends before its watermark isn't whole, whatever is found
/// there.
pub(super) fn reaches(outcome: &Outcome, watermark: u64) -> Result<(), Error> {
    if outcome.last_lsn >= watermark {
        return Ok(());
    }
    let reason = format!(
        "the journal can be read up to LSN {}, and a checkpoint was made of it at LSN {watermark}",
        outcome.last_lsn
    );
    Err(Error::InconsistentRecovery { reason })
}

/// Whether no other way may be tried: it was ended from outside, or another way would meet the same.
fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::Cancelled
            | Error::TimedOut { .. }
            | Error::Stopped { .. }
            | Error::InDoubt { .. }
            | Error::Locked { .. }
            | Error::InvalidOption { .. }
            | Error::MemoryLimit { .. }
            | Error::NoThread { .. }
            | Error::UnknownFormat { .. }
            | Error::BelowAnchor { .. }
            | Error::NoSuchTransaction { .. }
    )
}
