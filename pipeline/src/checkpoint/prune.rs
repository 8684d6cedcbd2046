//! Takes checkpoints away that nobody needs.
//!
//! Law: whatever stays can be loaded: the base and every delta below a checkpoint that stays stay.

use std::collections::HashSet;

use serde::Serialize;

use super::catalogue::Catalogue;
use super::fault::CheckpointFault;
use crate::error::{Error, IoContext as _};

/// What was taken away and what stayed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The names of the files that are gone.
    pub removed: Vec<String>,
    /// The names of those that stayed, newest first.
    pub kept: Vec<String>,
}

/// Keeps the newest `keep` checkpoints that can be loaded (at least one) and all that they build on;
/// takes away older ones. Files that are no checkpoints that can be read stay where they are: they
/// may be evidence. So do those that build on one that can't be read now, and what it may build on.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub fn prune(catalogue: &Catalogue, keep: usize) -> Result<Pruned, Error> {
    let mut sound = catalogue.clone();
    for entry in &mut sound.entries {
        let Ok(file) = &entry.file else { continue };
        match file.check_seal() {
            Err(Error::BadCheckpoint { fault, .. }) => entry.file = Err(fault),
            checked => checked?,
        }
    }
    prune_from(&sound, keep, None)
}

/// As [`prune`], for a replay whose last checkpoint is `newest`. Newer ones stay and don't count: it
/// has passed them over, since they are damaged or later than it is to go.
pub(super) fn prune_from(
    catalogue: &Catalogue,
    keep: usize,
    newest: Option<&str>,
) -> Result<Pruned, Error> {
    let mut needed: HashSet<&str> = HashSet::new();
    let mut left = keep.max(1);
    let mut pruned = Pruned::default();
    let mut removable = Vec::new();
    let mut is_newer = newest.is_some();
    // A replay looks after the checkpoints of its own journal alone.
    let own = catalogue.entries.iter().find(|entry| newest == Some(&entry.name));
    let own = own.and_then(|entry| entry.file.as_ref().ok());
    let journal_id = own.map(|file| file.header.journal_id);
    // What can't be read now may build on anything older.
    let mut may_be_needed = false;
    for entry in &catalogue.entries {
        may_be_needed |= matches!(entry.file, Err(CheckpointFault::Unreadable { .. }));
        let Some(file) = entry.file.as_ref().ok().filter(|_| !may_be_needed) else {
            needed.insert(&entry.name);
            continue;
        };
        is_newer &= newest != Some(&entry.name);
        if is_newer || journal_id.is_some_and(|id| id != file.header.journal_id) {
            needed.insert(&entry.name);
        }
        removable.push(entry);
        let chain = catalogue.chain(file);
        if matches!(chain, Err(CheckpointFault::Unreadable { .. })) {
            needed.insert(&entry.name);
        }
        if (is_newer || left > 0)
            && let Ok(chain) = chain
        {
            needed.extend(chain.iter().map(|file| file.name.as_str()));
            left -= usize::from(!is_newer);
        }
    }
    let folder = catalogue.folder.as_ref();
    // Children before those that they build on: killed in between, what is left still loads.
    for entry in removable {
        if needed.contains(entry.name.as_str()) {
            continue;
        }
        folder.remove(&entry.name).context("remove", folder.path(&entry.name), None)?;
        pruned.removed.push(entry.name.clone());
    }
    if !pruned.removed.is_empty() {
        folder.sync_folder().context("sync", folder.path(""), None)?;
    }
    let kept = catalogue.entries.iter().filter(|entry| !pruned.removed.contains(&entry.name));
    pruned.kept = kept.map(|entry| entry.name.clone()).collect();
    Ok(pruned)
}
