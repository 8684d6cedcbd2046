//! Walks a journal from its first block to its end, a stretch of consecutive blocks at a time, and
//! says where it ends and why. Checks headers and how they hang together; what is inside the
//! blocks is for others to check.

use serde::Serialize;
use vexfs_kernels::Sha256Stream;

use super::block::{self, Continuity, Position};
use super::damage::{Damage, Fault, Verdict};
use super::judge::{Judge, Judged};
use super::layout::*;
use super::reader::{Journal, Segment};
use super::scan::visit_blocks;
use super::seal;
use super::validation::Validation;
use crate::error::Error;

/// What a walk does when it comes to damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastDamage {
    /// It ends.
    Stop,
    /// It goes on with the next valid block.
    Resynchronise,
}

/// A block in a stretch.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Where the block starts in the stretch's buffer, in bytes.
    pub at: usize,
    /// Its header.
    pub header: BlockHeader,
}

impl Frame {
    /// The whole block, out of the stretch's buffer.
    #[must_use]
    pub fn block<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        &buffer[self.at..self.at + self.header.block_bytes as usize]
    }

    /// Where a reader stands before this block.
    #[must_use]
    pub fn position(&self) -> Position {
        let header = &self.header;
        Position {
            journal_id: header.journal_id,
            segment: header.segment,
            writer_epoch: header.writer_epoch,
            offset: header.file_offset,
            next_block: header.block,
            next_lsn: header.first_lsn,
            digest: header.previous_digest,
        }
    }
}

/// Consecutive blocks of one segment.
#[derive(Clone, Debug, Default)]
pub struct Stretch {
    /// The index of their segment in [`Journal::segments`].
    pub segment: usize,
    /// The blocks, with valid headers.
    pub frames: Vec<Frame>,
    /// What is wrong behind the last of them, where something is.
    pub damage: Option<Damage>,
}

/// How a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// With the seal of a writer that closed it.
    Sealed,
    /// After a whole block, without a seal: the writer died or lives.
    Unsealed,
    /// In space that was never written.
    Unwritten,
    /// In what an earlier file or life left behind.
    Stale,
    /// In what the writer was writing when it died.
    TornTail,
    /// In damage.
    Damaged,
    /// At the LSN that was asked for.
    Until,
}

/// Where a journal ends and why.
#[derive(Clone, Debug)]
pub struct End {
    /// Why.
    pub kind: EndKind,
    /// Behind the last block.
    pub position: Position,
    /// What stands behind it, where the journal doesn't end with a seal or its file.
    pub tail: Option<Damage>,
}

impl End {
    /// The end that a judged fault makes.
    #[must_use]
    pub fn at(position: Position, damage: Damage) -> Self {
        let kind = match damage.verdict {
            Verdict::Unwritten => EndKind::Unwritten,
            Verdict::Stale => EndKind::Stale,
            Verdict::TornTail => EndKind::TornTail,
            Verdict::Corruption | Verdict::Ambiguous => EndKind::Damaged,
        };
        Self { kind, position, tail: Some(damage) }
    }
}

/// How far apart a seal's bytes are probed for holes, in bytes.
const PROBE_BYTES: usize = 64 * PAGE_BYTES;

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
            index: 0,
            entered: false,
            reported: false,
            position,
            continuity: Continuity::Next,
            first_lsn: 1,
            entries: Default::default(),
            holes: false,
            end: None,
        }
    }

    /// Ends the walk behind the block that holds this LSN: nothing that follows is looked at.
    #[must_use]
    pub fn until(self, until_lsn: u64) -> Self {
        Self { until_lsn, ..self }
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
        self.position = Position {
            journal_id: header.journal_id,
            segment: segment.number,
            writer_epoch: header.writer_epoch,
            offset: PAGE_BYTES as u64,
            next_block: header.first_block,
            next_lsn: header.first_lsn,
            digest,
        };
        self.continuity = Continuity::Next;
        self.first_lsn = header.first_lsn;
        (self.entries, self.holes) = Default::default();
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
        let header = segment.header.ok().map(|(header, _)| header);
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
            (self.entries, self.holes) = (Default::default(), true);
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
        let wanted = usize::try_from(readable - start).unwrap_or(usize::MAX).min(buffer.len());
        let bytes = &mut buffer[..wanted];
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
                Ok(header) if header.block_bytes as usize > here.len() => break,
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
                if self.past == PastDamage::Resynchronise && !newest {
                    self.step_into(stretch.segment + 1);
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

    /// Checks the seal at the present position against what was walked; gives its kind.
    fn check_seal(&self, segment: &Segment) -> Result<Result<u32, Fault>, Error> {
        let remaining = segment.file_bytes.saturating_sub(self.position.offset);
        let length = usize::try_from(remaining).unwrap_or(usize::MAX).min(PAGE_BYTES);
        let mut fixed = vec![0; length];
        segment.read(&mut fixed, self.position.offset)?;
        if fixed.iter().all(|&byte| byte == 0) {
            return Ok(Err(Fault::Zeros));
        }
        let header = match seal::check_header(&fixed, remaining, &self.position) {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Err(fault) = self.check_seal_length(segment, &header)? {
            return Ok(Err(fault));
        }
        let mut bytes = vec![0; usize::try_from(header.seal_bytes).unwrap_or(usize::MAX)];
        segment.read(&mut bytes, self.position.offset)?;
        Ok(self.compare_seal(&header, &bytes, remaining))
    }

    /// Makes sure that a seal is as long as it says before there is memory for it: it has an entry
    /// for each block that was walked, or, where not all were, no hole of a sparse file in it.
    fn check_seal_length(
        &self,
        segment: &Segment,
        header: &SealHeader,
    ) -> Result<Result<(), Fault>, Error> {
        let (expected, found) = (self.entries.1, header.blocks);
        if !self.holes && expected != found {
            return Ok(Err(Fault::SealMismatch { field: "block count", expected, found }));
        }
        let (start, needed) = (self.position.offset, header.seal_bytes);
        for at in (start..start + needed).step_by(PROBE_BYTES) {
            let stored = segment.next_data(at)? <= at;
            if !stored {
                return Ok(Err(Fault::CutShort { needed, remaining: at - start }));
            }
        }
        Ok(Ok(()))
    }

    fn compare_seal(
        &self,
        header: &SealHeader,
        bytes: &[u8],
        remaining: u64,
    ) -> Result<u32, Fault> {
        seal::decode(bytes, header, &self.position)?;
        if !self.holes {
            let (expected, found) =
                (self.position.next_lsn.wrapping_sub(self.first_lsn), header.events);
            if expected != found {
                return Err(Fault::SealMismatch { field: "event count", expected, found });
            }
            let entries = &bytes[SealHeader::BYTES..];
            let length = usize::try_from(header.blocks).unwrap_or(0) * SealEntry::BYTES;
            let stream = self.entries.0.clone();
            let (expected, found) = (stream.finish(), vexfs_kernels::sha256(&entries[..length]));
            if expected != found {
                return Err(Fault::Digest { part: "block index", expected, found });
            }
        }
        let found = remaining - header.seal_bytes;
        if found > 0 { Err(Fault::TrailingBytes { found }) } else { Ok(header.kind) }
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

impl Journal {
    /// Finds where a writer may go on, checking the blocks of the newest segment whole.
    ///
    /// # Errors
    /// [`Error::Damaged`] when there is more wrong than a torn tail, [`Error::Io`] when storage
    /// fails.
    pub fn find_end(&self) -> Result<End, Error> {
        let mut walk = Walk::new(self, Validation::Full, PastDamage::Stop);
        let mut buffer = vec![0; self.buffer_bytes(2 * MAX_BLOCK_BYTES)];
        let fill: Fill<'_> = &|segment, bytes, offset| segment.read(bytes, offset);
        let refuse = |first: Damage| Err(Error::Damaged { first: Box::new(first), others: 0 });
        while let Some(stretch) = walk.next(&mut buffer, fill)? {
            let newest = stretch.segment + 1 == self.segments.len();
            for frame in stretch.frames.iter().filter(|_| newest) {
                if let Err(fault) = block::check_contents(&frame.header, frame.block(&buffer)) {
                    let position = frame.position();
                    let judged = walk.judge.judge(stretch.segment, &position, fault)?;
                    let end = End::at(position, judged.damage);
                    return match end.tail {
                        Some(damage) if end.kind == EndKind::Damaged => refuse(damage),
                        _ => Ok(end),
                    };
                }
            }
            if let Some(damage) = stretch.damage {
                return refuse(damage);
            }
        }
        walk.end.ok_or(Error::Cancelled)
    }
}
