//! The checkpoint of a full replay comes among the journal's; those that are broken are kept aside.

use std::sync::Arc;

use super::aside::{copy, move_over};
use super::execute::{Done, Executor};
use super::survey_checkpoints::is_bad;
use super::work::work_in;
use crate::checkpoint::{Catalogue, CheckpointFault, CheckpointFile, Kind, merge};
use crate::error::Error;
use crate::storage::{self, Folder};

impl Executor<'_> {
    /// Puts the checkpoint of a full replay among the journal's; those that are broken are kept aside.
    pub(super) fn publish(&self, done: &mut Done) -> Result<(), Error> {
        let (Some(records), Some(checkpoints)) = (&self.places.records, &self.places.checkpoints)
        else {
            return Ok(());
        };
        let _lock = storage::lock(checkpoints.as_ref())?;
        for broken in self.broken(checkpoints)? {
            let aside = format!("broken-{}-{broken}", self.started_ns);
            move_over((checkpoints.as_ref(), &broken), (records.as_ref(), &aside))?;
            done.aside.push(aside);
        }
        let folder = work_in(records);
        let work = Catalogue::open(Arc::clone(&folder))?;
        let newest = work.find(Some(done.outcome.last_lsn));
        let of_name = |name: &str| self.unread().into_iter().any(|it| it.checkpoint == name);
        if newest.is_some_and(|newest| of_name(&newest.name)) {
            // What can't be read now is not to be written over.
            return Ok(());
        }
        // A sound one stays, since others may build on it; and another journal's is none of ours.
        if let Some(newest) = newest
            && let Some(there) = base_at(checkpoints, newest.header.watermark_lsn)?
        {
            let own = there.header.journal_id == newest.header.journal_id;
            done.checkpoint = own.then_some(there.name);
            return Ok(());
        }
        // A state behind damage is no cut, and a journal without events has none.
        done.checkpoint = match newest {
            None => None,
            Some(base) if base.kind == Kind::Base => {
                base.check_seal()?;
                copy((folder.as_ref(), &base.name), (checkpoints.as_ref(), &base.name))?;
                Some(base.name.clone())
            }
            Some(newest) => {
                let level = self.options.checkpoint_policy.compression_level;
                Some(merge(&work, newest, checkpoints.as_ref(), level)?.name)
            }
        };
        Ok(())
    }

    /// The checkpoints that are broken, contradict the journal, or build on such. What a seal says counts,
    /// too: the new checkpoint may be given the name of one that only its seal shows to be broken.
    fn broken(&self, checkpoints: &Arc<dyn Folder>) -> Result<Vec<String>, Error> {
        let bad = self.survey.checkpoints.iter().filter(|it| is_bad(it));
        let bad: Vec<&str> = bad.map(|it| it.name.as_str()).collect();
        let mut catalogue = Catalogue::open(Arc::clone(checkpoints))?;
        let mut broken = Vec::new();
        // Oldest first: what builds on a broken one is found when that is no longer in the list.
        for entry in std::mem::take(&mut catalogue.entries).into_iter().rev() {
            let sound = match &entry.file {
                // Who knows its format may use it, and who can read it.
                Err(CheckpointFault::UnknownFormat { .. }) => continue,
                Err(CheckpointFault::Unreadable { .. }) => true,
                Ok(_) if bad.contains(&entry.name.as_str()) => false,
                Ok(file) => match catalogue.chain(file).map(|_| file.check_seal()) {
                    Err(CheckpointFault::Unreadable { .. }) => true,
                    Err(_) => false,
                    Ok(sealed) => is_sound(&sealed),
                },
                Err(_) => false,
            };
            match sound {
                true => catalogue.entries.push(entry),
                false => broken.push(entry.name),
            }
        }
        Ok(broken)
    }
}

/// Whether a checkpoint isn't known to be broken. What can't be read now isn't.
fn is_sound(sealed: &Result<(), Error>) -> bool {
    !matches!(sealed, Err(Error::BadCheckpoint { .. }))
}

/// The base of this watermark in a folder, where there is one that can be read.
fn base_at(folder: &Arc<dyn Folder>, watermark: u64) -> Result<Option<CheckpointFile>, Error> {
    let entries = Catalogue::open(Arc::clone(folder))?.entries.into_iter();
    let bases = entries.filter(|it| it.watermark == watermark && it.kind == Kind::Base);
    Ok(bases.filter_map(|entry| entry.file.ok()).next())
}
