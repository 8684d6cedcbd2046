//! A journal that remembers what was written into it, and says what a recovery must make of it: the
//! state, and which of the events that are left depended on lost ones.
//!
//! It knows nodes, properties and transactions, and shares no code with what it judges.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vexfs_replay::event::{
    Body, Node, NodeRef, Property, PropertyRef, TransactionEnd, transaction_outcome,
};
use vexfs_replay::journal::{NewEvent, TransactionDigest, Writer, WriterOptions};
use vexfs_replay::state::{KeyKind, MemoryState};
use vexfs_replay::storage::MemoryFolder;

use crate::crashing::Dice;

/// How many nodes there are at most: few, so that events depend on each other.
const NODES: usize = 12;
/// The node that nothing touches later.
const KEEPSAKE: u64 = 999;
/// One event is so many nanoseconds after the one before.
pub(crate) const STEP_NS: u64 = 10;

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Create(u64),
    Update(u64),
    Delete(u64),
    Set(u64),
    Unset(u64),
    Begin,
    End { commits: bool, members: usize },
}

#[derive(Clone, Copy, Debug)]
struct Line {
    transaction: u64,
    said: Said,
}

/// What was written, by LSN, the first one at 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    lines: Vec<Line>,
}

/// What a recovery must come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The LSN of the event that made each node what it is.
    nodes: BTreeMap<u64, u64>,
    /// The same of properties.
    properties: BTreeMap<u64, u64>,
    /// Events that took no effect since what they belong to is lost.
    pub(crate) dependents: BTreeSet<u64>,
    /// Events that contradict what is there: LSN, and the LSN at which they take effect.
    pub(crate) contradicting: BTreeSet<(u64, u64)>,
    /// Transactions that committed and are not whole.
    pub(crate) broken: BTreeSet<u64>,
}

impl Judged {
    fn apply(&mut self, lsn: u64, position: u64, said: Said) {
        let there = match said {
            Said::Create(node) => self.nodes.insert(node, lsn).is_none(),
            Said::Update(node) if self.nodes.contains_key(&node) => {
                self.nodes.insert(node, lsn).is_some()
            }
            Said::Update(_) => false,
            Said::Delete(node) => self.nodes.remove(&node).is_some(),
            Said::Set(node) => {
                self.properties.insert(node, lsn);
                true
            }
            Said::Unset(node) => self.properties.remove(&node).is_some(),
            Said::Begin | Said::End { .. } => true,
        };
        if !there {
            self.contradicting.insert((lsn, position));
        }
    }
}

impl Story {
    pub(crate) fn last_lsn(&self) -> u64 {
        self.lines.len() as u64
    }

    /// The transactions that ended, by when they began.
    pub(crate) fn transactions(&self) -> Vec<u64> {
        let ended = self.lines.iter().filter(|it| matches!(it.said, Said::End { .. }));
        let ended: BTreeSet<u64> = ended.map(|it| it.transaction).collect();
        ended.into_iter().collect()
    }

    /// What the events up to an LSN lead to, without those that are lost.
    pub(crate) fn judge(&self, last_lsn: u64, lost: &BTreeSet<u64>) -> Judged {
        let mut judged = Judged::default();
        let mut open: BTreeMap<u64, Vec<(u64, Said)>> = BTreeMap::new();
        let lines = (1..=last_lsn).zip(&self.lines).filter(|(lsn, _)| !lost.contains(lsn));
        for (lsn, &Line { transaction, said }) in lines {
            match said {
                Said::Begin => drop(open.insert(transaction, Vec::new())),
                Said::End { commits, members } => match open.remove(&transaction) {
                    None => drop(judged.contradicting.insert((lsn, lsn))),
                    Some(found) if found.len() != members => {
                        judged.contradicting.insert((lsn, lsn));
                        if commits {
                            judged.broken.insert(transaction);
                            judged.dependents.extend(found.iter().map(|&(lsn, _)| lsn));
                        }
                    }
                    Some(found) if commits => {
                        found.into_iter().for_each(|(at, said)| judged.apply(at, lsn, said));
                    }
                    Some(_) => {}
                },
                _ if transaction == 0 => judged.apply(lsn, lsn, said),
                _ => match open.get_mut(&transaction) {
                    Some(open) => open.push((lsn, said)),
                    None => {
                        judged.dependents.insert(lsn);
                        judged.contradicting.insert((lsn, lsn));
                    }
                },
            }
        }
        judged
    }

    /// Checks a state against what was judged. Every content ends with the LSN of its event.
    pub(crate) fn check_state(judged: &Judged, state: &MemoryState) {
        let found = |kind| {
            let mut found = BTreeMap::new();
            state.for_each(kind, |key, record| {
                let last: [u8; 8] = record[record.len() - 8..].try_into().unwrap();
                found.insert(key.id, u64::from_le_bytes(last));
            });
            found
        };
        assert_eq!(found(KeyKind::Node), judged.nodes);
        assert_eq!(found(KeyKind::Property), judged.properties);
    }
}

/// Writes a story.
pub(crate) struct Teller {
    pub(crate) writer: Option<Writer>,
    pub(crate) story: Story,
    alive: BTreeSet<u64>,
    set: BTreeSet<u64>,
    open: Vec<(u64, TransactionDigest)>,
    dice: Dice,
    text_bytes: usize,
}

impl Teller {
    /// One who makes a new journal, whose contents have up to so many bytes.
    pub(crate) fn new(
        folder: &MemoryFolder,
        options: WriterOptions,
        seed: u64,
        text_bytes: usize,
    ) -> Self {
        let writer = Some(Writer::create(Arc::new(folder.clone()), options).unwrap());
        let (alive, set, open) = Default::default();
        let story = Story::default();
        Self { writer, story, alive, set, open, dice: Dice(seed), text_bytes }
    }

    /// Opens the journal anew, to go on.
    pub(crate) fn reopen(self, folder: &MemoryFolder, options: WriterOptions) -> Self {
        let writer = Some(Writer::open(Arc::new(folder.clone()), options).unwrap());
        Self { writer, open: Vec::new(), ..self }
    }

    fn append(&mut self, transaction: u64, said: Said) -> (u64, u32) {
        let lsn = self.story.last_lsn() + 1;
        let mut data = vec![b'.'; self.dice.below(self.text_bytes + 1)];
        data.extend(lsn.to_le_bytes());
        let body = match said {
            Said::Create(node) => Body::NodeCreate(Node { node, kind: 1, data: &data }),
            Said::Update(node) => Body::NodeUpdate(Node { node, kind: 2, data: &data }),
            Said::Delete(node) => Body::NodeDelete(NodeRef { node }),
            Said::Set(node) => Body::PropertySet(Property { node, name: b"p", value: &data }),
            Said::Unset(node) => Body::PropertyDelete(PropertyRef { node, name: b"p" }),
            Said::Begin | Said::End { .. } => unreachable!("not written here"),
        };
        let event = NewEvent { transaction, ..NewEvent::new(lsn * STEP_NS, body) };
        let appended = self.writer().append(&event).unwrap();
        assert_eq!(appended.lsn, lsn);
        self.story.lines.push(Line { transaction, said });
        (lsn, appended.crc)
    }

    /// Makes a node that nothing touches later.
    pub(crate) fn keepsake(&mut self) {
        self.append(0, Said::Create(KEEPSAKE));
    }

    /// An event outside of transactions, and one that is possible.
    pub(crate) fn plain(&mut self) {
        let node = self.dice.below(NODES) as u64;
        let said = match self.dice.below(4) {
            0 | 1 if self.alive.insert(node) => Said::Create(node),
            0 => Said::Update(node),
            1 => {
                self.alive.remove(&node);
                Said::Delete(node)
            }
            2 if self.set.remove(&node) => Said::Unset(node),
            _ => {
                self.set.insert(node);
                Said::Set(node)
            }
        };
        self.append(0, said);
    }

    pub(crate) fn begin(&mut self) {
        let lsn = self.story.last_lsn() + 1;
        let id = self.writer().begin(lsn * STEP_NS, 0).unwrap().id();
        assert_eq!(id, lsn);
        self.story.lines.push(Line { transaction: id, said: Said::Begin });
        self.open.push((id, TransactionDigest::default()));
    }

    /// An event of an open transaction, where there is one, that presupposes nothing.
    pub(crate) fn member(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let which = self.dice.below(self.open.len());
        // Nodes of its own: no event outside depends on them.
        let node = 100 + self.dice.below(NODES) as u64;
        let (lsn, crc) = self.append(self.open[which].0, Said::Set(node));
        self.open[which].1.add(lsn, crc);
    }

    /// Ends the oldest open transaction; gives its id.
    pub(crate) fn end(&mut self, commits: bool) -> Option<u64> {
        if self.open.is_empty() {
            return None;
        }
        let (id, digest) = self.open.remove(0);
        let lsn = self.story.last_lsn() + 1;
        let outcome =
            if commits { transaction_outcome::COMMIT } else { transaction_outcome::ABORT };
        let (events, digest) = (digest.events(), digest.finish());
        let body = Body::TransactionEnd(TransactionEnd { outcome, events, digest });
        let event = NewEvent { transaction: id, ..NewEvent::new(lsn * STEP_NS, body) };
        self.writer().append(&event).unwrap();
        let members = usize::try_from(events).unwrap();
        self.story.lines.push(Line { transaction: id, said: Said::End { commits, members } });
        Some(id)
    }

    /// So many random steps, with a commit of the writer now and then.
    pub(crate) fn steps(&mut self, count: usize) {
        for _ in 0..count {
            match self.dice.below(12) {
                0 if self.open.len() < 3 => self.begin(),
                1..=3 => self.member(),
                4 => drop(self.end(true)),
                5 if self.dice.below(3) == 0 => drop(self.end(false)),
                _ => self.plain(),
            }
            if self.dice.below(6) == 0 {
                self.writer().commit().unwrap();
            }
        }
        self.writer().commit().unwrap();
    }

    /// Closes the journal, and whatever is open in it stays unfinished.
    pub(crate) fn close(self) -> Story {
        self.writer.unwrap().close().unwrap();
        self.story
    }

    /// Dies.
    pub(crate) fn die(self) -> Story {
        self.dead().story
    }

    /// The same, without its writer.
    pub(crate) fn dead(self) -> Self {
        Self { writer: None, ..self }
    }

    pub(crate) fn writer(&self) -> &Writer {
        self.writer.as_ref().unwrap()
    }
}
