//! A folder in memory: for tests, for fuzzing, and for journals that never reach a disk.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::{File, Folder};

/// A folder whose files are byte vectors.
#[derive(Clone, Debug, Default)]
pub struct MemoryFolder {
    files: Arc<Mutex<BTreeMap<String, Arc<MemoryFile>>>>,
    lock: Arc<Mutex<Option<std::sync::Weak<()>>>>,
}

/// A file in memory.
#[derive(Debug, Default)]
pub struct MemoryFile(RwLock<Vec<u8>>);

impl MemoryFolder {
    /// Puts a file with this content into the folder, over an old one.
    pub fn put(&self, name: &str, content: Vec<u8>) {
        self.files().insert(name.to_owned(), Arc::new(MemoryFile(RwLock::new(content))));
    }

    /// The content of a file, where it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let file = self.files().get(name).cloned()?;
        let content = file.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(content.clone())
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Arc<MemoryFile>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no file {name}"))
}

impl Folder for MemoryFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.files().keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = self.files().get(name).cloned().ok_or_else(|| missing(name))?;
        Ok(file)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = Arc::new(MemoryFile::default());
        self.files().insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.files();
        let file = files.remove(from).ok_or_else(|| missing(from))?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files().remove(name).map(|_| ()).ok_or_else(|| missing(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.as_ref().is_some_and(|held| held.strong_count() > 0) {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "locked by this process"));
        }
        let guard = Arc::new(());
        *lock = Some(Arc::downgrade(&guard));
        Ok(Box::new(guard))
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        let lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let held = lock.as_ref().is_some_and(|held| held.strong_count() > 0);
        Ok(held.then(|| "this process".to_owned()))
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("(memory)").join(name)
    }
}

impl File for MemoryFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let length = buffer.len().min(content.len() - start);
        buffer[..length].copy_from_slice(&content[start..start + length]);
        Ok(length)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let mut content = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let end = start + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
