//! The lives of a journal's writer. No transaction outlives its writer, and the kernel's layout doesn't tell
//! where one life ends: an event that names a transaction of an earlier life has no effect here, and would have
//! one there. No writer of ours makes such a journal.

use std::collections::HashSet;

use crate::error::Error;
use crate::event::{Event, EventType};

/// The transactions that were never ended, by the life that began them.
#[derive(Debug, Default)]
pub(super) struct Lives {
    epoch: u64,
    open: HashSet<u64>,
    /// Left open by earlier lives.
    left: HashSet<u64>,
}

impl Lives {
    /// The next events are of this life.
    pub(super) fn enter(&mut self, epoch: u64) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.left.extend(self.open.drain());
        }
    }

    /// Fails where an event is of a transaction that an earlier life has left open.
    pub(super) fn event(&mut self, event: &Event<'_>) -> Result<(), Error> {
        let (id, lsn) = (event.header.transaction, event.lsn);
        let event_type = EventType::from_code(event.header.event_type);
        if event_type == Some(EventType::TransactionBegin) {
            self.left.remove(&id);
            self.open.insert(id);
            return Ok(());
        }
        if id != 0 && self.left.contains(&id) {
            let reason = format!("transaction {id} was begun in an earlier life of the writer");
            return Err(Error::Inconsistent { lsn, reason });
        }
        if event_type == Some(EventType::TransactionEnd) {
            self.open.remove(&id);
        }
        Ok(())
    }
}
