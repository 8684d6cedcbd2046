//! Makes durable what a state was made of. That may so far be in the journal's page cache alone, and
//! what is kept of the state must not survive it.

use crate::error::{Error, IoContext as _};
use crate::journal::Journal;

/// A journal whose segments are synced as far as the state comes.
#[derive(Debug)]
pub(crate) struct JournalSync {
    pub(crate) journal: Journal,
    synced_segments: usize,
}

impl JournalSync {
    pub(crate) fn of(journal: Journal) -> Self {
        Self { journal, synced_segments: 0 }
    }

    /// Syncs all segments up to the one with this number.
    pub(crate) fn up_to(&mut self, number: u64) -> Result<(), Error> {
        let segments = &self.journal.segments;
        let upto = segments.partition_point(|it| it.number <= number);
        let from = self.synced_segments.min(upto);
        for segment in &segments[from..upto] {
            segment.file.sync().context("sync", &segment.path, None)?;
        }
        self.synced_segments = upto;
        Ok(())
    }
}
