//! Where a journal ends: for a writer that goes on there, and for a survey that looks no farther back
//! than it must.

use super::block::{self, Continuity, Position};
use super::damage::Damage;
use super::judge::Judge;
use super::layout::*;
use super::reader::{Journal, Segment};
use super::scan::visit_blocks;
use super::stretch::{End, EndKind, Frame};
use super::validation::Validation;
use super::walk::{Fill, PastDamage, Walk};
use crate::error::Error;

/// How far back from its end a segment is searched for a block at first, in bytes.
const WINDOW_BYTES: u64 = 256 * 1024;

impl Journal {
    /// Finds where a writer may go on, checking the blocks of the newest segment whole.
    ///
    /// # Errors
    /// [`Error::Damaged`] when there is more wrong than a torn tail, [`Error::Io`] when storage
    /// fails.
    pub fn find_end(&self) -> Result<End, Error> {
        let walk = Walk::new(self, Validation::Full, PastDamage::Stop);
        let end = self.end_of(walk, &mut |_, _| {})?;
        match end.tail {
            Some(first) if end.kind == EndKind::Damaged => {
                Err(Error::Damaged { first: Box::new(first), others: 0 })
            }
            tail => Ok(End { tail, ..end }),
        }
    }

    /// Finds where the journal ends, from a block near its end on, and lets `visit` see the blocks
    /// there. Damage before that block is not seen, and damage is no error.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub(crate) fn look_at_end(&self, visit: Visit<'_>) -> Result<End, Error> {
        let walk = Walk::new(self, Validation::Full, PastDamage::Stop);
        let walk = match self.near_end()? {
            Some(position) => walk.starting_at(position),
            None => walk,
        };
        self.end_of(walk, visit)
    }

    /// Finds where the journal ends, or where the first damage is, from a position on that was walked to.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub(crate) fn look_behind(&self, position: Position) -> Result<End, Error> {
        let walk = Walk::new(self, Validation::Full, PastDamage::Stop).starting_at(position);
        self.end_of(walk, &mut |_, _| {})
    }

    /// Walks to the end, and checks the blocks of the newest segment whole.
    fn end_of(&self, mut walk: Walk<'_>, visit: Visit<'_>) -> Result<End, Error> {
        let mut buffer = self.buffer_from(walk.position(), 2 * MAX_BLOCK_BYTES)?;
        let fill: Fill<'_> = &Segment::read;
        while let Some(stretch) = walk.next(&mut buffer, fill)? {
            let newest = stretch.segment + 1 == self.segments.len();
            for frame in stretch.frames.iter().filter(|_| newest) {
                let bytes = frame.block(&buffer);
                if let Err(fault) = block::check_contents(&frame.header, bytes) {
                    let position = frame.position();
                    let judged = Judge::new(self).judge(stretch.segment, &position, fault)?;
                    return Ok(End::at(position, judged.damage));
                }
                visit(frame, bytes);
            }
            if let Some(damage) = stretch.damage {
                return Ok(end_in(*walk.position(), damage));
            }
        }
        walk.end().ok_or(Error::Cancelled)
    }

    /// Before a block near the end of the newest segment, by its header alone; before its first where
    /// no other is found. None where the segment has no sound header.
    fn near_end(&self) -> Result<Option<Position>, Error> {
        let Some(segment) = self.segments.last() else { return Ok(None) };
        let Ok((header, digest)) = segment.header else { return Ok(None) };
        let start = Position::at_start(&header, digest);
        let sealed = segment.trailer.map(|trailer| trailer.seal_offset);
        let limit = sealed.unwrap_or_else(|| segment.blocks_limit().min(segment.file_bytes));
        let mut window = WINDOW_BYTES;
        loop {
            let from = limit.saturating_sub(window).max(start.offset);
            let from = from - from % PAGE_BYTES as u64;
            if from <= start.offset {
                return Ok(Some(start));
            }
            if let Some(position) = first_in(segment, &start, (from, limit))? {
                return Ok(Some(position));
            }
            window = window.saturating_mul(8);
        }
    }
}

/// Who sees the blocks of the newest segment that are sound.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&Frame, &[u8]);

fn end_in(position: Position, damage: Damage) -> End {
    End { kind: EndKind::Damaged, position, tail: Some(damage) }
}

/// Before the first block in a range of a segment, by its header.
fn first_in(
    segment: &Segment,
    start: &Position,
    (from, limit): (u64, u64),
) -> Result<Option<Position>, Error> {
    let mut found = None;
    visit_blocks(segment, (from, limit), |offset, bytes| {
        let place = Position { offset, ..*start };
        let (later, basic) = (Continuity::Later, Validation::Basic);
        let header = block::check_header(bytes, limit - offset, &place, later, basic);
        found = header.ok().map(|header| Position::before(&header));
        Ok(found.is_none().then_some(PAGE_BYTES as u64))
    })?;
    Ok(found)
}
