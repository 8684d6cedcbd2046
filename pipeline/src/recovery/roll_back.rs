//! Back to a checkpoint: what came after it is kept aside.

use super::aside::{Rollback, aside_name, exists, is_same};
use super::execute::{Done, Executor, reaches};
use super::loss::LsnRange;
use super::strategy::Way;
use super::survey_checkpoints::SurveyedCheckpoint;
use crate::error::Error;
use crate::journal::{EndKind, Journal};
use crate::replay::{CheckpointStart, Outcome, Progress, StopPoint, replay};
use crate::storage;

/// There is nothing at the watermark to which to go back; these can be gone back to.
pub(super) fn no_such_checkpoint<'s>(
    usable: impl Iterator<Item = &'s SurveyedCheckpoint>,
) -> Error {
    let usable: Vec<String> = usable.map(|it| it.watermark.to_string()).collect();
    let reason = format!("no usable checkpoint is there; usable are: {}", usable.join(", "));
    Error::InvalidOption { option: "rollback to", reason }
}

impl Executor<'_> {
    /// Goes back to a checkpoint, and keeps aside what came after it.
    pub(super) fn roll_back(
        &self,
        journal: &Journal,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Done, Error> {
        let (Some(records), Some(checkpoints)) = (&self.places.records, &self.places.checkpoints)
        else {
            let reason = "a rollback needs checkpoints and a folder of records".to_owned();
            return Err(Error::InconsistentRecovery { reason });
        };
        // The survey knows of a stop at an LSN; where any other is, the journal tells.
        let options = self.options(Way::Rollback, None)?;
        let until_lsn = self.until.map_or(Ok(u64::MAX), |stop| stop.resolve(journal, &options))?;
        let surveyed = self.survey.checkpoints.iter();
        let usable = surveyed.filter(|it| it.fault.is_none() && it.watermark <= until_lsn);
        let wanted = self.options.rollback_to;
        let mut fitting = usable.clone().filter(|it| wanted.is_none_or(|lsn| lsn == it.watermark));
        let Some(target) = fitting.next() else {
            return Err(no_such_checkpoint(usable));
        };
        let watermark = target.watermark;
        let mut options = self.options(Way::Rollback, Some(StopPoint::Lsn(watermark)))?;
        if let Some(checkpoints) = &mut options.checkpoints {
            (checkpoints.start, checkpoints.policy) = (CheckpointStart::Required, None);
        }
        let (state, outcome) = replay(journal, &options, progress)?;
        reaches(&outcome, watermark)?;
        let from_segment = outcome.cut.as_ref().map(|cut| cut.block.segment);
        let mut rollback = self.rollback(journal, watermark, from_segment);
        for (name, aside) in &mut rollback.segments {
            // What is kept aside may be all that is left of what was there then.
            let here = (self.places.journal.as_ref(), name.as_str());
            let there = (records.as_ref(), aside.as_str());
            if exists(there)? && !is_same(here, there)? {
                *aside = aside_name(self.started_ns, name);
            }
        }
        if let Some(standing) = Rollback::load(records.as_ref())? {
            rollback.take_over(standing);
        }
        let _lock = storage::lock(checkpoints.as_ref())?;
        rollback.carry_out(self.places.journal.as_ref(), checkpoints.as_ref(), records.as_ref())?;
        let mut lost = self.lost(Way::Rollback, &outcome);
        lost.behind_stop = None;
        lost.undone = self.undone_behind(watermark, journal, &outcome)?;
        let aside = rollback.names();
        Ok(Done {
            state,
            outcome,
            lost,
            checkpoint: Some(target.name.clone()),
            aside,
            unread: self.unread(),
        })
    }

    /// What going back to a watermark undoes: all that is there behind it, or was there and is gone or
    /// damaged.
    fn undone_behind(
        &self,
        watermark: u64,
        journal: &Journal,
        outcome: &Outcome,
    ) -> Result<Option<LsnRange>, Error> {
        let end = journal.look_behind(outcome.findings.end.position)?;
        let (first, whole_to) =
            (watermark.saturating_add(1), end.position.next_lsn.saturating_sub(1));
        let known = self.survey.last_lsn().max(self.survey.proven_lsn());
        Ok(match end.kind {
            // How far what is damaged went is known where more is known to have been there.
            EndKind::Damaged => {
                Some(LsnRange { first, last: Some(known).filter(|&last| last > whole_to) })
            }
            _ => {
                let last = known.max(whole_to);
                (last > watermark).then_some(LsnRange { first, last: Some(last) })
            }
        })
    }

    /// What is to be put aside by going back to a watermark, whose block is in this segment.
    fn rollback(&self, journal: &Journal, watermark: u64, from_segment: Option<u64>) -> Rollback {
        let aside = |name: &str| aside_name(watermark, name);
        let newer = self.survey.checkpoints.iter().filter(|it| it.watermark > watermark);
        let checkpoints = newer.map(|it| (it.name.clone(), aside(&it.name))).collect();
        let first = from_segment.unwrap_or(0);
        let segments = journal.segments.iter().filter(|segment| segment.number >= first);
        let names = segments.filter_map(|segment| segment.path.file_name()?.to_str());
        Rollback {
            journal_id: journal.journal_id,
            watermark,
            undone_last: self.survey.last_lsn(),
            checkpoints,
            segments: names.map(|name| (name.to_owned(), aside(name))).collect(),
        }
    }
}
