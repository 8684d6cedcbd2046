//! Keys as they lie in a store: bytes whose order is that of the state's digest.
//!
//! Partition (u8), kind (u8), id (u64), second (u64), name; numbers are big-endian, so that bytes
//! compare as numbers do. A name comes last and needs no length.

use crate::state::{Key, KeyKind};

const FIXED_BYTES: usize = 18;

/// Writes the key's bytes over what `out` holds.
pub(super) fn encode(key: &Key<'_>, out: &mut Vec<u8>) {
    out.clear();
    // There are 256 partitions.
    out.push(u8::try_from(key.home().partition).unwrap_or(u8::MAX));
    out.push(key.kind as u8);
    out.extend_from_slice(&key.id.to_be_bytes());
    out.extend_from_slice(&key.second.to_be_bytes());
    out.extend_from_slice(key.name);
}

/// The key in these bytes, where they are one that is in its own partition.
pub(super) fn decode(bytes: &[u8]) -> Option<Key<'_>> {
    let (fixed, name) = bytes.split_at_checked(FIXED_BYTES)?;
    let (&[partition, kind], numbers) = fixed.split_first_chunk()?;
    let (id, second) = numbers.split_first_chunk()?;
    let kind = KeyKind::from_number(kind)?;
    let (id, second) = (u64::from_be_bytes(*id), u64::from_be_bytes(second.try_into().ok()?));
    let key = Key { kind, id, second, name };
    (key.home().partition == usize::from(partition)).then_some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> impl Strategy<Value = (usize, u64, u64, Vec<u8>)> {
        let number = || prop_oneof![0..3_u64, Just(255), Just(256), any::<u64>()];
        (0..KeyKind::ALL.len(), number(), number(), prop::collection::vec(0..3_u8, 0..4))
    }

    fn encoded(key: &Key<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(key, &mut bytes);
        bytes
    }

    proptest! {
        /// Bytes have the order of partitions, then of keys; and they are read as what was written.
        #[test]
        fn bytes_have_the_order_of_keys(left in keys(), right in keys()) {
            let key = |(kind, id, second, name): &(usize, u64, u64, Vec<u8>)| {
                let name: &'static [u8] = name.clone().leak();
                Key { kind: KeyKind::ALL[*kind], id: *id, second: *second, name }
            };
            let (left, right) = (key(&left), key(&right));
            let in_order = |key: &Key<'static>| (key.home().partition, *key);
            let expected = in_order(&left).cmp(&in_order(&right));
            prop_assert_eq!(encoded(&left).cmp(&encoded(&right)), expected);
            let bytes = encoded(&left);
            prop_assert_eq!(decode(&bytes), Some(left));
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        let bytes = encoded(&Key::named(KeyKind::Entry, 7, b"name"));
        assert_eq!(decode(&bytes[..17]), None);
        for (place, byte) in [(0, bytes[0].wrapping_add(1)), (1, 0), (1, 11)] {
            let mut other = bytes.clone();
            other[place] = byte;
            assert_eq!(decode(&other), None, "{place}");
        }
    }
}
