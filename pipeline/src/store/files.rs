//! The files of a store: where it is, where a new one is made beside it, and how that takes its place.
//! What is in them is not looked at here.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Held, Store, check_built_in, open, open_to_read};
use crate::error::{Error, IoContext as _};

/// What SQLite has beside a database that is being written.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// The place of a store, which is this process's alone while this is held.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    beside: PathBuf,
    _lock: fs::File,
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Keeps replays from writing the store at this path while it is read. A store that was taken elsewhere,
/// without its lock, is nobody's.
pub(super) fn lock_to_read(path: &Path) -> Result<Option<fs::File>, Error> {
    let lock_path = with(path, ".lock");
    let lock = match fs::File::open(&lock_path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        lock => lock.context("open", &lock_path, None)?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Some(lock)),
        Err(fs::TryLockError::WouldBlock) => {
            let holder = "a replay is writing this store".to_owned();
            Err(Error::Locked { path: path.to_owned(), holder })
        }
        Err(fs::TryLockError::Error(error)) => Err(error).context("lock", &lock_path, None),
    }
}

impl Place {
    /// Takes the place for this process.
    pub(crate) fn take(path: &Path) -> Result<Self, Error> {
        check_built_in()?;
        let lock_path = with(path, ".lock");
        let lock = fs::File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.context("open", &lock_path, None)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let holder = "another process has this store".to_owned();
                return Err(Error::Locked { path: path.to_owned(), holder });
            }
            Err(fs::TryLockError::Error(error)) => {
                return Err(error).context("lock", &lock_path, None);
            }
        }
        Ok(Self { path: path.to_owned(), beside: with(path, ".partial"), _lock: lock })
    }

    /// Where the store is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is one.
    pub(crate) fn is_taken(&self) -> bool {
        self.path.exists()
    }

    /// What the store that is there holds. It is not touched.
    pub(crate) fn held(&self) -> Result<Held, Error> {
        open_to_read(&self.path).map(|(held, _)| held)
    }

    /// Opens the store that is there.
    pub(crate) fn open(&self, held: &Held) -> Result<Box<dyn Store>, Error> {
        open(&self.path, held)
    }

    /// Opens the one that is being made beside it, or begins it.
    pub(crate) fn open_beside(&self, held: &Held) -> Result<Box<dyn Store>, Error> {
        open(&self.beside, held)
    }

    /// Takes what is beside it away.
    pub(crate) fn clear_beside(&self) -> Result<(), Error> {
        // The log first: without its database nobody takes it for another one's.
        for path in [with(&self.beside, "-wal"), with(&self.beside, "-shm"), self.beside.clone()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.context("remove", &path, None)?,
            }
        }
        Ok(())
    }

    /// Puts the one beside it, which is closed, into its place in one atomic and durable step.
    pub(crate) fn publish(&self, held: &Held) -> Result<(), Error> {
        if self.is_taken() {
            // A log that an old store has left would be taken for one of the new store.
            self.open(held)?.close()?;
        }
        for path in [&self.path, &self.beside] {
            let mut companions = COMPANIONS.iter().map(|suffix| with(path, suffix));
            if let Some(companion) = companions.find(|companion| companion.exists()) {
                let reason = format!("{} is still in use", companion.display());
                return Err(Error::Store { operation: "publish", path: path.clone(), reason });
            }
        }
        fs::rename(&self.beside, &self.path).context("rename", &self.beside, None)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::File::open(folder).and_then(|folder| folder.sync_all()).context("sync", folder, None)
    }
}
