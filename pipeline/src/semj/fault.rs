//! What is wrong with a kernel's semantic journal, or with one of its events.

use super::layout::{MARKER_VERSION, SemjContext};
use crate::event::Malformed;

/// What is wrong at a place of a kernel's semantic journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SemjFault {
    /// A field has a value that it can't have there.
    #[error("{what} is {found} where {expected} should be")]
    Differs {
        /// The field.
        what: &'static str,
        /// What it should be.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A checksum differs.
    #[error("the checksum of {what} is {found:#010x} where its bytes have {expected:#010x}")]
    Checksum {
        /// What it covers.
        what: &'static str,
        /// What the bytes have.
        expected: u32,
        /// What the field says.
        found: u32,
    },
    /// More is claimed than is possible.
    #[error("{what} is {claimed}, over the limit of {limit}")]
    OverLimit {
        /// What there is too much of.
        what: &'static str,
        /// How much is claimed.
        claimed: u64,
        /// The most there may be.
        limit: u64,
    },
    /// The file, or its part with the events, ends too early.
    #[error("{what} needs {needed} bytes where {remaining} remain")]
    CutShort {
        /// What is cut off.
        what: &'static str,
        /// How long it is, in bytes.
        needed: u64,
        /// How much is left, in bytes.
        remaining: u64,
    },
    /// Event ids don't ascend.
    #[error("event id {found} follows {before}, where a higher one should")]
    IdOrder {
        /// The id of the event before.
        before: u64,
        /// The event's id.
        found: u64,
    },
    /// A storage block begins here.
    #[error("a storage block's header is here; files with storage blocks are not read")]
    StorageBlock,
    /// The marker in the metadata isn't one that this version knows.
    #[error("the metadata begins as a marker does, and is none of version {MARKER_VERSION}")]
    Marker,
    /// The native event that it was made of isn't well-formed.
    #[error("the native event in it is malformed: {0}")]
    Native(#[from] Malformed),
    /// The native event in it would be written in another way.
    #[error("{field} is not what the native event in it leads to")]
    NotCanonical {
        /// The first field that differs.
        field: &'static str,
    },
}

/// What is wrong with an event, and where in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// In bytes from the event's start.
    pub(crate) at: usize,
    pub(crate) fault: SemjFault,
}

impl Refusal {
    pub(super) fn new(at: usize, fault: SemjFault) -> Self {
        Self { at, fault }
    }
}

/// The name of the field of an event in which a byte lies.
pub(super) fn field_at(at: usize, payload_bytes: usize, metadata_bytes: usize) -> &'static str {
    use super::layout::SemjEventHeader as Header;
    let within = |rows: Vec<crate::wire::FieldRow>, at: usize| {
        rows.iter().rev().find(|(_, from, _)| *from <= at).map_or("the event", |(name, _, _)| *name)
    };
    let payload = Header::BYTES + SemjContext::BYTES;
    match at {
        _ if at < Header::BYTES => within(Header::rows(), at),
        _ if at < payload => within(SemjContext::rows(), at - Header::BYTES),
        _ if at < payload + payload_bytes => "the payload",
        _ if at < payload + payload_bytes + metadata_bytes => "the metadata",
        _ => "the causality links",
    }
}
