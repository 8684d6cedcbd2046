//! A folder without some of its files: for who reads it, they aren't there.

use std::sync::Arc;

use crate::storage::Folder;
use crate::storage::renamed::{Names, renamed};

/// The names that are left out.
#[derive(Debug)]
struct Without(Vec<String>);

/// A folder without the files of these names.
pub(super) fn without(folder: Arc<dyn Folder>, names: Vec<String>) -> Arc<dyn Folder> {
    renamed(folder, Without(names))
}

impl Names for Without {
    fn stored(&self, name: &str) -> String {
        name.to_owned()
    }

    fn shown(&self, stored: &str) -> Option<String> {
        let is_there = self.0.iter().all(|it| it != stored);
        is_there.then(|| stored.to_owned())
    }
}
