//! The state: records under keys, in partitions that each own their keys.

mod apply;
mod arena;
mod digest;
mod effect;
mod encoding;
mod gone;
mod key;
mod marks;
mod memory;
mod record;
mod slots;
mod table;
pub mod tree;
mod view;

pub use apply::{Contradiction, Stamp, apply};
pub(crate) use digest::{Pieces, of_partition as partition_digest, of_state as state_digest};
pub use effect::{Change, EdgeEnd, Effect, for_each_effect};
pub(crate) use effect::{EffectVisitor, visit_effects};
pub use encoding::SectionError;
pub(crate) use encoding::SectionReader;
#[cfg(feature = "sqlite")]
pub(crate) use encoding::check_value;
pub use key::{Home, Key, KeyKind, OwnedKey, PARTITIONS};
pub use memory::MemoryState;
pub use record::*;
pub use table::Table;
pub use view::{View, Visit};

/// The records of one partition, wherever they are kept.
///
/// Law: it behaves as a map from keys to bytes; `tag` is always that of the key's [`Home`].
pub trait Records {
    /// Where a record was found: valid until a record is put or removed.
    type Found: Copy;

    /// Looks for the record under a key.
    fn find(&self, tag: u32, key: &Key<'_>) -> Option<Self::Found>;

    /// The record that was found.
    fn value(&self, found: Self::Found) -> &[u8];

    /// The record that was found, to be changed without changing its length.
    fn value_mut(&mut self, found: Self::Found) -> &mut [u8];

    /// Puts a record of this many bytes under a key, in place of what was found there. What is in it
    /// is for the caller to write, all of it.
    fn put(
        &mut self,
        found: Option<Self::Found>,
        tag: u32,
        key: &Key<'_>,
        bytes: usize,
    ) -> &mut [u8];

    /// Takes the record that was found away.
    fn remove(&mut self, found: Self::Found);

    /// A key with this tag will be looked for soon.
    fn prefetch_index(&self, _tag: u32) {}

    /// A key with this tag will be looked for very soon, and was announced before.
    fn prefetch_record(&self, _tag: u32) {}
}
