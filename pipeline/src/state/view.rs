//! How a state is looked at, wherever its records are kept.

use vexfs_kernels::Digest;

use super::key::{Key, KeyKind};
use super::memory::MemoryState;
use crate::error::Error;

/// Who is shown records; an error ends the visit.
pub type Visit<'v> = &'v mut dyn FnMut(&Key<'_>, &[u8]) -> Result<(), Error>;

/// A state to be looked at.
///
/// Law: two states with the same digest show the same.
pub trait View {
    /// The record under a key: its fixed part, then the rest.
    ///
    /// # Errors
    /// What the place says in which the records are kept; so with all of these.
    fn record(&self, key: &Key<'_>) -> Result<Option<Vec<u8>>, Error>;

    /// Visits every record of one kind, in any order.
    ///
    /// # Errors
    /// As [`Self::record`], and what the visitor says; so with the next.
    fn visit(&self, kind: KeyKind, visit: Visit<'_>) -> Result<(), Error>;

    /// Visits every record of one kind, in the order of their keys.
    ///
    /// # Errors
    /// As [`Self::visit`].
    fn visit_in_order(&self, kind: KeyKind, visit: Visit<'_>) -> Result<(), Error>;

    /// How many records of each kind there are, in the order of [`KeyKind::ALL`], and the digest of
    /// the state.
    ///
    /// # Errors
    /// As [`Self::record`].
    fn sum_up(&self) -> Result<(Vec<(KeyKind, u64)>, Digest), Error>;
}

impl View for MemoryState {
    fn record(&self, key: &Key<'_>) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.get(key).map(<[u8]>::to_vec))
    }

    fn visit(&self, kind: KeyKind, visit: Visit<'_>) -> Result<(), Error> {
        let mut visited = Ok(());
        self.for_each(kind, |key, value| {
            if visited.is_ok() {
                visited = visit(&key, value);
            }
        });
        visited
    }

    fn visit_in_order(&self, kind: KeyKind, visit: Visit<'_>) -> Result<(), Error> {
        let mut all = Vec::new();
        self.for_each(kind, |key, value| all.push((key, value)));
        all.sort_by_key(|(key, _)| *key);
        all.iter().try_for_each(|(key, value)| visit(key, value))
    }

    fn sum_up(&self) -> Result<(Vec<(KeyKind, u64)>, Digest), Error> {
        Ok((self.counts(), self.digest()))
    }
}
