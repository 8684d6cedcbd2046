//! The names of files through a journal's history: which inodes ever lay under given paths.
//!
//! A rename moves all that lies under a directory, and no event says so of each file; so the events
//! that name files are followed in the order in which they take place.

use std::collections::HashMap;

use super::selection::UnderPaths;
use crate::event::Body;
use crate::state::tree::ROOT_INODE;

/// No path is longer than this, in components; a ring of directories is not followed for ever.
const DEPTH_MAX: usize = 4_096;

/// The names of files at one moment of the history, and what lay under the paths until then.
#[derive(Debug)]
pub(crate) struct Namespace {
    /// The components of each path.
    paths: Vec<Vec<Vec<u8>>>,
    /// The directory and the name of each inode; the last one of several.
    place: HashMap<u64, (u64, Vec<u8>)>,
    /// The entries of each directory.
    entries: HashMap<u64, HashMap<Vec<u8>, u64>>,
    under: UnderPaths,
}

/// How a path relates to those that are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// It is one of them.
    Same,
    /// It lies under one of them.
    Under,
    /// One of them lies under it.
    Above,
    Elsewhere,
}

impl Namespace {
    /// An empty one, which looks for what lies at or under `paths`: components between slashes.
    pub(crate) fn new<'p>(paths: impl Iterator<Item = &'p Vec<u8>>) -> Self {
        let components = |path: &Vec<u8>| {
            let parts = path.split(|&byte| byte == b'/').filter(|part| !part.is_empty());
            parts.map(<[u8]>::to_vec).collect()
        };
        let paths: Vec<Vec<Vec<u8>>> = paths.map(components).collect();
        let mut under = UnderPaths::default();
        if paths.iter().any(Vec::is_empty) {
            under.inodes.insert(ROOT_INODE);
        }
        Self { paths, place: HashMap::new(), entries: HashMap::new(), under }
    }

    /// Takes in an event that takes place.
    pub(crate) fn take(&mut self, body: &Body<'_>) {
        match body {
            Body::FileCreate(it) | Body::DirectoryCreate(it) => {
                self.name(it.parent, it.name, it.inode);
            }
            Body::SymlinkCreate(it) => self.name(it.parent, it.name, it.inode),
            Body::HardlinkCreate(it) => self.name(it.parent, it.name, it.inode),
            Body::FileDelete(it) | Body::DirectoryDelete(it) => self.forget(it.parent, it.name),
            Body::FileRename(it) => {
                self.forget(it.from_parent, it.from_name);
                self.name(it.to_parent, it.to_name, it.inode);
            }
            _ => {}
        }
    }

    /// What ever lay at or under the paths.
    pub(crate) fn into_under(self) -> UnderPaths {
        self.under
    }

    fn forget(&mut self, parent: u64, name: &[u8]) {
        // An entry that goes is one of the path's own, too, where it was never seen to come.
        self.note(parent, name, None);
        if let Some(names) = self.entries.get_mut(&parent) {
            names.remove(name);
        }
    }

    fn name(&mut self, parent: u64, name: &[u8], inode: u64) {
        self.place.insert(inode, (parent, name.to_vec()));
        self.entries.entry(parent).or_default().insert(name.to_vec(), inode);
        let mut moved = vec![(parent, name.to_vec(), inode)];
        let mut steps = 0;
        while let Some((parent, name, inode)) = moved.pop() {
            let relation = self.note(parent, &name, Some(inode));
            steps += 1;
            // What lies under a directory that was moved has moved, too.
            if relation != Relation::Elsewhere
                && steps < self.place.len() + DEPTH_MAX
                && let Some(names) = self.entries.get(&inode)
            {
                moved.extend(names.iter().map(|(name, &child)| (inode, name.clone(), child)));
            }
        }
    }

    /// Notes what lies at an entry, if that is where something is looked for.
    fn note(&mut self, parent: u64, name: &[u8], inode: Option<u64>) -> Relation {
        let relation = self.relation(parent, name);
        if relation == Relation::Same {
            self.under.entries.insert((parent, name.to_vec()));
        }
        if matches!(relation, Relation::Same | Relation::Under) {
            self.under.inodes.extend(inode);
        }
        relation
    }

    fn relation(&self, parent: u64, name: &[u8]) -> Relation {
        let mut path = vec![name];
        let mut directory = parent;
        while directory != ROOT_INODE {
            let Some((above, name)) = self.place.get(&directory) else {
                return Relation::Elsewhere;
            };
            if path.len() >= DEPTH_MAX {
                return Relation::Elsewhere;
            }
            path.push(name);
            directory = *above;
        }
        path.reverse();
        let relations = self.paths.iter().map(|wanted| {
            let common = path.iter().zip(wanted).take_while(|(here, there)| here == there).count();
            match (common == wanted.len(), common == path.len()) {
                (true, true) => Relation::Same,
                (true, false) => Relation::Under,
                (false, true) => Relation::Above,
                (false, false) => Relation::Elsewhere,
            }
        });
        let order = [Relation::Same, Relation::Under, Relation::Above];
        let found: Vec<Relation> = relations.collect();
        order.into_iter().find(|it| found.contains(it)).unwrap_or(Relation::Elsewhere)
    }
}
