//! Applies one effect to the records of the partition that owns its key.
//!
//! Every effect has one result, also where what it presupposes isn't so: then the contradiction is
//! told, and what is there is left, replaced or removed as the effect says. So the state depends
//! on the journal alone, not on who looked for contradictions.

use serde::{Deserialize, Serialize};

use super::Records;
use super::effect::{Change, EdgeEnd, Effect};
use super::key::{Key, KeyKind};
use super::record::*;
use crate::event::{AgentAction, Edge, EventType, Vector};
use crate::wire::Structure;

/// How an effect contradicts what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "contradiction", content = "of")]
pub enum Contradiction {
    /// It changes or removes what isn't there.
    Missing(KeyKind),
    /// It creates what is there already.
    Exists(KeyKind),
    /// It says that an entry names an inode, which names another.
    NamesAnother,
    /// It unties an edge from a node that has none.
    NoSuchTie,
    /// It removes a node that has edges.
    StillTied,
    /// It changes an edge between other nodes.
    OtherEnds,
}

impl std::fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(kind) => {
                write!(formatter, "the {} that it changes is not there", kind.name())
            }
            Self::Exists(kind) => {
                write!(formatter, "the {} that it creates is there already", kind.name())
            }
            Self::NamesAnother => {
                formatter.write_str("the entry that it changes names another inode")
            }
            Self::NoSuchTie => formatter.write_str("it cuts an edge from a node that has none"),
            Self::StillTied => formatter.write_str("it removes a node that still has edges"),
            Self::OtherEnds => {
                formatter.write_str("it changes an edge that lies between other nodes")
            }
        }
    }
}

/// Which event an effect comes from.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Its LSN.
    pub lsn: u64,
    /// Its time, in nanoseconds since 1970-01-01 UTC.
    pub timestamp_ns: u64,
}

/// One record, under the effect's key, in the partition at hand.
struct Slot<'s, R: Records> {
    records: &'s mut R,
    tag: u32,
    key: &'s Key<'s>,
    found: Option<R::Found>,
    stamp: Stamp,
}

type Applied = Option<Contradiction>;

/// Applies an effect; `tag` is that of its key.
#[inline(always)]
pub fn apply<R: Records>(records: &mut R, tag: u32, effect: &Effect<'_>, stamp: Stamp) -> Applied {
    let found = records.find(tag, &effect.key);
    let slot = Slot { records, tag, key: &effect.key, found, stamp };
    match effect.key.kind {
        KeyKind::Inode => slot.inode(&effect.change),
        KeyKind::Entry => slot.entry(&effect.change),
        KeyKind::Node => slot.node(&effect.change),
        KeyKind::Edge => slot.edge(&effect.change),
        KeyKind::Vector => slot.vector(&effect.change),
        KeyKind::Mount => slot.mount(&effect.change),
        _ => slot.value(&effect.change),
    }
}

impl<R: Records> Slot<'_, R> {
    fn get(&self) -> Option<&[u8]> {
        self.found.map(|found| self.records.value(found))
    }

    /// Puts a record's fixed part and what follows it.
    #[inline(always)]
    fn put<T: Structure>(&mut self, fixed: &T, tail: &[u8]) {
        let bytes = T::BYTES + tail.len();
        let value = self.records.put(self.found, self.tag, self.key, bytes);
        let (front, rest) = value.split_at_mut(T::BYTES);
        fixed.write(front);
        rest.copy_from_slice(tail);
    }

    /// Puts what must not be there yet.
    #[inline(always)]
    fn create<T: Structure>(mut self, fixed: &T, tail: &[u8]) -> Applied {
        let kind = self.key.kind;
        let exists = self.found.map(|_| Contradiction::Exists(kind));
        self.put(fixed, tail);
        exists
    }

    fn remove(self) -> Applied {
        let Some(found) = self.found else { return self.missing() };
        self.records.remove(found);
        None
    }

    fn missing(&self) -> Applied {
        Some(Contradiction::Missing(self.key.kind))
    }

    fn inode(self, change: &Change<'_>) -> Applied {
        let Stamp { lsn, timestamp_ns } = self.stamp;
        match *change {
            Change::InodeCreate { mode, uid, gid, target } => {
                let record = InodeRecord {
                    changed_lsn: lsn,
                    changed_ns: timestamp_ns,
                    size: target.len() as u64,
                    links: 1,
                    mode,
                    uid,
                    gid,
                    content_kind: 0,
                    content: [0; 32],
                };
                return self.create(&record, target);
            }
            Change::InodeRemove => return self.remove(),
            _ => {}
        }
        let Some(found) = self.found else { return self.missing() };
        let bytes = self.records.value_mut(found);
        let mut inode = InodeRecord::read(bytes);
        (inode.changed_lsn, inode.changed_ns) = (lsn, timestamp_ns);
        match *change {
            Change::InodeLink => inode.links = inode.links.saturating_add(1),
            Change::InodeUnlink if inode.links <= 1 => return self.remove(),
            Change::InodeUnlink => inode.links -= 1,
            Change::InodeMode(mode) => inode.mode = mode,
            Change::InodeOwner(uid, gid) => (inode.uid, inode.gid) = (uid, gid),
            Change::InodeWrite(write) => {
                inode.size = inode.size.max(write.offset.saturating_add(write.length));
                (inode.content_kind, inode.content) = (write.content_kind, write.content);
            }
            Change::InodeTruncate(to) => {
                inode.size = to.size;
                (inode.content_kind, inode.content) = (to.content_kind, to.content);
            }
            _ => {}
        }
        inode.write(bytes);
        None
    }

    fn entry(mut self, change: &Change<'_>) -> Applied {
        let named = self.get().map(|bytes| EntryRecord::read(bytes).inode);
        let record = |inode| EntryRecord { changed_lsn: self.stamp.lsn, inode };
        match *change {
            Change::EntryCreate(inode) => {
                let record = record(inode);
                self.create(&record, &[])
            }
            Change::EntryReplace(inode, replaced) => {
                let record = record(inode);
                self.put(&record, &[]);
                match named {
                    Some(_) if replaced == 0 => Some(Contradiction::Exists(KeyKind::Entry)),
                    Some(named) => (named != replaced).then_some(Contradiction::NamesAnother),
                    None if replaced == 0 => None,
                    None => Some(Contradiction::Missing(KeyKind::Entry)),
                }
            }
            Change::EntryRemove(inode) => {
                let another = named.is_some_and(|named| named != inode);
                self.remove().or(another.then_some(Contradiction::NamesAnother))
            }
            _ => None,
        }
    }

    fn node(mut self, change: &Change<'_>) -> Applied {
        let changed_lsn = self.stamp.lsn;
        let found = self.get().map(NodeRecord::read);
        match *change {
            Change::NodeCreate(node) => {
                let (out_degree, in_degree, kind) = (0, 0, node.kind);
                let record = NodeRecord { changed_lsn, out_degree, in_degree, kind };
                return self.create(&record, node.data);
            }
            Change::NodeRemove => {
                let tied = found.is_some_and(|node| node.out_degree + node.in_degree > 0);
                return self.remove().or(tied.then_some(Contradiction::StillTied));
            }
            _ => {}
        }
        let Some(mut record) = found else { return self.missing() };
        record.changed_lsn = changed_lsn;
        let mut contradiction = None;
        let degree = match change {
            Change::NodeTie(EdgeEnd::From) | Change::NodeCut(EdgeEnd::From) => {
                &mut record.out_degree
            }
            _ => &mut record.in_degree,
        };
        match *change {
            Change::NodeTie(_) => *degree = degree.saturating_add(1),
            Change::NodeCut(_) if *degree == 0 => contradiction = Some(Contradiction::NoSuchTie),
            Change::NodeCut(_) => *degree -= 1,
            Change::NodeUpdate(node) => {
                record.kind = node.kind;
                self.put(&record, node.data);
                return None;
            }
            _ => {}
        }
        self.patch(&record);
        contradiction
    }

    /// Writes over the fixed part of a record that is there.
    #[inline(always)]
    fn patch<T: Structure>(&mut self, fixed: &T) {
        if let Some(found) = self.found {
            fixed.write(self.records.value_mut(found));
        }
    }

    fn edge(mut self, change: &Change<'_>) -> Applied {
        let record = |edge: Edge<'_>| EdgeRecord {
            changed_lsn: self.stamp.lsn,
            from: edge.from,
            to: edge.to,
            kind: edge.kind,
            weight: edge.weight,
        };
        match *change {
            Change::EdgeCreate(edge) => {
                let record = record(edge);
                self.create(&record, edge.data)
            }
            Change::EdgeUpdate(edge) => {
                let Some(old) = self.get().map(EdgeRecord::read) else { return self.missing() };
                let new = EdgeRecord { from: old.from, to: old.to, ..record(edge) };
                self.put(&new, edge.data);
                let moved = (old.from, old.to) != (edge.from, edge.to);
                moved.then_some(Contradiction::OtherEnds)
            }
            _ => self.remove(),
        }
    }

    fn vector(mut self, change: &Change<'_>) -> Applied {
        let found = self.get().map(VectorRecord::read);
        let changed_lsn = self.stamp.lsn;
        let with = |vector: Vector<'_>, old: VectorRecord| VectorRecord {
            changed_lsn,
            source: vector.source,
            model: vector.model,
            dimensions: vector.dimensions,
            element: vector.element,
            ..old
        };
        match *change {
            Change::VectorCreate(vector) => {
                let empty = VectorRecord::read(&[0; VectorRecord::BYTES]);
                let record = with(vector, empty);
                return self.create(&record, vector.data);
            }
            Change::VectorRemove => return self.remove(),
            _ => {}
        }
        let Some(mut record) = found else { return self.missing() };
        record.changed_lsn = changed_lsn;
        match *change {
            Change::VectorUpdate(vector) => {
                self.put(&with(vector, record), vector.data);
                return None;
            }
            Change::VectorIndex(index, position) => {
                (record.index, record.index_position) = (index, position);
            }
            Change::VectorCluster(cluster, distance) => {
                (record.cluster, record.cluster_distance) = (cluster, distance);
            }
            _ => {}
        }
        self.patch(&record);
        None
    }

    fn mount(mut self, change: &Change<'_>) -> Applied {
        let changed_lsn = self.stamp.lsn;
        match *change {
            Change::MountCreate(mount) => {
                let (flags, checkpoint, checkpoints) = (mount.flags, 0, 0);
                // An event's parts are far shorter than 4 GiB.
                let source_bytes = u32::try_from(mount.source.len()).unwrap_or(u32::MAX);
                let record =
                    MountRecord { changed_lsn, flags, checkpoint, checkpoints, source_bytes };
                let places = [mount.source, mount.target].concat();
                self.create(&record, &places)
            }
            Change::MountCheckpoint(checkpoint) => {
                let Some(old) = self.get().map(MountRecord::read) else { return self.missing() };
                let checkpoints = old.checkpoints.saturating_add(1);
                let new = MountRecord { changed_lsn, checkpoint, checkpoints, ..old };
                self.patch(&new);
                None
            }
            _ => self.remove(),
        }
    }

    /// Properties, agents, metrics and links: put whether or not something is there.
    fn value(mut self, change: &Change<'_>) -> Applied {
        let Stamp { lsn: changed_lsn, timestamp_ns: changed_ns } = self.stamp;
        match *change {
            Change::PropertySet(value) => {
                self.put(&PropertyRecord { changed_lsn }, value);
            }
            Change::PropertyRemove => return self.remove(),
            Change::AgentAct(event_type, action) => self.agent(event_type, &action),
            Change::MetricSet(it) => {
                let count = self.get().map_or(0, |bytes| MetricRecord::read(bytes).count);
                let (count, value) = (count.saturating_add(1), it.value);
                let record = MetricRecord { changed_lsn, changed_ns, count, value };
                self.put(&record, it.text);
            }
            Change::LinkPut(link) => {
                let count = self.get().map_or(0, |bytes| LinkRecord::read(bytes).count);
                let record = LinkRecord {
                    changed_lsn,
                    count: count.saturating_add(1),
                    delay_ns: link.delay_ns,
                    kind: link.kind,
                    strength: link.strength,
                };
                self.put(&record, link.description);
            }
            _ => {}
        }
        None
    }

    fn agent(&mut self, event_type: EventType, action: &AgentAction<'_>) {
        let empty = AgentRecord::read(&[0; AgentRecord::BYTES]);
        let mut record = self.get().map_or(empty, AgentRecord::read);
        let count = match event_type {
            EventType::AgentDecision => &mut record.decisions,
            EventType::AgentOrchestration => &mut record.orchestrations,
            EventType::AgentLearning => &mut record.learnings,
            _ => &mut record.intents,
        };
        *count = count.saturating_add(1);
        (record.changed_lsn, record.last_type) = (self.stamp.lsn, event_type.code());
        (record.subject, record.confidence) = (action.subject, action.confidence);
        self.put(&record, action.text);
    }
}
