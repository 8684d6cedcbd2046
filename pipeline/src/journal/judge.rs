//! Gathers the facts about a fault that [`verdict`] needs: what stands behind it, and what proves
//! how far the journal was durable. Reads; decides nothing itself.

use std::collections::HashMap;

use super::block::{self, Continuity, Position};
use super::damage::{Behind, Damage, Fault, FaultFacts, Verdict, verdict};
use super::layout::*;
use super::reader::{Journal, Segment};
use super::validation::Validation;
use crate::error::Error;
use crate::wire::Field as _;

const SCAN_BYTES: usize = 64 * PAGE_BYTES;

/// Judges the faults of one journal.
#[derive(Debug)]
pub struct Judge<'j> {
    journal: &'j Journal,
    /// What each segment proves durable, once it was looked for.
    proven: HashMap<usize, u64>,
}

/// A damaged range, and the block after it where there is one.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The range and its verdict.
    pub damage: Damage,
    /// The first valid block behind it in the same segment. None behind the end of the log: what
    /// is there was in flight with what is torn.
    pub behind: Option<BlockHeader>,
}

impl<'j> Judge<'j> {
    /// A judge of `journal`.
    #[must_use]
    pub fn new(journal: &'j Journal) -> Self {
        Self { journal, proven: HashMap::new() }
    }

    /// Judges the fault at `position` in the segment of this index.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails while looking around.
    pub fn judge(
        &mut self,
        index: usize,
        position: &Position,
        fault: Fault,
    ) -> Result<Judged, Error> {
        let segment = &self.journal.segments[index];
        let newest_segment = index + 1 == self.journal.segments.len();
        let (mut behind, mut blocks) = find_behind(segment, position)?;
        let proven = self.proven_lsn(index, position)?;
        let facts = FaultFacts {
            newest_segment,
            below_watermark: position.next_lsn <= proven,
            behind: match &behind {
                None => Behind::Nothing,
                Some(header) if header.durable_end == 0 => Behind::Unmarked,
                Some(_) => Behind::InFlight,
            },
            trace: fault.trace(),
        };
        let verdict = verdict(facts);
        if verdict == Verdict::TornTail && behind.take().is_some() {
            blocks = visit_headers(segment, position, |_| Ok(Some(PAGE_BYTES as u64)))?;
        }
        let next_header = self.journal.segments.get(index + 1).and_then(|next| next.header.ok());
        let (end, next_lsn) = match (&behind, next_header) {
            (Some(header), _) => (header.file_offset, Some(header.first_lsn)),
            (None, Some((header, _))) => (segment.blocks_limit(), Some(header.first_lsn)),
            (None, None) => (segment.file_bytes, None),
        };
        let damage = Damage {
            segment: segment.number,
            path: segment.path.clone(),
            offset: position.offset,
            end: end.max(position.offset),
            lsn: position.next_lsn,
            next_lsn,
            blocks,
            fault,
            verdict,
        };
        Ok(Judged { damage, behind })
    }

    /// The highest LSN that the rest of the segment proves to have been synced: all of it when it
    /// has a seal, else the highest watermark in a later block.
    fn proven_lsn(&mut self, index: usize, position: &Position) -> Result<u64, Error> {
        if let Some(&proven) = self.proven.get(&index) {
            return Ok(proven);
        }
        let segment = &self.journal.segments[index];
        let proven = if seal_stands(segment, position)? {
            u64::MAX
        } else {
            highest_watermark(segment, position)?
        };
        self.proven.insert(index, proven);
        Ok(proven)
    }
}

/// Whether the segment ends with a seal that is valid in itself.
fn seal_stands(segment: &Segment, position: &Position) -> Result<bool, Error> {
    let Some(trailer) = segment.trailer else { return Ok(false) };
    let place = Position { offset: trailer.seal_offset, ..*position };
    let remaining = segment.file_bytes - trailer.seal_offset;
    let mut fixed = vec![0; PAGE_BYTES];
    segment.read(&mut fixed, trailer.seal_offset)?;
    let Ok(header) = super::seal::check_header(&fixed, remaining, &place) else {
        return Ok(false);
    };
    let mut seal = vec![0; usize::try_from(header.seal_bytes).unwrap_or(0)];
    segment.read(&mut seal, trailer.seal_offset)?;
    let digest = vexfs_kernels::sha256(block::digest_range(&seal));
    Ok(digest == header.digest)
}

/// Visits each page after `position` that starts with a valid block header, as that page's header;
/// `visit` says how far to go on, or to stop. Counts the pages that start with a block's magic.
fn visit_headers(
    segment: &Segment,
    position: &Position,
    mut visit: impl FnMut(&BlockHeader) -> Result<Option<u64>, Error>,
) -> Result<u64, Error> {
    let page = PAGE_BYTES as u64;
    let limit = segment.blocks_limit().min(segment.file_bytes);
    let mut buffer = vec![0; SCAN_BYTES];
    let mut blocks_seen = 0;
    let mut at = position.offset;
    while at < limit {
        let length = usize::try_from(limit - at).unwrap_or(usize::MAX).min(SCAN_BYTES);
        segment.read(&mut buffer[..length], at)?;
        let mut skip = 0;
        while skip < length {
            let bytes = &buffer[skip..length];
            let here = at + skip as u64;
            let mut forward = page;
            if bytes.len() >= BlockHeader::BYTES && u32::read(&bytes[..4]) == BLOCK_MAGIC {
                blocks_seen += 1;
                let place = Position { offset: here, ..*position };
                let (later, basic) = (Continuity::Later, Validation::Basic);
                let header = block::check_header(bytes, limit - here, &place, later, basic);
                if let (Ok(header), true) = (header, here > position.offset) {
                    match visit(&header)? {
                        Some(bytes) => forward = bytes,
                        None => return Ok(blocks_seen - 1),
                    }
                }
            }
            skip = skip.saturating_add(usize::try_from(forward).unwrap_or(usize::MAX));
        }
        at = at.saturating_add(skip as u64);
    }
    Ok(blocks_seen)
}

/// The first valid block behind `position`, and how many seem to start before it.
fn find_behind(
    segment: &Segment,
    position: &Position,
) -> Result<(Option<BlockHeader>, u64), Error> {
    let mut found = None;
    let blocks_seen = visit_headers(segment, position, |header| {
        let mut block = vec![0; header.block_bytes as usize];
        segment.read(&mut block, header.file_offset)?;
        if block::check_contents(header, &block).is_ok() {
            found = Some(*header);
            return Ok(None);
        }
        Ok(Some(PAGE_BYTES as u64))
    })?;
    Ok((found, blocks_seen))
}

fn highest_watermark(segment: &Segment, position: &Position) -> Result<u64, Error> {
    let mut highest = 0;
    visit_headers(segment, position, |header| {
        highest = highest.max(header.durable_lsn);
        Ok(Some(u64::from(header.block_bytes)))
    })?;
    Ok(highest)
}
