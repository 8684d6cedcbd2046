//! The tree of files that a state holds, as `git ls-tree -r` lists one: every file that can be
//! reached from the root directory, by path.

use std::collections::{BTreeMap, HashSet};

use super::key::{Key, KeyKind};
use super::record::{EntryRecord, InodeRecord};
use super::view::View;
use crate::error::Error;
use crate::event::content_kind;

/// The inode of the root directory, which no event makes.
pub const ROOT_INODE: u64 = 1;

const TYPE_BITS: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const SUBMODULE: u32 = 0o160_000;

/// A file of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFile {
    /// Its path from the root, without a leading slash.
    pub path: Vec<u8>,
    /// POSIX mode, file type bits included.
    pub mode: u32,
    /// The identity of its content: 20 bytes for a git SHA-1, else 32.
    pub content: Vec<u8>,
}

impl TreeFile {
    /// What git calls the type of the object under the path.
    #[must_use]
    pub fn object_type(&self) -> &'static str {
        if self.mode & TYPE_BITS == SUBMODULE { "commit" } else { "blob" }
    }
}

/// An entry of a directory: its name, and the inode that it names.
type Entry = (Box<[u8]>, u64);

/// The files of `state` that can be reached from the root, in the order of their paths' bytes.
///
/// A journal may hold anything: a directory that is reached twice is listed once, so the work is
/// bounded by the number of entries.
///
/// # Errors
/// What the place says in which the records are kept.
pub fn list(state: &dyn View) -> Result<Vec<TreeFile>, Error> {
    let mut entries: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
    state.visit(KeyKind::Entry, &mut |key, record| {
        let inode = EntryRecord::read(record).inode;
        entries.entry(key.id).or_default().push((key.name.into(), inode));
        Ok(())
    })?;
    let mut files = Vec::new();
    let mut seen = HashSet::from([ROOT_INODE]);
    let mut directories = vec![(ROOT_INODE, Vec::new())];
    while let Some((directory, prefix)) = directories.pop() {
        for (name, number) in entries.get(&directory).into_iter().flatten() {
            let number = *number;
            let inode = state.record(&Key::numbered(KeyKind::Inode, number))?;
            let Some(inode) = inode.as_deref().map(InodeRecord::read) else { continue };
            let mut path: Vec<u8> = prefix.clone();
            path.extend_from_slice(name);
            if inode.mode & TYPE_BITS != DIRECTORY {
                let sha1 = inode.content_kind == content_kind::GIT_SHA1;
                let content = inode.content[..if sha1 { 20 } else { 32 }].to_vec();
                files.push(TreeFile { path, mode: inode.mode, content });
            } else if seen.insert(number) {
                path.push(b'/');
                directories.push((number, path));
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}
