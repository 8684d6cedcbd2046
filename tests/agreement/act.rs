//! What an event says, in the tests' own words; and how it is said to the writer.

use std::fmt;

use vexfs_replay::event::*;

/// A text of this many bytes, told by the first of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) bytes: usize,
    pub(crate) first: u8,
}

impl Text {
    /// Bytes that count up, so that a part in a wrong place shows.
    pub(crate) fn spelled(self) -> Vec<u8> {
        (0..=250).cycle().skip(usize::from(self.first)).take(self.bytes).collect()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}×{:02x}…", self.bytes, self.first)
    }
}

/// A directory and a name in it.
pub(crate) type Entry = (u64, &'static str);

/// The kind of a content identity, and a byte that it consists of.
pub(crate) type Content = (u32, u8);

/// What happens. Where several event types have one shape, the type is told first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verb {
    /// A file, directory or symbolic link, its mode and owner. A link's target is the text.
    New(EventType, Entry, u64, [u32; 3]),
    Hardlink(Entry, u64),
    Delete(Entry, u64),
    Rmdir(Entry, u64),
    Rename {
        from: Entry,
        to: Entry,
        inode: u64,
        replaced: u64,
    },
    /// Inode, offset, length.
    Write(u64, u64, u64, Content),
    /// Inode, size.
    Truncate(u64, u64, Content),
    Chmod(u64, u32),
    Chown(u64, u32, u32),
    /// Node, kind.
    Node(EventType, u64, u32),
    NodeDelete(u64),
    /// Edge, both ends, kind, weight.
    Edge(EventType, u64, (u64, u64), u32, f32),
    EdgeDelete(u64, (u64, u64)),
    Property(u64, &'static str),
    PropertyDelete(u64, &'static str),
    /// Vector, source, model, dimensions, element.
    Vector(EventType, u64, [u64; 2], [u32; 2]),
    VectorDelete(u64),
    /// Vector, index, position.
    Index(u64, u64, u64),
    /// Vector, cluster, distance.
    Cluster(u64, u64, f32),
    /// Subject, confidence, name.
    Agent(EventType, u64, f32, &'static str),
    /// Mount, flags, source, target.
    Mount(u64, u64, [&'static str; 2]),
    Unmount(u64),
    /// Mount, number.
    Checkpoint(u64, u64),
    /// Both ends, kind, strength, delay.
    Link(EventType, (u64, u64), [u32; 2], u64),
    Measure(EventType, f64, &'static str),
    /// An event that changes nothing.
    Observe(EventType, u64),
}

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Act {
    pub(crate) verb: Verb,
    pub(crate) text: Text,
}

impl Verb {
    /// As the writer is told; `text` is the act's text, spelled.
    pub(crate) fn body<'a>(&self, text: &'a [u8]) -> Body<'a> {
        match *self {
            Self::Hardlink(entry, inode) => Body::HardlinkCreate(entry_ref(entry, inode)),
            Self::Delete(entry, inode) => Body::FileDelete(entry_ref(entry, inode)),
            Self::Rmdir(entry, inode) => Body::DirectoryDelete(entry_ref(entry, inode)),
            Self::Rename { from, to, inode, replaced } => Body::FileRename(Rename {
                from_parent: from.0,
                to_parent: to.0,
                inode,
                replaced_inode: replaced,
                from_name: from.1.as_bytes(),
                to_name: to.1.as_bytes(),
            }),
            Self::Write(inode, offset, length, (content_kind, byte)) => {
                let (content, data) = ([byte; 32], text);
                Body::FileWrite(FileWrite { inode, offset, length, content_kind, content, data })
            }
            Self::Truncate(inode, size, (content_kind, byte)) => {
                let content = [byte; 32];
                Body::FileTruncate(Truncation { inode, size, content_kind, content })
            }
            Self::Chmod(inode, mode) => Body::FileChmod(Mode { inode, mode }),
            Self::Chown(inode, uid, gid) => Body::FileChown(Owner { inode, uid, gid }),
            Self::NodeDelete(node) => Body::NodeDelete(NodeRef { node }),
            Self::EdgeDelete(edge, (from, to)) => Body::EdgeDelete(EdgeRef { edge, from, to }),
            Self::Property(node, name) => {
                Body::PropertySet(Property { node, name: name.as_bytes(), value: text })
            }
            Self::PropertyDelete(node, name) => {
                Body::PropertyDelete(PropertyRef { node, name: name.as_bytes() })
            }
            Self::VectorDelete(vector) => Body::VectorDelete(VectorRef { vector }),
            Self::Index(vector, index, position) => {
                Body::VectorIndex(IndexPlace { vector, index, position })
            }
            Self::Cluster(vector, cluster, distance) => {
                Body::VectorCluster(ClusterPlace { vector, cluster, distance })
            }
            Self::Mount(mount, flags, [source, target]) => {
                let (source, target) = (source.as_bytes(), target.as_bytes());
                Body::SystemMount(Mount { mount, flags, source, target })
            }
            Self::Unmount(mount) => Body::SystemUnmount(MountRef { mount }),
            Self::Checkpoint(mount, checkpoint) => {
                Body::SystemCheckpoint(MountCheckpoint { mount, checkpoint })
            }
            _ => self.shared_body(text),
        }
    }

    /// The verbs whose shape several event types share.
    fn shared_body<'a>(&self, text: &'a [u8]) -> Body<'a> {
        use EventType as Type;
        match *self {
            Self::New(event_type, (parent, name), inode, [mode, uid, gid]) => {
                let name = name.as_bytes();
                let new = NewEntry { parent, inode, mode, uid, gid, name };
                match event_type {
                    Type::FileCreate => Body::FileCreate(new),
                    Type::DirectoryCreate => Body::DirectoryCreate(new),
                    _ => {
                        let target = text;
                        let link = NewSymlink { parent, inode, mode, uid, gid, name, target };
                        Body::SymlinkCreate(link)
                    }
                }
            }
            Self::Node(event_type, node, kind) => {
                let it = Node { node, kind, data: text };
                let new = event_type == Type::NodeCreate;
                if new { Body::NodeCreate(it) } else { Body::NodeUpdate(it) }
            }
            Self::Edge(event_type, edge, (from, to), kind, weight) => {
                let it = Edge { edge, from, to, kind, weight, data: text };
                let new = event_type == Type::EdgeCreate;
                if new { Body::EdgeCreate(it) } else { Body::EdgeUpdate(it) }
            }
            Self::Vector(event_type, vector, [source, model], [dimensions, element]) => {
                let it = Vector { vector, source, model, dimensions, element, data: text };
                match event_type {
                    Type::VectorCreate => Body::VectorCreate(it),
                    Type::VectorUpdate => Body::VectorUpdate(it),
                    _ => Body::VectorEmbed(it),
                }
            }
            Self::Agent(event_type, subject, confidence, name) => {
                let it = AgentAction { subject, confidence, agent: name.as_bytes(), text };
                acted(event_type, it)
            }
            Self::Link(event_type, (from, to), [kind, strength], delay_ns) => {
                let it = Link { from, to, kind, strength, delay_ns, description: text };
                let causal = event_type == Type::CausalityLink;
                if causal { Body::CausalityLink(it) } else { Body::SemanticLink(it) }
            }
            Self::Measure(event_type, value, name) => {
                measured(event_type, Measure { value, name: name.as_bytes(), text })
            }
            Self::Observe(event_type, number) => observed(event_type, number, text),
            _ => unreachable!("{self:?} has a shape of its own"),
        }
    }
}

fn entry_ref((parent, name): Entry, inode: u64) -> EntryRef<'static> {
    EntryRef { parent, inode, name: name.as_bytes() }
}

fn acted(event_type: EventType, it: AgentAction<'_>) -> Body<'_> {
    match event_type {
        EventType::AgentDecision => Body::AgentDecision(it),
        EventType::AgentOrchestration => Body::AgentOrchestration(it),
        EventType::AgentLearning => Body::AgentLearning(it),
        _ => Body::IntentCapture(it),
    }
}

fn measured(event_type: EventType, it: Measure<'_>) -> Body<'_> {
    match event_type {
        EventType::Metric => Body::Metric(it),
        EventType::Alert => Body::Alert(it),
        EventType::Health => Body::Health(it),
        EventType::PerformanceCounter => Body::PerformanceCounter(it),
        EventType::ErrorReport => Body::ErrorReport(it),
        EventType::Status => Body::Status(it),
        EventType::ResourceUsage => Body::ResourceUsage(it),
        _ => Body::Threshold(it),
    }
}

/// An observation; only its type and length matter.
fn observed(event_type: EventType, number: u64, text: &[u8]) -> Body<'_> {
    use EventType as Type;
    let action = AgentAction { subject: number, confidence: 0.5, agent: b"observer", text };
    let search = Search { results: number, query: text };
    let span = Span { span: number, parent: 0, name: text };
    match event_type {
        Type::FileRead => Body::FileRead(FileRead { inode: number, offset: 0, length: 1 }),
        Type::GraphTraverse => {
            Body::GraphTraverse(Traversal { start: number, depth: 1, visited: 2 })
        }
        Type::GraphQuery => Body::GraphQuery(search),
        Type::VectorSearch => Body::VectorSearch(search),
        Type::VectorSimilarity => {
            Body::VectorSimilarity(Similarity { left: number, right: 1, score: 0.5 })
        }
        Type::AgentQuery => Body::AgentQuery(action),
        Type::AgentReasoning => Body::AgentReasoning(action),
        Type::AgentInteraction => Body::AgentInteraction(action),
        Type::ContextSwitch => Body::ContextSwitch(action),
        Type::SystemSync => Body::SystemSync(MountRef { mount: number }),
        Type::SystemRecovery => {
            Body::SystemRecovery(RecoveryRun { events: number, duration_ns: 1 })
        }
        Type::SystemOptimization => {
            Body::SystemOptimization(Optimization { saved_bytes: number, text })
        }
        Type::SpanStart => Body::SpanStart(span),
        Type::SpanEnd => Body::SpanEnd(span),
        Type::AuditTrail => Body::AuditTrail(Audit { subject: number, actor: b"auditor", text }),
        _ => Body::Log(LogLine { level: 6, text }),
    }
}
