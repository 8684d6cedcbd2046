//! A state that was brought to a cut and that nobody else sees yet: a checkpoint in a folder of its own, until it
//! comes among the others, or goes.

use std::sync::Arc;

use crate::checkpoint::{Catalogue, CheckpointFile, CheckpointPolicy, merge};
use crate::coordination::plan::Plan;
use crate::coordination::report::{CutDigest, Proof, Stream};
use crate::error::Error;
use crate::state::MemoryState;
use crate::storage::{self, Folder};

/// The folder of a state that nobody else sees yet.
#[derive(Clone, Debug)]
pub(super) struct Staged {
    pub(super) folder: Arc<dyn Folder>,
}

impl Staged {
    /// The checkpoint, where there is one at this cut.
    pub(super) fn at(&self, cut: u64) -> Result<Option<(Catalogue, CheckpointFile)>, Error> {
        let newest = self.newest()?;
        Ok(newest.filter(|(_, file)| file.header.watermark_lsn == cut))
    }

    /// The checkpoint, whatever its cut is.
    pub(super) fn newest(&self) -> Result<Option<(Catalogue, CheckpointFile)>, Error> {
        let catalogue = Catalogue::open(Arc::clone(&self.folder))?;
        let newest = catalogue.find(None).cloned();
        Ok(newest.map(|file| (catalogue, file)))
    }

    /// Makes sure that there is a state at this cut. Whether it can be read, [`Self::prove`] says.
    pub(super) fn check_is_at(&self, cut: u64) -> Result<(), Error> {
        match self.at(cut)? {
            Some(_) => Ok(()),
            None => Err(self.nothing_at(cut)),
        }
    }

    /// What there is at the cut of a stream, by reading all of it.
    pub(super) fn prove(&self, plan: &Plan, stream: &Stream) -> Result<Proof, Error> {
        let cut = plan.cut_of(stream)?;
        let digest = match self.at(cut)? {
            Some((catalogue, file)) => catalogue.prove(&file)?.0,
            // Nothing happened before it, and that needs no file.
            None if cut == 0 => MemoryState::default().digest(),
            None => return Err(self.nothing_at(cut)),
        };
        Ok(Proof::from([(stream.clone(), CutDigest(digest))]))
    }

    fn nothing_at(&self, cut: u64) -> Error {
        let reason = format!("no state at {cut} is in {}", self.folder.path("").display());
        Error::InconsistentRecovery { reason }
    }

    /// Puts it among others; gives its watermark. None where nothing is staged.
    pub(super) fn publish(&self, checkpoints: &Arc<dyn Folder>) -> Result<Option<u64>, Error> {
        let Some((catalogue, file)) = self.newest()? else { return Ok(None) };
        let watermark = file.header.watermark_lsn;
        let others = Catalogue::open(Arc::clone(checkpoints))?;
        let there = others.find(Some(watermark));
        let is_there = there.is_some_and(|it| it.header.journal_id == file.header.journal_id);
        if !is_there {
            let level = CheckpointPolicy::default().compression_level;
            merge(&catalogue, &file, checkpoints.as_ref(), level)?;
        }
        Ok(Some(watermark))
    }

    /// Takes away all that is staged.
    pub(super) fn clear(&self) -> Result<(), Error> {
        storage::remove_where(self.folder.as_ref(), |_| true)
    }
}
