//! Storage that is spied on: every call is noted with the file's name, where in it and how much, and may
//! be made to fail.

use std::fmt::{self, Debug};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use vexfs_replay::storage::{File, Folder};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Read { name: String, offset: u64, bytes: u64 },
    Create(String),
    Rename(String),
    Remove(String),
    Write(String),
    Sync(String),
    SyncFolder,
    Lock,
}

impl Call {
    /// Whether it leaves a trace.
    pub(crate) fn changes(&self) -> bool {
        !matches!(self, Self::Read { .. })
    }
}

type Judge = dyn Fn(&Call) -> io::Result<()> + Send + Sync;

/// The folder.
#[derive(Clone)]
pub(crate) struct SpiedFolder {
    inner: Arc<dyn Folder>,
    calls: Arc<Mutex<Vec<Call>>>,
    judge: Arc<Judge>,
}

impl Debug for SpiedFolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl SpiedFolder {
    pub(crate) fn over(inner: impl Folder + 'static) -> Self {
        Self::judged(inner, |_| Ok(()))
    }

    /// One whose calls fail where `judge` says so.
    pub(crate) fn judged(
        inner: impl Folder + 'static,
        judge: impl Fn(&Call) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { inner: Arc::new(inner), calls: Arc::default(), judge: Arc::new(judge) }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// How many bytes were read.
    pub(crate) fn bytes_read(&self) -> u64 {
        let calls = self.calls();
        let read =
            calls.iter().map(|call| if let Call::Read { bytes, .. } = call { *bytes } else { 0 });
        read.sum()
    }

    fn note(&self, call: Call) -> io::Result<()> {
        (self.judge)(&call)?;
        self.calls.lock().unwrap().push(call);
        Ok(())
    }

    fn wrap(&self, name: &str, file: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(SpiedFile { folder: self.clone(), name: name.to_owned(), file })
    }
}

impl Folder for SpiedFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.inner.open(name).map(|file| self.wrap(name, file))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.note(Call::Create(name.to_owned()))?;
        self.inner.create(name).map(|file| self.wrap(name, file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.note(Call::Rename(from.to_owned()))?;
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.note(Call::Remove(name.to_owned()))?;
        self.inner.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.note(Call::SyncFolder)?;
        self.inner.sync_folder()
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.note(Call::Lock)?;
        self.inner.lock()
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        self.inner.lock_holder()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }
}

struct SpiedFile {
    folder: SpiedFolder,
    name: String,
    file: Arc<dyn File>,
}

impl Debug for SpiedFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(formatter)
    }
}

impl File for SpiedFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let name = self.name.clone();
        let told = Call::Read { name, offset, bytes: buffer.len() as u64 };
        (self.folder.judge)(&told)?;
        let read = self.file.read_at(buffer, offset)?;
        let (name, bytes) = (self.name.clone(), read as u64);
        self.folder.calls.lock().unwrap().push(Call::Read { name, offset, bytes });
        Ok(read)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.folder.note(Call::Write(self.name.clone()))?;
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.folder.note(Call::Sync(self.name.clone()))?;
        self.file.sync()
    }
}
