//! The folder of a real file system. Reads by `pread`: a mapped file that shrinks is a signal, a
//! read one is an error.

use std::fmt::Debug;
use std::fs;
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{OFlags, SeekFrom};
use rustix::io::Errno;

use super::{File, Folder};

const LOCK_NAME: &str = "LOCK";

/// A folder on disk, or one file of it that stands alone.
#[derive(Debug)]
pub struct DiskFolder {
    root: PathBuf,
    only: Option<String>,
}

impl DiskFolder {
    /// The folder at `path`; or, when `path` is a regular file, a folder that holds it alone.
    ///
    /// # Errors
    /// When `path` isn't there, or is neither a folder nor a regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Ok(Self { root: path.to_owned(), only: None });
        }
        let name = path.file_name().and_then(|name| name.to_str());
        let (true, Some(name)) = (metadata.is_file(), name) else {
            let text = "neither a folder nor a regular file with a readable name";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        };
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { root, only: Some(name.to_owned()) })
    }

    /// Makes the folder at `path` where it isn't there yet, durably.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        create_folder(path)?;
        Self::open(path)
    }

    /// Makes an empty file that isn't there yet.
    ///
    /// # Errors
    /// When there is something of that name, or the file can't be made.
    pub fn create_new(&self, name: &str, readers: Readers) -> io::Result<Arc<dyn File>> {
        let mode = match readers {
            Readers::Owner => 0o600,
            Readers::Everybody => 0o666,
        };
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode);
        Ok(Arc::new(DiskFile(open_regular(&self.root.join(name), &mut options)?)))
    }
}

/// Who may read a file that is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone: it holds a secret.
    Owner,
    /// Whom the process lets read its files.
    Everybody,
}

/// Makes a folder and those above it where they aren't there yet, each entry durably.
fn create_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    create_folder(parent)?;
    match fs::create_dir(path) {
        // Another process may have made it; a file is no folder.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    fs::File::open(parent)?.sync_all()
}

/// Opens a regular file and nothing else: follows no link, and can't be kept waiting by a pipe that
/// was put in its place.
pub(super) fn open_regular(path: &Path, options: &mut fs::OpenOptions) -> io::Result<fs::File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = options.custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

impl Folder for DiskFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        if let Some(only) = &self.only {
            return Ok(vec![only.clone()]);
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = open_regular(&self.root.join(name), fs::OpenOptions::new().read(true))?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn open_to_change(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        let file = open_regular(&self.root.join(name), options.read(true).write(true))?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        // Emptied only once it is known to be a regular file.
        options.read(true).write(true).create(true).truncate(false);
        let file = open_regular(&self.root.join(name), &mut options)?;
        file.set_len(0)?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        fs::File::open(&self.root)?.sync_all()
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        let path = self.root.join(LOCK_NAME);
        let mut options = fs::OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = open_regular(&path, &mut options)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                let text = format!("locked by {}", named_in(&mut file)?);
                return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
            }
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "process {}", std::process::id())?;
        Ok(Box::new(file))
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        let options = &mut fs::OpenOptions::new();
        let mut file = match open_regular(&self.root.join(LOCK_NAME), options.read(true)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(fs::TryLockError::WouldBlock) => named_in(&mut file).map(Some),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn is_one_file(&self) -> bool {
        self.only.is_some()
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }
}

/// Whom a lock's file names.
fn named_in(file: &mut fs::File) -> io::Result<String> {
    let mut holder = String::new();
    file.take(256).read_to_string(&mut holder)?;
    Ok(holder.trim().to_owned())
}

#[derive(Debug)]
struct DiskFile(fs::File);

impl File for DiskFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn modified_ns(&self) -> io::Result<Option<u64>> {
        let modified = self.0.metadata()?.modified()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).map_err(io::Error::other)?;
        Ok(u64::try_from(since.as_nanos()).ok())
    }

    fn next_data(&self, offset: u64) -> io::Result<u64> {
        // Moves the handle's position, which nothing here uses.
        match rustix::fs::seek(&self.0, SeekFrom::Data(offset)) {
            Ok(data) => Ok(data),
            Err(Errno::NXIO) => Ok(u64::MAX),
            Err(Errno::INVAL | Errno::NOTSUP) => Ok(offset),
            Err(error) => Err(error.into()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
