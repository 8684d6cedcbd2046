//! What events mean: a plain map from keys to records, changed by one event after the other. It is
//! written from the meaning of the events, and shares nothing with the code that it judges but the
//! words for what contradicts itself.

use std::collections::BTreeMap;

use vexfs_replay::event::EventType as Type;
use vexfs_replay::state::{Contradiction, KeyKind};

use crate::act::{Act, Text, Verb};
use crate::records::{Fields, Key, Record, Rest};

/// The records, and what the event at hand contradicts.
#[derive(Clone, Debug, Default)]
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

    pub(crate) fn contradicted(&mut self, by: Contradiction) {
        self.contradictions.push(by);
    }

    /// Puts a thing in place of what was there, which is given back.
    pub(crate) fn put(&mut self, key: Key, fields: Fields, rest: Rest) -> Option<Record> {
        let record = Record { changed: self.lsn, time: self.time, fields, rest };
        self.records.insert(key, record)
    }

    /// Makes a thing that must be new.
    pub(crate) fn make(&mut self, key: Key, kind: KeyKind, fields: Fields, rest: Rest) {
        if self.put(key, fields, rest).is_some() {
            self.contradicted(Contradiction::Exists(kind));
        }
    }

    /// Takes a thing away that must be there.
    pub(crate) fn take(&mut self, key: Key, kind: KeyKind) -> Option<Fields> {
        let taken = self.records.remove(&key);
        if taken.is_none() {
            self.contradicted(Contradiction::Missing(kind));
        }
        taken.map(|record| record.fields)
    }

    /// Changes a thing that must be there.
    pub(crate) fn change(&mut self, key: Key, kind: KeyKind, change: impl FnOnce(&mut Record)) {
        match self.records.get_mut(&key) {
            Some(record) => {
                (record.changed, record.time) = (self.lsn, self.time);
                change(record);
            }
            None => self.contradicted(Contradiction::Missing(kind)),
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
