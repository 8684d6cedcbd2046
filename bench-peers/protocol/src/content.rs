//! What a set of records is, whatever their order: how many there are, and a digest over all of them.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::Payloads;

/// A count of keys, and the sum of the SHA-256 of every record, key and value with their lengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// How many keys there are.
    pub keys: u64,
    sums: [u64; 4],
}

impl Content {
    /// What is there once all payloads have taken their turn: the last value under each key.
    #[must_use]
    pub fn expected(payloads: &Payloads) -> Self {
        // Not the map that bare logs are read into, which is held to this.
        let last: HashMap<&[u8], &[u8]> = payloads.iter().collect();
        let mut content = Self::default();
        last.into_iter().for_each(|(key, value)| content.add(key, value));
        content
    }

    /// Adds a record.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        let digest = Sha256::new()
            .chain_update((key.len() as u64).to_le_bytes())
            .chain_update((value.len() as u64).to_le_bytes())
            .chain_update(key)
            .chain_update(value)
            .finalize();
        // Wrapping sums: a record that is there twice doesn't cancel itself, as it would under XOR.
        for (sum, part) in self.sums.iter_mut().zip(digest.as_slice().as_chunks().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*part));
        }
        self.keys += 1;
    }

    /// The digest, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        self.sums.iter().map(|sum| format!("{sum:016x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(records: &[(&str, &str)]) -> Content {
        let mut content = Content::default();
        records.iter().for_each(|(key, value)| content.add(key.as_bytes(), value.as_bytes()));
        content
    }

    #[test]
    fn order_is_nothing_and_everything_else_counts() {
        let records = of(&[("a", "1"), ("b", "2")]);
        assert_eq!(records, of(&[("b", "2"), ("a", "1")]));
        let others: [&[(&str, &str)]; 5] = [
            &[("a", "2"), ("b", "1")],
            &[("a", "1")],
            &[("a1", ""), ("b", "2")],
            &[("a", "1"), ("b", "2"), ("b", "2")],
            &[("a", "1"), ("b", "2"), ("", "")],
        ];
        for other in others {
            assert_ne!(records.digest(), of(other).digest(), "{other:?}");
        }
    }
}
