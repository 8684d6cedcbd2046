//! What a journal holds now, whatever its checksums and its chain say: where blocks seem to be, and the
//! fingerprints of their events. Looks only where a check has found that the journal is not what was signed.
//!
//! Nothing here proves anything. It must find again what was signed wherever it lies and however it was
//! mangled, and must be bounded by what is stored.

use super::fingerprint::{self, Fingerprint};
use super::layout::SegmentRow;
use super::rest;
use crate::error::Error;
use crate::journal::layout::*;
use crate::journal::{Journal, Segment, block, seal, visit_blocks};

/// How much is looked through for something other than zeros at once, in bytes.
const LOOK_BYTES: usize = 64 * PAGE_BYTES;

/// A block that seems to be there, or bytes that should be blocks and aren't.
#[derive(Clone, Copy, Debug)]
pub(super) struct FoundBlock {
    pub(super) segment: u64,
    pub(super) offset: u64,
    /// The index of its first fingerprint.
    pub(super) first: usize,
    /// The LSN of its first event, as it says itself; of none for bytes that are no block.
    pub(super) first_lsn: Option<u64>,
}

/// What is there.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) blocks: Vec<FoundBlock>,
    buffer: Vec<u8>,
}

/// What stands at a place where a block might.
enum Standing {
    /// A block of this length in bytes.
    Block(u64),
    /// A block that was cut short.
    CutShort,
    Seal,
    Nothing,
}

/// Looks through all segments; `signed` tells what stood behind their blocks.
pub(super) fn scan(journal: &Journal, signed: &[SegmentRow]) -> Result<Scan, Error> {
    let mut scan = Scan::default();
    for segment in &journal.segments {
        let row = signed.iter().find(|row| row.segment == segment.number);
        scan.segment(segment, row)?;
    }
    Ok(scan)
}

/// Where the blocks of a segment may end at the latest, in bytes from its start.
fn limit_of(segment: &Segment) -> u64 {
    let sealed = segment.trailer.map(|trailer| trailer.seal_offset);
    segment.recorded_end.or(sealed).unwrap_or(segment.file_bytes).min(segment.file_bytes)
}

impl Scan {
    fn segment(&mut self, segment: &Segment, row: Option<&SegmentRow>) -> Result<(), Error> {
        let (mut at, limit) = (PAGE_BYTES as u64, limit_of(segment));
        while at < limit {
            let standing = self.take(segment, at, limit)?;
            match standing {
                Standing::Block(bytes) => at += bytes,
                Standing::Seal => return Ok(()),
                Standing::CutShort | Standing::Nothing => {
                    let next = next_block(segment, at + PAGE_BYTES as u64, limit)?;
                    let lost = match (next, standing) {
                        (Some(_), _) => true,
                        (None, Standing::CutShort) => false,
                        (None, _) => !is_empty_or_signed(segment, at, limit, row)?,
                    };
                    if lost {
                        self.take_garbage(segment, at)?;
                    }
                    at = next.unwrap_or(limit);
                }
            }
        }
        Ok(())
    }

    /// Takes the block in that seems to start here.
    fn take(&mut self, segment: &Segment, at: u64, limit: u64) -> Result<Standing, Error> {
        let left = limit - at;
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(BlockHeader::BYTES);
        self.buffer.resize(length, 0);
        segment.read(&mut self.buffer, at)?;
        if length < BlockHeader::BYTES {
            return Ok(Standing::CutShort);
        }
        if seal::starts_here(&self.buffer) {
            return Ok(Standing::Seal);
        }
        let header = BlockHeader::read(&self.buffer);
        let sound = block::check_header_crc(&header, &self.buffer).is_ok();
        let block_bytes = u64::from(header.block_bytes);
        if header.magic != BLOCK_MAGIC || !possible(&header) {
            return Ok(Standing::Nothing);
        }
        if block_bytes > left {
            return Ok(if sound { Standing::CutShort } else { Standing::Nothing });
        }
        self.buffer.resize(header.block_bytes as usize, 0);
        segment.read(&mut self.buffer, at)?;
        let first = self.fingerprints.len();
        let whole = fingerprint::of_block(&header, &self.buffer, &mut self.fingerprints);
        if !whole && !sound {
            self.fingerprints.truncate(first);
            return Ok(Standing::Nothing);
        }
        let (segment, first_lsn) = (segment.number, Some(header.first_lsn));
        self.blocks.push(FoundBlock { segment, offset: at, first, first_lsn });
        Ok(Standing::Block(block_bytes))
    }

    fn take_garbage(&mut self, segment: &Segment, at: u64) -> Result<(), Error> {
        let page = usize::try_from(segment.file_bytes - at).unwrap_or(usize::MAX).min(PAGE_BYTES);
        self.buffer.resize(page, 0);
        segment.read(&mut self.buffer, at)?;
        let (first, first_lsn) = (self.fingerprints.len(), None);
        self.fingerprints.push(fingerprint::of_garbage(&self.buffer));
        self.blocks.push(FoundBlock { segment: segment.number, offset: at, first, first_lsn });
        Ok(())
    }
}

/// Whether a block may have such lengths.
fn possible(header: &BlockHeader) -> bool {
    let length = header.block_bytes as usize;
    let page =
        length.is_multiple_of(PAGE_BYTES) && (PAGE_BYTES..=MAX_BLOCK_BYTES).contains(&length);
    page && block::check_payload_length(header).is_ok()
}

/// Where the next block with a sound header starts.
fn next_block(segment: &Segment, from: u64, limit: u64) -> Result<Option<u64>, Error> {
    let mut next = None;
    visit_blocks(segment, (from, limit), |offset, bytes| {
        let header = BlockHeader::read(bytes);
        let fits = u64::from(header.block_bytes) <= limit - offset;
        let sound = fits && possible(&header) && block::check_header_crc(&header, bytes).is_ok();
        next = sound.then_some(offset);
        Ok((!sound).then_some(PAGE_BYTES as u64))
    })?;
    Ok(next)
}

/// Whether nothing stands from here on but zeros, or just what stood behind the segment's blocks when it
/// was signed.
fn is_empty_or_signed(
    segment: &Segment,
    from: u64,
    limit: u64,
    row: Option<&SegmentRow>,
) -> Result<bool, Error> {
    if let Some(row) = row.filter(|row| row.blocks_end == from)
        && row.rest_bytes == rest::length(segment, from)
        && row.rest_digest == rest::digest(segment, from, row.rest_bytes)?
    {
        return Ok(true);
    }
    let (mut at, mut buffer) = (from, vec![0; LOOK_BYTES]);
    loop {
        at = at.max(segment.next_data(at)?);
        if at >= limit {
            return Ok(true);
        }
        let left = usize::try_from(limit - at).unwrap_or(usize::MAX);
        let part = &mut buffer[..left.min(LOOK_BYTES)];
        segment.read(part, at)?;
        if part.iter().any(|&byte| byte != 0) {
            return Ok(false);
        }
        at += part.len() as u64;
    }
}
