//! Storage that is watched: somebody is told of each call before it is made, and may count it, let
//! something happen, make it wait or fail, or panic.

use std::fmt::{self, Debug};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use vexfs_replay::storage::{File, Folder, MemoryFolder};

/// A call that somebody is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    List,
    Open,
    Length,
    /// From this offset on.
    Read(u64),
    Write,
    Sync,
}

impl Call {
    /// Whether it is one of those that a reader makes.
    pub(crate) fn looks(self) -> bool {
        !matches!(self, Self::Write | Self::Sync)
    }
}

type Watcher = dyn Fn(Call) -> io::Result<()> + Send + Sync;

/// The folder.
#[derive(Clone)]
pub(crate) struct WatchedFolder {
    inner: MemoryFolder,
    watcher: Arc<Watcher>,
}

impl Debug for WatchedFolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl WatchedFolder {
    pub(crate) fn over(
        inner: MemoryFolder,
        watcher: impl Fn(Call) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { inner, watcher: Arc::new(watcher) }
    }

    fn watched(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(WatchedFile { file, watcher: Arc::clone(&self.watcher) })
    }
}

impl Folder for WatchedFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        (self.watcher)(Call::List)?;
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        (self.watcher)(Call::Open)?;
        self.inner.open(name).map(|file| self.watched(file))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.inner.create(name).map(|file| self.watched(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.inner.sync_folder()
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.inner.lock()
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        self.inner.lock_holder()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }
}

struct WatchedFile {
    file: Arc<dyn File>,
    watcher: Arc<Watcher>,
}

impl Debug for WatchedFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(formatter)
    }
}

impl File for WatchedFile {
    fn length(&self) -> io::Result<u64> {
        (self.watcher)(Call::Length)?;
        self.file.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        (self.watcher)(Call::Read(offset))?;
        self.file.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        (self.watcher)(Call::Write)?;
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        (self.watcher)(Call::Sync)?;
        self.file.sync()
    }
}
