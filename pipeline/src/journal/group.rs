//! What a writer collects between two writes: the block that is being filled, and how far the
//! journal is known to be durable.

use super::block::{self, Position};
use super::layout::*;
use crate::event::family_bit;

/// How far the journal is known to be durable: the end of a synced block or header page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Durable {
    /// The last LSN of that block, 0 for none.
    pub(super) lsn: u64,
    segment: u64,
    end: u64,
    digest: [u8; 32],
}

impl Durable {
    /// The end of what was written up to `position`.
    pub(super) fn at(position: &Position) -> Self {
        let Position { segment, offset: end, digest, next_lsn, .. } = *position;
        Self { lsn: next_lsn - 1, segment, end, digest }
    }

    pub(super) fn max(self, other: Self) -> Self {
        if other.lsn > self.lsn { other } else { self }
    }
}

/// A block under construction.
#[derive(Debug)]
pub(super) struct BlockBuilder {
    bytes: Vec<u8>,
    scratch: Vec<u8>,
    first_lsn: u64,
    event_count: u32,
    min_time_ns: u64,
    max_time_ns: u64,
    families: u32,
}

impl BlockBuilder {
    pub(super) fn new(first_lsn: u64) -> Self {
        let mut new = Self {
            bytes: Vec::new(),
            scratch: Vec::new(),
            first_lsn,
            event_count: 0,
            min_time_ns: u64::MAX,
            max_time_ns: 0,
            families: 0,
        };
        new.clear(first_lsn);
        new
    }

    /// Empties the block; the next event in it has the LSN `first_lsn`.
    pub(super) fn clear(&mut self, first_lsn: u64) {
        self.bytes.clear();
        self.bytes.resize(BlockHeader::BYTES, 0);
        (self.first_lsn, self.event_count, self.families) = (first_lsn, 0, 0);
        (self.min_time_ns, self.max_time_ns) = (u64::MAX, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.event_count == 0
    }

    /// The block's length so far in bytes, header included.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends an encoded event.
    pub(super) fn push(&mut self, event: &[u8], timestamp_ns: u64, family: u8) {
        self.bytes.extend_from_slice(event);
        self.event_count += 1;
        self.min_time_ns = self.min_time_ns.min(timestamp_ns);
        self.max_time_ns = self.max_time_ns.max(timestamp_ns);
        self.families |= family_bit(family);
    }

    /// Completes the block for its place.
    pub(super) fn finish(
        &mut self,
        position: &Position,
        durable: &Durable,
    ) -> (&[u8], BlockHeader) {
        let header = BlockHeader {
            magic: BLOCK_MAGIC,
            header_crc: 0,
            digest: [0; 32],
            previous_digest: position.digest,
            journal_id: position.journal_id,
            segment: position.segment,
            file_offset: position.offset,
            writer_epoch: position.writer_epoch,
            block: position.next_block,
            first_lsn: self.first_lsn,
            min_time_ns: self.min_time_ns,
            max_time_ns: self.max_time_ns,
            event_count: self.event_count,
            block_bytes: 0,
            payload_bytes: 0,
            payload_crc: 0,
            families: self.families,
            reserved: 0,
            durable_lsn: durable.lsn,
            durable_segment: durable.segment,
            durable_end: durable.end,
            durable_digest: durable.digest,
        };
        let header = block::finish(&mut self.bytes, &header);
        (&self.bytes, header)
    }

    /// Lends the buffer in which an event is encoded before it is known to fit.
    pub(super) fn take_scratch(&mut self) -> Vec<u8> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch
    }

    /// Takes the buffer back.
    pub(super) fn give_scratch(&mut self, scratch: Vec<u8>) {
        self.scratch = scratch;
    }
}
