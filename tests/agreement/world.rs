//! What events mean: a plain map from keys to records, changed by one event after the other. It is
//! written from the meaning of the events, and shares nothing with the code that it judges but the
//! words for what contradicts itself.

use std::collections::BTreeMap;

use vexfs_replay::event::EventType as Type;
use vexfs_replay::state::{Contradiction, KeyKind};

use crate::act::{Act, Content, Entry, Text, Verb};
use crate::records::{Fields, Key, Record, Rest, kind};

/// The records, and what the event at hand contradicts.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) records: BTreeMap<Key, Record>,
    lsn: u64,
    time: u64,
    contradictions: Vec<Contradiction>,
}

impl World {
    /// Lets an event happen; gives what it contradicts, in the order of what it does.
    pub(crate) fn happen(&mut self, act: &Act, lsn: u64, time: u64) -> Vec<Contradiction> {
        (self.lsn, self.time) = (lsn, time);
        match act.verb {
            Verb::Observe(..) => {}
            Verb::New(..)
            | Verb::Hardlink(..)
            | Verb::Delete(..)
            | Verb::Rmdir(..)
            | Verb::Rename { .. } => self.name(&act.verb, act.text),
            Verb::Write(..) | Verb::Truncate(..) | Verb::Chmod(..) | Verb::Chown(..) => {
                self.inode(&act.verb);
            }
            Verb::Node(..) | Verb::NodeDelete(_) => self.node(&act.verb, act.text),
            Verb::Edge(..) | Verb::EdgeDelete(..) => self.edge(&act.verb, act.text),
            Verb::Vector(..) | Verb::VectorDelete(_) | Verb::Index(..) | Verb::Cluster(..) => {
                self.vector(&act.verb, act.text);
            }
            Verb::Mount(..) | Verb::Unmount(_) | Verb::Checkpoint(..) => self.mount(&act.verb),
            _ => self.value(&act.verb, act.text),
        }
        std::mem::take(&mut self.contradictions)
    }

    fn contradicted(&mut self, by: Contradiction) {
        self.contradictions.push(by);
    }

    fn put(&mut self, key: Key, fields: Fields, rest: Rest) -> Option<Record> {
        let record = Record { changed: self.lsn, time: self.time, fields, rest };
        self.records.insert(key, record)
    }

    /// Makes a thing that must be new.
    fn make(&mut self, key: Key, kind: KeyKind, fields: Fields, rest: Rest) {
        if self.put(key, fields, rest).is_some() {
            self.contradicted(Contradiction::Exists(kind));
        }
    }

    /// Takes a thing away that must be there.
    fn take(&mut self, key: Key, kind: KeyKind) -> Option<Fields> {
        let taken = self.records.remove(&key);
        if taken.is_none() {
            self.contradicted(Contradiction::Missing(kind));
        }
        taken.map(|record| record.fields)
    }

    /// Changes a thing that must be there.
    fn change(&mut self, key: Key, kind: KeyKind, change: impl FnOnce(&mut Record)) {
        match self.records.get_mut(&key) {
            Some(record) => {
                (record.changed, record.time) = (self.lsn, self.time);
                change(record);
            }
            None => self.contradicted(Contradiction::Missing(kind)),
        }
    }

    fn name(&mut self, verb: &Verb, text: Text) {
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

    fn inode(&mut self, verb: &Verb) {
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

    fn node(&mut self, verb: &Verb, text: Text) {
        match *verb {
            Verb::Node(Type::NodeCreate, node, kind) => {
                let fields = Fields::Node { out: 0, into: 0, kind };
                self.make(node_key(node), KeyKind::Node, fields, Rest::Text(text));
            }
            Verb::Node(_, node, new_kind) => {
                self.change(node_key(node), KeyKind::Node, |record| {
                    record.rest = Rest::Text(text);
                    if let Fields::Node { kind, .. } = &mut record.fields {
                        *kind = new_kind;
                    }
                });
            }
            Verb::NodeDelete(node) => {
                let taken = self.take(node_key(node), KeyKind::Node);
                let tied = |out, into| out > 0 || into > 0;
                if matches!(taken, Some(Fields::Node { out, into, .. }) if tied(out, into)) {
                    self.contradicted(Contradiction::StillTied);
                }
            }
            _ => {}
        }
    }

    fn edge(&mut self, verb: &Verb, text: Text) {
        let key = |edge| Key::Numbered(kind::EDGE, edge);
        match *verb {
            Verb::Edge(Type::EdgeCreate, edge, ends, kind, weight) => {
                let fields = Fields::Edge { ends, kind, weight };
                self.make(key(edge), KeyKind::Edge, fields, Rest::Text(text));
                self.tie(ends.0, |out, _| *out += 1);
                self.tie(ends.1, |_, into| *into += 1);
            }
            Verb::Edge(_, edge, new_ends, new_kind, new_weight) => {
                let mut moved = false;
                self.change(key(edge), KeyKind::Edge, |record| {
                    record.rest = Rest::Text(text);
                    if let Fields::Edge { ends, kind, weight } = &mut record.fields {
                        (*kind, *weight) = (new_kind, new_weight);
                        moved = *ends != new_ends;
                    }
                });
                if moved {
                    self.contradicted(Contradiction::OtherEnds);
                }
            }
            Verb::EdgeDelete(edge, (from, to)) => {
                self.take(key(edge), KeyKind::Edge);
                self.cut(from, |out, _| out);
                self.cut(to, |_, into| into);
            }
            _ => {}
        }
    }

    /// Counts the edges of a node up.
    fn tie(&mut self, node: u64, count: impl FnOnce(&mut u64, &mut u64)) {
        self.change(node_key(node), KeyKind::Node, |record| {
            if let Fields::Node { out, into, .. } = &mut record.fields {
                count(out, into);
            }
        });
    }

    /// Counts the edges of a node down, of which there must be one.
    fn cut(&mut self, node: u64, which: for<'c> fn(&'c mut u64, &'c mut u64) -> &'c mut u64) {
        let mut had_none = false;
        self.tie(node, |out, into| {
            let count = which(out, into);
            had_none = *count == 0;
            *count -= u64::from(!had_none);
        });
        if had_none {
            self.contradicted(Contradiction::NoSuchTie);
        }
    }

    fn vector(&mut self, verb: &Verb, text: Text) {
        let key = |vector| Key::Numbered(kind::VECTOR, vector);
        match *verb {
            Verb::Vector(Type::VectorCreate, vector, source, bits) => {
                let fields = Fields::Vector { source, bits, index: [0, 0], cluster: (0, 0.0) };
                self.make(key(vector), KeyKind::Vector, fields, Rest::Text(text));
            }
            Verb::Vector(_, vector, new_source, new_bits) => {
                self.change(key(vector), KeyKind::Vector, |record| {
                    record.rest = Rest::Text(text);
                    if let Fields::Vector { source, bits, .. } = &mut record.fields {
                        (*source, *bits) = (new_source, new_bits);
                    }
                });
            }
            Verb::Index(vector, number, position) => {
                self.change(key(vector), KeyKind::Vector, |record| {
                    if let Fields::Vector { index, .. } = &mut record.fields {
                        *index = [number, position];
                    }
                });
            }
            Verb::Cluster(vector, number, distance) => {
                self.change(key(vector), KeyKind::Vector, |record| {
                    if let Fields::Vector { cluster, .. } = &mut record.fields {
                        *cluster = (number, distance);
                    }
                });
            }
            Verb::VectorDelete(vector) => {
                self.take(key(vector), KeyKind::Vector);
            }
            _ => {}
        }
    }

    fn mount(&mut self, verb: &Verb) {
        let key = |mount| Key::Numbered(kind::MOUNT, mount);
        match *verb {
            Verb::Mount(mount, flags, places) => {
                let fields = Fields::Mount { flags, checkpoint: 0, checkpoints: 0 };
                self.make(key(mount), KeyKind::Mount, fields, Rest::Places(places));
            }
            Verb::Checkpoint(mount, number) => {
                self.change(key(mount), KeyKind::Mount, |record| {
                    if let Fields::Mount { checkpoint, checkpoints, .. } = &mut record.fields {
                        *checkpoint = number;
                        *checkpoints += 1;
                    }
                });
            }
            Verb::Unmount(mount) => {
                self.take(key(mount), KeyKind::Mount);
            }
            _ => {}
        }
    }

    /// Things that are put whether or not they are there.
    fn value(&mut self, verb: &Verb, text: Text) {
        match *verb {
            Verb::Property(node, name) => {
                self.put(Key::Property(node, name), Fields::Property, Rest::Text(text));
            }
            Verb::PropertyDelete(node, name) => {
                self.take(Key::Property(node, name), KeyKind::Property);
            }
            Verb::Agent(last, subject, confidence, name) => {
                let key = Key::Agent(name);
                let mut counts = match self.records.get(&key).map(|record| record.fields) {
                    Some(Fields::Agent { counts, .. }) => counts,
                    _ => [0; 4],
                };
                counts[match last {
                    Type::AgentDecision => 0,
                    Type::AgentOrchestration => 1,
                    Type::AgentLearning => 2,
                    _ => 3,
                }] += 1;
                let fields = Fields::Agent { subject, counts, confidence, last };
                self.put(key, fields, Rest::Text(text));
            }
            Verb::Measure(event_type, value, name) => {
                let key = Key::Metric(event_type, name);
                let count = self.count(key) + 1;
                self.put(key, Fields::Metric { count, value }, Rest::Text(text));
            }
            Verb::Link(event_type, ends, bits, delay) => {
                let is_causal = event_type == Type::CausalityLink;
                let key = Key::Link(ends, if is_causal { "causality" } else { "semantic" });
                let count = self.count(key) + 1;
                self.put(key, Fields::Link { count, delay, bits }, Rest::Text(text));
            }
            _ => {}
        }
    }

    /// How often a thing was measured or drawn.
    fn count(&self, key: Key) -> u64 {
        match self.records.get(&key).map(|record| record.fields) {
            Some(Fields::Metric { count, .. } | Fields::Link { count, .. }) => count,
            _ => 0,
        }
    }
}

/// What becomes of an inode that is there.
#[derive(Clone, Copy)]
enum NewInode {
    AtLeast(u64, Content),
    Exactly(u64, Content),
    Mode(u32),
    Owner(u32, u32),
}

fn node_key(node: u64) -> Key {
    Key::Numbered(kind::NODE, node)
}
