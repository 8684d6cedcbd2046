//! The history as a graph: a node for each commit, an edge to each of its parents.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Sink;
use super::log::Commit;
use super::object::ObjectId;
use crate::error::Error;
use crate::event::{AgentAction, Body, Edge, Node};

/// The kind of a node that is a commit of the imported chain.
pub const NODE_COMMIT: u32 = 1;
/// The kind of a node that is a parent off the chain; its own parents are not in the graph.
pub const NODE_SIDE_PARENT: u32 = 2;
/// The kind of an edge to a first parent.
pub const EDGE_FIRST_PARENT: u32 = 1;
/// The kind of an edge to another parent.
pub const EDGE_OTHER_PARENT: u32 = 2;

/// What is in the graph so far: 16 bytes a commit, and the map around them.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The nodes, each with the bytes of its id that follow its number.
    nodes: HashMap<u64, u64>,
    edges: u64,
}

impl Graph {
    /// Tells `sink` the events of one commit, its author's included.
    pub(super) fn add(&mut self, commit: &Commit, sink: &mut dyn Sink) -> Result<(), Error> {
        if !self.make_node(commit.id, NODE_COMMIT, sink)? {
            return Err(Error::Import(format!("git log gave the commit {} twice", commit.id)));
        }
        for (position, parent) in commit.parents.iter().enumerate() {
            self.make_node(*parent, NODE_SIDE_PARENT, sink)?;
            self.edges += 1;
            let (edge, from, to) = (self.edges, commit.id.number(), parent.number());
            let kind = if position == 0 { EDGE_FIRST_PARENT } else { EDGE_OTHER_PARENT };
            sink.put(Body::EdgeCreate(Edge { edge, from, to, kind, weight: 1.0, data: &[] }))?;
        }
        let (subject, confidence) = (commit.id.number(), 1.0);
        let (agent, text) = (&commit.email[..], &commit.subject[..]);
        sink.put(Body::AgentDecision(AgentAction { subject, confidence, agent, text }))
    }

    /// Makes a commit's node unless it is there; whether it wasn't.
    fn make_node(&mut self, id: ObjectId, kind: u32, sink: &mut dyn Sink) -> Result<bool, Error> {
        let node = id.number();
        match self.nodes.entry(node) {
            Entry::Occupied(other) if *other.get() == id.check() => Ok(false),
            Entry::Vacant(place) if node != 0 => {
                place.insert(id.check());
                sink.put(Body::NodeCreate(Node { node, kind, data: id.raw() }))?;
                Ok(true)
            }
            _ => Err(Error::Import(format!(
                "the commit {id} can't be told from others by the first 8 bytes of its id"
            ))),
        }
    }
}
