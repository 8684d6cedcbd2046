//! The checkpoints that a folder holds.

use std::sync::Arc;

use super::fault::CheckpointFault;
use super::file::{CheckpointFile, Kind};
use super::write::watermark_of;
use crate::error::{Error, IoContext as _};
use crate::storage::Folder;

/// A file that is named as a checkpoint.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// The watermark that its name says.
    pub watermark: u64,
    /// The kind that its name says.
    pub kind: Kind,
    /// The checkpoint, or why it is none.
    pub file: Result<CheckpointFile, CheckpointFault>,
}

/// The checkpoints of a folder.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The folder.
    pub folder: Arc<dyn Folder>,
    /// What is in it, newest first; of two at one watermark the base.
    pub entries: Vec<Entry>,
}

impl Catalogue {
    /// Looks through a folder. No file is read as a whole. A file that storage can't read costs itself,
    /// and what builds on it.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder can't be listed.
    pub fn open(folder: Arc<dyn Folder>) -> Result<Self, Error> {
        let names = folder.list().context("list", folder.path(""), None)?;
        let mut entries = Vec::new();
        for name in names {
            let Some((watermark, kind)) = watermark_of(&name) else { continue };
            let file = match CheckpointFile::open(folder.as_ref(), &name) {
                Err(error @ Error::Io { .. }) => Err(CheckpointFault::unreadable(&error)),
                file => file?,
            };
            let file = file.and_then(|file| {
                let found = file.header.watermark_lsn;
                let misnamed = found != watermark || file.kind != kind;
                let fault = CheckpointFault::Field { field: "watermark", found };
                if misnamed { Err(fault) } else { Ok(file) }
            });
            entries.push(Entry { name, watermark, kind, file });
        }
        entries.sort_by_key(|entry| std::cmp::Reverse((entry.watermark, entry.kind)));
        Ok(Self { folder, entries })
    }

    /// The newest checkpoint that can be read, of those at `watermark` where that is given.
    #[must_use]
    pub fn find(&self, watermark: Option<u64>) -> Option<&CheckpointFile> {
        let entries = self.entries.iter();
        let mut fitting = entries.filter(|it| watermark.is_none_or(|lsn| lsn == it.watermark));
        fitting.find_map(|entry| entry.file.as_ref().ok())
    }

    /// The checkpoints that `newest` is made of, its base first.
    ///
    /// # Errors
    /// [`CheckpointFault::NoParent`] when one of them isn't there; [`CheckpointFault::Unreadable`] when it
    /// may be one that can't be read.
    pub fn chain<'c>(
        &'c self,
        newest: &'c CheckpointFile,
    ) -> Result<Vec<&'c CheckpointFile>, CheckpointFault> {
        let mut chain = vec![newest];
        let mut child = newest;
        while child.kind == Kind::Delta {
            let parent_lsn = child.header.parent_lsn;
            let mut files = self.entries.iter().filter_map(|entry| entry.file.as_ref().ok());
            let parent = files.find(|file| {
                file.trailer.digest == child.header.parent_digest
                    && file.header.journal_id == child.header.journal_id
                    // Watermarks fall from child to parent, so that no chain has a ring.
                    && file.header.watermark_lsn < child.header.watermark_lsn
            });
            child = parent.ok_or_else(|| self.no_parent(parent_lsn))?;
            chain.push(child);
        }
        chain.reverse();
        Ok(chain)
    }

    /// Why the checkpoint at this watermark isn't there to build on.
    fn no_parent(&self, parent_lsn: u64) -> CheckpointFault {
        let mut there = self.entries.iter().filter(|entry| entry.watermark == parent_lsn);
        let unreadable = there.find_map(|entry| match &entry.file {
            Err(CheckpointFault::Unreadable { reason }) => {
                let reason = format!("it builds on {}: {reason}", entry.name);
                Some(CheckpointFault::Unreadable { reason })
            }
            _ => None,
        });
        unreadable.unwrap_or(CheckpointFault::NoParent { parent_lsn })
    }
}
