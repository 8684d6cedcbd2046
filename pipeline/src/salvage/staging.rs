//! The folder of the new journal while it is being made: its first segment has another name until
//! all of it is there, so that there is no journal before; and what is left of an attempt that was
//! cut off is found and taken away.
//!
//! The first segment's name begins with the UUID of the journal that is salvaged until then, so an
//! attempt is known for what it is; its other segments carry the UUID that the first one carries.

use std::sync::Arc;

use super::manifest::MANIFEST_NAME;
use crate::error::{Error, IoContext as _};
use crate::journal::layout::PAGE_BYTES;
use crate::journal::segment::{self, UNFINISHED_NAME};
use crate::storage::renamed::{Names, renamed};
use crate::storage::{Folder, read_exact_at, unfinished_name};

/// The lock's file, which a folder on disk keeps.
const LOCK_NAME: &str = "LOCK";

/// What the names of what isn't finished begin with, before the UUID of the original.
const STAGED: &str = "salvage-of-";

/// Whether a file of this name is the first segment of a salvage that isn't finished.
pub(crate) fn is_staged(name: &str) -> bool {
    let original = name.strip_prefix(STAGED).and_then(|rest| rest.split_once('-'));
    original.is_some_and(|(id, name)| {
        let is_first = name == UNFINISHED_NAME || segment::number_of(name) == Some(0);
        is_first && id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// The folder of a journal that isn't there yet.
#[derive(Debug)]
pub(super) struct Staging {
    inner: Arc<dyn Folder>,
    names: StagedNames,
}

/// The names that files have as long as the journal isn't finished.
#[derive(Clone, Debug)]
struct StagedNames {
    /// What the names of what isn't finished begin with.
    prefix: String,
}

impl Staging {
    /// In `inner`, for what is salvaged of the journal with this UUID.
    pub(super) fn of(inner: Arc<dyn Folder>, original_id: [u8; 16]) -> Self {
        let names = StagedNames { prefix: format!("{STAGED}{}-", hex::encode(original_id)) };
        Self { inner, names }
    }

    /// The folder as who writes the journal, or reads it before it is finished, sees it.
    pub(super) fn folder(&self) -> Arc<dyn Folder> {
        renamed(Arc::clone(&self.inner), self.names.clone())
    }

    /// The name that a file has as long as the journal isn't finished.
    fn staged(&self, name: &str) -> String {
        self.names.stored(name)
    }

    /// Makes a journal of what is there, in one atomic step.
    pub(super) fn finish(&self) -> Result<(), Error> {
        let (folder, first) = (&self.inner, segment::file_name(0));
        let renamed = folder.rename(&self.staged(&first), &first);
        renamed.context("rename", folder.path(&first), None)?;
        folder.sync_folder().context("sync", folder.path(""), None)
    }

    /// Takes away what an earlier attempt to salvage the same journal has left, and makes sure that
    /// there is nothing else. The caller holds the folder's lock.
    pub(super) fn clear(&self) -> Result<(), Error> {
        let folder = &self.inner;
        let mut names = folder.list().context("list", folder.path(""), None)?;
        names.retain(|name| name != LOCK_NAME);
        if names.iter().any(|name| segment::number_of(name) == Some(0)) {
            return Err(Error::AlreadyAJournal { path: folder.path("") });
        }
        let proof = [self.staged(&segment::file_name(0)), self.staged(UNFINISHED_NAME)];
        let (proof, others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| proof.contains(name));
        let attempt = self.journal_id_in(&proof, &self.staged(&segment::file_name(0)))?;
        for name in &others {
            if !self.is_of_attempt(name, &proof, attempt)? {
                return Err(not_ours(&folder.path(name)));
            }
        }
        // What proves the rest goes last, and only once the rest is durably gone.
        self.remove_all(&others)?;
        self.remove_all(&proof)
    }

    fn remove_all(&self, names: &[String]) -> Result<(), Error> {
        if names.is_empty() {
            return Ok(());
        }
        let folder = &self.inner;
        for name in names {
            folder.remove(name).context("remove", folder.path(name), None)?;
        }
        folder.sync_folder().context("sync", folder.path(""), None)
    }

    /// Whether a file was made by the attempt whose first segment carries this UUID.
    fn is_of_attempt(
        &self,
        name: &str,
        proof: &[String],
        attempt: Option<[u8; 16]>,
    ) -> Result<bool, Error> {
        if name == MANIFEST_NAME || name == unfinished_name(MANIFEST_NAME) {
            return Ok(!proof.is_empty());
        }
        let known = segment::number_of(name).is_some() && attempt.is_some();
        Ok(known && self.journal_id_in(&[name.to_owned()], name)? == attempt)
    }

    /// The UUID in the header of the segment of this name, where that is among `names` and sound.
    fn journal_id_in(&self, names: &[String], name: &str) -> Result<Option<[u8; 16]>, Error> {
        if !names.iter().any(|it| it == name) {
            return Ok(None);
        }
        let path = self.inner.path(name);
        let file = self.inner.open(name).context("open", &path, None)?;
        let length = file.length().context("read the length of", &path, None)?;
        let mut page = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(PAGE_BYTES)];
        read_exact_at(file.as_ref(), &mut page, 0).context("read", &path, Some(0))?;
        Ok(segment::decode_header(&page).ok().map(|(header, _)| header.journal_id))
    }
}

fn not_ours(path: &std::path::Path) -> Error {
    let reason = format!(
        "{} is there, and is not what an earlier attempt to salvage this journal has left; an \
         empty folder is needed",
        path.display()
    );
    Error::InvalidOption { option: "folder of the new journal", reason }
}

impl Names for StagedNames {
    fn stored(&self, name: &str) -> String {
        if name == UNFINISHED_NAME || segment::number_of(name) == Some(0) {
            return format!("{}{name}", self.prefix);
        }
        name.to_owned()
    }

    fn shown(&self, stored: &str) -> Option<String> {
        Some(stored.strip_prefix(&self.prefix).unwrap_or(stored).to_owned())
    }
}
