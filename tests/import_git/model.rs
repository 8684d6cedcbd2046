//! The smallest state that an import's events make sense in. It asserts what every event
//! presupposes, so that applying a journal to it proves their order, too.
//!
//! The importer's unit tests use it as well; whoever includes it has `event` in scope.

use std::collections::{BTreeMap, HashMap};

use super::event::{Body, EntryRef, NewEntry};

pub(super) const ROOT: u64 = 1;
const DIRECTORY: u32 = 0o040_000;

#[derive(Clone, Debug)]
pub(super) struct Inode {
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) content_kind: u32,
    pub(super) content: [u8; 32],
    pub(super) target: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) inodes: HashMap<u64, Inode>,
    pub(super) entries: BTreeMap<(u64, Vec<u8>), u64>,
    pub(super) vectors: HashMap<u64, Vec<u8>>,
    /// By number: kind and data.
    pub(super) nodes: HashMap<u64, (u32, Vec<u8>)>,
    /// By number: both ends and kind.
    pub(super) edges: BTreeMap<u64, (u64, u64, u32)>,
    /// Node, agent and text.
    pub(super) decisions: Vec<(u64, Vec<u8>, Vec<u8>)>,
    /// By the name of the event's type.
    pub(super) counts: HashMap<&'static str, u64>,
}

impl Model {
    pub(super) fn apply(&mut self, body: &Body<'_>) {
        *self.counts.entry(body.event_type().name()).or_default() += 1;
        match *body {
            Body::FileCreate(new) => {
                assert!(matches!(new.mode, 0o100_644 | 0o100_755 | 0o160_000), "{:o}", new.mode);
                self.create(&new, b"");
            }
            Body::DirectoryCreate(new) => {
                assert_eq!(new.mode, DIRECTORY);
                self.create(&new, b"");
            }
            Body::SymlinkCreate(new) => {
                assert_eq!(new.mode, 0o120_000);
                let (parent, inode, mode, name) = (new.parent, new.inode, new.mode, new.name);
                self.create(&NewEntry { parent, inode, mode, uid: 0, gid: 0, name }, new.target);
            }
            Body::FileDelete(entry) => {
                assert_ne!(self.inodes[&entry.inode].mode, DIRECTORY);
                self.remove(&entry);
            }
            Body::DirectoryDelete(entry) => {
                assert_eq!(self.inodes[&entry.inode].mode, DIRECTORY);
                let range = (entry.inode, vec![])..(entry.inode + 1, vec![]);
                assert_eq!(self.entries.range(range).next(), None, "{entry:?} isn't empty");
                self.remove(&entry);
            }
            Body::FileRename(moved) => {
                let from = (moved.from_parent, moved.from_name.to_vec());
                assert_eq!(self.entries.remove(&from), Some(moved.inode), "{moved:?}");
                let replaced = Some(moved.replaced_inode).filter(|inode| *inode != 0);
                self.assert_directory(moved.to_parent, moved.to_name);
                let to = (moved.to_parent, moved.to_name.to_vec());
                assert_eq!(self.entries.insert(to, moved.inode), replaced, "{moved:?}");
                if let Some(replaced) = replaced {
                    self.drop_inode(replaced);
                }
            }
            Body::FileChmod(change) => self.inode(change.inode).mode = change.mode,
            Body::FileTruncate(cut) => {
                let inode = self.inode(cut.inode);
                inode.size = cut.size;
                (inode.content_kind, inode.content) = (cut.content_kind, cut.content);
            }
            Body::FileWrite(write) => {
                assert!(write.data.is_empty());
                let inode = self.inode(write.inode);
                inode.size = inode.size.max(write.offset + write.length);
                (inode.content_kind, inode.content) = (write.content_kind, write.content);
            }
            _ => self.apply_other(body),
        }
    }

    fn apply_other(&mut self, body: &Body<'_>) {
        match *body {
            Body::VectorCreate(it) => {
                assert!(self.inodes.contains_key(&it.vector) && it.source == it.vector);
                assert_eq!((it.dimensions, it.element, it.data.len()), (32, 1, 128));
                assert_eq!(self.vectors.insert(it.vector, it.data.to_vec()), None, "{it:?}");
            }
            Body::VectorUpdate(it) => {
                assert!(self.vectors.insert(it.vector, it.data.to_vec()).is_some(), "{it:?}");
            }
            Body::VectorDelete(it) => assert!(self.vectors.remove(&it.vector).is_some(), "{it:?}"),
            Body::NodeCreate(it) => {
                assert_ne!(it.node, 0);
                let node = (it.kind, it.data.to_vec());
                assert_eq!(self.nodes.insert(it.node, node), None, "{it:?}");
            }
            Body::EdgeCreate(it) => {
                assert!(self.nodes.contains_key(&it.from) && self.nodes.contains_key(&it.to));
                let edge = (it.from, it.to, it.kind);
                assert_eq!(self.edges.insert(it.edge, edge), None, "{it:?}");
            }
            Body::AgentDecision(it) => {
                self.decisions.push((it.subject, it.agent.to_vec(), it.text.to_vec()));
            }
            ref other => panic!("an import makes no {}", other.event_type().name()),
        }
    }

    /// Every file, link and submodule by its path.
    pub(super) fn files(&self) -> BTreeMap<Vec<u8>, u64> {
        let mut files = BTreeMap::new();
        let mut directories = vec![(ROOT, Vec::new())];
        let mut seen = 0;
        while let Some((directory, path)) = directories.pop() {
            let range = (directory, vec![])..(directory + 1, vec![]);
            let mut entries = 0;
            for ((_, name), inode) in self.entries.range(range) {
                entries += 1;
                let path = [&path[..], name].concat();
                if self.inodes[inode].mode == DIRECTORY {
                    directories.push((*inode, [&path[..], b"/"].concat()));
                } else {
                    files.insert(path, *inode);
                }
            }
            seen += entries;
            assert!(entries > 0 || directory == ROOT, "{:?} is empty", path.escape_ascii());
        }
        assert_eq!((seen, seen), (self.entries.len(), self.inodes.len()), "something hangs loose");
        files
    }

    fn inode(&mut self, inode: u64) -> &mut Inode {
        self.inodes.get_mut(&inode).unwrap_or_else(|| panic!("no inode {inode}"))
    }

    fn assert_directory(&self, inode: u64, name: &[u8]) {
        let is_directory =
            inode == ROOT || self.inodes.get(&inode).is_some_and(|it| it.mode == DIRECTORY);
        assert!(is_directory, "{inode} is no directory");
        assert!(!name.is_empty() && !name.contains(&b'/'), "{:?}", name.escape_ascii());
    }

    fn create(&mut self, new: &NewEntry<'_>, target: &[u8]) {
        self.assert_directory(new.parent, new.name);
        assert!(new.inode > ROOT);
        let entry = (new.parent, new.name.to_vec());
        assert_eq!(self.entries.insert(entry, new.inode), None, "{new:?}");
        let (content_kind, content, target) = (0, [0; 32], target.to_vec());
        let size = target.len() as u64;
        let inode = Inode { mode: new.mode, size, content_kind, content, target };
        assert!(self.inodes.insert(new.inode, inode).is_none(), "{new:?}");
    }

    fn remove(&mut self, entry: &EntryRef<'_>) {
        let key = (entry.parent, entry.name.to_vec());
        assert_eq!(self.entries.remove(&key), Some(entry.inode), "{entry:?}");
        self.drop_inode(entry.inode);
    }

    fn drop_inode(&mut self, inode: u64) {
        assert!(self.inodes.remove(&inode).is_some(), "no inode {inode}");
        assert!(!self.vectors.contains_key(&inode), "the vector of {inode} stays behind");
    }
}
