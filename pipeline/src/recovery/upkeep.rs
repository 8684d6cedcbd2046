//! What is left of recoveries: history, figures, what a rollback keeps aside, and cleaning up.

use std::sync::Arc;

use serde::Serialize;

use super::aside::{Rollback, is_left_unfinished, move_over};
use super::manager::RecoveryManager;
use super::options::Places;
use super::record::{Record, RecoveryState, history, record_names};
use super::work;
use crate::checkpoint::{Catalogue, Pruned, is_unfinished, prune};
use crate::error::{Error, IoContext as _};
use crate::storage;

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
    /// What killed recoveries and replays had begun to write.
    pub unfinished: Vec<String>,
    /// Checkpoints.
    pub checkpoints: Pruned,
}

impl RecoveryManager {
    /// The rollback that stands, where one does.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn rollback(&self) -> Result<Option<Rollback>, Error> {
        self.places.records.as_ref().map_or(Ok(None), |records| Rollback::load(records.as_ref()))
    }

    /// The checkpoints that the rollback that stands has still to put aside, since it was killed: the next
    /// recovery does.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn left_by_rollback(&self) -> Result<Vec<String>, Error> {
        Ok(self.left_over()?.into_iter().map(|(name, _)| name).collect())
    }

    /// What the rollback that stands has still to put aside: names, and those that they get.
    fn left_over(&self) -> Result<Vec<(String, String)>, Error> {
        let Places { checkpoints, records, .. } = &self.places;
        match (self.rollback()?, checkpoints, records) {
            (Some(rollback), Some(checkpoints), Some(records)) => {
                rollback.left_over(checkpoints.as_ref(), records.as_ref())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Finishes the rollback that stands, where it was killed; gives what it put aside.
    pub(super) fn finish_rollback(&self) -> Result<Vec<String>, Error> {
        let left = self.left_over()?;
        let Places { checkpoints: Some(checkpoints), records: Some(records), .. } = &self.places
        else {
            return Ok(Vec::new());
        };
        if left.is_empty() {
            return Ok(Vec::new());
        }
        let _lock = storage::lock(checkpoints.as_ref())?;
        for (name, aside) in &left {
            move_over((checkpoints.as_ref(), name), (records.as_ref(), aside))?;
        }
        Ok(left.into_iter().map(|(_, aside)| aside).collect())
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
        rollback.redo(self.places.journal.as_ref(), checkpoints.as_ref(), records.as_ref())?;
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
        let count = |counted: &dyn Fn(&Record) -> u64| {
            records.iter().map(counted).fold(0, u64::saturating_add)
        };
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

    /// Takes away old artefacts: what killed ones had begun to write, under names that are given to no other
    /// file; all but the newest `keep` records and checkpoints, those that these build on, and what a
    /// rollback keeps aside, which stays until it is redone.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has the journal or its checkpoints; [`Error::Io`] when
    /// storage fails.
    pub fn cleanup(&mut self, keep: usize) -> Result<Cleaned, Error> {
        let _lock = self.lock()?;
        let unfinished = self.remove_unfinished()?;
        let mut cleaned = Cleaned { unfinished, ..Cleaned::default() };
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
        // What a rollback keeps aside builds on what is there.
        let stands = self.rollback()?.is_some();
        if let Some(checkpoints) = self.places.checkpoints.as_ref().filter(|_| !stands) {
            let _lock = storage::lock(checkpoints.as_ref())?;
            cleaned.checkpoints = prune(&Catalogue::open(Arc::clone(checkpoints))?, keep)?;
        }
        Ok(cleaned)
    }

    /// Takes away what killed recoveries and replays had begun to write, and nothing else.
    ///
    /// # Errors
    /// As [`Self::cleanup`].
    pub(crate) fn clean_unfinished(&self) -> Result<(), Error> {
        let _lock = self.lock()?;
        self.remove_unfinished().map(|_| ())
    }

    /// The same for who has the journal's lock; gives the names.
    fn remove_unfinished(&self) -> Result<Vec<String>, Error> {
        let mut unfinished = Vec::new();
        if let Some(records) = &self.places.records {
            let all = records.list().context("list", records.path(""), None)?;
            let is_work = |name: &str| name.strip_prefix(work::PREFIX).is_some_and(is_unfinished);
            let left = all.into_iter().filter(|name| is_work(name) || is_left_unfinished(name));
            for name in left {
                records.remove(&name).context("remove", records.path(&name), None)?;
                unfinished.push(name);
            }
        }
        if let Some(checkpoints) = &self.places.checkpoints {
            // Whoever writes there has this lock.
            let _lock = storage::lock(checkpoints.as_ref())?;
            let names = checkpoints.list().context("list", checkpoints.path(""), None)?;
            for name in names.into_iter().filter(|name| is_unfinished(name)) {
                checkpoints.remove(&name).context("remove", checkpoints.path(&name), None)?;
                unfinished.push(name);
            }
        }
        Ok(unfinished)
    }
}
