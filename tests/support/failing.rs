//! Storage whose calls fail on command: one kind of call, the n-th of them, once or for good.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use vexfs_replay::storage::{File, Folder};

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    List,
    Open,
    Create,
    Rename,
    Remove,
    SyncFolder,
    Lock,
    Length,
    NextData,
    Read,
    Write,
    Sync,
}

impl Call {
    pub(crate) const ALL: [Self; 11] = [
        Self::List,
        Self::Open,
        Self::Create,
        Self::Rename,
        Self::SyncFolder,
        Self::Lock,
        Self::Length,
        Self::NextData,
        Self::Read,
        Self::Write,
        Self::Sync,
    ];

    pub(crate) fn changes_something(self) -> bool {
        matches!(self, Self::Create | Self::Rename | Self::SyncFolder | Self::Write | Self::Sync)
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Nothing is done.
    Nothing,
    /// Half of it is done: half the bytes are written; or, read, the file seems to end there.
    Half,
    /// Half the bytes are read, and no error is told: that is no failure, only slow.
    Short,
    /// All of it is done, and an error is told all the same.
    All,
}

/// Which calls fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) call: Call,
    /// The first that fails, counted from 1.
    pub(crate) nth: usize,
    /// Whether all later ones of the kind fail, too.
    pub(crate) for_good: bool,
    pub(crate) how: How,
    pub(crate) error: rustix::io::Errno,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<Plan>,
    calls: HashMap<Call, usize>,
    bytes_read: u64,
    failed: bool,
    changes_after_failure: usize,
}

/// A folder that fails by plan.
#[derive(Clone, Debug)]
pub(crate) struct FailingFolder {
    inner: Arc<dyn Folder>,
    state: Arc<Mutex<State>>,
}

impl FailingFolder {
    pub(crate) fn over(inner: Arc<dyn Folder>, plan: Option<Plan>) -> Self {
        let state = State { plan, ..State::default() };
        Self { inner, state: Arc::new(Mutex::new(state)) }
    }

    /// Whether a call has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.state.lock().unwrap().failed
    }

    /// How many calls that change something came after the first failure.
    pub(crate) fn changes_after_failure(&self) -> usize {
        self.state.lock().unwrap().changes_after_failure
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.state.lock().unwrap().bytes_read
    }

    /// Counts a call; gives how it is to fail, where it is.
    fn count(&self, call: Call) -> Option<(How, io::Error)> {
        let mut state = self.state.lock().unwrap();
        if state.failed && call.changes_something() {
            state.changes_after_failure += 1;
        }
        let count = state.calls.entry(call).or_default();
        *count += 1;
        let count = *count;
        let plan = state.plan.filter(|plan| plan.call == call)?;
        let fails = count == plan.nth || (plan.for_good && count > plan.nth);
        state.failed |= fails;
        fails.then(|| (plan.how, plan.error.into()))
    }

    /// Makes a call that is done as a whole or not at all.
    fn make<T>(&self, call: Call, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.count(call) {
            None => make(),
            Some((How::All, error)) => make().and(Err(error)),
            Some((_, error)) => Err(error),
        }
    }

    fn wrap(&self, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(FailingFile { folder: self.clone(), file })
    }
}

impl Folder for FailingFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        self.make(Call::List, || self.inner.list())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.make(Call::Open, || self.inner.open(name)).map(|file| self.wrap(file))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.make(Call::Create, || self.inner.create(name)).map(|file| self.wrap(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.make(Call::Rename, || self.inner.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.make(Call::Remove, || self.inner.remove(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.make(Call::SyncFolder, || self.inner.sync_folder())
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.make(Call::Lock, || self.inner.lock())
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        self.inner.lock_holder()
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("(failing)").join(name)
    }
}

#[derive(Debug)]
struct FailingFile {
    folder: FailingFolder,
    file: Arc<dyn File>,
}

impl File for FailingFile {
    fn length(&self) -> io::Result<u64> {
        self.folder.make(Call::Length, || self.file.length())
    }

    fn next_data(&self, offset: u64) -> io::Result<u64> {
        self.folder.make(Call::NextData, || self.file.next_data(offset))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let read = match self.folder.count(Call::Read) {
            None => self.file.read_at(buffer, offset)?,
            Some((How::Short, _)) => {
                let half = buffer.len().div_ceil(2);
                self.file.read_at(&mut buffer[..half], offset)?
            }
            Some((How::Half, _)) => 0,
            Some((_, error)) => return Err(error),
        };
        self.folder.state.lock().unwrap().bytes_read += read as u64;
        Ok(read)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let Some((how, error)) = self.folder.count(Call::Write) else {
            return self.file.write_all_at(bytes, offset);
        };
        let done = match how {
            How::Nothing => return Err(error),
            How::Half | How::Short => &bytes[..bytes.len() / 2],
            How::All => bytes,
        };
        self.file.write_all_at(done, offset).and(Err(error))
    }

    fn sync(&self) -> io::Result<()> {
        self.folder.make(Call::Sync, || self.file.sync())
    }
}
