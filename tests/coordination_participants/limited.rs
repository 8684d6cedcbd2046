//! Storage that stops after so many changes, as it does for a process that is killed.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use vexfs_replay::storage::{File, Folder};

/// How many changes are still made, over all folders of a process.
#[derive(Clone, Debug)]
pub(crate) struct Life(Arc<AtomicI64>);

impl Life {
    pub(crate) fn of(changes: i64) -> Self {
        Self(Arc::new(AtomicI64::new(changes)))
    }

    /// How many changes are left; below zero where it has ended.
    pub(crate) fn left(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn folder(&self, inner: impl Folder + 'static) -> Arc<dyn Folder> {
        Arc::new(Limited { inner: Arc::new(inner), life: self.clone() })
    }

    fn change(&self) -> io::Result<()> {
        match self.0.fetch_sub(1, Ordering::SeqCst) {
            1.. => Ok(()),
            _ => Err(io::Error::other("killed")),
        }
    }
}

#[derive(Debug)]
struct Limited {
    inner: Arc<dyn Folder>,
    life: Life,
}

#[derive(Debug)]
struct LimitedFile {
    inner: Arc<dyn File>,
    life: Life,
}

impl Limited {
    fn file(&self, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(LimitedFile { inner, life: self.life.clone() })
    }
}

impl Folder for Limited {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.inner.open(name).map(|file| self.file(file))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.life.change()?;
        self.inner.create(name).map(|file| self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.life.change()?;
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.life.change()?;
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

impl File for LimitedFile {
    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    /// The write at which it ends is half done.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Err(killed) = self.life.change() {
            if self.life.left() == -1 {
                self.inner.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            }
            return Err(killed);
        }
        self.inner.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }
}
