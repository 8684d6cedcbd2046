//! Every event type of VexFS: its number, name, class, and the shape of its payload.
//!
//! The table below is the only place that knows; [`EventType`] and [`Body`] come out of it, and
//! `docs/events.md` is held against it by a test.

use super::payload::*;

/// Whether an event changes state on replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It changes state.
    Mutation,
    /// It is counted, never applied.
    Observation,
    /// It begins or ends a transaction.
    Boundary,
}

/// Who takes a [`Body`] as it is decoded. A trait and no closure, so that it can ask to be inlined.
pub(crate) trait BodyVisitor<'a> {
    /// What it makes of it.
    type Out;

    /// Takes it.
    fn visit(self, body: Body<'a>) -> Self::Out;
}

/// Takes a body for what it is.
pub(crate) struct Itself;

impl<'a> BodyVisitor<'a> for Itself {
    type Out = Body<'a>;

    #[inline(always)]
    fn visit(self, body: Body<'a>) -> Body<'a> {
        body
    }
}

macro_rules! taxonomy {
    ($($code:literal $variant:ident $name:literal $class:ident $payload:ident $(<$life:lifetime>)?;)*) => {
        /// The type of an event. Inside of the program they count up from 0, so that a `match` is
        /// one jump; [`Self::code`] is the number that a journal has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventType {
            $(#[doc = $name] $variant,)*
        }

        const CODES: &[u16] = &[$($code),*];

        impl EventType {
            /// Every event type, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name: the family, a dot, the name within the family.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether it changes state.
            #[must_use]
            #[inline]
            pub fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)* }
            }

            /// The name of its payload's shape.
            #[must_use]
            pub fn payload_name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($payload),)* }
            }

            /// The layout of its payload; see [`Payload::layout`].
            #[must_use]
            pub fn payload_layout(self) -> (Vec<crate::wire::FieldRow>, &'static [&'static str]) {
                match self { $(Self::$variant => $payload::layout(),)* }
            }
        }

        /// An event's type and payload.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Body<'a> {
            $(#[doc = $name] $variant($payload $(<$life>)?),)*
        }

        impl<'a> Body<'a> {
            /// Reads the payload of an event of this type, borrowing its strings.
            ///
            /// # Errors
            /// [`PayloadSizeMismatch`] when the lengths inside don't add up to the payload's.
            #[inline(always)]
            pub fn decode(event_type: EventType, payload: &'a [u8]) -> Result<Self, PayloadSizeMismatch> {
                Self::decode_for(event_type, payload, Itself)
            }

            /// Reads the payload of an event of this type, and hands it on. What the visitor does is
            /// compiled once for each type, so that it need not look which one it is.
            ///
            /// # Errors
            /// [`PayloadSizeMismatch`] when the lengths inside don't add up to the payload's.
            #[inline(always)]
            pub(crate) fn decode_for<V: BodyVisitor<'a>>(
                event_type: EventType,
                payload: &'a [u8],
                visitor: V,
            ) -> Result<V::Out, PayloadSizeMismatch> {
                match event_type {
                    $(EventType::$variant => {
                        let it = $payload::decode(payload)?;
                        Ok(visitor.visit(Self::$variant(it)))
                    })*
                }
            }

            /// Appends the payload to `out`.
            pub fn encode(&self, out: &mut Vec<u8>) {
                match self { $(Self::$variant(payload) => payload.encode(out),)* }
            }

            /// The event's type.
            #[must_use]
            #[inline]
            pub fn event_type(&self) -> EventType {
                match self { $(Self::$variant(_) => EventType::$variant,)* }
            }
        }
    };
}

taxonomy! {
    0x0101 FileCreate "filesystem.create" Mutation NewEntry<'a>;
    0x0102 FileDelete "filesystem.delete" Mutation EntryRef<'a>;
    0x0103 FileRead "filesystem.read" Observation FileRead;
    0x0104 FileWrite "filesystem.write" Mutation FileWrite<'a>;
    0x0105 FileRename "filesystem.rename" Mutation Rename<'a>;
    0x0106 FileChmod "filesystem.chmod" Mutation Mode;
    0x0107 FileChown "filesystem.chown" Mutation Owner;
    0x0108 FileTruncate "filesystem.truncate" Mutation Truncation;
    0x0109 DirectoryCreate "filesystem.mkdir" Mutation NewEntry<'a>;
    0x010A DirectoryDelete "filesystem.rmdir" Mutation EntryRef<'a>;
    0x010B SymlinkCreate "filesystem.symlink" Mutation NewSymlink<'a>;
    0x010C HardlinkCreate "filesystem.hardlink" Mutation EntryRef<'a>;

    0x0201 NodeCreate "graph.node-create" Mutation Node<'a>;
    0x0202 NodeDelete "graph.node-delete" Mutation NodeRef;
    0x0203 NodeUpdate "graph.node-update" Mutation Node<'a>;
    0x0204 EdgeCreate "graph.edge-create" Mutation Edge<'a>;
    0x0205 EdgeDelete "graph.edge-delete" Mutation EdgeRef;
    0x0206 EdgeUpdate "graph.edge-update" Mutation Edge<'a>;
    0x0207 PropertySet "graph.property-set" Mutation Property<'a>;
    0x0208 PropertyDelete "graph.property-delete" Mutation PropertyRef<'a>;
    0x0209 GraphTraverse "graph.traverse" Observation Traversal;
    0x020A GraphQuery "graph.query" Observation Search<'a>;

    0x0301 VectorCreate "vector.create" Mutation Vector<'a>;
    0x0302 VectorDelete "vector.delete" Mutation VectorRef;
    0x0303 VectorUpdate "vector.update" Mutation Vector<'a>;
    0x0304 VectorSearch "vector.search" Observation Search<'a>;
    0x0305 VectorIndex "vector.index" Mutation IndexPlace;
    0x0306 VectorSimilarity "vector.similarity" Observation Similarity;
    0x0307 VectorCluster "vector.cluster" Mutation ClusterPlace;
    0x0308 VectorEmbed "vector.embed" Mutation Vector<'a>;

    0x0401 AgentQuery "agent.query" Observation AgentAction<'a>;
    0x0402 AgentReasoning "agent.reasoning" Observation AgentAction<'a>;
    0x0403 AgentDecision "agent.decision" Mutation AgentAction<'a>;
    0x0404 AgentOrchestration "agent.orchestration" Mutation AgentAction<'a>;
    0x0405 AgentLearning "agent.learning" Mutation AgentAction<'a>;
    0x0406 AgentInteraction "agent.interaction" Observation AgentAction<'a>;

    0x0501 SystemMount "system.mount" Mutation Mount<'a>;
    0x0502 SystemUnmount "system.unmount" Mutation MountRef;
    0x0503 SystemSync "system.sync" Observation MountRef;
    0x0504 SystemCheckpoint "system.checkpoint" Mutation MountCheckpoint;
    0x0505 SystemRecovery "system.recovery" Observation RecoveryRun;
    0x0506 SystemOptimization "system.optimization" Observation Optimization<'a>;

    0x0601 TransactionBegin "semantic.transaction-begin" Boundary TransactionBegin;
    0x0602 TransactionEnd "semantic.transaction-end" Boundary TransactionEnd;
    0x0603 CausalityLink "semantic.causality-link" Mutation Link<'a>;
    0x0604 IntentCapture "semantic.intent-capture" Mutation AgentAction<'a>;
    0x0605 ContextSwitch "semantic.context-switch" Observation AgentAction<'a>;
    0x0606 SemanticLink "semantic.semantic-link" Mutation Link<'a>;

    0x0801 Metric "observability.metric" Mutation Measure<'a>;
    0x0802 Log "observability.log" Observation LogLine<'a>;
    0x0803 SpanStart "observability.span-start" Observation Span<'a>;
    0x0804 SpanEnd "observability.span-end" Observation Span<'a>;
    0x0805 Alert "observability.alert" Mutation Measure<'a>;
    0x0806 Health "observability.health" Mutation Measure<'a>;
    0x0807 PerformanceCounter "observability.performance-counter" Mutation Measure<'a>;
    0x0808 ErrorReport "observability.error" Mutation Measure<'a>;
    0x0809 AuditTrail "observability.audit" Observation Audit<'a>;
    0x080A Status "observability.status" Mutation Measure<'a>;
    0x080B ResourceUsage "observability.resource-usage" Mutation Measure<'a>;
    0x080C Threshold "observability.threshold" Mutation Measure<'a>;
}

impl<'a> Body<'a> {
    /// The name of the agent that acts in it, where one does.
    #[must_use]
    pub fn agent(&self) -> Option<&'a [u8]> {
        match *self {
            Self::AgentQuery(it)
            | Self::AgentReasoning(it)
            | Self::AgentDecision(it)
            | Self::AgentOrchestration(it)
            | Self::AgentLearning(it)
            | Self::AgentInteraction(it)
            | Self::IntentCapture(it)
            | Self::ContextSwitch(it) => Some(it.agent),
            _ => None,
        }
    }
}

/// Set on an event type that a reader may pass over (and count) when it doesn't know it.
pub const OPTIONAL_TYPE_BIT: u16 = 0x8000;

/// The bit of a family in a set of families, as a block's header has it.
#[must_use]
#[inline]
pub const fn family_bit(family: u8) -> u32 {
    1 << (family % 32)
}

/// The families, by their number in the high byte of an event type.
pub const FAMILIES: &[(u8, &str)] = &[
    (1, "filesystem"),
    (2, "graph"),
    (3, "vector"),
    (4, "agent"),
    (5, "system"),
    (6, "semantic"),
    (8, "observability"),
];

/// The type of each number, by family and code, where there is one.
static BY_CODE: [Option<EventType>; FAMILIES_MAX * CODES_MAX] = {
    let mut by_code = [None; FAMILIES_MAX * CODES_MAX];
    let mut number = 0;
    while number < CODES.len() {
        let [family, code] = CODES[number].to_be_bytes();
        by_code[family as usize * CODES_MAX + code as usize] = Some(EventType::ALL[number]);
        number += 1;
    }
    by_code
};

/// Families have numbers below this.
const FAMILIES_MAX: usize = 16;
/// Codes within a family are below this.
const CODES_MAX: usize = 16;

impl EventType {
    /// The type with this number, where there is one.
    #[must_use]
    #[inline]
    pub fn from_code(code: u16) -> Option<Self> {
        let [family, code] = code.to_be_bytes().map(usize::from);
        let known = family < FAMILIES_MAX && code < CODES_MAX;
        if known { BY_CODE[family * CODES_MAX + code] } else { None }
    }

    /// The number of the type: family in the high byte, code in the low one.
    #[must_use]
    #[inline]
    pub fn code(self) -> u16 {
        CODES[self as usize]
    }

    /// The number of its family.
    #[must_use]
    pub fn family(self) -> u8 {
        self.code().to_be_bytes()[0]
    }

    /// The type of this name; see [`Self::name`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event_type| event_type.name() == name)
    }
}
