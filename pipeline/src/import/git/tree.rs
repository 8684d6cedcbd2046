//! The tree as it is at one commit: every path with its inode. Each method makes one change to it
//! and says so in events that can be applied one after the other; which change comes first is for
//! [`plan`](super::plan) to know.
//!
//! Directories come with the first thing in them. One that has lost its last thing stays, empty,
//! until [`Tree::prune`], so that a directory that gets something else in the same commit keeps
//! its inode.

use std::collections::HashMap;

use super::Sink;
use super::blobs::{Content, ContentKind};
use super::mode;
use super::object::ObjectId;
use super::vector;
use crate::error::Error;
use crate::event::{
    Body, EntryRef, FileWrite, Mode, NewEntry, NewSymlink, Rename, Truncation, Vector, VectorRef,
};

/// The inode of the root directory, which no event makes.
pub const ROOT_INODE: u64 = 1;

/// The present tree.
#[derive(Debug)]
pub(super) struct Tree {
    /// By full path; the root's is empty.
    entries: HashMap<Box<[u8]>, Entry>,
    next_inode: u64,
    /// Directories that have lost their last entry since the last [`Self::prune`].
    emptied: Vec<Box<[u8]>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    inode: u64,
    node: Node,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Directory { children: u64 },
    File { mode: u32, size: u64, has_vector: bool },
}

/// What a path should be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) mode: u32,
    pub(super) id: ObjectId,
    pub(super) content: &'a Content,
}

impl Tree {
    pub(super) fn new() -> Self {
        let root = Entry { inode: ROOT_INODE, node: Node::Directory { children: 0 } };
        let entries = HashMap::from([(Box::default(), root)]);
        Self { entries, next_inode: ROOT_INODE + 1, emptied: Vec::new() }
    }

    /// How many files, links and submodules there are.
    pub(super) fn files(&self) -> u64 {
        self.entries.values().filter(|entry| matches!(entry.node, Node::File { .. })).count() as u64
    }

    /// Whether something is at `path`.
    pub(super) fn exists(&self, path: &[u8]) -> bool {
        self.entries.contains_key(path)
    }

    /// Whether nothing is at `path`, and nothing but directories above it.
    pub(super) fn is_free(&self, path: &[u8]) -> bool {
        let above = self.nearest(split(path).0).1;
        !self.exists(path) && matches!(above.map(|entry| entry.node), Some(Node::Directory { .. }))
    }

    /// Makes a file, link or submodule where nothing is, or an empty directory.
    pub(super) fn create(
        &mut self,
        path: &[u8],
        wanted: &Wanted<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let parent = self.make_room(path, sink)?;
        if self.exists(path) {
            return Err(inconsistent("adds", path, "which is there already"));
        }
        let (inode, name) = (self.take_inode(), split(path).1);
        let (mode, uid, gid) = (wanted.mode, 0, 0);
        sink.put(match &wanted.content.kind {
            _ if !mode::is_link(mode) => {
                Body::FileCreate(NewEntry { parent, inode, mode, uid, gid, name })
            }
            ContentKind::Target(target) => {
                Body::SymlinkCreate(NewSymlink { parent, inode, mode, uid, gid, name, target })
            }
            _ => {
                Body::SymlinkCreate(NewSymlink { parent, inode, mode, uid, gid, name, target: b"" })
            }
        })?;
        let node = Node::File { mode, size: 0, has_vector: false };
        self.put(path, Entry { inode, node });
        self.write(path, wanted, sink)
    }

    /// Removes a file, link or submodule.
    pub(super) fn delete(&mut self, path: &[u8], sink: &mut dyn Sink) -> Result<(), Error> {
        let (parent, name) = (self.parent_of(path), split(path).1);
        let Some(Entry { inode, node: Node::File { has_vector, .. } }) = self.remove(path) else {
            return Err(inconsistent("removes", path, "which is no file there"));
        };
        if has_vector {
            sink.put(Body::VectorDelete(VectorRef { vector: inode }))?;
        }
        sink.put(Body::FileDelete(EntryRef { parent, inode, name }))
    }

    /// Moves a file, link or submodule to where nothing is, or an empty directory, or another file,
    /// which it replaces.
    pub(super) fn rename(
        &mut self,
        from: &[u8],
        to: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let to_parent = self.make_room(to, sink)?;
        let from_parent = self.parent_of(from);
        let Some(moved @ Entry { inode, node: Node::File { .. } }) = self.remove(from) else {
            return Err(inconsistent("moves", from, "which is no file there"));
        };
        let replaced_inode = match self.entries.get(to).copied() {
            None => 0,
            Some(Entry { inode, node: Node::File { has_vector, .. } }) => {
                if has_vector {
                    sink.put(Body::VectorDelete(VectorRef { vector: inode }))?;
                }
                self.remove(to);
                inode
            }
            Some(_) => return Err(inconsistent("moves a file to", to, "which is a directory")),
        };
        self.put(to, moved);
        let (from_name, to_name) = (split(from).1, split(to).1);
        sink.put(Body::FileRename(Rename {
            from_parent,
            to_parent,
            inode,
            replaced_inode,
            from_name,
            to_name,
        }))
    }

    /// Gives a file, link or submodule its new mode.
    pub(super) fn change_mode(
        &mut self,
        path: &[u8],
        new_mode: u32,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        match self.entries.get_mut(path) {
            Some(Entry { inode, node: Node::File { mode, .. } }) => {
                if std::mem::replace(mode, new_mode) == new_mode {
                    return Ok(());
                }
                sink.put(Body::FileChmod(Mode { inode: *inode, mode: new_mode }))
            }
            _ => Err(inconsistent("changes", path, "which is no file there")),
        }
    }

    /// Gives a file, link or submodule its new content.
    pub(super) fn write(
        &mut self,
        path: &[u8],
        wanted: &Wanted<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let Some(Entry { inode, node: Node::File { size, has_vector, .. } }) =
            self.entries.get_mut(path)
        else {
            return Err(inconsistent("changes", path, "which is no file there"));
        };
        let (inode, length) = (*inode, wanted.content.size);
        if std::mem::replace(size, length) > length {
            // A write makes no file shorter: a program that saves one empties it first.
            let (content_kind, content) = wanted.id.empty_content();
            sink.put(Body::FileTruncate(Truncation { inode, size: 0, content_kind, content }))?;
        }
        let (content_kind, content) = wanted.id.content();
        let (offset, data) = (0, &[][..]);
        sink.put(Body::FileWrite(FileWrite {
            inode,
            offset,
            length,
            content_kind,
            content,
            data,
        }))?;
        let new = match &wanted.content.kind {
            ContentKind::Text(elements) => Some(vector::encode(elements)),
            ContentKind::Opaque | ContentKind::Target(_) => None,
        };
        let had_vector = std::mem::replace(has_vector, new.is_some());
        match &new {
            Some(data) if had_vector => sink.put(Body::VectorUpdate(vector_of(inode, data))),
            Some(data) => sink.put(Body::VectorCreate(vector_of(inode, data))),
            None if had_vector => sink.put(Body::VectorDelete(VectorRef { vector: inode })),
            None => Ok(()),
        }
    }

    /// Removes the directories that were emptied and got nothing new.
    pub(super) fn prune(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        while let Some(directory) = self.emptied.pop() {
            self.remove_upwards(&directory, b"", sink)?;
        }
        Ok(())
    }

    /// Makes the directories above `path`, and removes it where it is a directory that holds
    /// nothing but empty directories. Gives the inode of the directory that `path` is in.
    fn make_room(&mut self, path: &[u8], sink: &mut dyn Sink) -> Result<u64, Error> {
        let (directory, name) = split(path);
        if name.is_empty() || path.starts_with(b"/") {
            return Err(inconsistent("has", path, "where a part has no name"));
        }
        let parent = self.make_directories(directory, sink)?;
        if matches!(self.entries.get(path), Some(Entry { node: Node::Directory { .. }, .. })) {
            let empty = self.emptied.iter().filter(|emptied| is_within(emptied, path));
            let empty: Vec<_> = empty.cloned().collect();
            for directory in empty {
                self.remove_upwards(&directory, path, sink)?;
            }
            if self.exists(path) {
                return Err(inconsistent("needs", path, "which is a directory with files in it"));
            }
        }
        Ok(parent)
    }

    fn make_directories(&mut self, path: &[u8], sink: &mut dyn Sink) -> Result<u64, Error> {
        let (mut made, above) = self.nearest(path);
        let Some(Entry { inode: mut parent, node: Node::Directory { .. } }) = above else {
            return Err(inconsistent("adds a file below", path, "which is no directory"));
        };
        while made < path.len() {
            let start = if made == 0 { 0 } else { made + 1 };
            let length = path[start..].iter().position(|byte| *byte == b'/');
            let end = length.map_or(path.len(), |length| start + length);
            let (inode, name) = (self.take_inode(), &path[start..end]);
            if name.is_empty() {
                return Err(inconsistent("has", path, "where a part has no name"));
            }
            let (mode, uid, gid) = (mode::DIRECTORY, 0, 0);
            sink.put(Body::DirectoryCreate(NewEntry { parent, inode, mode, uid, gid, name }))?;
            self.put(&path[..end], Entry { inode, node: Node::Directory { children: 0 } });
            (made, parent) = (end, inode);
        }
        Ok(parent)
    }

    /// Removes a directory if it is empty, then the one above it if that is empty now, and so on,
    /// no further up than `top`.
    fn remove_upwards(
        &mut self,
        directory: &[u8],
        top: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let mut path = directory;
        while !path.is_empty() && path.len() >= top.len() {
            let (parent, name) = (self.parent_of(path), split(path).1);
            match self.entries.get(path) {
                Some(Entry { inode, node: Node::Directory { children: 0 } }) => {
                    let inode = *inode;
                    sink.put(Body::DirectoryDelete(EntryRef { parent, inode, name }))?;
                }
                _ => return Ok(()),
            }
            self.remove(path);
            path = split(path).0;
        }
        Ok(())
    }

    /// The longest part of `path` that is there, up to a slash or whole: its length and entry.
    fn nearest(&self, path: &[u8]) -> (usize, Option<Entry>) {
        let mut part = path;
        loop {
            match self.entries.get(part) {
                Some(entry) => return (part.len(), Some(*entry)),
                None if part.is_empty() => return (0, None),
                None => part = split(part).0,
            }
        }
    }

    /// The inode of the directory that `path` is in, 0 where there is none.
    fn parent_of(&self, path: &[u8]) -> u64 {
        self.entries.get(split(path).0).map_or(0, |parent| parent.inode)
    }

    fn put(&mut self, path: &[u8], entry: Entry) {
        self.entries.insert(path.into(), entry);
        if let Some(Entry { node: Node::Directory { children }, .. }) =
            self.entries.get_mut(split(path).0)
        {
            *children += 1;
        }
    }

    fn remove(&mut self, path: &[u8]) -> Option<Entry> {
        let removed = self.entries.remove(path)?;
        let parent = split(path).0;
        if let Some(Entry { node: Node::Directory { children }, .. }) = self.entries.get_mut(parent)
        {
            *children = children.saturating_sub(1);
            if *children == 0 {
                self.emptied.push(parent.into());
            }
        }
        Some(removed)
    }

    fn take_inode(&mut self) -> u64 {
        self.next_inode += 1;
        self.next_inode - 1
    }
}

/// The directory that `path` is in, and its name there.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}

fn is_within(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

fn vector_of(inode: u64, data: &[u8]) -> Vector<'_> {
    let dimensions = u32::try_from(vector::DIMENSIONS).unwrap_or(u32::MAX);
    let (model, element) = (vector::MODEL, vector::ELEMENT_F32);
    Vector { vector: inode, source: inode, model, dimensions, element, data }
}

fn inconsistent(does: &str, path: &[u8], but: &str) -> Error {
    let path = path[..path.len().min(200)].escape_ascii();
    Error::Import(format!("the history {does} \"{path}\", {but}"))
}
