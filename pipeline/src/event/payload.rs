//! The typed payloads of events: a few shapes that the event types share.
//!
//! A payload is its scalar fields, then the length of each byte string (u32), then the strings one
//! after the other, and nothing else. Reading borrows the strings from the journal's buffer.
//! Identities are u64 numbers that the writer of the journal gives out; 0 means none.

use crate::wire::{self, Field, FieldRow};

/// Why bytes are not a payload of the expected shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadSizeMismatch {
    /// The length that the scalars and the string lengths ask for, in bytes.
    pub expected_bytes: u64,
    /// The length of the payload that is there, in bytes.
    pub found_bytes: u64,
}

/// Reads and writes one payload.
pub trait Payload<'a>: Sized {
    /// Reads a payload that fills `bytes` exactly.
    ///
    /// # Errors
    /// [`PayloadSizeMismatch`] when the lengths inside don't add up to the length of `bytes`.
    fn decode(bytes: &'a [u8]) -> Result<Self, PayloadSizeMismatch>;

    /// Appends the payload to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// The payload's layout: rows for the scalars and string lengths, and the strings that follow.
    fn layout() -> (Vec<FieldRow>, &'static [&'static str]);
}

/// Takes the next `length` bytes off the front of `rest`; the caller has checked that they exist.
#[inline(always)]
fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

fn put<F: Field>(field: F, out: &mut Vec<u8>) {
    let at = out.len();
    out.resize(at + F::BYTES, 0);
    field.write(&mut out[at..]);
}

/// The length of a string as its u32 field. A longer string saturates; the writer refuses it by
/// the event's length limit, which is far lower.
fn length_field(string: &[u8]) -> u32 {
    u32::try_from(string.len()).unwrap_or(u32::MAX)
}

/// Payloads of scalars alone.
macro_rules! scalar_payloads {
    ($($(#[$attribute:meta])* $name:ident { $($body:tt)* })*) => { $(
        crate::wire! {
            $(#[$attribute])*
            pub struct $name { $($body)* }
        }

        impl Payload<'_> for $name {
            #[inline(always)]
            fn decode(bytes: &[u8]) -> Result<Self, PayloadSizeMismatch> {
                if bytes.len() == Self::BYTES {
                    return Ok(Self::read(bytes));
                }
                let (expected_bytes, found_bytes) = (Self::BYTES as u64, bytes.len() as u64);
                Err(PayloadSizeMismatch { expected_bytes, found_bytes })
            }

            fn encode(&self, out: &mut Vec<u8>) {
                let at = out.len();
                out.resize(at + Self::BYTES, 0);
                self.write(&mut out[at..]);
            }

            fn layout() -> (Vec<FieldRow>, &'static [&'static str]) {
                (Self::rows(), &[])
            }
        }
    )* };
}

/// Payloads of scalars and byte strings.
macro_rules! string_payloads {
    ($($(#[$attribute:meta])* $name:ident {
        $($(#[$field_attribute:meta])* $field:ident: $type:ty,)*;
        $($(#[$string_attribute:meta])* $string:ident,)+
    })*) => { $(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name<'a> {
            $($(#[$field_attribute])* pub $field: $type,)*
            $($(#[$string_attribute])* pub $string: &'a [u8],)+
        }

        impl<'a> Payload<'a> for $name<'a> {
            #[inline(always)]
            fn decode(bytes: &'a [u8]) -> Result<Self, PayloadSizeMismatch> {
                const STRINGS: &[&str] = &[$(stringify!($string)),+];
                const FIXED: usize = STRINGS.len() * u32::BYTES $(+ <$type as Field>::BYTES)*;
                let found_bytes = bytes.len() as u64;
                if bytes.len() < FIXED {
                    let expected_bytes = FIXED as u64;
                    return Err(PayloadSizeMismatch { expected_bytes, found_bytes });
                }
                let (mut fixed, mut strings) = bytes.split_at(FIXED);
                $(let $field = <$type as Field>::read(take(&mut fixed, <$type as Field>::BYTES));)*
                let expected_bytes = fixed
                    .chunks_exact(u32::BYTES)
                    .fold(FIXED as u64, |sum, length| sum + u64::from(u32::read(length)));
                if expected_bytes != found_bytes {
                    return Err(PayloadSizeMismatch { expected_bytes, found_bytes });
                }
                $(
                    let length = u32::read(take(&mut fixed, u32::BYTES));
                    let $string = take(&mut strings, length as usize);
                )+
                Ok(Self { $($field,)* $($string,)+ })
            }

            fn encode(&self, out: &mut Vec<u8>) {
                $(put(self.$field, out);)*
                $(put(length_field(self.$string), out);)+
                $(out.extend_from_slice(self.$string);)+
            }

            fn layout() -> (Vec<FieldRow>, &'static [&'static str]) {
                let fields = [
                    $((stringify!($field), <$type as Field>::BYTES, <$type as Field>::NAME),)*
                    $((concat!(stringify!($string), "_bytes"), u32::BYTES, u32::NAME),)+
                ];
                (wire::rows_of(&fields), &[$(stringify!($string)),+])
            }
        }
    )* };
}

/// What the 32 bytes of a content identity are.
pub mod content_kind {
    /// Nothing is known of the content.
    pub const UNKNOWN: u32 = 0;
    /// A git object id of 20 bytes (SHA-1), zero-padded.
    pub const GIT_SHA1: u32 = 1;
    /// A git object id of 32 bytes (SHA-256).
    pub const GIT_SHA256: u32 = 2;
    /// The SHA-256 of the content.
    pub const SHA256: u32 = 3;
}

/// How a transaction ended; see [`TransactionEnd::outcome`].
pub mod transaction_outcome {
    /// Its effects take place at the end record's position.
    pub const COMMIT: u32 = 1;
    /// Its effects never take place.
    pub const ABORT: u32 = 2;
}

scalar_payloads! {
    /// A range of a file was read.
    FileRead {
        /// The file.
        inode: u64,
        /// Where the range starts, in bytes.
        offset: u64,
        /// How long the range is, in bytes.
        length: u64,
    }
    /// The permission bits of a file became `mode`.
    Mode {
        /// The file.
        inode: u64,
        /// POSIX mode, file type bits included.
        mode: u32,
    }
    /// A file got a new owner.
    Owner {
        /// The file.
        inode: u64,
        /// POSIX user id.
        uid: u32,
        /// POSIX group id.
        gid: u32,
    }
    /// A file was cut or extended.
    Truncation {
        /// The file.
        inode: u64,
        /// The new size in bytes.
        size: u64,
        /// What `content` is; see [`content_kind`].
        content_kind: u32,
        /// The identity of the content as it is now.
        content: [u8; 32],
    }
    /// A graph node, by its number.
    NodeRef {
        /// The node.
        node: u64,
    }
    /// A graph edge, by its number and both ends.
    EdgeRef {
        /// The edge.
        edge: u64,
        /// The node that it leaves.
        from: u64,
        /// The node that it enters.
        to: u64,
    }
    /// A walk through the graph.
    Traversal {
        /// Where it started.
        start: u64,
        /// How many steps deep it went.
        depth: u32,
        /// How many nodes it saw.
        visited: u32,
    }
    /// A vector, by its number.
    VectorRef {
        /// The vector.
        vector: u64,
    }
    /// A vector took its place in an index.
    IndexPlace {
        /// The vector.
        vector: u64,
        /// The index.
        index: u64,
        /// The place in the index.
        position: u64,
    }
    /// Two vectors were compared.
    Similarity {
        /// One of them.
        left: u64,
        /// The other.
        right: u64,
        /// How similar they are.
        score: f32,
    }
    /// A vector was put into a cluster.
    ClusterPlace {
        /// The vector.
        vector: u64,
        /// The cluster.
        cluster: u64,
        /// The distance to the cluster's centre.
        distance: f32,
    }
    /// A mount, by its number.
    MountRef {
        /// The mount.
        mount: u64,
    }
    /// A mount wrote a checkpoint of its own.
    MountCheckpoint {
        /// The mount.
        mount: u64,
        /// The number of the checkpoint.
        checkpoint: u64,
    }
    /// A recovery was run.
    RecoveryRun {
        /// How many events it replayed.
        events: u64,
        /// How long it took, in nanoseconds.
        duration_ns: u64,
    }
    /// A transaction begins. The event's header names it.
    TransactionBegin {
        /// The session that runs it.
        session: u64,
    }
    /// A transaction ends. The event's header names it.
    TransactionEnd {
        /// Commit or abort; see [`transaction_outcome`].
        outcome: u32,
        /// How many events are in the transaction, begin and end not counted.
        events: u64,
        /// The digest over its events: SHA-256 over LSN (u64) and CRC32C (u32) of each in turn.
        digest: [u8; 32],
    }
}

string_payloads! {
    /// A new file or directory under a name.
    NewEntry {
        /// The directory that gets the entry.
        parent: u64,
        /// The new file or directory.
        inode: u64,
        /// POSIX mode, file type bits included.
        mode: u32,
        /// POSIX user id.
        uid: u32,
        /// POSIX group id.
        gid: u32,;
        /// The entry's name.
        name,
    }
    /// A directory entry and the inode under it.
    EntryRef {
        /// The directory.
        parent: u64,
        /// The inode that the entry names.
        inode: u64,;
        /// The entry's name.
        name,
    }
    /// A range of a file was written.
    FileWrite {
        /// The file.
        inode: u64,
        /// Where the range starts, in bytes.
        offset: u64,
        /// How long the range is, in bytes.
        length: u64,
        /// What `content` is; see [`content_kind`].
        content_kind: u32,
        /// The identity of the file's content after the write.
        content: [u8; 32],;
        /// The bytes written, where the writer journals them; the state keeps the identity alone.
        data,
    }
    /// An entry moved.
    Rename {
        /// The directory that loses the entry.
        from_parent: u64,
        /// The directory that gets it.
        to_parent: u64,
        /// The inode that moves.
        inode: u64,
        /// The inode that the new name named before, 0 for none.
        replaced_inode: u64,;
        /// The old name.
        from_name,
        /// The new name.
        to_name,
    }
    /// A new symbolic link.
    NewSymlink {
        /// The directory that gets the entry.
        parent: u64,
        /// The new link.
        inode: u64,
        /// POSIX mode, file type bits included.
        mode: u32,
        /// POSIX user id.
        uid: u32,
        /// POSIX group id.
        gid: u32,;
        /// The entry's name.
        name,
        /// Where the link points to.
        target,
    }
    /// A graph node and what it holds.
    Node {
        /// The node.
        node: u64,
        /// The node's kind, a number of the application.
        kind: u32,;
        /// The node's content.
        data,
    }
    /// A graph edge and what it holds.
    Edge {
        /// The edge.
        edge: u64,
        /// The node that it leaves.
        from: u64,
        /// The node that it enters.
        to: u64,
        /// The edge's kind, a number of the application.
        kind: u32,
        /// The edge's weight.
        weight: f32,;
        /// The edge's content.
        data,
    }
    /// A property of a node.
    Property {
        /// The node.
        node: u64,;
        /// The property's name.
        name,
        /// The property's value.
        value,
    }
    /// A property of a node, by name.
    PropertyRef {
        /// The node.
        node: u64,;
        /// The property's name.
        name,
    }
    /// The graph or the vectors were searched, or an agent was asked.
    Search {
        /// How many results there were.
        results: u64,;
        /// What was searched for.
        query,
    }
    /// A vector and where it comes from.
    Vector {
        /// The vector.
        vector: u64,
        /// The inode or node that it describes, 0 for none.
        source: u64,
        /// The model that made it, a number of the application.
        model: u64,
        /// How many elements it has.
        dimensions: u32,
        /// The type of an element, as the kernel numbers it (1 is f32).
        element: u32,;
        /// The elements.
        data,
    }
    /// What an agent did or meant.
    AgentAction {
        /// What it is about: an inode, node or vector, 0 for none.
        subject: u64,
        /// How sure the agent is, 0 to 1.
        confidence: f32,;
        /// The agent's name.
        agent,
        /// What was done or meant, in the agent's words.
        text,
    }
    /// A file system was mounted.
    Mount {
        /// The mount.
        mount: u64,
        /// The mount's flags.
        flags: u64,;
        /// The device or folder that is mounted.
        source,
        /// Where it is mounted.
        target,
    }
    /// The system improved something.
    Optimization {
        /// What it saved, in bytes.
        saved_bytes: u64,;
        /// What was done.
        text,
    }
    /// A link between two things of any kind.
    Link {
        /// The thing that it leaves, or the cause.
        from: u64,
        /// The thing that it enters, or the effect.
        to: u64,
        /// The link's kind, a number of the application.
        kind: u32,
        /// How strong it is, 0 to 100.
        strength: u32,
        /// How long the effect took, in nanoseconds.
        delay_ns: u64,;
        /// The link in words.
        description,
    }
    /// A measured value under a name.
    Measure {
        /// The value.
        value: f64,;
        /// What was measured.
        name,
        /// The value in words, or what goes with it.
        text,
    }
    /// A line of a log.
    LogLine {
        /// The line's level, as syslog counts.
        level: u32,;
        /// The line.
        text,
    }
    /// A span of a trace.
    Span {
        /// The span.
        span: u64,
        /// The span that it is in, 0 for none.
        parent: u64,;
        /// The span's name.
        name,
    }
    /// Something that an auditor wants to know.
    Audit {
        /// What was touched, 0 for none.
        subject: u64,;
        /// Who did it.
        actor,
        /// What was done.
        text,
    }
}
