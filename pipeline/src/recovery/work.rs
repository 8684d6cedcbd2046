//! The checkpoints of a full replay on its way: among the records, under names of their own, so that
//! nobody takes them for a journal's checkpoints, and nobody's checkpoints are taken for them.

use std::sync::Arc;

use crate::error::{Error, IoContext as _};
use crate::storage::Folder;
use crate::storage::renamed::{Names, renamed};

pub(super) const PREFIX: &str = "work-";

/// The files among the records whose names begin with a prefix, as a folder in which they don't.
#[derive(Debug)]
struct Work;

/// The folder of work among these records.
pub(super) fn work_in(records: &Arc<dyn Folder>) -> Arc<dyn Folder> {
    renamed(Arc::clone(records), Work)
}

/// Takes away what full replays have left among the records.
pub(super) fn clear_work(records: &Arc<dyn Folder>) -> Result<(), Error> {
    let work = work_in(records);
    for name in work.list().context("list", work.path(""), None)? {
        work.remove(&name).context("remove", work.path(&name), None)?;
    }
    Ok(())
}

impl Names for Work {
    fn stored(&self, name: &str) -> String {
        format!("{PREFIX}{name}")
    }

    fn shown(&self, stored: &str) -> Option<String> {
        stored.strip_prefix(PREFIX).map(str::to_owned)
    }
}
