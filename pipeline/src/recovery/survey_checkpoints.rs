//! The checkpoints of a survey: what their two ends and one block of the journal tell of them.

use serde::Serialize;

use super::survey::Looking;
use crate::checkpoint::{Catalogue, CheckpointFault, Entry, Kind, check_fits};
use crate::error::Error;
use crate::journal::{Journal, Validation};

/// A checkpoint, as far as its two ends and the journal's block at its watermark tell.
#[derive(Clone, Debug, Serialize)]
pub struct SurveyedCheckpoint {
    /// Its file name.
    pub name: String,
    /// Its watermark.
    pub watermark: u64,
    /// Whether it holds a whole state, or what changed.
    pub kind: Kind,
    /// When it was made, in nanoseconds since 1970-01-01 UTC; 0 where that can't be read.
    pub created_ns: u64,
    /// How long it and those that it builds on are together, in bytes.
    pub bytes: u64,
    /// Where reading the journal restarts from it.
    pub restart_lsn: u64,
    /// How many bytes of the journal's blocks lie before that.
    pub spared_bytes: u64,
    /// How many events it spares.
    pub spared_events: u64,
    /// Whether it proves that the journal reached its watermark once.
    pub proves: bool,
    /// Why it can't be used; none where nothing is seen against it. Its seal is checked when it is
    /// loaded.
    pub fault: Option<CheckpointFault>,
}

/// Whether a checkpoint holds more than the journal reaches to.
pub(super) fn is_ahead(checkpoint: &SurveyedCheckpoint) -> bool {
    matches!(checkpoint.fault, Some(CheckpointFault::Ahead { .. }))
}

/// Whether a checkpoint is broken or contradicts the journal, rather than not what is asked for.
pub(super) fn is_bad(checkpoint: &SurveyedCheckpoint) -> bool {
    let Some(fault) = &checkpoint.fault else { return false };
    !matches!(
        fault,
        CheckpointFault::TooLate { .. }
            | CheckpointFault::WeakerValidation { .. }
            | CheckpointFault::StrongerValidation { .. }
            | CheckpointFault::Foreign { .. }
            | CheckpointFault::Ahead { .. }
            | CheckpointFault::UnknownFormat { .. }
            // It may be sound.
            | CheckpointFault::Unreadable { .. }
            // It is the journal that is damaged.
            | CheckpointFault::DamagedBelow { .. }
    )
}

/// Looks at all checkpoints; those behind the stop are of no use.
pub(super) fn look_at_checkpoints(
    catalogue: &Catalogue,
    journal: &Journal,
    stop: (&Looking<'_>, u64),
) -> Result<Vec<SurveyedCheckpoint>, Error> {
    let surveyed = catalogue.entries.iter().map(|it| {
        let mut seen = not_looked_at(it);
        match look_at(&mut seen, it, catalogue, (journal, stop.0, stop.1)) {
            // It costs this one alone.
            Err(error @ Error::Io { .. }) => seen.fault = Some(CheckpointFault::unreadable(&error)),
            looked => looked?,
        }
        Ok(seen)
    });
    surveyed.collect()
}

/// What its name tells.
fn not_looked_at(entry: &Entry) -> SurveyedCheckpoint {
    SurveyedCheckpoint {
        name: entry.name.clone(),
        watermark: entry.watermark,
        kind: entry.kind,
        created_ns: 0,
        bytes: 0,
        restart_lsn: 0,
        spared_bytes: 0,
        spared_events: 0,
        proves: false,
        fault: None,
    }
}

fn look_at(
    surveyed: &mut SurveyedCheckpoint,
    entry: &Entry,
    catalogue: &Catalogue,
    (journal, looking, until_lsn): (&Journal, &Looking<'_>, u64),
) -> Result<(), Error> {
    let file = match &entry.file {
        Err(fault) => {
            surveyed.fault = Some(fault.clone());
            return Ok(());
        }
        Ok(file) => file,
    };
    let cut = &file.manifest;
    surveyed.created_ns = file.header.created_ns;
    surveyed.restart_lsn = cut.restart.next_lsn;
    surveyed.spared_bytes = cut.so_far.bytes;
    surveyed.spared_events = cut.so_far.tally.events;
    let chain = catalogue.chain(file);
    surveyed.bytes = chain.iter().flatten().map(|file| file.file_bytes).sum();
    // What proves that a journal was longer must be whole itself.
    let fits = match check_fits(cut, journal, Validation::Basic)? {
        Err(ahead @ CheckpointFault::Ahead { .. }) => match file.check_seal() {
            Err(Error::BadCheckpoint { fault, .. }) => Err(fault),
            sealed => sealed.map(|()| Err(ahead))?,
        },
        fits => fits,
    };
    surveyed.proves = matches!(fits, Ok(()) | Err(CheckpointFault::Ahead { .. }));
    surveyed.fault = match (chain.err(), cut.lsn > until_lsn) {
        _ if matches!(fits, Err(CheckpointFault::Ahead { .. })) => fits.err(),
        (Some(fault), _) => Some(fault),
        (None, true) => Some(CheckpointFault::TooLate { watermark: cut.lsn, wanted: until_lsn }),
        (None, false) if file.validation < looking.validation() => {
            let (wanted, found) = (looking.validation().name(), file.validation.name());
            Some(CheckpointFault::WeakerValidation { wanted, found })
        }
        (None, false) => fits.err(),
    };
    Ok(())
}
