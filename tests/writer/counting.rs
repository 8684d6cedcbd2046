//! Storage that counts the writes and syncs of files, and can keep a sync waiting.

use std::fmt::{self, Debug};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use vexfs_replay::storage::{File, Folder, MemoryFolder};

/// How often files were written and synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) writes: usize,
    pub(crate) syncs: usize,
}

/// What a sync does before it returns.
type BeforeSync = dyn Fn() + Send + Sync;

/// The folder.
#[derive(Clone)]
pub(crate) struct CountingFolder {
    inner: MemoryFolder,
    calls: Arc<Mutex<Calls>>,
    before_sync: Arc<BeforeSync>,
}

impl Debug for CountingFolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.calls())
    }
}

impl CountingFolder {
    pub(crate) fn new(before_sync: impl Fn() + Send + Sync + 'static) -> Self {
        let (inner, calls) = (MemoryFolder::default(), Arc::default());
        Self { inner, calls, before_sync: Arc::new(before_sync) }
    }

    pub(crate) fn calls(&self) -> Calls {
        *self.calls.lock().unwrap()
    }

    /// The calls since the last time that this was asked.
    pub(crate) fn take_calls(&self) -> Calls {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

impl Folder for CountingFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.inner.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(CountingFile { folder: self.clone(), file: self.inner.create(name)? }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.inner.sync_folder()
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.inner.lock()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }
}

#[derive(Debug)]
struct CountingFile {
    folder: CountingFolder,
    file: Arc<dyn File>,
}

impl File for CountingFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.folder.calls.lock().unwrap().writes += 1;
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        (self.folder.before_sync)();
        self.folder.calls.lock().unwrap().syncs += 1;
        self.file.sync()
    }
}
