//! The world's files: entries, and the inodes that they name.

use vexfs_replay::event::EventType as Type;
use vexfs_replay::state::{Contradiction, KeyKind};

use crate::act::{Content, Entry, Text, Verb};
use crate::records::{Fields, Key, Rest, kind};
use crate::world::World;

/// What becomes of an inode that is there.
#[derive(Clone, Copy)]
enum NewInode {
    AtLeast(u64, Content),
    Exactly(u64, Content),
    Mode(u32),
    Owner(u32, u32),
}

impl World {
    /// Names that come, go and move, and the inodes under them.
    pub(crate) fn name(&mut self, verb: &Verb, text: Text) {
        let inode_key = |inode| Key::Numbered(kind::INODE, inode);
        match *verb {
            Verb::New(event_type, entry, inode, owner) => {
                self.make(
                    Key::Entry(entry),
                    KeyKind::Entry,
                    Fields::Entry { inode },
                    Rest::Nothing,
                );
                let is_link = event_type == Type::SymlinkCreate;
                let target = if is_link { text } else { Text { bytes: 0, first: 0 } };
                let (size, content) = (target.bytes as u64, (0, 0));
                let fields = Fields::Inode { size, links: 1, owner, content };
                self.make(inode_key(inode), KeyKind::Inode, fields, Rest::Text(target));
            }
            Verb::Hardlink(entry, inode) => {
                self.make(
                    Key::Entry(entry),
                    KeyKind::Entry,
                    Fields::Entry { inode },
                    Rest::Nothing,
                );
                self.change(inode_key(inode), KeyKind::Inode, |record| {
                    if let Fields::Inode { links, .. } = &mut record.fields {
                        *links += 1;
                    }
                });
            }
            Verb::Delete(entry, inode) => {
                self.unname(entry, inode);
                self.lose_name(inode);
            }
            Verb::Rmdir(entry, inode) => {
                self.unname(entry, inode);
                self.take(inode_key(inode), KeyKind::Inode);
            }
            Verb::Rename { from, to, inode, replaced } => {
                self.unname(from, inode);
                self.rename_onto(to, inode, replaced);
                if replaced != 0 {
                    self.lose_name(replaced);
                }
            }
            _ => {}
        }
    }

    /// Takes away an entry, which must name this inode.
    fn unname(&mut self, entry: Entry, inode: u64) {
        let taken = self.take(Key::Entry(entry), KeyKind::Entry);
        if taken.is_some_and(|named| named != Fields::Entry { inode }) {
            self.contradicted(Contradiction::NamesAnother);
        }
    }

    /// Lets an entry name this inode, where it must have named `replaced`, or (0) nothing.
    fn rename_onto(&mut self, entry: Entry, inode: u64, replaced: u64) {
        let old = self.put(Key::Entry(entry), Fields::Entry { inode }, Rest::Nothing);
        let old = old.map(|record| record.fields);
        let expected = Fields::Entry { inode: replaced };
        match old {
            None if replaced == 0 => {}
            None => self.contradicted(Contradiction::Missing(KeyKind::Entry)),
            Some(_) if replaced == 0 => self.contradicted(Contradiction::Exists(KeyKind::Entry)),
            Some(old) if old != expected => self.contradicted(Contradiction::NamesAnother),
            Some(_) => {}
        }
    }

    /// An inode has one name less, and is gone with its last one.
    fn lose_name(&mut self, inode: u64) {
        let key = Key::Numbered(kind::INODE, inode);
        let mut names_left = 1;
        self.change(key, KeyKind::Inode, |record| {
            if let Fields::Inode { links, .. } = &mut record.fields {
                *links -= 1;
                names_left = *links;
            }
        });
        if names_left == 0 {
            self.records.remove(&key);
        }
    }

    /// Changes of an inode that is there.
    pub(crate) fn inode(&mut self, verb: &Verb) {
        let (inode, new) = match *verb {
            Verb::Write(inode, offset, length, content) => {
                (inode, NewInode::AtLeast(offset.saturating_add(length), content))
            }
            Verb::Truncate(inode, size, content) => (inode, NewInode::Exactly(size, content)),
            Verb::Chmod(inode, mode) => (inode, NewInode::Mode(mode)),
            Verb::Chown(inode, user, group) => (inode, NewInode::Owner(user, group)),
            _ => return,
        };
        self.change(Key::Numbered(kind::INODE, inode), KeyKind::Inode, |record| {
            let Fields::Inode { size, owner, content, .. } = &mut record.fields else { return };
            match new {
                NewInode::AtLeast(end, written) => (*size, *content) = (end.max(*size), written),
                NewInode::Exactly(end, left) => (*size, *content) = (end, left),
                NewInode::Mode(mode) => owner[0] = mode,
                NewInode::Owner(user, group) => (owner[1], owner[2]) = (user, group),
            }
        });
    }
}
