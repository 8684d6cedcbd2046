//! How the kernel's semantic journal lies in bytes, and its limits. Packed, little-endian; `docs/semj.md`
//! has the same as tables.

use crate::wire;

/// Begins the file; the bytes 4A 4D 45 53.
pub const MAGIC: u32 = 0x5345_4D4A;
/// The version's first number.
pub const MAJOR: u32 = 1;
/// The version's second number.
pub const MINOR: u32 = 0;

/// How many events a journal has at most.
pub const EVENTS_MAX: u64 = 10_000_000;
/// How long an event is at most, in bytes.
pub const EVENT_BYTES_MAX: usize = 65_536;
/// How long an event's metadata is at most, in bytes.
pub const METADATA_BYTES_MAX: usize = 2_048;
/// How many causality links an event has at most.
pub const LINKS_MAX: usize = 256;
/// How many agents the contexts of one journal name at most.
pub const AGENTS_MAX: usize = 64;

/// Where an agent's id lies in a context, and how long it is, in bytes.
pub(crate) const AGENT_AT: usize = 4_168;
pub(crate) const AGENT_BYTES: usize = 64;
/// Where the checksum lies in an event's header.
pub(crate) const CHECKSUM_AT: usize = 84;

wire! {
    /// The file's header.
    pub struct SemjFileHeader {
        /// [`MAGIC`].
        magic: u32,
        /// [`MAJOR`].
        major: u32,
        /// [`MINOR`].
        minor: u32,
        /// How many events there are.
        total_events: u64,
        /// The id that the next event would get: the last one's and 1, or 1 where there is none.
        next_event_id: u64,
        /// The length of the file in bytes.
        journal_bytes: u64,
        /// Where an index begins, in bytes from the file's start; 0 for none.
        index_offset: u64,
        /// Flags; none are known.
        flags: u32,
        /// The kernel's CRC-32 of this header with this field as zero.
        header_checksum: u32,
    }
}

wire! {
    /// An event's header.
    pub struct SemjEventHeader {
        /// Event id; they ascend.
        event_id: u64,
        /// Type: family and code.
        event_type: u32,
        /// Subtype.
        subtype: u32,
        /// Timestamp: nanoseconds since 1970-01-01 UTC.
        timestamp_ns: u64,
        /// Timestamp: sequence number.
        timestamp_sequence: u64,
        /// Timestamp: CPU.
        cpu: u32,
        /// Timestamp: process.
        process: u32,
        /// Global sequence.
        global_sequence: u64,
        /// Local sequence.
        local_sequence: u64,
        /// Flags.
        flags: u32,
        /// Priority.
        priority: u32,
        /// The event's length in bytes: header, context, payload, metadata and links.
        event_bytes: u32,
        /// The context's length in bytes.
        context_bytes: u32,
        /// The payload's length in bytes.
        payload_bytes: u32,
        /// The metadata's length in bytes.
        metadata_bytes: u32,
        /// Version.
        version: u32,
        /// The kernel's CRC-32 of the event with this field as zero.
        checksum: u32,
        /// Compression.
        compression: u32,
        /// Encryption.
        encryption: u32,
        /// How many causality links there are.
        link_count: u32,
        /// Parent event.
        parent_event: u64,
        /// Root cause; a root names itself.
        root_cause_event: u64,
        /// Mask of the agents that may see the event.
        agent_visibility: u64,
        /// How much it matters to agents.
        agent_relevance: u32,
        /// Priority in replay.
        replay_priority: u32,
    }
}

wire! {
    /// An event's context.
    pub struct SemjContext {
        /// Transaction.
        transaction: u64,
        /// Session.
        session: u64,
        /// Causality chain.
        causality_chain: u64,
        /// Path, padded with NUL.
        path: [u8; 4096],
        /// Inode.
        inode: u64,
        /// File type.
        file_type: u32,
        /// Graph node.
        node: u64,
        /// Graph edge.
        edge: u64,
        /// Graph operation.
        graph_operation: u32,
        /// Vector.
        vector: u64,
        /// Dimensions of the vector.
        dimensions: u32,
        /// Type of the vector's elements.
        element: u32,
        /// Agent.
        agent: [u8; 64],
        /// What the agent means to do.
        agent_intent: [u8; 256],
        /// How sure the agent is.
        agent_confidence: u32,
        /// System load.
        system_load: u32,
        /// Memory in use.
        memory_usage: u64,
        /// I/O pressure.
        io_pressure: u32,
        /// Semantic tags, in JSON.
        semantic_tags: [u8; 512],
        /// What the event means.
        semantic_intent: [u8; 256],
        /// How sure that is.
        semantic_confidence: u32,
    }
}

wire! {
    /// A causality link.
    pub struct SemjLink {
        /// The event that is the cause.
        cause: u64,
        /// The event that is the effect.
        effect: u64,
        /// Type.
        kind: u32,
        /// How strong it is, 0 to 100.
        strength: u32,
        /// How long the effect took, in nanoseconds.
        delay_ns: u64,
        /// The link in words, padded with NUL.
        description: [u8; 128],
    }
}

wire! {
    /// What begins the metadata of an event that was written natively: that its payload is of the shape that
    /// `docs/events.md` gives to its type, and how the rest of the native event is made of the kernel's.
    pub struct SemjMarker {
        /// [`MARKER_MAGIC`].
        magic: [u8; 8],
        /// [`MARKER_VERSION`].
        version: u16,
        /// [`FORM_PLAIN`], [`FORM_KERNEL`] or [`FORM_VERBATIM`].
        form: u16,
        /// The length of the native payload in bytes, which is the front of the kernel's.
        payload_bytes: u32,
    }
}

/// Begins a marker.
pub const MARKER_MAGIC: [u8; 8] = *b"VXNATIVE";
/// The marker's version.
pub const MARKER_VERSION: u16 = 1;
/// The native event has no tail, and the kernel's fields follow from it.
pub const FORM_PLAIN: u16 = 0;
/// The native event's tail holds the kernel's fields, which are this event's own.
pub const FORM_KERNEL: u16 = 1;
/// All that follows the native payload follows it here, byte for byte; the kernel's fields are as in the
/// plain form.
pub const FORM_VERBATIM: u16 = 2;

const _: () = assert!(SemjFileHeader::BYTES == 52 && SemjEventHeader::BYTES == 132);
const _: () = assert!(SemjContext::BYTES == 5_280 && SemjLink::BYTES == 160);
const _: () = assert!(SemjMarker::BYTES == 16);
