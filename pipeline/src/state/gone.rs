//! The keys of a partition's records that went since its last checkpoint.

use std::collections::HashSet;

use super::encoding;
use super::key::Key;

/// About what an entry of the set takes beside its bytes: a slot, and what the allocator adds.
const ENTRY_BYTES: usize = 48;

/// The keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Gone {
    /// Encoded one after the other, as they go into a checkpoint.
    encoded: Vec<u8>,
    count: u64,
    /// The same, each by itself, where somebody asks for them.
    known: Option<HashSet<Box<[u8]>>>,
}

impl Gone {
    /// No keys, of which it will be asked whether one is among them.
    pub(super) fn to_be_asked() -> Self {
        Self { known: Some(HashSet::new()), ..Self::default() }
    }

    pub(super) fn add(&mut self, key: &Key<'_>) {
        let from = self.encoded.len();
        encoding::encode_key(key, &mut self.encoded);
        self.count += 1;
        if let Some(known) = &mut self.known {
            known.insert(self.encoded[from..].into());
        }
    }

    /// Whether a key is among them, where it may be asked.
    pub(super) fn has(&self, key: &Key<'_>) -> bool {
        let Some(known) = self.known.as_ref().filter(|known| !known.is_empty()) else {
            return false;
        };
        let mut encoded = Vec::with_capacity(32 + key.name.len());
        encoding::encode_key(key, &mut encoded);
        known.contains(encoded.as_slice())
    }

    /// Takes all of them: encoded, and how many there are.
    pub(super) fn take(&mut self) -> (Vec<u8>, u64) {
        if let Some(known) = &mut self.known {
            *known = HashSet::new();
        }
        (std::mem::take(&mut self.encoded), std::mem::take(&mut self.count))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let known = self.known.as_ref().map_or(0, HashSet::len);
        self.encoded.capacity() + known * ENTRY_BYTES + known.min(1) * self.encoded.len()
    }
}
