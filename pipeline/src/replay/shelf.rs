//! The checkpoints of a replay: the one that it starts from, and those that it adds.

use std::fmt::Debug;
use std::sync::Arc;

use super::options::{CheckpointStart, Checkpoints, ReplayOptions};
use crate::checkpoint::{Catalogue, CheckpointFault, Loaded, Parent, PassedOver, Saver, Wanted};
use crate::error::Error;
use crate::journal::Journal;
use crate::storage;

/// The checkpoints of a replay, with their folder locked.
#[derive(Debug)]
pub(super) struct Shelf<'o> {
    checkpoints: &'o Checkpoints,
    lock: Arc<dyn Debug + Send + Sync>,
}

impl<'o> Shelf<'o> {
    /// The shelf, where the options name one.
    pub(super) fn open(options: &'o ReplayOptions) -> Result<Option<Self>, Error> {
        let Some(checkpoints) = &options.checkpoints else { return Ok(None) };
        let lock = Arc::from(storage::lock(checkpoints.folder.as_ref())?);
        Ok(Some(Self { checkpoints, lock }))
    }

    /// Loads the checkpoint to start from, where there is one; adds those to the list that can't be
    /// used.
    pub(super) fn load(
        &self,
        journal: &Journal,
        options: &ReplayOptions,
        until_lsn: u64,
        passed_over: &mut Vec<PassedOver>,
    ) -> Result<Option<Loaded>, Error> {
        if self.checkpoints.start == CheckpointStart::Nothing {
            return Ok(None);
        }
        let catalogue = Catalogue::open(Arc::clone(&self.checkpoints.folder))?;
        let wanted = Wanted {
            journal,
            validation: options.validation,
            until_lsn,
            memory_limit: options.memory_limit(),
        };
        let loaded = catalogue.load_newest(wanted, passed_over)?;
        // It proves that the journal was longer: what is missing was cut off.
        let ahead = passed_over.iter().find(|it| matches!(it.fault, CheckpointFault::Ahead { .. }));
        if let Some(PassedOver { checkpoint, fault }) = ahead.filter(|_| options.refuses()) {
            let path = self.checkpoints.folder.path(checkpoint);
            return Err(Error::BadCheckpoint { path, fault: fault.clone() });
        }
        if loaded.is_none() && self.checkpoints.start == CheckpointStart::Required {
            let path = self.checkpoints.folder.path("");
            let passed_over = std::mem::take(passed_over);
            return Err(Error::NoCheckpoint { path, passed_over });
        }
        Ok(loaded)
    }

    /// Whether new checkpoints are wanted.
    pub(super) fn saves(&self) -> bool {
        self.checkpoints.policy.is_some()
    }

    /// What saves new checkpoints, where the options want some.
    pub(super) fn saver(
        &self,
        journal: &Journal,
        options: &ReplayOptions,
        parent: Option<&Parent>,
    ) -> Option<Saver> {
        let policy = self.checkpoints.policy?;
        let (folder, lock) = (Arc::clone(&self.checkpoints.folder), Arc::clone(&self.lock));
        Some(Saver::new(folder, lock, policy, journal.clone(), options.validation, parent))
    }
}
