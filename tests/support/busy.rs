//! Storage at which a writer works on while somebody reads: something happens before the n-th call.

use std::fmt::{self, Debug};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use vexfs_replay::storage::{File, Folder, MemoryFolder};

type Happening = Box<dyn FnOnce() + Send>;

/// A folder in which something happens.
#[derive(Clone, Debug)]
pub(crate) struct BusyFolder {
    inner: MemoryFolder,
    state: Arc<Mutex<State>>,
}

struct State {
    calls_left: usize,
    happening: Option<Happening>,
}

impl Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} calls to go", self.calls_left)
    }
}

impl BusyFolder {
    /// Lets `happening` happen before the call of this number, counted from 1.
    pub(crate) fn over(inner: MemoryFolder, nth: usize, happening: Happening) -> Self {
        let state = State { calls_left: nth, happening: Some(happening) };
        Self { inner, state: Arc::new(Mutex::new(state)) }
    }

    /// Whether it has not happened yet.
    pub(crate) fn is_pending(&self) -> bool {
        self.state.lock().unwrap().happening.is_some()
    }

    fn count(&self) {
        let mut state = self.state.lock().unwrap();
        state.calls_left = state.calls_left.saturating_sub(1);
        if state.calls_left == 0
            && let Some(happening) = state.happening.take()
        {
            happening();
        }
    }
}

impl Folder for BusyFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        self.count();
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.count();
        Ok(Arc::new(BusyFile { folder: self.clone(), file: self.inner.open(name)? }))
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
struct BusyFile {
    folder: BusyFolder,
    file: Arc<dyn File>,
}

impl File for BusyFile {
    fn length(&self) -> io::Result<u64> {
        self.folder.count();
        self.file.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.folder.count();
        self.file.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}
