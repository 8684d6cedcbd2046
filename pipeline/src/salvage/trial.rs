//! Tries events on a state: those that contradict what is there leave nothing behind.
//!
//! What an effect changes is remembered until it is known that it stands. So the memory that it
//! takes beside the state goes with what one transaction touches.

use crate::event::{Body, Event};
use crate::replay::{Cause, Inconsistency};
use crate::state::{self, Home, MemoryState, OwnedKey, Records as _, Stamp, for_each_effect};

/// A state, and how to take back what was tried last.
#[derive(Debug, Default)]
pub(super) struct Trial {
    state: MemoryState,
    /// Keys, and what was under each of them before.
    before: Vec<(OwnedKey, Option<Vec<u8>>)>,
}

impl Trial {
    /// Lets an event happen, whose effects take place at `position`; gives the first contradiction.
    pub(super) fn event(
        &mut self,
        event: &Event<'_>,
        body: &Body<'_>,
        position: u64,
    ) -> Option<Inconsistency> {
        let (lsn, timestamp_ns) = (event.lsn, event.header.timestamp_ns);
        let mut first = None;
        for_each_effect(body, |effect| {
            let Home { partition, tag } = effect.key.home();
            let table = &mut self.state.partitions_mut()[partition];
            let found = table.find(tag, &effect.key);
            let before = found.map(|found| table.value(found).to_vec());
            self.before.push((OwnedKey::from(&effect.key), before));
            let contradiction = state::apply(table, tag, &effect, Stamp { lsn, timestamp_ns });
            first = first.or(contradiction);
        });
        first.map(|of| Inconsistency { lsn, position, cause: Cause::Effect(of) })
    }

    /// What was tried stands, unless it contradicts.
    pub(super) fn settle(&mut self, contradiction: Option<&Inconsistency>) {
        if contradiction.is_none() {
            self.before.clear();
            return;
        }
        while let Some((key, before)) = self.before.pop() {
            let key = key.as_key();
            let Home { partition, tag } = key.home();
            let table = &mut self.state.partitions_mut()[partition];
            match (table.find(tag, &key), before) {
                (found, Some(value)) => table.put(found, tag, &key, [&value, &[]]),
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
