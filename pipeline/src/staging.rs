//! The folder of the new journal while it is being made: its first segment has another name until
//! all of it is there, so that there is no journal before; and what is left of an attempt that was
//! cut off is found and taken away.
//!
//! The first segment's name tells until then what is attempted, and for a salvage the UUID of the journal that
//! is salvaged, so an attempt is known for what it is; its other segments carry the UUID that the first one
//! carries.

use std::sync::Arc;

use crate::error::{Error, IoContext as _};
use crate::journal::layout::PAGE_BYTES;
use crate::journal::segment::{self, UNFINISHED_NAME};
use crate::salvage::MANIFEST_NAME;
use crate::storage::renamed::{Names, renamed};
use crate::storage::{Folder, read_exact_at, unfinished_name};

/// The lock's file, which a folder on disk keeps.
const LOCK_NAME: &str = "LOCK";

/// What the names of an unfinished salvage begin with, before the UUID of the original.
const SALVAGE: &str = "salvage-of-";
/// What the names of an unfinished import begin with.
const IMPORT: &str = "import-of-semj-";

/// How a new journal is made that isn't there before it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Out of the damaged journal with this UUID.
    Salvage([u8; 16]),
    /// Out of a file in another format.
    Import,
}

/// Whether a file of this name is the first segment of a salvage that isn't finished.
pub(crate) fn is_of_salvage(name: &str) -> bool {
    let original = name.strip_prefix(SALVAGE).and_then(|rest| rest.split_once('-'));
    original.is_some_and(|(id, name)| {
        is_first(name) && id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// Whether a file of this name is the first segment of an import that isn't finished.
pub(crate) fn is_of_import(name: &str) -> bool {
    name.strip_prefix(IMPORT).is_some_and(is_first)
}

fn is_first(name: &str) -> bool {
    name == UNFINISHED_NAME || segment::number_of(name) == Some(0)
}

/// The folder of a journal that isn't there yet.
#[derive(Debug)]
pub(crate) struct Staging {
    inner: Arc<dyn Folder>,
    attempt: Attempt,
    names: StagedNames,
}

/// The names that files have as long as the journal isn't finished.
#[derive(Clone, Debug)]
struct StagedNames {
    /// What the names of what isn't finished begin with.
    prefix: String,
}

impl Staging {
    /// In `inner`, for this attempt.
    pub(crate) fn of(inner: Arc<dyn Folder>, attempt: Attempt) -> Self {
        let prefix = match attempt {
            Attempt::Salvage(original_id) => format!("{SALVAGE}{}-", hex::encode(original_id)),
            Attempt::Import => IMPORT.to_owned(),
        };
        Self { inner, attempt, names: StagedNames { prefix } }
    }

    /// The folder as who writes the journal, or reads it before it is finished, sees it.
    pub(crate) fn folder(&self) -> Arc<dyn Folder> {
        renamed(Arc::clone(&self.inner), self.names.clone())
    }

    /// The name that a file has as long as the journal isn't finished.
    fn staged(&self, name: &str) -> String {
        self.names.stored(name)
    }

    /// Makes a journal of what is there, in one atomic step.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let (folder, first) = (&self.inner, segment::file_name(0));
        let renamed = folder.rename(&self.staged(&first), &first);
        renamed.context("rename", folder.path(&first), None)?;
        folder.sync_folder().context("sync", folder.path(""), None)
    }

    /// Takes away what an earlier attempt of the same kind has left, and makes sure that
    /// there is nothing else. The caller holds the folder's lock.
    pub(crate) fn clear(&self) -> Result<(), Error> {
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
                return Err(self.not_ours(&folder.path(name)));
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

    fn not_ours(&self, path: &std::path::Path) -> Error {
        let attempt = match self.attempt {
            Attempt::Salvage(_) => "to salvage this journal",
            Attempt::Import => "to import one",
        };
        let reason = format!(
            "{} is there, and is not what an earlier attempt {attempt} has left; an empty folder is \
             needed",
            path.display()
        );
        Error::InvalidOption { option: "folder of the new journal", reason }
    }
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
