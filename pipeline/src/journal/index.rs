//! What is known of a journal's blocks without reading them: from the seals, and in segments without
//! a seal from the blocks' headers alone.
//!
//! It helps to find a place and to pass over what can't matter. It proves nothing of what is in the
//! blocks, and where a segment is damaged it ends at the damage.

use super::block::{self, Continuity, Position};
use super::layout::*;
use super::reader::{Journal, Segment};
use super::seal;
use super::validation::Validation;
use crate::error::Error;
use crate::event::{EventType, family_bit};

/// One block, as its seal or header tells of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexedBlock {
    /// The index of its segment in [`Journal::segments`].
    pub segment: usize,
    /// What is told of it.
    pub entry: SealEntry,
    /// The LSN that follows its last one.
    pub next_lsn: u64,
}

impl IndexedBlock {
    /// Whether a transaction may begin or end in it.
    #[must_use]
    pub fn may_hold_boundaries(&self) -> bool {
        self.entry.families & family_bit(EventType::TransactionBegin.family()) != 0
    }
}

/// The blocks of a segment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SegmentIndex {
    /// The blocks, in order.
    pub blocks: Vec<IndexedBlock>,
    /// Whether a valid seal tells of them; else their headers do.
    pub sealed: bool,
}

impl Journal {
    /// The blocks of the segment of this index in [`Self::segments`].
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails. Damage is no error here: the index ends there.
    pub fn segment_index(&self, index: usize) -> Result<SegmentIndex, Error> {
        let segment = &self.segments[index];
        let Ok((header, digest)) = segment.header else { return Ok(SegmentIndex::default()) };
        let start = Position::at_start(&header, digest);
        if let Some(blocks) = from_seal(segment, index, &start)? {
            return Ok(SegmentIndex { blocks, sealed: true });
        }
        let mut blocks = Vec::new();
        visit_headers(segment, start, Continuity::Next, |header| {
            let next_lsn = Position::before(header).after(header).next_lsn;
            blocks.push(IndexedBlock { segment: index, entry: SealEntry::of(header), next_lsn });
        })?;
        Ok(SegmentIndex { blocks, sealed: false })
    }

    /// The header of the last block of a segment that follows without a gap from the one at `offset`,
    /// or from the segment's first; by the headers alone.
    pub(crate) fn last_header_from(
        &self,
        index: usize,
        offset: Option<u64>,
    ) -> Result<Option<BlockHeader>, Error> {
        let segment = &self.segments[index];
        let Ok((header, digest)) = segment.header else { return Ok(None) };
        let start = Position::at_start(&header, digest);
        let offset = offset.unwrap_or(start.offset);
        let position = Position { offset, next_block: 0, next_lsn: 0, ..start };
        let mut last = None;
        visit_headers(segment, position, Continuity::Later, |header| last = Some(*header))?;
        Ok(last)
    }

    /// Whether its newest segment ends with the seal of a writer that closed it.
    pub(crate) fn is_closed(&self) -> Result<bool, Error> {
        let Some(segment) = self.segments.last() else { return Ok(false) };
        let Some(trailer) = segment.trailer else { return Ok(false) };
        let mut bytes = vec![0; SealHeader::BYTES];
        segment.read(&mut bytes, trailer.seal_offset)?;
        let header = SealHeader::read(&bytes);
        Ok(header.magic == SEAL_MAGIC && header.kind == SEAL_CLOSED)
    }
}

/// The blocks that the segment's seal lists, where it has a valid one.
fn from_seal(
    segment: &Segment,
    index: usize,
    start: &Position,
) -> Result<Option<Vec<IndexedBlock>>, Error> {
    let Some(trailer) = segment.trailer else { return Ok(None) };
    let mut position = Position { offset: trailer.seal_offset, ..*start };
    let remaining = segment.file_bytes - trailer.seal_offset;
    let mut fixed = vec![0; PAGE_BYTES];
    segment.read(&mut fixed, trailer.seal_offset)?;
    let Ok(header) = seal::check_header(&fixed, remaining, &position) else { return Ok(None) };
    // Nothing was walked that could contradict these two.
    (position.digest, position.next_lsn) = (header.previous_digest, header.next_lsn);
    for at in (position.offset..position.offset + header.seal_bytes).step_by(PAGE_BYTES) {
        if segment.next_data(at)? > at {
            // No page of a seal is empty: so this is none, and a hole may be endless.
            return Ok(None);
        }
    }
    let mut bytes = vec![0; usize::try_from(header.seal_bytes).unwrap_or(usize::MAX)];
    segment.read(&mut bytes, position.offset)?;
    let Ok(seal) = seal::decode(&bytes, &header, &position) else { return Ok(None) };
    let following = seal.entries.iter().skip(1).map(|entry| entry.first_lsn);
    let following = following.chain([header.next_lsn]);
    let blocks: Vec<IndexedBlock> = seal
        .entries
        .iter()
        .zip(following)
        .map(|(&entry, next_lsn)| IndexedBlock { segment: index, entry, next_lsn })
        .collect();
    Ok(lie_in_a_row(&blocks, start, position.offset).then_some(blocks))
}

/// Whether blocks fill a segment from its first to its seal, and their events count up.
fn lie_in_a_row(blocks: &[IndexedBlock], start: &Position, end: u64) -> bool {
    let (mut offset, mut lsn) = (start.offset, start.next_lsn);
    blocks.iter().all(|block| {
        let in_place = block.entry.file_offset == offset && block.entry.first_lsn == lsn;
        offset = offset.saturating_add(u64::from(block.entry.block_bytes));
        lsn = block.next_lsn;
        let length = block.entry.block_bytes as usize;
        let possible =
            length.is_multiple_of(PAGE_BYTES) && (PAGE_BYTES..=MAX_BLOCK_BYTES).contains(&length);
        in_place && possible && block.next_lsn > block.entry.first_lsn
    }) && offset == end
}

/// Visits the headers of the blocks from a position on, up to the first that is not right.
fn visit_headers(
    segment: &Segment,
    mut position: Position,
    continuity: Continuity,
    mut visit: impl FnMut(&BlockHeader),
) -> Result<(), Error> {
    let readable = segment.blocks_limit().min(segment.file_bytes);
    let mut bytes = [0; BlockHeader::BYTES];
    while position.offset.saturating_add(bytes.len() as u64) <= readable {
        segment.read(&mut bytes, position.offset)?;
        let (remaining, basic) = (readable - position.offset, Validation::Basic);
        let checked = block::check_header(&bytes, remaining, &position, continuity, basic);
        let Ok(header) = checked else { break };
        position = position.after(&header);
        visit(&header);
    }
    Ok(())
}
