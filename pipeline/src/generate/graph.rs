//! The graph family: of 10 keys, 5 are nodes, 3 are properties and 2 are edges, in the order node,
//! property, node, edge, node, property, node, edge, node, property. A property belongs to the node
//! before it, and an edge leaves the node before it.
//!
//! A node is never deleted while it has an edge or a property, so that neither is ever without its
//! node, and changing one that is there needs nothing of the node.

use vexfs_datasets::{Action, Outcome, Touch};

use super::keys::Keys;
use super::output::{Output, percent};
use super::{Population, Step};
use crate::error::Error;
use crate::event::{Body, Edge, EdgeRef, EventType, Node, NodeRef, Property, PropertyRef};

const GROUP: u32 = 10;

const PROPERTY_NAMES: [&[u8]; 4] = [b"title", b"summary", b"checksum", b"keywords"];

pub(super) struct Graph {
    keys: Keys<Thing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Node,
    Property,
    Edge,
}

#[derive(Clone, Copy, Default)]
struct Thing {
    alive: bool,
    /// Of a node: how many properties and ends of edges it has.
    pins: u32,
    /// Of an edge: the node that it enters.
    to: u32,
}

fn kind(key: u32) -> Kind {
    match key % GROUP {
        1 | 5 | 9 => Kind::Property,
        3 | 7 => Kind::Edge,
        _ => Kind::Node,
    }
}

/// The node at this key, or before it.
fn node_at(key: u32) -> u32 {
    key - key % 2
}

fn number(key: u32) -> u64 {
    u64::from(key) + 1
}

fn property_name(key: u32) -> &'static [u8] {
    PROPERTY_NAMES[key as usize / 2 % PROPERTY_NAMES.len()]
}

impl Graph {
    pub(super) fn new(keys: u32, lanes: u16) -> Self {
        Self { keys: Keys::new(keys, lanes) }
    }

    fn alive(&self, key: u32) -> bool {
        self.keys.get(key).alive
    }

    /// Where a new edge goes: to the node of `other`, or to the one next to it where that would be
    /// the node that it comes from.
    fn target(&self, edge: u32, other: u32) -> u32 {
        let to = node_at(other);
        if to != node_at(edge) {
            to
        } else if to + 2 < self.len() {
            to + 2
        } else {
            to.saturating_sub(2)
        }
    }

    /// Makes a thing, or first what it is a part of.
    fn choose_create(&self, key: u32, to: u32) -> Step {
        let owner = node_at(key);
        match kind(key) {
            _ if !self.alive(owner) => Step::new(EventType::NodeCreate, owner),
            Kind::Edge if !self.alive(to) => Step::new(EventType::NodeCreate, to),
            Kind::Edge => Step { event_type: EventType::EdgeCreate, key, other: Some(to) },
            Kind::Property => Step::new(EventType::PropertySet, key),
            Kind::Node => Step::new(EventType::NodeUpdate, key),
        }
    }

    /// Removes a thing, or what hangs on it.
    fn choose_remove(&self, key: u32) -> Step {
        match kind(key) {
            Kind::Property => Step::new(EventType::PropertyDelete, key),
            Kind::Edge => Step::new(EventType::EdgeDelete, key),
            Kind::Node if self.keys.get(key).pins == 0 => Step::new(EventType::NodeDelete, key),
            // A node has a key of its own next to it, except the fifth of a group.
            Kind::Node if self.alive(key + 1) && kind(key + 1) != Kind::Node => {
                self.choose_remove(key + 1)
            }
            Kind::Node => Step::new(EventType::NodeUpdate, key),
        }
    }

    /// The next edge: made where it isn't there, removed where it is.
    fn choose_edge(&self, key: u32, other: u32) -> Step {
        let edge = key / GROUP * GROUP + if key % GROUP <= 3 { 3 } else { 7 };
        if self.alive(edge) {
            Step::new(EventType::EdgeDelete, edge)
        } else {
            self.choose_create(edge, self.target(edge, other))
        }
    }

    fn pin(&mut self, node: u32, transaction: Option<u16>) {
        self.keys.change(node, transaction).pins += 1;
    }

    fn unpin(&mut self, node: u32, transaction: Option<u16>) {
        self.keys.change(node, transaction).pins -= 1;
    }

    fn write_node(
        &mut self,
        step: &Step,
        touch: &Touch,
        out: &mut Output<'_, '_>,
    ) -> Result<(), Error> {
        let thing = self.keys.change(step.key, touch.transaction);
        thing.alive = step.event_type != EventType::NodeDelete;
        let (node, kind) = (number(step.key), step.key % 7);
        match step.event_type {
            EventType::NodeCreate => {
                out.append_filled(touch, |data| Body::NodeCreate(Node { node, kind, data }))
            }
            EventType::NodeDelete => out.append(touch, &Body::NodeDelete(NodeRef { node })),
            _ => out.append_filled(touch, |data| Body::NodeUpdate(Node { node, kind, data })),
        }
    }

    fn write_property(
        &mut self,
        step: &Step,
        touch: &Touch,
        out: &mut Output<'_, '_>,
    ) -> Result<(), Error> {
        let (key, transaction) = (step.key, touch.transaction);
        let owner = node_at(key);
        let sets = step.event_type == EventType::PropertySet;
        let thing = self.keys.change(key, transaction);
        match (std::mem::replace(&mut thing.alive, sets), sets) {
            (false, true) => self.pin(owner, transaction),
            (true, false) => self.unpin(owner, transaction),
            _ => {}
        }
        let (node, name) = (number(owner), property_name(key));
        if sets {
            out.append_filled(touch, |value| Body::PropertySet(Property { node, name, value }))
        } else {
            out.append(touch, &Body::PropertyDelete(PropertyRef { node, name }))
        }
    }

    fn write_edge(
        &mut self,
        step: &Step,
        touch: &Touch,
        out: &mut Output<'_, '_>,
    ) -> Result<(), Error> {
        let (key, transaction) = (step.key, touch.transaction);
        let from_key = node_at(key);
        let edge = self.keys.change(key, transaction);
        match step.event_type {
            EventType::EdgeCreate => {
                let to = step.other.unwrap_or(from_key);
                (edge.alive, edge.to) = (true, to);
                self.pin(from_key, transaction);
                self.pin(to, transaction);
            }
            EventType::EdgeDelete => {
                edge.alive = false;
                let to = edge.to;
                self.unpin(from_key, transaction);
                self.unpin(to, transaction);
            }
            _ => {}
        }
        let (from, to) = (number(from_key), number(self.keys.get(key).to));
        let (edge, kind) = (number(key), key % 5);
        let weight = f32::from(u8::try_from(percent(touch.word)).unwrap_or(0)) / 100.0;
        match step.event_type {
            EventType::EdgeCreate => out.append_filled(touch, |data| {
                Body::EdgeCreate(Edge { edge, from, to, kind, weight, data })
            }),
            EventType::EdgeDelete => {
                out.append(touch, &Body::EdgeDelete(EdgeRef { edge, from, to }))
            }
            _ => out.append_filled(touch, |data| {
                Body::EdgeUpdate(Edge { edge, from, to, kind, weight, data })
            }),
        }
    }
}

impl Population for Graph {
    fn len(&self) -> u32 {
        self.keys.len()
    }

    fn choose(&self, key: u32, touch: &Touch) -> Step {
        match (touch.action, kind(key)) {
            (Action::ChangeSeveral, _) => self.choose_edge(key, touch.other),
            // To a node before it, which is there while the keys are touched for the first time.
            (_, Kind::Edge) if !self.alive(key) => {
                self.choose_create(key, self.target(key, touch.other % key))
            }
            (_, _) if !self.alive(key) => self.choose_create(key, key),
            (Action::Remove, _) => self.choose_remove(key),
            (_, Kind::Node) => Step::new(EventType::NodeUpdate, key),
            (_, Kind::Property) => Step::new(EventType::PropertySet, key),
            (_, Kind::Edge) => Step::new(EventType::EdgeUpdate, key),
        }
    }

    fn feasible(&self, step: &Step, transaction: Option<u16>) -> bool {
        let (key, owner) = (step.key, node_at(step.key));
        let thing = self.keys.get(key);
        let usable = |key: u32| self.keys.usable(key, transaction);
        let ready = |node: u32| usable(node) && self.alive(node);
        let fits = match (step.event_type, kind(key)) {
            (EventType::NodeCreate, Kind::Node) => !thing.alive,
            (EventType::NodeUpdate, Kind::Node) => thing.alive,
            (EventType::NodeDelete, Kind::Node) => thing.alive && thing.pins == 0,
            (EventType::PropertySet, Kind::Property) => thing.alive || ready(owner),
            (EventType::PropertyDelete, Kind::Property) => thing.alive && ready(owner),
            (EventType::EdgeCreate, Kind::Edge) => {
                let to_fits = |to: u32| to != owner && kind(to) == Kind::Node && ready(to);
                !thing.alive && ready(owner) && step.other.is_some_and(to_fits)
            }
            (EventType::EdgeUpdate, Kind::Edge) => thing.alive,
            (EventType::EdgeDelete, Kind::Edge) => thing.alive && ready(owner) && ready(thing.to),
            _ => false,
        };
        fits && usable(key)
    }

    fn write(&mut self, step: &Step, touch: &Touch, out: &mut Output<'_, '_>) -> Result<(), Error> {
        match kind(step.key) {
            Kind::Node => self.write_node(step, touch, out),
            Kind::Property => self.write_property(step, touch, out),
            Kind::Edge => self.write_edge(step, touch, out),
        }
    }

    fn settle(&mut self, transaction: u16, outcome: Outcome) {
        self.keys.settle(transaction, outcome);
    }
}
