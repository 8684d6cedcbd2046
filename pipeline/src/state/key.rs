//! The keys of the state, and their hashes: which partition owns a key, and where in it it is found.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How many partitions the state has, whatever the number of threads.
pub const PARTITIONS: usize = 256;

/// What kind of thing a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum KeyKind {
    /// An inode, by number.
    Inode = 1,
    /// A directory entry, by directory and name.
    Entry = 2,
    /// A graph node, by number.
    Node = 3,
    /// A graph edge, by number.
    Edge = 4,
    /// A property, by node and name.
    Property = 5,
    /// A vector, by number.
    Vector = 6,
    /// An agent, by name.
    Agent = 7,
    /// A mount, by number.
    Mount = 8,
    /// A measured value, by event type and name.
    Metric = 9,
    /// A link, by both ends and its class.
    Link = 10,
}

impl KeyKind {
    /// Every kind, by number.
    pub const ALL: [Self; 10] = [
        Self::Inode,
        Self::Entry,
        Self::Node,
        Self::Edge,
        Self::Property,
        Self::Vector,
        Self::Agent,
        Self::Mount,
        Self::Metric,
        Self::Link,
    ];

    /// The kind's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inode => "inode",
            Self::Entry => "entry",
            Self::Node => "node",
            Self::Edge => "edge",
            Self::Property => "property",
            Self::Vector => "vector",
            Self::Agent => "agent",
            Self::Mount => "mount",
            Self::Metric => "metric",
            Self::Link => "link",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// The name of a thing in the state. Parts that its kind doesn't use are zero or empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key<'a> {
    /// What it names.
    pub kind: KeyKind,
    /// The number: of the thing itself, of an entry's directory, of a property's node, of the end
    /// that a link leaves, or of a metric's event type.
    pub id: u64,
    /// The number of the end that a link enters.
    pub second: u64,
    /// The name within.
    pub name: &'a [u8],
}

impl<'a> Key<'a> {
    /// A key that is a number alone.
    #[must_use]
    #[inline(always)]
    pub fn numbered(kind: KeyKind, id: u64) -> Self {
        Self { kind, id, second: 0, name: &[] }
    }

    /// A key that is a number and a name.
    #[must_use]
    #[inline(always)]
    pub fn named(kind: KeyKind, id: u64, name: &'a [u8]) -> Self {
        Self { kind, id, second: 0, name }
    }

    /// Where the key belongs. The partition is by XXH3 (64 bits) of its name, seeded with its
    /// numbers, so that it is the same everywhere; the tag is another one in every process.
    #[must_use]
    #[inline(always)]
    pub fn home(&self) -> Home {
        let numbers = self.id ^ self.second.rotate_left(32);
        let seed = numbers ^ (u64::from(self.kind as u8) << 56);
        let hash = match self.name {
            // Most keys are numbers alone, and little is to be computed for these.
            [] => xxh3_64_with_seed(&[], seed),
            name => hash_of(name, seed),
        };
        let [.., partition, _, _] = hash.to_le_bytes();
        Home { partition: usize::from(partition) % PARTITIONS, tag: self.tag() }
    }

    /// Who writes a journal may choose its keys, but can't know which of them have the same tag: a
    /// partition whose keys all had it would search them one by one.
    #[inline(always)]
    fn tag(&self) -> u32 {
        let [first, second] = *SECRET;
        let numbers = folded(self.id ^ first, self.second ^ second);
        let name = match self.name {
            [] => u64::from(self.kind as u8),
            name => hash_of(name, first ^ u64::from(self.kind as u8)),
        };
        let [tag @ .., _, _, _, _] = folded(numbers ^ name, second | 1).to_le_bytes();
        u32::from_le_bytes(tag)
    }
}

/// A [`Key`] that owns its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnedKey {
    /// See [`Key::kind`].
    pub kind: KeyKind,
    /// See [`Key::id`].
    pub id: u64,
    /// See [`Key::second`].
    pub second: u64,
    /// See [`Key::name`].
    pub name: Vec<u8>,
}

impl From<&Key<'_>> for OwnedKey {
    fn from(key: &Key<'_>) -> Self {
        Self { kind: key.kind, id: key.id, second: key.second, name: key.name.to_vec() }
    }
}

impl OwnedKey {
    /// The key, borrowed.
    #[must_use]
    pub fn as_key(&self) -> Key<'_> {
        Key { kind: self.kind, id: self.id, second: self.second, name: &self.name }
    }
}

/// Drawn anew in every process.
static SECRET: LazyLock<[u64; 2]> =
    LazyLock::new(|| [0, 1].map(|number| RandomState::new().hash_one(number)));

/// XXH3 of a name, in one place for all that call it.
#[inline(never)]
fn hash_of(name: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(name, seed)
}

/// Both halves of a product, so that every bit of either factor counts.
#[inline]
fn folded(left: u64, right: u64) -> u64 {
    let [low, high] = bytemuck::cast::<u128, [u64; 2]>(u128::from(left) * u128::from(right));
    low ^ high
}

/// Where a key belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// The partition that owns the key.
    pub partition: usize,
    /// By which the partition looks for it.
    pub tag: u32,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The partition's hash is the same everywhere, so anyone can find keys that share it. These do.
    #[test]
    fn keys_that_share_a_hash_have_tags_of_their_own() {
        let key = |id: u64| {
            let second = (id ^ 0x0123_4567).rotate_left(32);
            Key { kind: KeyKind::Link, id, second, name: b"causality" }
        };
        let homes: Vec<Home> = (1..=10_000).map(|id| key(id).home()).collect();
        assert!(homes.iter().all(|home| home.partition == homes[0].partition));
        let tags: HashSet<u32> = homes.iter().map(|home| home.tag).collect();
        assert!(tags.len() > 9_900, "{} tags", tags.len());
    }
}
