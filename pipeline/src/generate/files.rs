//! The filesystem family: a key is an inode, with one or two directory entries that name it.
//!
//! Of 16 keys, 13 are files, one a symbolic link, one a directory that comes and goes and holds
//! nothing, and the last one a directory that stays once it is made, which the files of the next
//! 16 keys and renamed ones are in. So no entry is ever without its directory.

use vexfs_datasets::{Action, Outcome, Touch};

use super::keys::Keys;
use super::output::{Name, Output, percent};
use super::{Population, Step};
use crate::error::Error;
use crate::event::{
    Body, EntryRef, EventType, FileWrite, Mode, NewEntry, NewSymlink, Owner, Rename, Truncation,
    content_kind,
};

/// The root directory is there without an event.
const ROOT: u32 = 1;

const GROUP: u32 = 16;

const PAGE_BYTES: u64 = 4096;

pub(super) struct Files {
    keys: Keys<Inode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Symlink,
    /// Holds nothing, may go.
    Directory,
    /// Holds files, stays.
    Anchor,
}

#[derive(Clone, Copy, Default)]
struct Inode {
    /// The generation of the name that the key's next new entry gets.
    generation: u32,
    /// Present while the inode is alive.
    entry: Option<Entry>,
    /// A second entry, of a file alone.
    link: Option<Entry>,
}

/// A directory entry. Its name tells for which key it was made, though a rename may have given it to
/// another one since, and is of a generation that the key has used for nothing else that is left.
/// So no two entries have one name.
#[derive(Clone, Copy)]
struct Entry {
    parent: u32,
    made_for: u32,
    generation: u32,
}

impl Entry {
    fn name(&self) -> Name {
        Name::new("f", self.made_for).dot(self.generation)
    }
}

impl Inode {
    fn new_entry(&mut self, key: u32, parent: u32) -> Entry {
        self.generation += 1;
        Entry { parent, made_for: key, generation: self.generation - 1 }
    }

    /// Takes an entry of this key away. The newest name is free again then: names come back, as
    /// they do for real files.
    fn drop_entry(&mut self, key: u32) -> Option<Entry> {
        let dropped = self.link.take().or_else(|| self.entry.take())?;
        if dropped.made_for == key && dropped.generation + 1 == self.generation {
            self.generation = dropped.generation;
        }
        Some(dropped)
    }
}

fn kind(key: u32) -> Kind {
    match key % GROUP {
        3 => Kind::Symlink,
        7 => Kind::Directory,
        15 => Kind::Anchor,
        _ => Kind::File,
    }
}

fn inode_number(key: u32) -> u32 {
    key + ROOT + 1
}

impl Files {
    pub(super) fn new(keys: u32, lanes: u16) -> Self {
        Self { keys: Keys::new(keys, lanes) }
    }

    fn alive(&self, key: u32) -> bool {
        self.keys.get(key).entry.is_some()
    }

    /// The directory for new entries of this key: the anchor of the group before, where it is
    /// certain to be there.
    fn parent(&self, key: u32, transaction: Option<u16>) -> u32 {
        match (key / GROUP * GROUP).checked_sub(1) {
            Some(anchor) if self.alive(anchor) && self.keys.usable(anchor, transaction) => {
                inode_number(anchor)
            }
            _ => ROOT,
        }
    }

    fn choose_change(&self, key: u32, word: u64) -> EventType {
        match (kind(key), percent(word)) {
            (Kind::File, 0..78) => EventType::FileWrite,
            (Kind::File, 78..86) => EventType::FileTruncate,
            (Kind::File, 86..90) if self.keys.get(key).link.is_none() => EventType::HardlinkCreate,
            (_, percent) if percent % 2 == 0 => EventType::FileChmod,
            _ => EventType::FileChown,
        }
    }

    fn create(
        &mut self,
        step: &Step,
        touch: &Touch,
        out: &mut Output<'_, '_>,
    ) -> Result<(), Error> {
        let (key, word) = (step.key, touch.word);
        let parent = self.parent(key, touch.transaction);
        let inode = self.keys.change(key, touch.transaction);
        let entry = inode.new_entry(key, parent);
        inode.entry = Some(entry);
        let (name, mode) = (entry.name(), mode(key, word));
        let [low, high, ..] = word.to_le_bytes();
        let (uid, gid) = (1000 + u32::from(low), 1000 + u32::from(high));
        let (parent, inode, name) = (parent.into(), inode_number(key).into(), name.as_bytes());
        let body = NewEntry { parent, inode, mode, uid, gid, name };
        match step.event_type {
            EventType::SymlinkCreate => {
                let target = out.bytes(word, 24);
                let body = NewSymlink { parent, inode, mode, uid, gid, name, target };
                out.append(touch, &Body::SymlinkCreate(body))
            }
            EventType::DirectoryCreate => out.append(touch, &Body::DirectoryCreate(body)),
            _ => out.append(touch, &Body::FileCreate(body)),
        }
    }

    fn link(&mut self, key: u32, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
        let parent = self.parent(touch.other, touch.transaction);
        let inode = self.keys.change(key, touch.transaction);
        let entry = inode.new_entry(key, parent);
        inode.link = Some(entry);
        let (parent, inode) = (parent.into(), inode_number(key).into());
        let name = entry.name();
        let body = EntryRef { parent, inode, name: name.as_bytes() };
        out.append(touch, &Body::HardlinkCreate(body))
    }

    fn delete(&mut self, key: u32, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
        let Some(entry) = self.keys.change(key, touch.transaction).drop_entry(key) else {
            return Ok(());
        };
        let (parent, inode) = (entry.parent.into(), inode_number(key).into());
        let name = entry.name();
        let body = EntryRef { parent, inode, name: name.as_bytes() };
        match kind(key) {
            Kind::Directory | Kind::Anchor => out.append(touch, &Body::DirectoryDelete(body)),
            Kind::File | Kind::Symlink => out.append(touch, &Body::FileDelete(body)),
        }
    }

    /// Moves the entry to a new name, or over the entry of another file, which loses it.
    fn rename(
        &mut self,
        key: u32,
        over: Option<u32>,
        touch: &Touch,
        out: &mut Output<'_, '_>,
    ) -> Result<(), Error> {
        let transaction = touch.transaction;
        let parent = self.parent(over.unwrap_or(touch.other), transaction);
        let replaced = over.and_then(|over| {
            let victim = self.keys.change(over, transaction);
            let lost = victim.entry;
            victim.entry = victim.link.take();
            lost
        });
        let inode = self.keys.change(key, transaction);
        let to = replaced.unwrap_or_else(|| inode.new_entry(key, parent));
        let Some(from) = inode.entry.replace(to) else { return Ok(()) };
        let (from_name, to_name) = (from.name(), to.name());
        out.append(
            touch,
            &Body::FileRename(Rename {
                from_parent: from.parent.into(),
                to_parent: to.parent.into(),
                inode: inode_number(key).into(),
                replaced_inode: over.map_or(0, |over| inode_number(over).into()),
                from_name: from_name.as_bytes(),
                to_name: to_name.as_bytes(),
            }),
        )
    }

    /// Changes the inode alone.
    fn alter(&mut self, step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
        let word = touch.word;
        // What is altered is not tracked, yet no other transaction may come in between.
        self.keys.change(step.key, touch.transaction);
        let inode = inode_number(step.key).into();
        let content = out.digest(word);
        let content_kind = content_kind::SHA256;
        let offset = word % 256 * PAGE_BYTES;
        match step.event_type {
            EventType::FileWrite => out.append_filled(touch, |data| {
                let length = data.len() as u64;
                Body::FileWrite(FileWrite { inode, offset, length, content_kind, content, data })
            }),
            EventType::FileTruncate => {
                let body = Truncation { inode, size: offset, content_kind, content };
                out.append(touch, &Body::FileTruncate(body))
            }
            EventType::FileChmod => {
                let mode = mode(step.key, word >> 8);
                out.append(touch, &Body::FileChmod(Mode { inode, mode }))
            }
            _ => {
                let [.., uid, gid] = word.to_le_bytes().map(|byte| 1000 + u32::from(byte));
                out.append(touch, &Body::FileChown(Owner { inode, uid, gid }))
            }
        }
    }
}

/// The mode of the key's file type, with permissions out of `word`.
fn mode(key: u32, word: u64) -> u32 {
    let file_type = match kind(key) {
        Kind::File => 0o100_000,
        Kind::Symlink => 0o120_000,
        Kind::Directory | Kind::Anchor => 0o040_000,
    };
    let permissions = [0o644, 0o600, 0o755, 0o700, 0o640, 0o664, 0o444, 0o666];
    file_type | permissions[usize::try_from(word % 8).unwrap_or(0)]
}

impl Population for Files {
    fn len(&self) -> u32 {
        self.keys.len()
    }

    fn choose(&self, key: u32, touch: &Touch) -> Step {
        let event_type = match (touch.action, kind(key)) {
            (_, Kind::File) if !self.alive(key) => EventType::FileCreate,
            (_, Kind::Symlink) if !self.alive(key) => EventType::SymlinkCreate,
            (_, Kind::Directory | Kind::Anchor) if !self.alive(key) => EventType::DirectoryCreate,
            (Action::Remove, Kind::Directory) => EventType::DirectoryDelete,
            (Action::Remove, Kind::File | Kind::Symlink) => EventType::FileDelete,
            (Action::ChangeSeveral, Kind::File | Kind::Symlink | Kind::Directory) => {
                let over = Some(touch.other).filter(|_| percent(touch.word) < 25);
                let step = Step { event_type: EventType::FileRename, key, other: over };
                let replaces = self.feasible(&step, touch.transaction);
                return Step { other: over.filter(|_| replaces), ..step };
            }
            _ => self.choose_change(key, touch.word),
        };
        Step::new(event_type, key)
    }

    fn feasible(&self, step: &Step, transaction: Option<u16>) -> bool {
        let (kind_here, alive) = (kind(step.key), self.alive(step.key));
        let fits = match step.event_type {
            EventType::FileCreate => kind_here == Kind::File && !alive,
            EventType::SymlinkCreate => kind_here == Kind::Symlink && !alive,
            EventType::DirectoryCreate => {
                matches!(kind_here, Kind::Directory | Kind::Anchor) && !alive
            }
            EventType::FileWrite | EventType::FileTruncate => kind_here == Kind::File && alive,
            EventType::HardlinkCreate => {
                kind_here == Kind::File && alive && self.keys.get(step.key).link.is_none()
            }
            EventType::FileChmod | EventType::FileChown => alive,
            EventType::FileDelete => matches!(kind_here, Kind::File | Kind::Symlink) && alive,
            EventType::DirectoryDelete => kind_here == Kind::Directory && alive,
            EventType::FileRename => {
                let victim_fits = step.other.is_none_or(|victim| {
                    let files = kind_here == Kind::File && kind(victim) == Kind::File;
                    let usable = self.keys.usable(victim, transaction);
                    files && usable && self.alive(victim) && victim != step.key
                });
                kind_here != Kind::Anchor && alive && victim_fits
            }
            _ => false,
        };
        fits && self.keys.usable(step.key, transaction)
    }

    fn write(&mut self, step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
        match step.event_type {
            EventType::FileCreate | EventType::SymlinkCreate | EventType::DirectoryCreate => {
                self.create(step, touch, out)
            }
            EventType::HardlinkCreate => self.link(step.key, touch, out),
            EventType::FileDelete | EventType::DirectoryDelete => self.delete(step.key, touch, out),
            EventType::FileRename => self.rename(step.key, step.other, touch, out),
            _ => self.alter(step, touch, out),
        }
    }

    fn settle(&mut self, transaction: u16, outcome: Outcome) {
        self.keys.settle(transaction, outcome);
    }
}
