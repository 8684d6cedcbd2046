//! Chooses the newest checkpoint that can be used, and loads the state that it and those that it
//! builds on lead to.

use rayon::prelude::*;
use serde::Serialize;
use vexfs_kernels::Digest;

use super::catalogue::Catalogue;
use super::fault::CheckpointFault;
use super::file::CheckpointFile;
use super::fits::check_fits;
use super::save::Parent;
use crate::error::Error;
use crate::journal::{Journal, Validation};
use crate::replay::{Cause, Cut, Inconsistencies, Inconsistency, TransactionFault};
use crate::state::{MemoryState, Table};

/// A checkpoint that was not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Its file name.
    pub checkpoint: String,
    /// Why not.
    #[serde(flatten)]
    pub fault: CheckpointFault,
}

/// The state of a checkpoint, and where a replay goes on from it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The newest file.
    pub(crate) newest: Parent,
    /// How many bytes of checkpoints were read.
    pub bytes: u64,
    /// The cut.
    pub cut: Cut,
    /// The state at the cut.
    pub state: MemoryState,
    /// The digest of that state, where the checkpoint says it.
    pub state_digest: Option<Digest>,
}

/// What a checkpoint must be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'w> {
    pub(crate) journal: &'w Journal,
    /// At least so much must have been proven.
    pub(crate) validation: Validation,
    /// It must not hold a later state.
    pub(crate) until_lsn: u64,
    /// What it decompresses to must not be more, in bytes.
    pub(crate) memory_limit: Option<u64>,
}

/// A state at a cut, from which a replay may go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered<'o> {
    pub(crate) cut: &'o Cut,
    /// How much of the journal was proven up to there.
    pub(crate) proven: Validation,
    /// How much memory loading the state takes at least, in bytes.
    pub(crate) needed: u64,
}

impl<'o> Offered<'o> {
    fn by(file: &'o CheckpointFile) -> Self {
        let raw_bytes = file.sections.iter().map(|section| section.raw_bytes);
        let needed = raw_bytes.fold(0, u64::saturating_add);
        Self { cut: &file.manifest, proven: file.validation, needed }
    }
}

impl Catalogue {
    /// Loads the newest checkpoint that is as wanted, other than those passed over already; adds
    /// those that are not to the list.
    pub(crate) fn load_newest(
        &self,
        wanted: Wanted<'_>,
        passed_over: &mut Vec<PassedOver>,
    ) -> Result<Option<Loaded>, Error> {
        for entry in &self.entries {
            if passed_over.iter().any(|it| it.checkpoint == entry.name) {
                continue;
            }
            let usable = match &entry.file {
                Err(fault) => Err(fault.clone()),
                Ok(file) => match wanted_or_broken(file, check_wanted(&Offered::by(file), wanted))?
                {
                    Ok(()) => self.try_load(file)?,
                    Err(fault) => Err(fault),
                },
            };
            match usable {
                Ok(loaded) => return Ok(Some(loaded)),
                Err(fault) => {
                    passed_over.push(PassedOver { checkpoint: entry.name.clone(), fault });
                }
            }
        }
        Ok(None)
    }

    /// Loads a checkpoint, every byte of it and of those that it builds on checked by their seals.
    ///
    /// # Errors
    /// [`Error::BadCheckpoint`] when it can't be used; [`Error::Io`] when storage fails.
    pub fn load(&self, file: &CheckpointFile) -> Result<Loaded, Error> {
        let chain = self.chain(file).map_err(|fault| file.bad(fault))?;
        chain.par_iter().try_for_each(|it| match it.check_seal() {
            Err(Error::BadCheckpoint { .. }) if it.name != file.name => {
                let parent_lsn = it.header.watermark_lsn;
                Err(file.bad(CheckpointFault::NoParent { parent_lsn }))
            }
            checked => checked,
        })?;
        let mut state = MemoryState::default();
        let partitions = state.partitions_mut().par_iter_mut().enumerate();
        partitions.try_for_each(|(number, table)| load_partition(&chain, number, table))?;
        Ok(Loaded {
            newest: Parent {
                name: file.name.clone(),
                watermark: file.header.watermark_lsn,
                digest: file.trailer.digest,
                deltas: chain.len() - 1,
            },
            bytes: chain.iter().map(|file| file.file_bytes).sum(),
            cut: file.manifest.clone(),
            state,
            state_digest: file.state_digest(),
        })
    }

    /// Loads a checkpoint and computes the digest of its state; gives that and how many records there
    /// are.
    ///
    /// # Errors
    /// As [`Self::load`]; [`Error::BadCheckpoint`] also when the checkpoint says another digest.
    pub fn prove(&self, file: &CheckpointFile) -> Result<(Digest, u64), Error> {
        let loaded = self.load(file)?;
        let found = loaded.state.digest();
        match loaded.state_digest {
            Some(expected) if expected != found => {
                let [expected, found] = [expected, found].map(hex::encode);
                Err(file.bad(CheckpointFault::StateDigest { expected, found }))
            }
            _ => Ok((found, loaded.state.counts().iter().map(|(_, count)| count).sum())),
        }
    }

    fn try_load(&self, file: &CheckpointFile) -> Result<Result<Loaded, CheckpointFault>, Error> {
        match self.load(file) {
            Ok(loaded) => Ok(Ok(loaded)),
            Err(Error::BadCheckpoint { fault, .. }) => Ok(Err(fault)),
            Err(error) => Err(error),
        }
    }
}

/// Takes in what each file of a chain says of one partition, in turn.
pub(super) fn load_partition(
    chain: &[&CheckpointFile],
    partition: usize,
    table: &mut Table,
) -> Result<(), Error> {
    chain.iter().try_for_each(|file| {
        let section = file.section(partition)?;
        let loaded = table.load(partition, &section);
        loaded.map_err(|error| file.bad(CheckpointFault::section(partition, &error)))
    })
}

/// Before a checkpoint makes a replay refuse, it must be one: its header alone has a checksum of its own.
fn wanted_or_broken(
    file: &CheckpointFile,
    checked: Result<Result<(), CheckpointFault>, Error>,
) -> Result<Result<(), CheckpointFault>, Error> {
    if matches!(checked, Err(Error::MemoryLimit { .. }) | Ok(Err(CheckpointFault::Ahead { .. }))) {
        match file.check_seal() {
            Err(Error::BadCheckpoint { fault, .. }) => return Ok(Err(fault)),
            sealed => sealed?,
        }
    }
    checked
}

/// Whether a replay can go on from a cut up to which so much was proven.
pub(crate) fn check_wanted(
    offered: &Offered<'_>,
    wanted: Wanted<'_>,
) -> Result<Result<(), CheckpointFault>, Error> {
    let Offered { cut, proven, needed } = *offered;
    let watermark = cut.lsn;
    if watermark > wanted.until_lsn {
        return Ok(Err(CheckpointFault::TooLate { watermark, wanted: wanted.until_lsn }));
    }
    if proven < wanted.validation {
        let (wanted, found) = (wanted.validation.name(), proven.name());
        return Ok(Err(CheckpointFault::WeakerValidation { wanted, found }));
    }
    if let Some(limit) = wanted.memory_limit.filter(|&limit| needed > limit) {
        return Err(Error::MemoryLimit { what: "the state in the checkpoint", needed, limit });
    }
    // Only what was proven at least as well proves where the journal should reach to.
    if let Err(fault) = check_fits(cut, wanted.journal, wanted.validation)? {
        return Ok(Err(fault));
    }
    if wanted.validation < Validation::Full && left_out_by_digest(cut) {
        let (wanted, found) = (wanted.validation.name(), proven.name());
        return Ok(Err(CheckpointFault::StrongerValidation { wanted, found }));
    }
    Ok(Ok(()))
}

/// Whether a transaction may have been left out for its digest, which weaker validation doesn't look
/// at. It is known for sure where all that contradicted itself is remembered.
fn left_out_by_digest(cut: &Cut) -> bool {
    let Inconsistencies { count, first } = &cut.so_far.inconsistencies;
    let by_digest = |it: &Inconsistency| {
        matches!(it.cause, Cause::Transaction(TransactionFault::DigestDiffers { .. }))
    };
    *count > first.len() as u64 || first.iter().any(by_digest)
}
