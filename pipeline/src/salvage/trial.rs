//! Tries events on a state, one after the other: one that contradicts what is there leaves nothing
//! behind, also where only one of its effects does.

use crate::event::{Body, Event};
use crate::replay::{Cause, Inconsistency};
use crate::state::{self, Home, MemoryState, OwnedKey, Records as _, Stamp, for_each_effect};

/// A state, and how to take back the event that was tried last.
#[derive(Debug, Default)]
pub(super) struct Trial {
    state: MemoryState,
    /// Keys, and what was under each of them before.
    before: Vec<(OwnedKey, Option<Vec<u8>>)>,
}

impl Trial {
    /// Lets an event happen, whose effects take place at `position`, unless it contradicts what is
    /// there; gives the first contradiction then.
    pub(super) fn event(
        &mut self,
        event: &Event<'_>,
        body: &Body<'_>,
        position: u64,
    ) -> Option<Inconsistency> {
        let (lsn, timestamp_ns) = (event.lsn, event.header.timestamp_ns);
        let mut first = None;
        self.before.clear();
        for_each_effect(body, |effect| {
            let Home { partition, tag } = effect.key.home();
            let table = &mut self.state.partitions_mut()[partition];
            let found = table.find(tag, &effect.key);
            let before = found.map(|found| table.value(found).to_vec());
            self.before.push((OwnedKey::from(&effect.key), before));
            let contradiction = state::apply(table, tag, &effect, Stamp { lsn, timestamp_ns });
            first = first.or(contradiction);
        });
        let of = first?;
        self.take_back();
        Some(Inconsistency { lsn, position, cause: Cause::Effect(of) })
    }

    fn take_back(&mut self) {
        while let Some((key, before)) = self.before.pop() {
            let key = key.as_key();
            let Home { partition, tag } = key.home();
            let table = &mut self.state.partitions_mut()[partition];
            match (table.find(tag, &key), before) {
                (found, Some(value)) => {
                    table.put(found, tag, &key, value.len()).copy_from_slice(&value);
                }
                (Some(found), None) => table.remove(found),
                (None, None) => {}
            }
        }
    }

    /// The digest of the state.
    pub(super) fn digest(&self) -> vexfs_kernels::Digest {
        self.state.digest()
    }
}
