//! The optional tail of an event: what the kernel's event header and its trailers hold beyond our
//! own header, so that a kernel journal can be imported and exported without loss.
//!
//! A tail is a row of fields: tag (u16), reserved (u16), length in bytes (u32), value, zeros up to
//! a multiple of 8. Fields with an unknown tag are passed over.

use super::Malformed;
use crate::wire;
use crate::wire::Field as _;

/// Tags of tail fields.
pub mod tail_tag {
    /// A [`KernelHeader`](super::KernelHeader).
    pub const KERNEL_HEADER: u16 = 1;
    /// The kernel's event context, as it lies in its journal.
    pub const KERNEL_CONTEXT: u16 = 2;
    /// The kernel's event metadata.
    pub const KERNEL_METADATA: u16 = 3;
    /// The kernel's causality links, one after the other.
    pub const KERNEL_CAUSALITY_LINKS: u16 = 4;
    /// The kernel's payload, where the typed one doesn't say it all.
    pub const KERNEL_PAYLOAD: u16 = 5;
    /// The kernel's event context without its zeros: runs of offset (u16), length (u16) and bytes.
    pub const KERNEL_CONTEXT_RUNS: u16 = 6;
}

wire! {
    /// The fields of the kernel's event header that ours doesn't hold, or holds shorter. Those that
    /// follow from others (its sizes, counts and checksum) are left out.
    pub struct KernelHeader {
        /// Event id.
        event_id: u64,
        /// Type, in full.
        event_type: u32,
        /// Subtype.
        subtype: u32,
        /// Sequence number within the timestamp.
        timestamp_sequence: u64,
        /// CPU that made the event.
        cpu: u32,
        /// Process that made the event.
        process: u32,
        /// Global sequence.
        global_sequence: u64,
        /// Local sequence.
        local_sequence: u64,
        /// Flags, in full.
        flags: u32,
        /// Priority, in full.
        priority: u32,
        /// Version.
        version: u32,
        /// Compression.
        compression: u32,
        /// Encryption.
        encryption: u32,
        /// Reserved, zero.
        reserved: u32,
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

/// One field of a tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailField<'a> {
    /// What the value is; see [`tail_tag`].
    pub tag: u16,
    /// The value, without its padding.
    pub value: &'a [u8],
}

const FIELD_HEADER_BYTES: usize = 8;

impl TailField<'_> {
    /// Appends the field to `out`, a tail under construction.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tag.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        let length = u32::try_from(self.value.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(self.value);
        out.resize(out.len() + self.value.len().next_multiple_of(8) - self.value.len(), 0);
    }
}

/// Walks the fields of a tail; ends after the first error.
#[derive(Clone, Debug)]
pub struct TailIter<'a> {
    rest: &'a [u8],
}

impl<'a> TailIter<'a> {
    pub(super) fn new(tail: &'a [u8]) -> Self {
        Self { rest: tail }
    }
}

impl<'a> Iterator for TailIter<'a> {
    type Item = Result<TailField<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = std::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        let Some((header, after)) = rest.split_at_checked(FIELD_HEADER_BYTES) else {
            let claimed = FIELD_HEADER_BYTES as u64;
            return Some(Err(Malformed::TailLength { claimed, remaining: rest.len() as u64 }));
        };
        let length = u32::read(&header[4..]) as usize;
        let Some(value) = after.get(..length) else {
            let (claimed, remaining) = (length as u64, after.len() as u64);
            return Some(Err(Malformed::TailLength { claimed, remaining }));
        };
        self.rest = after.get(length.next_multiple_of(8)..).unwrap_or_default();
        Some(Ok(TailField { tag: u16::read(&header[..2]), value }))
    }
}
