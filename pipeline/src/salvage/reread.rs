//! The blocks of a transaction that ends, read again and verified again. Transactions that were open
//! together have events in the same blocks, so the last ones are kept.

use std::collections::VecDeque;

use crate::error::Error;
use crate::event::{Event, EventIter};
use crate::journal::layout::BlockHeader;
use crate::journal::{Journal, Validation, block};
use crate::stages::transactions::{BlockRef, check_same};

/// How many blocks are kept.
const RECENT_BLOCKS: usize = 32;

/// Blocks of a journal that are read again.
#[derive(Debug)]
pub(super) struct Rereader<'j> {
    journal: &'j Journal,
    validation: Validation,
    recent: VecDeque<(BlockRef, Vec<u8>)>,
}

impl<'j> Rereader<'j> {
    pub(super) fn new(journal: &'j Journal, validation: Validation) -> Self {
        Self { journal, validation, recent: VecDeque::new() }
    }

    /// Visits the events of a block, in order.
    pub(super) fn visit(
        &mut self,
        wanted: &BlockRef,
        visit: &mut dyn FnMut(&Event<'_>),
    ) -> Result<(), Error> {
        let block = self.block(wanted)?;
        let header = BlockHeader::read(block);
        let payload = block::payload(&header, block);
        let events = EventIter::new(payload, header.first_lsn, header.event_count);
        events.map_while(Result::ok).for_each(|event| visit(&event));
        Ok(())
    }

    fn block(&mut self, wanted: &BlockRef) -> Result<&[u8], Error> {
        let index = match self.recent.iter().position(|(block, _)| block == wanted) {
            Some(index) => index,
            None => {
                let full = self.recent.len() >= RECENT_BLOCKS;
                let oldest = if full { self.recent.pop_front() } else { None };
                let mut bytes = oldest.map(|(_, bytes)| bytes).unwrap_or_default();
                self.read(wanted, &mut bytes)?;
                self.recent.push_back((*wanted, bytes));
                self.recent.len() - 1
            }
        };
        Ok(&self.recent[index].1)
    }

    fn read(&self, wanted: &BlockRef, bytes: &mut Vec<u8>) -> Result<(), Error> {
        let segment = &self.journal.segments[wanted.segment];
        bytes.resize(wanted.block_bytes as usize, 0);
        segment.read(bytes, wanted.offset)?;
        check_same(bytes, wanted, self.validation).map_err(|fault| {
            let (path, offset) = (segment.path.clone(), wanted.offset);
            Error::ChangedWhileRead { path, offset, fault }
        })
    }
}
