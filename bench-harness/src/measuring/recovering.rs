//! One recovery in a process of its own: the program again, with the hidden command `one-recovery`.
//!
//! Measured is what an operator waits for: from the call, with nothing known, to the state with its digest
//! and a checkpoint of it on disk.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};
use vexfs_replay::recovery::{Places, RecoveryManager, RecoveryOptions};
use vexfs_replay::storage::{DiskFolder, Folder};

use super::child::{json_of, peak_bytes};
use crate::Measured;

/// What is recovered.
#[derive(Args, Clone, Debug)]
pub(crate) struct Recovering {
    /// The journal.
    pub(crate) journal: PathBuf,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecoveredOnce {
    /// How many events were replayed.
    pub(crate) events: u64,
    /// What looking at the journal took, in seconds, before that alone was done.
    pub(crate) survey_seconds: f64,
    /// From the call to the first events on their way to being applied.
    pub(crate) initiation_seconds: f64,
    /// From the call to its end.
    pub(crate) seconds: f64,
    /// The most memory that the process had resident, in bytes.
    pub(crate) peak_bytes: u64,
    /// The digest of the state, in hex.
    pub(crate) state_digest: String,
}

/// Where a recovery keeps what it writes, beside a journal.
pub(crate) fn places(journal: &Path, records: &Path) -> std::io::Result<Places> {
    let checkpoints = DiskFolder::create(&records.join("checkpoints"))?;
    let records: Arc<dyn Folder> = Arc::new(DiskFolder::create(records)?);
    Ok(Places {
        journal: Arc::new(DiskFolder::open(journal)?),
        checkpoints: Some(Arc::new(checkpoints)),
        records: Some(records),
    })
}

impl Recovering {
    /// Recovers it in a process of its own.
    pub(crate) fn alone(&self) -> Measured<RecoveredOnce> {
        json_of(Command::new(std::env::current_exe()?).arg("one-recovery").arg(&self.journal))
    }

    /// Recovers it in this process.
    pub(crate) fn here(&self) -> Measured<RecoveredOnce> {
        let folder = tempfile::tempdir()?;
        let places = places(&self.journal, folder.path())?;
        let mut manager = RecoveryManager::new(places, RecoveryOptions::default());
        let survey_seconds = manager.survey()?.seconds;
        let recovered = manager.recover(&mut |_| {})?;
        let record = &recovered.recovery().record;
        Ok(RecoveredOnce {
            events: record.events,
            survey_seconds,
            initiation_seconds: record.initiation_seconds,
            seconds: record.seconds,
            peak_bytes: peak_bytes()?,
            state_digest: hex::encode(record.state_digest),
        })
    }
}
