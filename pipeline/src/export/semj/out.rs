//! The file that is exported to, while it is written beside its place. Its header comes last, as only then is
//! known what it says.

use std::sync::Arc;

use crate::error::{Error, IoContext as _};
use crate::semj::SemjFileHeader;
use crate::storage::{self, File, Folder, unfinished_name};

/// How many bytes are collected before they are written.
const WRITE_BYTES: usize = 1024 * 1024;

pub(super) struct Out<'f> {
    folder: &'f dyn Folder,
    name: &'f str,
    file: Arc<dyn File>,
    written: u64,
    pending: Vec<u8>,
}

impl<'f> Out<'f> {
    pub(super) fn create(folder: &'f dyn Folder, name: &'f str) -> Result<Self, Error> {
        let unfinished = unfinished_name(name);
        let created = folder.create(&unfinished);
        let file = created.context("create", folder.path(&unfinished), None)?;
        Ok(Self { folder, name, file, written: SemjFileHeader::BYTES as u64, pending: Vec::new() })
    }

    /// Takes away what was written of a file that didn't get into its place.
    pub(super) fn remove(folder: &dyn Folder, name: &str) -> Result<(), Error> {
        let unfinished = unfinished_name(name);
        folder.remove(&unfinished).context("remove", folder.path(&unfinished), None)
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    /// How long the file is so far, in bytes.
    pub(super) fn position(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.write(&self.pending, self.written)?;
        self.written = self.position();
        self.pending.clear();
        Ok(())
    }

    fn write(&self, bytes: &[u8], offset: u64) -> Result<(), Error> {
        let written = self.file.write_all_at(bytes, offset);
        written.context("write", self.folder.path(&unfinished_name(self.name)), Some(offset))
    }

    /// Puts the file into its place, durably.
    pub(super) fn publish(mut self, header: &SemjFileHeader) -> Result<(), Error> {
        self.flush()?;
        let mut bytes = [0; SemjFileHeader::BYTES];
        header.write(&mut bytes);
        self.write(&bytes, 0)?;
        storage::publish(self.folder, self.file.as_ref(), &unfinished_name(self.name), self.name)
    }
}
