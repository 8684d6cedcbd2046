//! What events are: their types, their payloads, and how one event lies in bytes.

mod frame;
mod payload;
mod tail;
mod taxonomy;

pub(crate) use frame::low_bits;
pub use frame::{
    EVENT_ALIGNMENT, Event, EventHeader, EventIter, MAX_EVENT_BYTES, Malformed, encode, flags,
    priority,
};
pub use payload::*;
pub use tail::{KernelHeader, TailField, TailIter, tail_tag};
pub(crate) use taxonomy::BodyVisitor;
pub use taxonomy::{Body, Class, EventType, FAMILIES, OPTIONAL_TYPE_BIT, family_bit};
