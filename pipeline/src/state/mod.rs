//! The state: records under keys, in partitions that each own their keys.

mod apply;
mod digest;
mod effect;
mod key;
mod memory;
mod record;
mod table;
pub mod tree;

pub use apply::{Contradiction, Stamp, apply};
pub use effect::{Change, EdgeEnd, Effect, for_each_effect};
pub use key::{Key, KeyKind, PARTITIONS, partition_of};
pub use memory::MemoryState;
pub use record::*;
pub use table::Table;

/// The records of one partition, wherever they are kept.
///
/// Law: it behaves as a map from keys to bytes; `hash` is always [`Key::hash`] of `key`.
pub trait Records {
    /// The record under a key.
    fn get(&self, hash: u64, key: &Key<'_>) -> Option<&[u8]>;

    /// The record under a key, to be changed without changing its length.
    fn get_mut(&mut self, hash: u64, key: &Key<'_>) -> Option<&mut [u8]>;

    /// Puts a record, given in two parts, under a key, in place of what was there.
    fn put(&mut self, hash: u64, key: &Key<'_>, parts: [&[u8]; 2]);

    /// Takes the record under a key away; tells whether there was one.
    fn remove(&mut self, hash: u64, key: &Key<'_>) -> bool;

    /// Visits every record, in any order.
    fn for_each<'s>(&'s self, visit: &mut dyn FnMut(Key<'s>, &'s [u8]));

    /// How much memory the records take, in bytes.
    fn memory_bytes(&self) -> u64;
}
