//! How one event lies in a block: a header of 32 bytes, the payload, and an optional tail.
//!
//! Reading borrows and never copies; it may be given any bytes at all.

use super::taxonomy::{BodyVisitor, Itself};
use super::{Body, EventType, OPTIONAL_TYPE_BIT, TailIter};
use crate::wire;

wire! {
    /// The fixed header of an event.
    pub struct EventHeader {
        /// Length of the whole event in bytes, header, padding and tail included; a multiple of 8.
        event_bytes: u32,
        /// Length of the payload in bytes, without its padding.
        payload_bytes: u32,
        /// When it happened, in nanoseconds since 1970-01-01 UTC.
        timestamp_ns: u64,
        /// The transaction that it belongs to, 0 for none.
        transaction: u64,
        /// The number of its type; see [`EventType`].
        event_type: u16,
        /// The flags of the kernel; see [`flags`].
        flags: u8,
        /// 1 (critical) to 5 (background); see [`priority`].
        priority: u8,
        /// The low 32 bits of its LSN.
        lsn_low: u32,
    }
}

/// The longest event in bytes. A kernel event has at most 65,536; this leaves room for the tail
/// that carries one whole.
pub const MAX_EVENT_BYTES: usize = 128 * 1024;

/// What an event's length is a multiple of, in bytes; payload and tail are padded to it.
pub const EVENT_ALIGNMENT: usize = 8;

/// Flags of an event.
pub mod flags {
    /// The change is atomic in itself.
    pub const ATOMIC: u8 = 0x01;
    /// The event is in a transaction.
    pub const TRANSACTIONAL: u8 = 0x02;
    /// The event has causality links.
    pub const CAUSAL: u8 = 0x04;
    /// Agents may see the event.
    pub const AGENT_VISIBLE: u8 = 0x08;
    /// Replaying the event has one possible result.
    pub const DETERMINISTIC: u8 = 0x10;
    /// The kernel's payload is compressed.
    pub const COMPRESSED: u8 = 0x20;
    /// The event is in an index.
    pub const INDEXED: u8 = 0x40;
    /// The event came from elsewhere.
    pub const REPLICATED: u8 = 0x80;
}

/// Priorities of an event.
pub mod priority {
    /// Must not be lost.
    pub const CRITICAL: u8 = 1;
    /// Before normal ones.
    pub const HIGH: u8 = 2;
    /// The usual one.
    pub const NORMAL: u8 = 3;
    /// After normal ones.
    pub const LOW: u8 = 4;
    /// When nothing else is to do.
    pub const BACKGROUND: u8 = 5;
}

/// Why bytes are not the event that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The event's length field can't be right.
    #[error("an event claims {claimed} bytes where {least} to {remaining} are possible")]
    EventLength {
        /// What the length field says, in bytes.
        claimed: u64,
        /// The least that an event has, in bytes.
        least: u64,
        /// What is left of the block, in bytes.
        remaining: u64,
    },
    /// The payload's length field reaches past the event.
    #[error("an event's payload claims {claimed} bytes where {remaining} remain")]
    PayloadLength {
        /// What the length field says, in bytes.
        claimed: u64,
        /// What the event has room for, in bytes.
        remaining: u64,
    },
    /// The lengths inside the payload don't add up.
    #[error("the payload's parts add up to {expected} bytes where it has {found}")]
    PayloadParts {
        /// The sum of the parts, in bytes.
        expected: u64,
        /// The payload's length, in bytes.
        found: u64,
    },
    /// The event's number is not the next one.
    #[error("an event carries LSN …{found:08x} (low 32 bits) where …{expected:08x} is next")]
    Lsn {
        /// The low 32 bits of the next LSN.
        expected: u32,
        /// The low 32 bits that are there.
        found: u32,
    },
    /// The block's header says that no such event is in it: its time or its family is left out.
    #[error("the block's header doesn't cover the {what} of LSN {lsn}")]
    NotCovered {
        /// What is left out.
        what: &'static str,
        /// The event's LSN.
        lsn: u64,
    },
    /// The event's type is not known, and the event doesn't say that it may be passed over.
    #[error("event type {code:#06x} is unknown and not marked optional")]
    UnknownType {
        /// The number of the type.
        code: u16,
    },
    /// The block holds more or less than its events.
    #[error("{found} bytes follow the block's last event where none should")]
    TrailingBytes {
        /// How many bytes follow.
        found: u64,
    },
    /// A field of the tail reaches past the tail.
    #[error("a tail field claims {claimed} bytes where {remaining} remain")]
    TailLength {
        /// What the length field says, in bytes.
        claimed: u64,
        /// What is left of the tail, in bytes.
        remaining: u64,
    },
}

/// An event in place: a view of the journal's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The event's number; they count up by one through the journal.
    pub lsn: u64,
    /// Its header.
    pub header: EventHeader,
    bytes: &'a [u8],
}

impl<'a> Event<'a> {
    /// Reads the event at the front of `bytes`.
    ///
    /// # Errors
    /// [`Malformed`] when the lengths don't fit in `bytes`.
    #[inline]
    pub fn read(lsn: u64, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let remaining = bytes.len() as u64;
        let least = EventHeader::BYTES as u64;
        if bytes.len() < EventHeader::BYTES {
            return Err(Malformed::EventLength { claimed: remaining, least, remaining });
        }
        let header = EventHeader::read(bytes);
        let claimed = u64::from(header.event_bytes);
        let length = header.event_bytes as usize;
        let misaligned = !length.is_multiple_of(EVENT_ALIGNMENT);
        if claimed < least || claimed > remaining || length > MAX_EVENT_BYTES || misaligned {
            return Err(Malformed::EventLength { claimed, least, remaining });
        }
        let (claimed, remaining) = (u64::from(header.payload_bytes), claimed - least);
        if claimed > remaining {
            return Err(Malformed::PayloadLength { claimed, remaining });
        }
        Ok(Self { lsn, header, bytes: &bytes[..length] })
    }

    /// The whole event.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The payload, without its padding.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[EventHeader::BYTES..][..self.header.payload_bytes as usize]
    }

    /// The fields of the tail.
    #[must_use]
    pub fn tail(&self) -> TailIter<'a> {
        let payload = (self.header.payload_bytes as usize).next_multiple_of(EVENT_ALIGNMENT);
        TailIter::new(self.bytes.get(EventHeader::BYTES + payload..).unwrap_or_default())
    }

    /// The event's type and payload; `None` for a type that is unknown and marked optional.
    ///
    /// # Errors
    /// [`Malformed`] when the type is unknown and not optional, or the payload is not of its shape.
    #[inline(always)]
    pub fn body(&self) -> Result<Option<Body<'a>>, Malformed> {
        self.body_for(Itself)
    }

    /// As [`Self::body`], for a visitor that is compiled for each type.
    #[inline(always)]
    pub(crate) fn body_for<V: BodyVisitor<'a>>(
        &self,
        visitor: V,
    ) -> Result<Option<V::Out>, Malformed> {
        match self.event_type()? {
            Some(event_type) => {
                Body::decode_for(event_type, self.payload(), visitor).map(Some).map_err(
                    |super::PayloadSizeMismatch {
                         expected_bytes: expected,
                         found_bytes: found,
                     }| { Malformed::PayloadParts { expected, found } },
                )
            }
            None => Ok(None),
        }
    }

    /// The event's type; `None` for one that is unknown and marked optional.
    ///
    /// # Errors
    /// [`Malformed`] when the type is unknown and not optional.
    #[inline(always)]
    pub(crate) fn event_type(&self) -> Result<Option<EventType>, Malformed> {
        let code = self.header.event_type;
        let event_type = EventType::from_code(code);
        if event_type.is_none() && code & OPTIONAL_TYPE_BIT == 0 {
            return Err(Malformed::UnknownType { code });
        }
        Ok(event_type)
    }
}

/// Walks the events of a block's payload; ends after the first error.
#[derive(Clone, Debug)]
pub struct EventIter<'a> {
    rest: &'a [u8],
    next_lsn: u64,
    events_left: u32,
}

impl<'a> EventIter<'a> {
    /// Over `payload`, which should hold exactly `event_count` events from `first_lsn` on.
    #[must_use]
    pub fn new(payload: &'a [u8], first_lsn: u64, event_count: u32) -> Self {
        Self { rest: payload, next_lsn: first_lsn, events_left: event_count }
    }

    #[inline(always)]
    fn step(&mut self) -> Result<Option<Event<'a>>, Malformed> {
        if self.events_left == 0 {
            let found = self.rest.len() as u64;
            return if found == 0 { Ok(None) } else { Err(Malformed::TrailingBytes { found }) };
        }
        let event = Event::read(self.next_lsn, self.rest)?;
        self.rest = &self.rest[event.bytes.len()..];
        self.next_lsn = self.next_lsn.wrapping_add(1);
        self.events_left -= 1;
        Ok(Some(event))
    }
}

impl<'a> Iterator for EventIter<'a> {
    type Item = Result<Event<'a>, Malformed>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        let stepped = self.step();
        if stepped.is_err() {
            (self.rest, self.events_left) = (&[], 0);
        }
        stepped.transpose()
    }
}

/// Appends one event to `out`. The length fields are computed; `header` gives the rest.
pub fn encode(lsn: u64, header: &EventHeader, body: &Body<'_>, tail: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + EventHeader::BYTES, 0);
    body.encode(out);
    let payload_bytes = out.len() - start - EventHeader::BYTES;
    pad(start, out);
    out.extend_from_slice(tail);
    pad(start, out);
    let saturate = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let complete = EventHeader {
        event_bytes: saturate(out.len() - start),
        payload_bytes: saturate(payload_bytes),
        event_type: body.event_type().code(),
        lsn_low: low_bits(lsn),
        ..*header
    };
    complete.write(&mut out[start..]);
}

/// The low 32 bits of an LSN, as the event's header carries them.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
pub(crate) fn low_bits(lsn: u64) -> u32 {
    lsn as u32
}

fn pad(start: usize, out: &mut Vec<u8>) {
    out.resize(start + (out.len() - start).next_multiple_of(EVENT_ALIGNMENT), 0);
}
