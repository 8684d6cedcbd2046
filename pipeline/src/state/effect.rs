//! What an event does: one effect for each key that it touches.
//!
//! Law: effects on different keys need nothing of each other. All that an effect needs is in the
//! event itself, so the partitions that own the keys may apply them in any order among themselves.

use super::key::{Key, KeyKind};
use crate::event::{
    AgentAction, Body, Edge, EventType, FileWrite, Link, Measure, Mount, Node, Truncation, Vector,
};

/// A change to what one key names.
#[derive(Clone, Copy, Debug)]
pub struct Effect<'a> {
    /// The key.
    pub key: Key<'a>,
    /// The change.
    pub change: Change<'a>,
}

/// Which end of an edge a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeEnd {
    /// The edge leaves the node.
    From,
    /// The edge enters the node.
    To,
}

/// What happens to a record.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// An inode comes to be, with one name.
    InodeCreate {
        /// POSIX mode.
        mode: u32,
        /// POSIX user id.
        uid: u32,
        /// POSIX group id.
        gid: u32,
        /// Where a symbolic link points to.
        target: &'a [u8],
    },
    /// An inode gets one more name.
    InodeLink,
    /// An inode loses a name, and goes with its last one.
    InodeUnlink,
    /// A directory's inode goes.
    InodeRemove,
    /// An inode's content was written.
    InodeWrite(FileWrite<'a>),
    /// An inode was cut or extended.
    InodeTruncate(Truncation),
    /// An inode's mode changes.
    InodeMode(u32),
    /// An inode's owner and group change.
    InodeOwner(u32, u32),
    /// An entry comes to be and names this inode; there must be none.
    EntryCreate(u64),
    /// An entry, which names this inode, goes.
    EntryRemove(u64),
    /// An entry names the first inode from now on, where it named the second (0: where none was).
    EntryReplace(u64, u64),
    /// A node comes to be.
    NodeCreate(Node<'a>),
    /// A node's kind and content change.
    NodeUpdate(Node<'a>),
    /// A node, which must have no edges, goes.
    NodeRemove,
    /// An edge is tied to the node.
    NodeTie(EdgeEnd),
    /// An edge is cut from the node.
    NodeCut(EdgeEnd),
    /// An edge comes to be.
    EdgeCreate(Edge<'a>),
    /// An edge's kind, weight and content change; its ends stay.
    EdgeUpdate(Edge<'a>),
    /// An edge goes.
    EdgeRemove,
    /// A property has this value from now on.
    PropertySet(&'a [u8]),
    /// A property goes.
    PropertyRemove,
    /// A vector comes to be.
    VectorCreate(Vector<'a>),
    /// A vector's elements change.
    VectorUpdate(Vector<'a>),
    /// A vector takes this place in this index.
    VectorIndex(u64, u64),
    /// A vector is put into this cluster, at this distance.
    VectorCluster(u64, f32),
    /// A vector goes.
    VectorRemove,
    /// An agent did or meant something.
    AgentAct(EventType, AgentAction<'a>),
    /// A mount comes to be.
    MountCreate(Mount<'a>),
    /// A mount wrote this checkpoint.
    MountCheckpoint(u64),
    /// A mount goes.
    MountRemove,
    /// A value was measured.
    MetricSet(Measure<'a>),
    /// A link is drawn, or drawn anew.
    LinkPut(Link<'a>),
}

impl Change<'_> {
    /// The change's name, as `docs/events.md` has it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::InodeCreate { .. }
            | Self::EntryCreate(_)
            | Self::NodeCreate(_)
            | Self::EdgeCreate(_)
            | Self::VectorCreate(_)
            | Self::MountCreate(_) => "create",
            Self::InodeLink => "link",
            Self::InodeUnlink => "unlink",
            Self::InodeRemove
            | Self::EntryRemove(_)
            | Self::NodeRemove
            | Self::EdgeRemove
            | Self::PropertyRemove
            | Self::VectorRemove
            | Self::MountRemove => "remove",
            Self::InodeWrite(_) => "write",
            Self::InodeTruncate(_) => "truncate",
            Self::InodeMode(_) => "set mode",
            Self::InodeOwner(..) => "set owner",
            Self::EntryReplace(..) => "replace",
            Self::NodeUpdate(_) | Self::EdgeUpdate(_) | Self::VectorUpdate(_) => "update",
            Self::NodeTie(EdgeEnd::From) => "out-degree + 1",
            Self::NodeTie(EdgeEnd::To) => "in-degree + 1",
            Self::NodeCut(EdgeEnd::From) => "out-degree - 1",
            Self::NodeCut(EdgeEnd::To) => "in-degree - 1",
            Self::VectorIndex(..) => "place in index",
            Self::VectorCluster(..) => "place in cluster",
            Self::AgentAct(..) => "act",
            Self::MountCheckpoint(_) => "checkpoint",
            Self::PropertySet(_) | Self::MetricSet(_) | Self::LinkPut(_) => "put",
        }
    }
}

/// Who takes the effects of an event. A trait and no closure, so that it can ask to be inlined.
pub(crate) trait EffectVisitor<'a> {
    /// Takes the next one.
    fn visit(&mut self, effect: Effect<'a>);
}

/// Visits the effects of an event, in the order in which those on one key are to be applied.
/// Observations and the boundaries of transactions have none.
pub fn for_each_effect<'a>(body: &Body<'a>, visit: impl FnMut(Effect<'a>)) {
    struct Each<F>(F);

    impl<'a, F: FnMut(Effect<'a>)> EffectVisitor<'a> for Each<F> {
        #[inline(always)]
        fn visit(&mut self, effect: Effect<'a>) {
            self.0(effect);
        }
    }
    visit_effects(body, &mut Each(visit));
}

/// As [`for_each_effect`]. Where the type of the event is known, what the visitor does is compiled
/// for the effects that such an event has.
#[inline(always)]
pub(crate) fn visit_effects<'a>(body: &Body<'a>, visitor: &mut impl EffectVisitor<'a>) {
    use KeyKind as Kind;
    // No closure: that would be one function for all of them.
    macro_rules! one {
        ($kind:expr, $id:expr, $change:expr) => {
            visitor.visit(Effect { key: Key::numbered($kind, $id), change: $change })
        };
    }
    match *body {
        Body::FileWrite(write) => one!(Kind::Inode, write.inode, Change::InodeWrite(write)),
        Body::FileChmod(it) => one!(Kind::Inode, it.inode, Change::InodeMode(it.mode)),
        Body::FileChown(it) => one!(Kind::Inode, it.inode, Change::InodeOwner(it.uid, it.gid)),
        Body::FileTruncate(it) => one!(Kind::Inode, it.inode, Change::InodeTruncate(it)),
        Body::NodeCreate(node) => one!(Kind::Node, node.node, Change::NodeCreate(node)),
        Body::NodeUpdate(node) => one!(Kind::Node, node.node, Change::NodeUpdate(node)),
        Body::NodeDelete(node) => one!(Kind::Node, node.node, Change::NodeRemove),
        Body::EdgeUpdate(edge) => one!(Kind::Edge, edge.edge, Change::EdgeUpdate(edge)),
        Body::EdgeCreate(edge) => {
            one!(Kind::Edge, edge.edge, Change::EdgeCreate(edge));
            one!(Kind::Node, edge.from, Change::NodeTie(EdgeEnd::From));
            one!(Kind::Node, edge.to, Change::NodeTie(EdgeEnd::To));
        }
        Body::EdgeDelete(edge) => {
            one!(Kind::Edge, edge.edge, Change::EdgeRemove);
            one!(Kind::Node, edge.from, Change::NodeCut(EdgeEnd::From));
            one!(Kind::Node, edge.to, Change::NodeCut(EdgeEnd::To));
        }
        Body::VectorCreate(vector) => {
            one!(Kind::Vector, vector.vector, Change::VectorCreate(vector));
        }
        Body::VectorUpdate(vector) | Body::VectorEmbed(vector) => {
            one!(Kind::Vector, vector.vector, Change::VectorUpdate(vector));
        }
        Body::VectorIndex(it) => {
            one!(Kind::Vector, it.vector, Change::VectorIndex(it.index, it.position));
        }
        Body::VectorCluster(it) => {
            one!(Kind::Vector, it.vector, Change::VectorCluster(it.cluster, it.distance));
        }
        Body::VectorDelete(it) => one!(Kind::Vector, it.vector, Change::VectorRemove),
        Body::SystemMount(mount) => one!(Kind::Mount, mount.mount, Change::MountCreate(mount)),
        Body::SystemCheckpoint(it) => {
            one!(Kind::Mount, it.mount, Change::MountCheckpoint(it.checkpoint));
        }
        Body::SystemUnmount(it) => one!(Kind::Mount, it.mount, Change::MountRemove),
        _ => visit_named_effects(body, visitor),
    }
}

/// The events whose keys have names in them.
#[inline(always)]
fn visit_named_effects<'a>(body: &Body<'a>, visitor: &mut impl EffectVisitor<'a>) {
    macro_rules! one {
        ($kind:expr, $id:expr, $name:expr, $change:expr) => {
            visitor.visit(Effect { key: Key::named($kind, $id, $name), change: $change })
        };
    }
    let (entry, inode) = (KeyKind::Entry, KeyKind::Inode);
    match *body {
        Body::FileCreate(it) | Body::DirectoryCreate(it) => {
            let (mode, uid, gid, target) = (it.mode, it.uid, it.gid, &[][..]);
            one!(entry, it.parent, it.name, Change::EntryCreate(it.inode));
            one!(inode, it.inode, &[], Change::InodeCreate { mode, uid, gid, target });
        }
        Body::SymlinkCreate(it) => {
            let (mode, uid, gid, target) = (it.mode, it.uid, it.gid, it.target);
            one!(entry, it.parent, it.name, Change::EntryCreate(it.inode));
            one!(inode, it.inode, &[], Change::InodeCreate { mode, uid, gid, target });
        }
        Body::HardlinkCreate(it) => {
            one!(entry, it.parent, it.name, Change::EntryCreate(it.inode));
            one!(inode, it.inode, &[], Change::InodeLink);
        }
        Body::FileDelete(it) => {
            one!(entry, it.parent, it.name, Change::EntryRemove(it.inode));
            one!(inode, it.inode, &[], Change::InodeUnlink);
        }
        Body::DirectoryDelete(it) => {
            one!(entry, it.parent, it.name, Change::EntryRemove(it.inode));
            one!(inode, it.inode, &[], Change::InodeRemove);
        }
        Body::FileRename(it) => {
            one!(entry, it.from_parent, it.from_name, Change::EntryRemove(it.inode));
            let replace = Change::EntryReplace(it.inode, it.replaced_inode);
            one!(entry, it.to_parent, it.to_name, replace);
            if it.replaced_inode != 0 {
                one!(inode, it.replaced_inode, &[], Change::InodeUnlink);
            }
        }
        Body::PropertySet(it) => {
            one!(KeyKind::Property, it.node, it.name, Change::PropertySet(it.value));
        }
        Body::PropertyDelete(it) => {
            one!(KeyKind::Property, it.node, it.name, Change::PropertyRemove);
        }
        Body::AgentDecision(action)
        | Body::AgentOrchestration(action)
        | Body::AgentLearning(action)
        | Body::IntentCapture(action) => {
            let act = Change::AgentAct(body.event_type(), action);
            one!(KeyKind::Agent, 0, action.agent, act);
        }
        Body::CausalityLink(link) | Body::SemanticLink(link) => {
            let causal = matches!(body, Body::CausalityLink(_));
            let name: &[u8] = if causal { b"causality" } else { b"semantic" };
            let key = Key { kind: KeyKind::Link, id: link.from, second: link.to, name };
            visitor.visit(Effect { key, change: Change::LinkPut(link) });
        }
        Body::Metric(it)
        | Body::Alert(it)
        | Body::Health(it)
        | Body::PerformanceCounter(it)
        | Body::ErrorReport(it)
        | Body::Status(it)
        | Body::ResourceUsage(it)
        | Body::Threshold(it) => {
            let id = u64::from(body.event_type().code());
            one!(KeyKind::Metric, id, it.name, Change::MetricSet(it));
        }
        _ => {}
    }
}
