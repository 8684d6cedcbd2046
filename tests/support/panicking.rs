//! Storage that panics in the n-th read, as a bug in a worker would.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vexfs_replay::storage::{File, Folder, MemoryFolder};

/// A folder of such files.
#[derive(Clone, Debug)]
pub(crate) struct PanickingFolder {
    inner: MemoryFolder,
    nth: usize,
    reads: Arc<AtomicUsize>,
}

impl PanickingFolder {
    /// Panics in the read of this number, counted from 1 after [`Self::begin_again`].
    pub(crate) fn over(inner: MemoryFolder, nth: usize) -> Self {
        Self { inner, nth, reads: Arc::new(AtomicUsize::new(nth)) }
    }

    /// Counts from the start again.
    pub(crate) fn begin_again(&self) {
        self.reads.store(0, Ordering::SeqCst);
    }
}

impl Folder for PanickingFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(PanickingFile { folder: self.clone(), file: self.inner.open(name)? }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.inner.create(name)
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
struct PanickingFile {
    folder: PanickingFolder,
    file: Arc<dyn File>,
}

impl File for PanickingFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let PanickingFolder { nth, reads, .. } = &self.folder;
        assert!(reads.fetch_add(1, Ordering::SeqCst) + 1 != *nth, "in the read of number {nth}");
        self.file.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
