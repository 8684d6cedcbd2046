//! The checkpoints of a full replay on its way: among the records, under names of their own, so that
//! nobody takes them for a journal's checkpoints, and nobody's checkpoints are taken for them.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, IoContext as _};
use crate::storage::{File, Folder};

pub(super) const PREFIX: &str = "work-";

/// The files among the records whose names begin with a prefix, as a folder in which they don't.
#[derive(Debug)]
struct Work(Arc<dyn Folder>);

/// The folder of work among these records.
pub(super) fn work_in(records: &Arc<dyn Folder>) -> Arc<dyn Folder> {
    Arc::new(Work(Arc::clone(records)))
}

/// Takes away what full replays have left among the records.
pub(super) fn clear_work(records: &Arc<dyn Folder>) -> Result<(), Error> {
    let work = work_in(records);
    for name in work.list().context("list", work.path(""), None)? {
        work.remove(&name).context("remove", work.path(&name), None)?;
    }
    Ok(())
}

fn named(name: &str) -> String {
    format!("{PREFIX}{name}")
}

impl Folder for Work {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.0.list()?.into_iter();
        Ok(names.filter_map(|name| name.strip_prefix(PREFIX).map(str::to_owned)).collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.open(&named(name))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.create(&named(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(&named(from), &named(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(&named(name))
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
        if name.is_empty() { self.0.path("") } else { self.0.path(&named(name)) }
    }
}
