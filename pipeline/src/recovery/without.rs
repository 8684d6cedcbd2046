//! A folder without some of its files: for who reads it, they aren't there.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::storage::{File, Folder};

/// The folder, and the names that are left out.
#[derive(Debug)]
struct Without(Arc<dyn Folder>, Vec<String>);

/// A folder without the files of these names.
pub(super) fn without(folder: Arc<dyn Folder>, names: Vec<String>) -> Arc<dyn Folder> {
    Arc::new(Without(folder, names))
}

impl Folder for Without {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.0.list()?.into_iter();
        Ok(names.filter(|name| !self.1.contains(name)).collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.create(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.0.sync_folder()
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.0.lock()
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        self.0.lock_holder()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }
}
