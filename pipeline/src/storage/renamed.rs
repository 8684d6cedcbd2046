//! A folder under other names: its files are stored under names that whoever uses it doesn't see, or some
//! aren't there for it. Everything else is the folder's own.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{File, Folder};

/// How names are changed.
///
/// Law: what is stored under `stored(name)` is shown as `name`, or not at all.
pub(crate) trait Names: Debug + Send + Sync {
    /// Under which name a file is stored.
    fn stored(&self, name: &str) -> String;

    /// What a stored file is shown as; none where it isn't there for who looks.
    fn shown(&self, stored: &str) -> Option<String>;
}

#[derive(Debug)]
struct Renamed<N> {
    folder: Arc<dyn Folder>,
    names: N,
}

/// The folder under these names.
pub(crate) fn renamed(folder: Arc<dyn Folder>, names: impl Names + 'static) -> Arc<dyn Folder> {
    Arc::new(Renamed { folder, names })
}

impl<N: Names> Folder for Renamed<N> {
    fn list(&self) -> io::Result<Vec<String>> {
        let stored = self.folder.list()?;
        Ok(stored.iter().filter_map(|stored| self.names.shown(stored)).collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.folder.open(&self.names.stored(name))
    }

    fn open_to_change(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.folder.open_to_change(&self.names.stored(name))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.folder.create(&self.names.stored(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename(&self.names.stored(from), &self.names.stored(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder.remove(&self.names.stored(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.folder.sync_folder()
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.folder.lock()
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        self.folder.lock_holder()
    }

    fn is_one_file(&self) -> bool {
        self.folder.is_one_file()
    }

    fn path(&self, name: &str) -> PathBuf {
        match name {
            "" => self.folder.path(""),
            name => self.folder.path(&self.names.stored(name)),
        }
    }
}
