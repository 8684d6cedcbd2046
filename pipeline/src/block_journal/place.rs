//! Where a journal, an image or what is kept aside lies: a file of a folder, by name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::Block;
use super::layout::BLOCK_BYTES;
use crate::error::{Error, IoContext as _};
use crate::storage::{DiskFolder, File, Folder, read_exact_at};

/// A file of a folder, which may not be there yet.
#[derive(Clone, Debug)]
pub struct Place {
    /// The folder.
    pub folder: Arc<dyn Folder>,
    /// The name of the file in it.
    pub name: String,
}

impl Place {
    /// A file of a folder.
    #[must_use]
    pub fn new(folder: Arc<dyn Folder>, name: &str) -> Self {
        Self { folder, name: name.to_owned() }
    }

    /// The file at a path of the disk; its folder must be there.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when the path names no file, [`Error::Io`] when its folder can't be
    /// opened.
    pub fn on_disk(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| Error::InvalidOption {
            option: "path",
            reason: format!("{} names no file, or its name is no text", path.display()),
        })?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        // One folder has one path then, so that it is locked once.
        let parent = parent.canonicalize().context("open", parent, None)?;
        let folder = DiskFolder::open(&parent).context("open", &parent, None)?;
        Ok(Self::new(Arc::new(folder), name))
    }

    /// Its path, for messages.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path(&self.name)
    }

    pub(super) fn open(&self) -> Result<Blocks, Error> {
        let path = self.path();
        let file = self.folder.open(&self.name).context("open", &path, None)?;
        Ok(Blocks { file, path })
    }

    pub(super) fn open_to_change(&self) -> Result<Blocks, Error> {
        let path = self.path();
        let file = self.folder.open_to_change(&self.name).context("open", &path, None)?;
        Ok(Blocks { file, path })
    }
}

/// An open file of blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) file: Arc<dyn File>,
    pub(super) path: PathBuf,
}

impl Blocks {
    pub(super) fn length(&self) -> Result<u64, Error> {
        self.file.length().context("look at", &self.path, None)
    }

    pub(super) fn read(&self, position: u64) -> Result<Block, Error> {
        let mut block = [0; BLOCK_BYTES];
        let offset = offset_of(position);
        let read = read_exact_at(self.file.as_ref(), &mut block, offset);
        read.context("read", &self.path, Some(offset))?;
        Ok(block)
    }

    pub(super) fn write(&self, position: u64, bytes: &[u8]) -> Result<(), Error> {
        let offset = offset_of(position);
        self.file.write_all_at(bytes, offset).context("write", &self.path, Some(offset))
    }

    pub(super) fn sync(&self) -> Result<(), Error> {
        self.file.sync().context("sync", &self.path, None)
    }
}

/// Where a block lies in its file, in bytes. No file is so long that it wouldn't fit.
fn offset_of(position: u64) -> u64 {
    position.saturating_mul(BLOCK_BYTES as u64)
}
