//! The hash map that bare logs are read into: the usual one of Rust, with the quick hash that it comes with
//! outside of the standard library.

use hashbrown::HashMap;

/// Values by key; a later one takes the place of an earlier one.
#[derive(Debug, Default)]
pub struct Map(HashMap<Box<[u8]>, Box<[u8]>>);

impl Map {
    /// Puts a record.
    #[inline]
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        match self.0.get_mut(key) {
            // Most updates are as long as what was there, or the allocator finds a place soon enough.
            Some(old) if old.len() == value.len() => old.copy_from_slice(value),
            Some(old) => *old = value.into(),
            None => {
                self.0.insert(key.into(), value.into());
            }
        }
    }

    /// All records.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}
