//! The events of a whole, sound journal, one after the other.

use std::path::Path;

use vexfs_replay::event::{Event, EventIter};
use vexfs_replay::journal::layout::BlockHeader;
use vexfs_replay::journal::{Journal, block};

use crate::Measured;

/// The blocks of a journal, in memory.
pub(super) struct Blocks(Vec<Vec<u8>>);

impl Blocks {
    /// Reads all blocks, and verifies each by its checksums and its digest.
    pub(super) fn read(journal: &Path) -> Measured<Self> {
        let journal = Journal::open_path(journal)?;
        let mut blocks = Vec::new();
        for (index, segment) in journal.segments.iter().enumerate() {
            for indexed in journal.segment_index(index)?.blocks {
                let mut bytes = vec![0; indexed.entry.block_bytes as usize];
                segment.read(&mut bytes, indexed.entry.file_offset)?;
                let header = BlockHeader::read(&bytes);
                let fault = block::check_header_crc(&header, &bytes)
                    .and_then(|()| block::check_contents(&header, &bytes));
                fault.map_err(|fault| format!("block {}: {fault}", header.block))?;
                blocks.push(bytes);
            }
        }
        Ok(Self(blocks))
    }

    /// Visits every event.
    pub(super) fn for_each<'b>(
        &'b self,
        mut visit: impl FnMut(&Event<'b>) -> Measured<()>,
    ) -> Measured<()> {
        for bytes in &self.0 {
            let header = BlockHeader::read(bytes);
            let payload = block::payload(&header, bytes);
            for event in EventIter::new(payload, header.first_lsn, header.event_count) {
                visit(&event?)?;
            }
        }
        Ok(())
    }
}
