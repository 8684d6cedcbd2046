//! A folder that counts how many bytes are read from it, so that the work can be held to a bound;
//! and that is asked for plain file names alone, since a path would lead out of it.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use vexfs_replay::storage::{File, Folder, MemoryFolder};

/// A folder in memory that counts.
#[derive(Clone, Debug)]
pub struct CountingFolder {
    inner: MemoryFolder,
    bytes_read: Arc<AtomicU64>,
}

#[derive(Debug)]
struct CountingFile {
    inner: Arc<dyn File>,
    bytes_read: Arc<AtomicU64>,
}

impl CountingFolder {
    /// Counts what is read from `inner`.
    #[must_use]
    pub fn over(inner: MemoryFolder) -> Self {
        Self { inner, bytes_read: Arc::default() }
    }

    /// How many bytes were read since this was asked the last time.
    #[must_use]
    pub fn take_bytes_read(&self) -> u64 {
        self.bytes_read.swap(0, Ordering::Relaxed)
    }
}

fn check_plain(name: &str) {
    let plain = !name.contains('/') && !["", ".", ".."].contains(&name);
    assert!(plain, "{name:?} is no file of this folder");
}

impl Folder for CountingFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        check_plain(name);
        let inner = self.inner.open(name)?;
        Ok(Arc::new(CountingFile { inner, bytes_read: Arc::clone(&self.bytes_read) }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        check_plain(name);
        self.inner.create(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        [from, to].into_iter().for_each(check_plain);
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        check_plain(name);
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

impl File for CountingFile {
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn next_data(&self, offset: u64) -> io::Result<u64> {
        self.inner.next_data(offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = self.inner.read_at(buffer, offset)?;
        self.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inner.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}
