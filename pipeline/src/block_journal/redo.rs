//! Carries a plan out: the only part that writes to an image.
//!
//! In this order, each step durable before the next: the earlier content is kept aside, where that is asked
//! for; the image is written; the journal's tail goes on. Killed anywhere and done again, the image is the
//! same.

use std::fmt::Debug;
use std::path::PathBuf;

use vexfs_kernels::crc32_linux;

use super::aside;
use super::block::Block;
use super::fault::Damage;
use super::layout::{BLOCK_BYTES, Superblock};
use super::place::{Blocks, Place};
use super::plan::{Plan, RedoOptions, plan};
use super::superblock;
use super::survey::{Ending, survey_of};
use super::transaction::DataBlock;
use super::warning::Warning;
use crate::error::Error;
use crate::journal::damage::Fault;
use crate::storage;
use crate::time::now_ns;

/// What a redo did.
#[derive(Clone, Debug)]
pub struct Redone {
    /// What was to be done, and was.
    pub plan: Plan,
    /// How many blocks of the image were written.
    pub blocks_written: u64,
    /// The last sequence that the journal proves.
    pub proven_sequence: u64,
    /// What was left out at the log's end, since its writer died over it.
    pub torn: Option<Damage>,
    /// The damage behind the last sequence that was asked for, which is as it was.
    pub damage_behind: Option<Damage>,
    /// What is odd about the journal.
    pub warnings: Vec<Warning>,
}

/// Redoes what the journal holds into the image that it serves.
///
/// # Errors
/// What [`super::survey()`] and [`plan`] refuse; [`Error::InconsistentRecovery`] when another redo has kept
/// something aside under the same name; [`Error::ChangedWhileRead`]; [`Error::Locked`] when someone has the
/// folder of the journal or of the image; [`Error::Io`]. Nothing was written to the image then, except where
/// it changed while it was read, or storage failed.
pub fn redo(journal: &Place, image: &Place, options: &RedoOptions) -> Result<Redone, Error> {
    let _locks = lock(journal, image)?;
    let opened = journal.open_to_change()?;
    let (superblock, first) = superblock::read(&opened)?;
    let survey = survey_of(&opened, superblock)?;
    let image = image.open_to_change()?;
    let image_blocks = image.length()? / BLOCK_BYTES as u64;
    let plan = plan(&survey, image_blocks, options)?;
    if let Some(aside) = options.aside.as_ref().filter(|_| !plan.is_empty()) {
        aside::keep(aside, &plan, &image, image_blocks, &first)?;
    }
    if !plan.writes.is_empty() {
        for (&number, data) in &plan.writes {
            image.write(number, &content(&opened, data)?)?;
        }
        image.sync()?;
    }
    if let Some(new) = plan.superblock {
        let recovery_count = superblock.recovery_count.saturating_add(1);
        let new = Superblock { recovery_count, last_recovery_ns: now_ns(), ..new };
        superblock::write(&opened, &new)?;
    }
    let (torn, damage_behind) = match survey.ending {
        Ending::Clean => (None, None),
        Ending::Torn(damage) => (Some(damage), None),
        Ending::Damaged(damage) => (None, Some(damage)),
    };
    Ok(Redone {
        blocks_written: plan.writes.len() as u64,
        plan,
        proven_sequence: survey.proven_sequence,
        torn,
        damage_behind,
        warnings: survey.warnings,
    })
}

/// The blocks of the image that hold something else than what a redo would write. Changes nothing.
///
/// # Errors
/// What [`super::survey()`] and [`plan`] refuse, and [`Error::Io`].
pub fn differing(journal: &Place, image: &Place, options: &RedoOptions) -> Result<Vec<u64>, Error> {
    let journal = journal.open()?;
    let survey = survey_of(&journal, superblock::read(&journal)?.0)?;
    let image = image.open()?;
    let plan = plan(&survey, image.length()? / BLOCK_BYTES as u64, options)?;
    let mut differing = Vec::new();
    for (&number, data) in &plan.writes {
        if image.read(number)? != content(&journal, data)? {
            differing.push(number);
        }
    }
    Ok(differing)
}

/// Reads a data block again, and holds it to what was read first.
fn content(journal: &Blocks, data: &DataBlock) -> Result<Block, Error> {
    let content = journal.read(data.position)?;
    let (expected, found) = (data.crc, crc32_linux(0, &content));
    if found == expected {
        return Ok(content);
    }
    Err(Error::ChangedWhileRead {
        path: journal.path.clone(),
        offset: data.position * BLOCK_BYTES as u64,
        fault: Fault::Crc { part: "data block", expected, found },
    })
}

/// What holds a folder locked while it is there.
type Lock = Box<dyn Debug + Send + Sync>;

/// Locks the folders of a journal and of an image, which may be one.
pub(super) fn lock(journal: &Place, image: &Place) -> Result<Vec<Lock>, Error> {
    let folder = |place: &Place| -> PathBuf { place.folder.path("") };
    let one_folder = folder(journal) == folder(image);
    if one_folder && journal.name == image.name {
        let reason = format!("{} is the journal", image.path().display());
        return Err(Error::InvalidOption { option: "image", reason });
    }
    let mut places = vec![journal];
    if !one_folder {
        places.push(image);
        // Whoever locks the same two does so in this order.
        places.sort_by_key(|place| folder(place));
    }
    places.into_iter().map(|place| storage::lock(place.folder.as_ref())).collect()
}
