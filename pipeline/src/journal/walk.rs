//! Walks a journal from its first block to its end, a stretch of consecutive blocks at a time, and
//! says where it ends and why. Checks headers and how they hang together; what is inside the
//! blocks is for others to check.

use vexfs_kernels::Sha256Stream;

use super::block::{self, Continuity, Position};
use super::damage::{Damage, Fault, Verdict};
use super::index::IndexedBlock;
use super::judge::{Judge, Judged};
use super::layout::*;
use super::plan::Plan;
use super::reader::{Journal, Segment};
use super::scan::visit_blocks;
use super::seal;
use super::stretch::{End, EndKind, Frame, Stretch};
use super::validation::Validation;
use crate::error::Error;

mod seals;

/// What a walk does when it comes to damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastDamage {
    /// It ends.
    Stop,
    /// It goes on with the next valid block.
    Resynchronise,
}

/// Fills a buffer from a segment; how is the caller's choice.
pub type Fill<'f> = &'f (dyn Fn(&Segment, &mut [u8], u64) -> Result<(), Error> + Sync);

/// A walk through a journal.
#[derive(Debug)]
pub struct Walk<'j> {
    journal: &'j Journal,
    judge: Judge<'j>,
    validation: Validation,
    past: PastDamage,
    until_lsn: u64,
    /// How much is read the next time at most, in bytes, unless the block there is longer.
    next_bytes: usize,
    /// Which blocks are stepped over.
    plan: Option<&'j Plan>,
    index: usize,
    entered: bool,
    /// What is wrong with the segment at hand as a whole has been reported.
    reported: bool,
    position: Position,
    continuity: Continuity,
    /// The LSN of the segment's first event.
    first_lsn: u64,
    /// What the seal of the segment must say: SHA-256 over its entries, and how many there are.
    entries: (Sha256Stream, u64),
    /// How many of the segment's blocks lie before the walk's start.
    blocks_before: u64,
    /// Not all of the segment's blocks were walked, so that its seal says more than that.
    holes: bool,
    end: Option<End>,
}

impl<'j> Walk<'j> {
    /// A walk that starts before the journal's first block.
    #[must_use]
    pub fn new(journal: &'j Journal, validation: Validation, past: PastDamage) -> Self {
        let position = Position {
            journal_id: journal.journal_id,
            segment: 0,
            writer_epoch: 0,
            offset: 0,
            next_block: 0,
            next_lsn: 1,
            digest: [0; 32],
        };
        Self {
            journal,
            judge: Judge::new(journal),
            validation,
            past,
            until_lsn: u64::MAX,
            next_bytes: usize::MAX,
            plan: None,
            index: 0,
            entered: false,
            reported: false,
            position,
            continuity: Continuity::Next,
            first_lsn: 1,
            entries: Default::default(),
            blocks_before: 0,
            holes: false,
            end: None,
        }
    }

    /// Starts the walk at the block that a walk of this journal would come to at `position`. What
    /// lies before it is not looked at. Where the start is in a segment without a valid header, the walk
    /// begins with the next one if that follows at once, else at the journal's front.
    #[must_use]
    pub fn starting_at(self, position: Position) -> Self {
        let segments = &self.journal.segments;
        let index = segments.partition_point(|segment| segment.number < position.segment);
        let header = segments.get(index).and_then(|segment| segment.header.ok());
        match header {
            Some((header, _)) if header.segment == position.segment => Self {
                index,
                entered: true,
                position,
                first_lsn: header.first_lsn,
                blocks_before: position.next_block.saturating_sub(header.first_block),
                ..self
            },
            _ => match self.following(&position) {
                Some(index) => Self { index, position, ..self },
                None => self,
            },
        }
    }

    /// The segment that follows the position's own, where nothing lies between the position and it.
    fn following(&self, position: &Position) -> Option<usize> {
        let number = position.segment.checked_add(1)?;
        let index = self.journal.segments.partition_point(|segment| segment.number < number);
        // At the front, what is missing before is looked for.
        let segment = self.journal.segments.get(index).filter(|_| index > 0)?;
        let (header, _) = segment.header.ok()?;
        let follows = (number, position.next_lsn, position.next_block);
        ((header.segment, header.first_lsn, header.first_block) == follows).then_some(index)
    }

    /// Ends the walk behind the block that holds this LSN: nothing that follows is looked at.
    #[must_use]
    pub fn until(self, until_lsn: u64) -> Self {
        Self { until_lsn, ..self }
    }

    /// Reads no more than so many bytes the first time, a multiple of 4,096, unless the first block is
    /// longer; then twice as many, and so on.
    #[must_use]
    pub fn beginning_with(self, bytes: usize) -> Self {
        Self { next_bytes: bytes, ..self }
    }

    /// Steps over the blocks that the plan leaves out, on their seals' word.
    #[must_use]
    pub fn skipping(self, plan: Option<&'j Plan>) -> Self {
        Self { plan, ..self }
    }

    /// Ends the walk where it stands, as if nothing more had been asked for.
    pub fn end_here(&mut self) {
        if self.end.is_none() {
            self.end_as_asked();
        }
    }

    /// Where the walk stands now: behind the last block that it gave.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Where the journal ended, once [`Self::next`] has given `None`.
    #[must_use]
    pub fn end(self) -> Option<End> {
        self.end
    }

    /// Reads the next blocks into `buffer`, which holds at least the longest possible block or
    /// the whole journal.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails. Damage is no error here.
    pub fn next(&mut self, buffer: &mut [u8], fill: Fill<'_>) -> Result<Option<Stretch>, Error> {
        while self.end.is_none() {
            if self.position.next_lsn > self.until_lsn {
                self.end_as_asked();
                break;
            }
            let Some(segment) = self.journal.segments.get(self.index) else {
                self.end =
                    Some(End { kind: EndKind::Damaged, position: self.position, tail: None });
                break;
            };
            if !self.entered {
                match self.enter(segment) {
                    Ok(()) => continue,
                    Err(fault) => return self.entered_badly(segment, fault).map(Some),
                }
            }
            let stretch = self.read_stretch(segment, buffer, fill)?;
            if !stretch.frames.is_empty() || stretch.damage.is_some() {
                return Ok(Some(stretch));
            }
        }
        Ok(None)
    }

    /// Steps into the segment at hand.
    fn enter(&mut self, segment: &Segment) -> Result<(), Fault> {
        let number = if self.index == 0 { 0 } else { self.position.segment + 1 };
        if segment.number != number && !self.reported {
            return Err(Fault::SegmentMissing(number));
        }
        let (header, digest) = segment.header?;
        let (expected, found) = (self.journal.journal_id, header.journal_id);
        if expected != found {
            return Err(Fault::Foreign { expected, found });
        }
        let unbroken = self.continuity == Continuity::Next && !self.reported;
        let strict = unbroken && self.validation >= Validation::Full;
        let numbers = [
            ("LSN", self.position.next_lsn, header.first_lsn),
            ("block", self.position.next_block, header.first_block),
        ];
        for (field, expected, found) in numbers {
            if found < expected || (strict && found != expected) {
                return Err(Fault::SequenceGap { field, expected, found });
            }
        }
        let (expected, found) = (self.position.digest, header.previous_digest);
        if strict && expected != found {
            return Err(Fault::ChainBreak { expected, found });
        }
        self.position = Position::at_start(&header, digest);
        self.continuity = Continuity::Next;
        self.first_lsn = header.first_lsn;
        (self.entries, self.blocks_before, self.holes) = Default::default();
        self.entered = true;
        Ok(())
    }

    /// Reports what is wrong with a segment as a whole, and finds a way into it where one is wanted.
    fn entered_badly(&mut self, segment: &Segment, fault: Fault) -> Result<Stretch, Error> {
        let first_time = !std::mem::replace(&mut self.reported, true);
        let (number, path, end) = match fault {
            Fault::SegmentMissing(number) => {
                let name = super::segment::file_name(number);
                (number, segment.path.with_file_name(name), 0)
            }
            _ => (segment.number, segment.path.clone(), PAGE_BYTES as u64),
        };
        // Another journal's numbers say nothing of this one's.
        let header = segment.header.ok().map(|(header, _)| header);
        let header = header.filter(|it| it.journal_id == self.journal.journal_id);
        let damage = Damage {
            segment: number,
            path,
            offset: 0,
            end,
            lsn: self.position.next_lsn,
            next_lsn: header.map(|header| header.first_lsn),
            blocks: 0,
            fault,
            verdict: Verdict::Corruption,
        };
        let stretch =
            Stretch { segment: self.index, damage: Some(damage.clone()), ..Stretch::default() };
        if self.past == PastDamage::Stop {
            self.end = Some(End::at(self.position, damage));
            return Ok(stretch);
        }
        self.continuity = Continuity::Later;
        let retry = first_time && segment.header.is_ok() && !matches!(fault, Fault::Foreign { .. });
        if !retry {
            // No header to trust: blocks that name this segment are still blocks.
            let epoch = first_epoch(segment, &self.position)?.unwrap_or(self.position.writer_epoch);
            self.position.segment = segment.number;
            self.position.offset = PAGE_BYTES as u64;
            self.position.writer_epoch = epoch;
            (self.entries, self.blocks_before, self.holes) = (Default::default(), 0, true);
            self.entered = true;
        }
        Ok(stretch)
    }

    fn read_stretch(
        &mut self,
        segment: &Segment,
        buffer: &mut [u8],
        fill: Fill<'_>,
    ) -> Result<Stretch, Error> {
        let limit = segment.blocks_limit();
        let readable = limit.min(segment.file_bytes);
        let mut stretch = Stretch { segment: self.index, ..Stretch::default() };
        let skipped_from = self.plan.map_or(u64::MAX, |plan| self.step_over_skipped(plan));
        if self.position.next_lsn > self.until_lsn {
            return Ok(stretch);
        }
        let start = self.position.offset;
        if start >= readable {
            if readable < limit {
                let (needed, remaining) = (limit, readable);
                self.stop_at(&mut stretch, Fault::CutShort { needed, remaining })?;
            } else {
                self.leave(segment, &mut stretch)?;
            }
            return Ok(stretch);
        }
        let until = readable.min(skipped_from);
        let wanted = usize::try_from(until - start).unwrap_or(usize::MAX).min(buffer.len());
        let most = self.next_bytes;
        self.next_bytes = most.saturating_mul(2);
        let bytes = &mut buffer[..wanted.min(most)];
        fill(segment, bytes, start)?;
        let mut at = 0;
        while at < bytes.len() && self.position.next_lsn <= self.until_lsn {
            let (here, remaining) = (&bytes[at..], readable - self.position.offset);
            if segment.recorded_end.is_none() && seal::starts_here(here) {
                self.leave(segment, &mut stretch)?;
                break;
            }
            let checked = block::check_header(
                here,
                remaining,
                &self.position,
                self.continuity,
                self.validation,
            );
            match checked {
                Ok(header) if header.block_bytes as usize > here.len() => {
                    if at == 0 && wanted <= most {
                        // The buffer has room for any block, so it was the plan that ended it.
                        let (field, found) = ("block length", here.len() as u64);
                        let expected = u64::from(header.block_bytes);
                        let fault = Fault::SealMismatch { field, expected, found };
                        self.stop_at(&mut stretch, fault)?;
                    }
                    break;
                }
                Ok(header) if header.first_lsn > self.until_lsn => {
                    // Behind a hole, in which the rest of what was asked for is lost.
                    self.end_as_asked();
                    break;
                }
                Ok(header) => {
                    stretch.frames.push(Frame { at, header });
                    at += header.block_bytes as usize;
                    self.step_over(&header);
                }
                Err(fault) => {
                    self.stop_at(&mut stretch, fault)?;
                    break;
                }
            }
        }
        Ok(stretch)
    }

    /// Steps over the blocks here that the plan leaves out; gives where the next of them starts, in
    /// bytes from the segment's start.
    fn step_over_skipped(&mut self, plan: &Plan) -> u64 {
        let blocks = plan.blocks_from(self.index, self.position.offset);
        for planned in blocks {
            if planned.skip.is_none() {
                break;
            }
            self.step_over_unread(&planned.block);
        }
        let ahead = plan.blocks_from(self.index, self.position.offset);
        let next = ahead.iter().find(|planned| planned.skip.is_some());
        next.map_or(u64::MAX, |planned| planned.block.entry.file_offset)
    }

    fn step_over_unread(&mut self, block: &IndexedBlock) {
        let entry = &block.entry;
        let mut bytes = [0; SealEntry::BYTES];
        entry.write(&mut bytes);
        self.entries.0.update(&bytes);
        self.entries.1 += 1;
        self.position.offset = entry.file_offset + u64::from(entry.block_bytes);
        self.position.next_block = self.position.next_block.saturating_add(1);
        self.position.next_lsn = block.next_lsn;
        self.position.digest = entry.digest;
        self.continuity = Continuity::Next;
    }

    fn end_as_asked(&mut self) {
        self.end = Some(End { kind: EndKind::Until, position: self.position, tail: None });
    }

    fn step_into(&mut self, index: usize) {
        (self.index, self.entered, self.reported) = (index, false, false);
    }

    fn step_over(&mut self, header: &BlockHeader) {
        let mut entry = [0; SealEntry::BYTES];
        SealEntry::of(header).write(&mut entry);
        self.entries.0.update(&entry);
        self.entries.1 += 1;
        self.position = self.position.after(header);
        self.continuity = Continuity::Next;
    }

    /// Judges the fault at the present position, and ends the walk or goes on behind it.
    fn stop_at(&mut self, stretch: &mut Stretch, fault: Fault) -> Result<(), Error> {
        let Judged { damage, behind } = self.judge.judge(self.index, &self.position, fault)?;
        let newest = self.index + 1 == self.journal.segments.len();
        let over = self.past == PastDamage::Stop || (newest && behind.is_none());
        if over {
            self.end = Some(End::at(self.position, damage.clone()));
        } else if let Some(header) = behind {
            self.position.offset = header.file_offset;
        } else {
            self.step_into(self.index + 1);
        }
        (self.continuity, self.holes) = (Continuity::Later, true);
        if !damage.is_tail() {
            stretch.damage = Some(damage);
        }
        Ok(())
    }

    /// Leaves the segment, all of whose blocks were walked, by its seal or by the next segment.
    fn leave(&mut self, segment: &Segment, stretch: &mut Stretch) -> Result<(), Error> {
        let newest = self.index + 1 == self.journal.segments.len();
        let must_be_sealed = segment.seal_required || segment.recorded_end.is_none();
        if newest && self.position.offset >= segment.file_bytes {
            let (kind, position) = (EndKind::Unsealed, self.position);
            self.end = Some(End { kind, position, tail: None });
            return Ok(());
        }
        let seal = if must_be_sealed { Some(self.check_seal(segment)?) } else { None };
        let kind = match seal {
            None => None,
            Some(Ok(kind)) => Some(kind),
            Some(Err(fault)) => {
                self.stop_at(stretch, fault)?;
                // Where a block follows, this is no place for a seal, and the walk goes on with it.
                if self.index > stretch.segment {
                    self.continuity = Continuity::Next;
                }
                return Ok(());
            }
        };
        if !newest {
            self.step_into(self.index + 1);
        } else if kind == Some(SEAL_ROTATED) {
            let number = segment.number + 1;
            let name = super::segment::file_name(number);
            let damage = Damage {
                segment: number,
                path: segment.path.with_file_name(name),
                offset: 0,
                end: 0,
                lsn: self.position.next_lsn,
                next_lsn: None,
                blocks: 0,
                fault: Fault::SegmentMissing(number),
                verdict: Verdict::Corruption,
            };
            stretch.damage = Some(damage.clone());
            self.end = Some(End::at(self.position, damage));
        } else {
            let (kind, position) = (EndKind::Sealed, self.position);
            self.end = Some(End { kind, position, tail: None });
        }
        Ok(())
    }
}

/// The writer epoch that the first block of this journal and segment names, header page or not.
fn first_epoch(segment: &Segment, position: &Position) -> Result<Option<u64>, Error> {
    let mut epoch = None;
    visit_blocks(segment, (PAGE_BYTES as u64, segment.file_bytes), |offset, bytes| {
        let writer_epoch = BlockHeader::read(bytes).writer_epoch;
        let place = Position { segment: segment.number, offset, writer_epoch, ..*position };
        let (later, basic) = (Continuity::Later, Validation::Basic);
        let remaining = segment.file_bytes - offset;
        let found = block::check_header(bytes, remaining, &place, later, basic);
        epoch = found.ok().map(|header| header.writer_epoch);
        Ok(epoch.is_none().then_some(PAGE_BYTES as u64))
    })?;
    Ok(epoch)
}
