//! Gathers the facts about a fault that [`verdict`] needs: what stands behind it, and what proves
//! how far the journal was durable. Reads; decides nothing itself.

use std::collections::HashMap;

use super::block::{self, Continuity, Position};
use super::damage::{Behind, Damage, Fault, FaultFacts, Trace, Verdict, verdict};
use super::layout::*;
use super::reader::{Journal, Segment};
use super::scan::visit_blocks;
use super::validation::Validation;
use crate::error::Error;

/// How much of a seal is read at once, in bytes.
const READ_BYTES: usize = 64 * PAGE_BYTES;

/// Judges the faults of one journal.
#[derive(Debug)]
pub struct Judge<'j> {
    journal: &'j Journal,
    /// What each segment proves durable, once it was looked for.
    proven: HashMap<usize, u64>,
    /// The last search for a valid block.
    searched: Option<Search>,
}

/// A damaged range, and the block after it where there is one.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The range and its verdict.
    pub damage: Damage,
    /// The first valid block behind it in the same segment; the very block at the position, where
    /// that is valid and doesn't continue what was read before. None behind the end of the log:
    /// what is there was in flight with what is torn.
    pub behind: Option<BlockHeader>,
}

/// A search for a valid block, from an offset of a segment on.
#[derive(Debug)]
struct Search {
    index: usize,
    /// Where it started to count.
    start: u64,
    /// Where a valid block may lie at the earliest.
    from: u64,
    found: Option<BlockHeader>,
    /// Where blocks seem to start before it.
    seen: Vec<u64>,
}

impl Search {
    /// Whether a search from `position`, for what lies at `from` or later, would find the same.
    fn holds_for(&self, index: usize, position: &Position, from: u64) -> bool {
        let found_holds = self
            .found
            .is_none_or(|found| found.file_offset >= from && found.first_lsn >= position.next_lsn);
        self.index == index && self.start <= position.offset && self.from <= from && found_holds
    }

    /// How many blocks seem to start between `offset` and what was found.
    fn blocks_from(&self, offset: u64) -> u64 {
        (self.seen.len() - self.seen.partition_point(|&seen| seen < offset)) as u64
    }
}

impl<'j> Judge<'j> {
    /// A judge of `journal`.
    #[must_use]
    pub fn new(journal: &'j Journal) -> Self {
        Self { journal, proven: HashMap::new(), searched: None }
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
        let fault = look_closer(segment, position, fault)?;
        let continuity = matches!(fault, Fault::ChainBreak { .. } | Fault::SequenceGap { .. });
        let skip = if continuity { 0 } else { PAGE_BYTES as u64 };
        let from = position.offset.saturating_add(skip);
        let (mut behind, mut blocks) = self.find_behind(index, position, from)?;
        let proven = self.proven_lsn(index, position)?;
        let verdict = verdict(FaultFacts {
            newest_segment: index + 1 == self.journal.segments.len(),
            below_watermark: position.next_lsn <= proven,
            behind: match &behind {
                None => Behind::Nothing,
                Some(header) if header.durable_end == 0 => Behind::Unmarked,
                Some(_) => Behind::InFlight,
            },
            trace: fault.trace(),
        });
        if verdict == Verdict::TornTail && behind.take().is_some() {
            blocks = count_blocks(segment, position.offset)?;
        }
        let next_header = self.journal.segments.get(index + 1).and_then(|next| next.header.ok());
        // Another journal's numbers say nothing of this one's.
        let next_header = next_header.filter(|(it, _)| it.journal_id == self.journal.journal_id);
        let limit = segment.blocks_limit();
        let (end, next_lsn) = match (&behind, next_header) {
            (Some(header), _) => (header.file_offset, Some(header.first_lsn)),
            (None, Some((header, _))) if position.offset < limit => (limit, Some(header.first_lsn)),
            (None, Some((header, _))) => (segment.file_bytes, Some(header.first_lsn)),
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

    /// The first valid block behind `position` in its segment, at `from` or later, and how many
    /// seem to start before it. A run of bad blocks is searched once.
    fn find_behind(
        &mut self,
        index: usize,
        position: &Position,
        from: u64,
    ) -> Result<(Option<BlockHeader>, u64), Error> {
        let known = self.searched.take().filter(|it| it.holds_for(index, position, from));
        let search = match known {
            Some(search) => search,
            None => search(index, &self.journal.segments[index], position, from)?,
        };
        let result = (search.found, search.blocks_from(position.offset));
        self.searched = Some(search);
        Ok(result)
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

/// The modes that check no checksums come upon nonsense where the others see a wrong checksum. What
/// bytes look like must not depend on the mode: so where they would have to be whole, that is
/// looked at here.
fn look_closer(segment: &Segment, position: &Position, fault: Fault) -> Result<Fault, Error> {
    if !matches!(fault.trace(), Trace::Sound | Trace::Stale) {
        return Ok(fault);
    }
    let remaining = segment.file_bytes.saturating_sub(position.offset);
    let mut bytes = vec![0; BlockHeader::BYTES];
    if remaining < bytes.len() as u64 {
        return Ok(fault);
    }
    segment.read(&mut bytes, position.offset)?;
    let header = BlockHeader::read(&bytes);
    if header.magic != BLOCK_MAGIC {
        return Ok(fault);
    }
    if let Err(torn) = block::check_header_crc(&header, &bytes) {
        return Ok(torn);
    }
    if !matches!(fault, Fault::Malformed(_)) || u64::from(header.block_bytes) > remaining {
        return Ok(fault);
    }
    bytes.resize((header.block_bytes as usize).clamp(bytes.len(), MAX_BLOCK_BYTES), 0);
    segment.read(&mut bytes, position.offset)?;
    Ok(block::check_payload_crc(&header, &bytes).err().unwrap_or(fault))
}

/// Whether the segment ends with a seal that is valid in itself.
fn seal_stands(segment: &Segment, position: &Position) -> Result<bool, Error> {
    let Some(trailer) = segment.trailer else { return Ok(false) };
    let place = Position { offset: trailer.seal_offset, ..*position };
    let remaining = segment.file_bytes - trailer.seal_offset;
    let mut bytes = vec![0; PAGE_BYTES];
    segment.read(&mut bytes, trailer.seal_offset)?;
    let Ok(header) = super::seal::check_header(&bytes, remaining, &place) else {
        return Ok(false);
    };
    let mut stream = vexfs_kernels::Sha256Stream::default();
    let end = trailer.seal_offset + header.seal_bytes;
    let mut at = trailer.seal_offset + DIGEST_FROM as u64;
    while at < end {
        if segment.next_data(at)? > at {
            // No page of a seal is empty: so this is none, and a hole may be endless.
            return Ok(false);
        }
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(READ_BYTES);
        bytes.resize(length, 0);
        segment.read(&mut bytes, at)?;
        stream.update(&bytes);
        at += length as u64;
    }
    Ok(stream.finish() == header.digest)
}

/// Whether a header that belongs behind `position` starts at `offset`, as far as it tells itself.
fn header_behind(
    segment: &Segment,
    position: &Position,
    offset: u64,
    bytes: &[u8],
) -> Option<BlockHeader> {
    let place = Position { offset, ..*position };
    let remaining = segment.blocks_limit().min(segment.file_bytes).checked_sub(offset)?;
    let (later, basic) = (Continuity::Later, Validation::Basic);
    block::check_header(bytes, remaining, &place, later, basic).ok()
}

fn search(
    index: usize,
    segment: &Segment,
    position: &Position,
    from: u64,
) -> Result<Search, Error> {
    let mut search = Search { index, start: position.offset, from, found: None, seen: Vec::new() };
    let limit = segment.blocks_limit().min(segment.file_bytes);
    let mut block = Vec::new();
    visit_blocks(segment, (position.offset, limit), |offset, bytes| {
        let header = header_behind(segment, position, offset, bytes);
        if let Some(header) = header.filter(|_| offset >= from) {
            block.resize(header.block_bytes as usize, 0);
            segment.read(&mut block, offset)?;
            if block::check_contents(&header, &block).is_ok() {
                search.found = Some(header);
                return Ok(None);
            }
        }
        search.seen.push(offset);
        Ok(Some(PAGE_BYTES as u64))
    })?;
    Ok(search)
}

fn highest_watermark(segment: &Segment, position: &Position) -> Result<u64, Error> {
    let from = position.offset.saturating_add(PAGE_BYTES as u64);
    let mut highest = 0;
    visit_blocks(
        segment,
        (from, segment.blocks_limit().min(segment.file_bytes)),
        |offset, bytes| {
            let header = header_behind(segment, position, offset, bytes);
            highest = highest.max(header.map_or(0, |header| header.durable_lsn));
            Ok(Some(header.map_or(PAGE_BYTES as u64, |header| u64::from(header.block_bytes))))
        },
    )?;
    Ok(highest)
}

/// How many blocks seem to start in the segment from here on.
fn count_blocks(segment: &Segment, from: u64) -> Result<u64, Error> {
    let mut count = 0;
    visit_blocks(segment, (from, segment.file_bytes), |_, _| {
        count += 1;
        Ok(Some(PAGE_BYTES as u64))
    })?;
    Ok(count)
}
