//! The I/O seam: a folder of files. Everything that touches storage goes through here, so that
//! tests can put memory, faults and crashes behind it.

mod disk;
mod memory;
pub(crate) mod renamed;
pub(crate) mod tree;

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, IoContext as _};

pub use disk::{DiskFolder, Readers};
pub use memory::{MemoryFile, MemoryFolder};

/// A folder that holds a journal.
///
/// Law: after `sync_folder` returns, every earlier `create`, `rename` and `remove` survives a crash.
pub trait Folder: Debug + Send + Sync {
    /// The names of the regular files in it, in any order. Links and other things are left out.
    ///
    /// # Errors
    /// When the folder can't be listed.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens a regular file for reading and for writing where that is allowed; follows no link.
    ///
    /// # Errors
    /// When the file isn't there, isn't regular, or can't be opened.
    fn open(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Opens a regular file that is there, to change some of its bytes; follows no link.
    ///
    /// # Errors
    /// When the file isn't there, isn't regular, or can't be opened for reading and writing.
    fn open_to_change(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.open(name)
    }

    /// Makes an empty file, over an old one of that name.
    ///
    /// # Errors
    /// When the file can't be made.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Renames a file in one atomic step.
    ///
    /// # Errors
    /// When the file can't be renamed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Takes a file away.
    ///
    /// # Errors
    /// When it isn't there or can't be taken away.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the folder's entries durable.
    ///
    /// # Errors
    /// When that failed; nothing is known of the entries then.
    fn sync_folder(&self) -> io::Result<()>;

    /// Takes the exclusive lock of the journal, held until the returned guard is dropped.
    ///
    /// # Errors
    /// `WouldBlock`, naming the holder, when another process or handle has it.
    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>>;

    /// Who holds the exclusive lock; none where nobody does. Changes nothing.
    ///
    /// # Errors
    /// When that can't be told.
    fn lock_holder(&self) -> io::Result<Option<String>>;

    /// Whether it stands for one file, whatever that is named, rather than for a folder.
    fn is_one_file(&self) -> bool {
        false
    }

    /// The path of a file in it, or of the folder itself for an empty name; for messages only.
    fn path(&self, name: &str) -> PathBuf;
}

/// An open file. All offsets and lengths are in bytes.
///
/// Law: after `sync` returns, every earlier write through this handle survives a crash.
pub trait File: Debug + Send + Sync {
    /// The file's length now.
    ///
    /// # Errors
    /// When it can't be told.
    fn length(&self) -> io::Result<u64>;

    /// When the file was changed last, in nanoseconds since 1970-01-01 UTC, where the storage tells.
    ///
    /// # Errors
    /// When it can't be told.
    fn modified_ns(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Where the next byte at or after `offset` is that may be other than zero: past the holes of a
    /// sparse file. May be past the end of the file.
    ///
    /// # Errors
    /// When the storage fails.
    fn next_data(&self, offset: u64) -> io::Result<u64> {
        Ok(offset)
    }

    /// Reads up to `buffer.len()` bytes from `offset` on; 0 at the end of the file.
    ///
    /// # Errors
    /// When the storage fails.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// When the storage fails; nothing is known of the range then.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes all written bytes and the length durable.
    ///
    /// # Errors
    /// When that failed; nothing is known of anything written since the last success, and trying
    /// again proves nothing.
    fn sync(&self) -> io::Result<()>;
}

/// Takes the exclusive lock of a folder, held until the returned guard is dropped.
///
/// # Errors
/// [`Error::Locked`], naming the holder, when someone has it; [`Error::Io`] when storage fails.
pub fn lock(folder: &dyn Folder) -> Result<Box<dyn Debug + Send + Sync>, Error> {
    let path = folder.path("");
    match folder.lock() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(Error::Locked { path, holder: error.to_string() })
        }
        result => result.context("lock", path, None),
    }
}

/// Puts a file that was written under another name into its place, over an old one of that name, in one
/// atomic step that is durable when this returns.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub(crate) fn publish(
    folder: &dyn Folder,
    file: &dyn File,
    unfinished: &str,
    name: &str,
) -> Result<(), Error> {
    let path = folder.path(unfinished);
    file.sync().context("sync", &path, None)?;
    folder.rename(unfinished, name).context("rename", &path, None)?;
    folder.sync_folder().context("sync", folder.path(""), None)
}

/// What the name of a file ends with while it is written.
pub(crate) const UNFINISHED: &str = ".unfinished";

/// What a file is named while it is written, before it is put into its place.
pub(crate) fn unfinished_name(name: &str) -> String {
    format!("{name}{UNFINISHED}")
}

/// Writes a file beside its place: gives the name that it has there, and the file, which isn't synced.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub(crate) fn write_beside(
    folder: &dyn Folder,
    name: &str,
    bytes: &[u8],
) -> Result<(String, Arc<dyn File>), Error> {
    let unfinished = unfinished_name(name);
    let path = folder.path(&unfinished);
    let file = folder.create(&unfinished).context("create", &path, None)?;
    file.write_all_at(bytes, 0).context("write", &path, Some(0))?;
    Ok((unfinished, file))
}

/// Writes a file into its place, over an old one of that name, in one atomic step that is durable when this
/// returns.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub(crate) fn write_whole(folder: &dyn Folder, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let (unfinished, file) = write_beside(folder, name, bytes)?;
    publish(folder, file.as_ref(), &unfinished, name)
}

/// Reads a file of ours that is no longer than this, in bytes; none where it isn't there.
///
/// # Errors
/// [`Error::Io`] when storage fails, or the file is longer.
pub(crate) fn read_whole(
    folder: &dyn Folder,
    name: &str,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let path = folder.path(name);
    let file = match folder.open(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.context("open", &path, None)?,
    };
    let length = file.length().context("read the length of", &path, None)?;
    if length > bytes_max {
        let text = format!("it is {length} bytes long, and at most {bytes_max} are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text)).context("read", &path, None);
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    read_exact_at(file.as_ref(), &mut bytes, 0).context("read", &path, Some(0))?;
    Ok(Some(bytes))
}

/// Takes away the files whose names are wanted away, durably.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub(crate) fn remove_where(folder: &dyn Folder, goes: impl Fn(&str) -> bool) -> Result<(), Error> {
    let mut names = folder.list().context("list", folder.path(""), None)?;
    names.retain(|name| goes(name));
    for name in &names {
        folder.remove(name).context("remove", folder.path(name), None)?;
    }
    match names.is_empty() {
        true => Ok(()),
        false => folder.sync_folder().context("sync", folder.path(""), None),
    }
}

/// Fills `buffer` from `offset` on.
///
/// # Errors
/// `UnexpectedEof` when the file ends before, else what the storage says.
pub fn read_exact_at(file: &dyn File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.read_at(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
