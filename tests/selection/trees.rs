//! Random histories of a file tree, and a model of it that keeps the full path of everything at every
//! moment: a directory that is moved moves the path of each thing under it, one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use vexfs_replay::event::{Body, EntryRef, Measure, Mode, NewEntry, NewSymlink, Rename};
use vexfs_replay::journal::{NewEvent, Transaction, Writer, WriterOptions};
use vexfs_replay::storage::MemoryFolder;

use crate::inspected::Under;
use crate::journals::Made;
use crate::small_journal::OPTIONS;

const ROOT: u64 = 1;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What is done; picks choose among what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Create(u8, u8),
    Directory(u8, u8),
    Symlink(u8, u8),
    Hardlink(u8, u8, u8),
    Delete(u8),
    /// From, to which directory, under which name.
    Rename(u8, u8, u8),
    Chmod(u8),
    Begin,
    Commit,
    Abort,
    /// Events of another family, that fill a block.
    Others,
    /// What was written ends its block.
    Flush,
}

pub(crate) fn histories() -> impl Strategy<Value = Vec<Op>> {
    let pick = any::<u8>;
    let op = prop_oneof![
        6 => (pick(), pick()).prop_map(|(at, name)| Op::Create(at, name)),
        6 => (pick(), pick()).prop_map(|(at, name)| Op::Directory(at, name)),
        1 => (pick(), pick()).prop_map(|(at, name)| Op::Symlink(at, name)),
        2 => (pick(), pick(), pick()).prop_map(|(what, at, name)| Op::Hardlink(what, at, name)),
        3 => pick().prop_map(Op::Delete),
        8 => (pick(), pick(), pick()).prop_map(|(what, at, name)| Op::Rename(what, at, name)),
        2 => pick().prop_map(Op::Chmod),
        1 => Just(Op::Begin),
        2 => Just(Op::Commit),
        1 => Just(Op::Abort),
        1 => Just(Op::Others),
        2 => Just(Op::Flush),
    ];
    vec(op, 1..70)
}

/// Paths that may be there.
pub(crate) fn wanted_paths() -> impl Strategy<Value = Vec<&'static str>> {
    let paths = vec![
        "/", "", "/a", "a", "b/", "/a/b", "a/a", "/b/a", "c", "a//c", "/a/b/c", "b/c/d", "a/b/a/b",
        "/d/d", "/e",
    ];
    vec(select(paths), 1..3)
}

type Path = Vec<&'static str>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Thing {
    inode: u64,
    is_directory: bool,
}

/// Everything that there is, by its full path.
type Tree = BTreeMap<Path, Thing>;

/// What one moment of the history was like: from which LSN on, and everything by its path with the
/// inode of its directory.
type Moment = (u64, Vec<(Path, u64, u64)>);

/// A journal of such a history, and all of its moments.
pub(crate) struct History {
    pub(crate) made: Made,
    moments: Vec<Moment>,
}

struct Teller<'w> {
    writer: &'w Writer,
    tree: Tree,
    moments: Vec<Moment>,
    next_inode: u64,
    /// The numbers of inodes that are gone, to be given again.
    free: Vec<u64>,
    lsn: u64,
}

impl Teller<'_> {
    fn directories(&self) -> Vec<(Path, u64)> {
        let directories = self.tree.iter().filter(|(_, thing)| thing.is_directory);
        let found = directories.map(|(path, thing)| (path.clone(), thing.inode));
        [(Path::new(), ROOT)].into_iter().chain(found).collect()
    }

    fn place(&self, at: u8, name: u8) -> (Path, u64, &'static str) {
        let directories = self.directories();
        let (mut path, inode) = directories[usize::from(at) % directories.len()].clone();
        let name = NAMES[usize::from(name) % NAMES.len()];
        path.push(name);
        (path, inode, name)
    }

    fn thing(&self, pick: u8) -> Option<(Path, Thing)> {
        let index = usize::from(pick) % self.tree.len().max(1);
        self.tree.iter().nth(index).map(|(path, thing)| (path.clone(), *thing))
    }

    fn parent(&self, path: &Path) -> u64 {
        let above = &path[..path.len() - 1];
        if above.is_empty() { ROOT } else { self.tree[above].inode }
    }

    fn new_inode(&mut self, pick: u8) -> u64 {
        if pick.is_multiple_of(3)
            && let Some(inode) = self.free.pop()
        {
            return inode;
        }
        self.next_inode += 1;
        self.next_inode
    }

    fn say(&mut self, transaction: &mut Option<Transaction<'_>>, body: Body<'_>) {
        self.lsn += 1;
        let event = NewEvent::new(self.lsn, body);
        let appended = match transaction {
            Some(open) => open.append(&event).unwrap(),
            None => self.writer.append(&event).unwrap(),
        };
        assert_eq!(appended.lsn, self.lsn);
    }

    fn new_thing(&mut self, open: &mut Option<Transaction<'_>>, op: Op) {
        let (Op::Create(at, name) | Op::Directory(at, name) | Op::Symlink(at, name)) = op else {
            return;
        };
        let (path, parent, text) = self.place(at, name);
        if self.tree.contains_key(&path) {
            return;
        }
        let (inode, name) = (self.new_inode(at ^ name), text.as_bytes());
        let (mode, uid, gid) = (0o644, 0, 0);
        let new = NewEntry { parent, inode, mode, uid, gid, name };
        let is_directory = matches!(op, Op::Directory(..));
        let body = match op {
            Op::Create(..) => Body::FileCreate(new),
            Op::Directory(..) => Body::DirectoryCreate(new),
            _ => {
                let target = b"/somewhere";
                Body::SymlinkCreate(NewSymlink { parent, inode, mode, uid, gid, name, target })
            }
        };
        self.say(open, body);
        self.tree.insert(path, Thing { inode, is_directory });
    }

    fn hardlink(&mut self, open: &mut Option<Transaction<'_>>, what: u8, at: u8, name: u8) {
        let Some((_, thing)) = self.thing(what) else { return };
        let (path, parent, name) = self.place(at, name);
        if thing.is_directory || self.tree.contains_key(&path) {
            return;
        }
        let (inode, name) = (thing.inode, name.as_bytes());
        self.say(open, Body::HardlinkCreate(EntryRef { parent, inode, name }));
        self.tree.insert(path, thing);
    }

    fn delete(&mut self, open: &mut Option<Transaction<'_>>, what: u8) {
        let Some((path, thing)) = self.thing(what) else { return };
        let holds_any = self.tree.keys().any(|it| it.len() > path.len() && it.starts_with(&path));
        if holds_any {
            return;
        }
        let (parent, inode) = (self.parent(&path), thing.inode);
        let entry = EntryRef { parent, inode, name: path[path.len() - 1].as_bytes() };
        let directory = thing.is_directory;
        self.say(
            open,
            if directory { Body::DirectoryDelete(entry) } else { Body::FileDelete(entry) },
        );
        self.tree.remove(&path);
        self.free_unnamed(inode);
    }

    fn free_unnamed(&mut self, inode: u64) {
        if !self.tree.values().any(|thing| thing.inode == inode) {
            self.free.push(inode);
        }
    }

    fn rename(&mut self, open: &mut Option<Transaction<'_>>, what: u8, at: u8, name: u8) {
        let Some((from, thing)) = self.thing(what) else { return };
        let (to, to_parent, to_name) = self.place(at, name);
        let replaced = self.tree.get(&to).copied();
        // Files take the place of other files, and nothing goes under itself.
        let in_the_way = replaced
            .is_some_and(|it| it.is_directory || thing.is_directory || it.inode == thing.inode);
        if to.starts_with(&from) || in_the_way {
            return;
        }
        let replaced_inode = replaced.map_or(0, |it| it.inode);
        let from_parent = self.parent(&from);
        self.say(
            open,
            Body::FileRename(Rename {
                from_parent,
                to_parent,
                inode: thing.inode,
                replaced_inode,
                from_name: from[from.len() - 1].as_bytes(),
                to_name: to_name.as_bytes(),
            }),
        );
        let moves = |path: &Path| path.starts_with(&from);
        let moved: Vec<Path> = self.tree.keys().filter(|path| moves(path)).cloned().collect();
        self.tree.remove(&to);
        for old in moved {
            let new = [&to[..], &old[from.len()..]].concat();
            if let Some(thing) = self.tree.remove(&old) {
                self.tree.insert(new, thing);
            }
        }
        if replaced.is_some() {
            self.free_unnamed(replaced_inode);
        }
    }

    fn moment(&self) -> Moment {
        let all = self.tree.iter().map(|(path, it)| (path.clone(), it.inode, self.parent(path)));
        (self.lsn, all.collect())
    }

    fn others(&mut self) {
        for number in 0..12_u64 {
            let name = number.to_le_bytes();
            let body = Body::Metric(Measure { value: 1.0, name: &name, text: &[b'.'; 300] });
            self.say(&mut None, body);
        }
    }
}

/// Tells a history to a writer.
pub(crate) fn tell(ops: &[Op]) -> History {
    let folder = MemoryFolder::default();
    let shape = WriterOptions { segment_bytes: 12 * 1024, ..OPTIONS };
    let writer = Writer::create(Arc::new(folder.clone()), shape).unwrap();
    let (tree, moments, free) = (Tree::new(), Vec::new(), Vec::new());
    let mut teller = Teller { writer: &writer, tree, moments, next_inode: ROOT, free, lsn: 0 };
    let mut open: Option<Transaction<'_>> = None;
    // How it was when the open transaction began, and what it has done to it.
    let mut before = (Tree::new(), Vec::new());
    let mut pending: Vec<Moment> = Vec::new();
    for &op in ops {
        match op {
            Op::Begin if open.is_none() => {
                teller.lsn += 1;
                open = Some(teller.writer.begin(teller.lsn, 0).unwrap());
                before = (teller.tree.clone(), teller.free.clone());
            }
            Op::Commit | Op::Abort => {
                let Some(ending) = open.take() else { continue };
                teller.lsn += 1;
                if matches!(op, Op::Commit) {
                    assert_eq!(ending.commit(teller.lsn).unwrap(), teller.lsn);
                    let lsn = teller.lsn;
                    teller.moments.extend(pending.drain(..).map(|(_, all)| (lsn, all)));
                } else {
                    ending.abort(teller.lsn).unwrap();
                    (teller.tree, teller.free) = std::mem::take(&mut before);
                    pending.clear();
                }
            }
            Op::Begin => {}
            Op::Others => teller.others(),
            Op::Flush => teller.writer.commit().unwrap(),
            Op::Hardlink(what, at, name) => teller.hardlink(&mut open, what, at, name),
            Op::Delete(what) => teller.delete(&mut open, what),
            Op::Rename(what, at, name) => teller.rename(&mut open, what, at, name),
            Op::Chmod(what) => {
                if let Some((_, Thing { inode, .. })) = teller.thing(what) {
                    let mode = u32::try_from(teller.lsn).unwrap();
                    teller.say(&mut open, Body::FileChmod(Mode { inode, mode }));
                }
            }
            _ => teller.new_thing(&mut open, op),
        }
        let moment = teller.moment();
        if open.is_some() { pending.push(moment) } else { teller.moments.push(moment) }
    }
    let moments = teller.moments;
    drop(open);
    writer.close().unwrap();
    History { made: Made::of(folder), moments }
}

impl History {
    /// What ever lay at or under these paths, up to an LSN.
    pub(crate) fn under(&self, paths: &[&str], until_lsn: u64) -> Under {
        let mut under = Under::default();
        for wanted in paths {
            let wanted: Vec<&str> = wanted.split('/').filter(|part| !part.is_empty()).collect();
            if wanted.is_empty() {
                under.inodes.insert(ROOT);
            }
            let moments = self.moments.iter().filter(|(lsn, _)| *lsn <= until_lsn);
            for (path, inode, parent) in moments.flat_map(|(_, all)| all) {
                if path.starts_with(&wanted) {
                    under.inodes.insert(*inode);
                }
                if *path == wanted {
                    let name = path[path.len() - 1].as_bytes().to_vec();
                    under.entries.insert((*parent, name));
                }
            }
        }
        under
    }
}
