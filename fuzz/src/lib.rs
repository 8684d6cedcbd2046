//! What the fuzz targets share: how bytes become a journal, and what must hold of it.
//!
//! A fuzzer that only flips bytes never gets past a checksum. So an input may also be a list of
//! edits to an intact journal whose checksums are made right again, or a history of well-formed
//! events with hostile values in them. See [`input`] for how an input is read.

pub mod bases;
pub mod checkpoints;
pub mod counting;
pub mod edits;
pub mod events;
pub mod input;
pub mod passes;
pub mod records;
pub mod recoveries;
pub mod repair;
pub mod scenes;
pub mod semj;
pub mod signatures;
pub mod story;

/// The bytes of a journal's segments, in order. A segment that is missing is `None`.
pub type Segments = Vec<Option<Vec<u8>>>;
