//! What a reader must make of a journal that was hurt: `docs/journal-format.md`, read a second time. It
//! knows the journal as it was: a block is there if its bytes are where they were, as they were.

use crate::kinds::{Place, is_torn, of_block, of_header, of_seal};
use crate::subject::{Files, Piece, Subject};
use crate::sums::{u32_at, u64_at};

const PAGE: usize = 4096;

/// A damaged range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hole {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) end: u64,
    pub(crate) first_lsn: u64,
    pub(crate) last_lsn: Option<u64>,
    pub(crate) kind: &'static str,
}

/// What is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// It is no journal, or one of an unknown format: nothing may be done.
    pub(crate) is_refused: bool,
    /// It takes itself for another journal.
    pub(crate) is_another: bool,
    pub(crate) holes: Vec<Hole>,
    /// The first of them, as far as a reader sees that stops there.
    pub(crate) first: Option<Hole>,
    /// The torn end of the log.
    pub(crate) torn: Option<Hole>,
    /// Which blocks are kept, by index.
    pub(crate) kept: Vec<bool>,
    /// The last LSN, past all damage.
    pub(crate) last_lsn: u64,
    /// Whether a mode without checksums sees all of it.
    pub(crate) is_seen_by_all: bool,
}

struct Reader<'r> {
    subject: &'r Subject,
    files: &'r Files,
    numbers: Vec<u64>,
    journal_id: [u8; 16],
    found: Reading,
    next_lsn: u64,
    /// The verdict on the last hole was corruption rather than ambiguous.
    last_is_corruption: bool,
    is_over: bool,
    start: Option<Start>,
    /// The writer's epoch.
    epoch: u64,
    /// The log has ended, whatever follows.
    ended_in_tail: bool,
}

/// Where reading starts: in which segment, at which byte, before which LSN.
pub(crate) type Start = (u64, usize, u64);

/// Reads from the first event on.
pub(crate) fn read(subject: &Subject, files: &Files) -> Reading {
    read_from(subject, files, None)
}

/// Reads from there on; what lies before is not looked at.
pub(crate) fn read_from(subject: &Subject, files: &Files, start: Option<Start>) -> Reading {
    let faults: Vec<_> = files.keys().map(|&it| header_fault(subject, files, it)).collect();
    let found = Reading { kept: vec![false; subject.pieces.len()], ..Reading::default() };
    let sound = files.iter().zip(&faults).find(|(_, fault)| fault.is_none());
    let Some(((_, first), _)) = sound.filter(|_| !faults.contains(&Some("unknown_format"))) else {
        return Reading { is_refused: true, ..found };
    };
    let journal_id = first[24..40].try_into().unwrap();
    let ours = subject.files.values().next().unwrap();
    if ours[24..40] != journal_id {
        return Reading { is_another: true, ..found };
    }
    let numbers = files.keys().copied().collect();
    let (last_is_corruption, is_over) = (true, false);
    let mut reader = Reader {
        subject,
        files,
        numbers,
        journal_id,
        found,
        next_lsn: start.map_or(1, |it| it.2),
        start,
        epoch: 0,
        ended_in_tail: false,
        last_is_corruption,
        is_over,
    };
    for index in 0..reader.numbers.len() {
        if start.is_some_and(|it| reader.numbers[index] < it.0) {
            continue;
        }
        reader.segment(index);
        if reader.is_over {
            break;
        }
    }
    let kinds = reader.found.holes.iter().chain(&reader.found.torn);
    reader.found.is_seen_by_all = kinds.clone().all(|hole| crate::kinds::is_seen_by_all(hole.kind));
    reader.found.last_lsn = reader.next_lsn - 1;
    reader.found
}

/// What is wrong with the header page of a segment that is there; nothing is where it is as it was.
pub(crate) fn header_fault(subject: &Subject, files: &Files, segment: u64) -> Option<&'static str> {
    let content = &files[&segment];
    let written = subject.files.get(&segment).map(|it| &it[..PAGE]);
    let is_as_it_was = written.is_some_and(|it| content.starts_with(it));
    if is_as_it_was { None } else { of_header(content, segment) }
}

impl Reader<'_> {
    fn header(&self, index: usize) -> Option<&[u8]> {
        let number = *self.numbers.get(index)?;
        let is_sound = header_fault(self.subject, self.files, number).is_none();
        is_sound.then(|| &self.files[&number][..PAGE])
    }

    fn is_newest(&self, index: usize) -> bool {
        index + 1 == self.numbers.len()
    }

    fn add(&mut self, hole: Hole, is_corruption: bool) {
        self.found.first.get_or_insert_with(|| hole.clone());
        let same = self.last_is_corruption == is_corruption;
        match self.found.holes.last_mut() {
            Some(last) if last.segment == hole.segment && last.end >= hole.offset && same => {
                (last.end, last.last_lsn) = (last.end.max(hole.end), hole.last_lsn);
            }
            _ => self.found.holes.push(hole),
        }
        self.last_is_corruption = is_corruption;
    }

    fn segment(&mut self, index: usize) {
        let number = self.numbers[index];
        if let Some((_, at, _)) = self.start.filter(|it| it.0 == number) {
            let header = self.header(index);
            if let Some(epoch) = header.map(|it| u64_at(it, 48)) {
                self.epoch = epoch;
                return self.blocks(index, epoch, at);
            }
        }
        let before = index.checked_sub(1).map(|it| self.numbers[it]);
        let expected = before.map_or(0, |it| it + 1);
        let header = self.header(index);
        let names = header.map(|it| (it[24..40] == self.journal_id, u64_at(it, 56), u64_at(it, 48)));
        let next_lsn = names.filter(|it| it.0).map(|it| it.1);
        let hole = |segment, end, kind| Hole {
            segment,
            offset: 0,
            end,
            first_lsn: self.next_lsn,
            last_lsn: next_lsn.map(|it| it - 1),
            kind,
        };
        let missing = (number != expected).then(|| hole(expected, 0, "segment_missing"));
        let bad = match names {
            None => header_fault(self.subject, self.files, number),
            Some((true, ..)) => None,
            Some(_) => Some("foreign"),
        };
        let bad = bad.map(|kind| hole(number, PAGE as u64, kind));
        let is_bad = bad.is_some();
        missing.into_iter().chain(bad).for_each(|hole| self.add(hole, true));
        let epoch = match names.filter(|_| !is_bad) {
            Some((_, first_lsn, epoch)) => {
                self.next_lsn = first_lsn;
                epoch
            }
            // The blocks that are there tell.
            None => {
                let mut there = self.subject.blocks(number);
                let there = there.find(|it| self.subject.has_header(self.files, it));
                there.map_or(self.epoch, |it| it.header.writer_epoch)
            }
        };
        self.epoch = epoch;
        self.blocks(index, epoch, PAGE);
    }

    /// Where the next segment says that this one's blocks end.
    fn recorded_end(&self, index: usize) -> Option<usize> {
        let next = self.header(index + 1).filter(|it| it[24..40] == self.journal_id)?;
        let follows = self.numbers[index + 1] == self.numbers[index] + 1;
        follows.then(|| usize::try_from(u64_at(next, 80)).unwrap())
    }

    fn blocks(&mut self, index: usize, epoch: u64, start: usize) {
        let number = self.numbers[index];
        let content = &self.files[&number];
        let recorded = self.recorded_end(index);
        let limit = recorded.unwrap_or(content.len());
        let readable = limit.min(content.len());
        let mut at = start;
        loop {
            let place = Place {
                journal_id: self.journal_id,
                segment: number,
                epoch,
                offset: at,
                next_lsn: self.next_lsn,
            };
            let rest = content.get(at..).unwrap_or(&[]);
            let here = self.block_at(number, at, readable);
            if let Some((which, piece)) = here {
                self.found.kept[which] = true;
                self.next_lsn = piece.last_lsn + 1;
                at = piece.end;
                continue;
            }
            let kind = if at < readable && (recorded.is_some() || !rest.starts_with(b"VXSL")) {
                of_block(&content[at..readable], &place)
            } else if at >= readable && readable < limit {
                "cut_short"
            } else {
                match self.leave(index, at, &place) {
                    Some(kind) => kind,
                    None => return,
                }
            };
            let header = self.header_at(number, at, readable);
            match self.judge(index, (at, readable, limit), kind) {
                Some(behind) => at = behind,
                // Its header says where what follows is.
                None if header.is_some() && !self.ended_in_tail => {
                    let piece = header.unwrap();
                    (at, self.next_lsn, self.is_over) = (piece.end, piece.last_lsn + 1, false);
                }
                None => return,
            }
        }
    }

    /// The block of which the header alone is as it was.
    fn header_at(&self, number: u64, at: usize, readable: usize) -> Option<Piece> {
        let mut there = self.subject.blocks(number).filter(|it| it.at == at && it.end <= readable);
        there.find(|it| self.subject.has_header(self.files, it)).cloned()
    }

    fn block_at(&self, number: u64, at: usize, readable: usize) -> Option<(usize, Piece)> {
        let mut pieces = self.subject.pieces.iter().enumerate();
        let (which, piece) =
            pieces.find(|(_, it)| it.segment == number && it.at == at && it.end <= readable)?;
        self.subject.is_intact(self.files, piece).then(|| (which, piece.clone()))
    }

    /// Leaves the segment, behind all of its blocks; gives what is wrong with its seal.
    fn leave(&mut self, index: usize, at: usize, place: &Place) -> Option<&'static str> {
        let (number, newest) = (self.numbers[index], self.is_newest(index));
        let content = &self.files[&number];
        if newest && at >= content.len() {
            self.is_over = true;
            return None;
        }
        let epoch_before = self.header(index).map_or(0, |it| u64_at(it, 48));
        let required = self.recorded_end(index).is_none_or(|_| {
            let next = self.header(index + 1).unwrap();
            let outlived = self.files[&self.numbers[index + 1]].len() > PAGE;
            u32_at(next, 20) & 1 == 1 && (outlived || u64_at(next, 48) > epoch_before)
        });
        let seal = content.get(at..).unwrap_or(&[]);
        let written = &self.subject.files[&number];
        if required && (written.get(at..) != Some(seal) || seal.is_empty()) {
            return Some(of_seal(seal, place));
        }
        if newest {
            self.is_over = true;
            // Its kind.
            if u32_at(seal, 144) == 1 {
                let (segment, first_lsn, kind) = (number + 1, self.next_lsn, "segment_missing");
                let hole = Hole { segment, offset: 0, end: 0, first_lsn, last_lsn: None, kind };
                self.add(hole, true);
            }
        }
        None
    }

    /// Whether the file ends with the seal that it had.
    fn seal_stands(&self, number: u64) -> bool {
        let (now, then) = (&self.files[&number], &self.subject.files[&number]);
        let at = self.subject.blocks_end(number);
        then.len() > at && now.len() == then.len() && now[at..] == then[at..]
    }

    /// Adds what is wrong; gives where reading goes on in the segment.
    fn judge(
        &mut self,
        index: usize,
        (at, readable, limit): (usize, usize, usize),
        kind: &'static str,
    ) -> Option<usize> {
        let (number, newest) = (self.numbers[index], self.is_newest(index));
        let length = self.files[&number].len();
        let behind = self.subject.blocks(number).find(|it| {
            it.at >= at + PAGE && it.end <= readable && self.subject.is_intact(self.files, it)
        });
        let behind = behind.cloned();
        let later = self.subject.blocks(number).filter(|it| {
            it.at >= at + PAGE && it.end <= readable && self.subject.has_header(self.files, it)
        });
        let marked = later.map(|it| it.header.durable_lsn).max().unwrap_or(0);
        let is_durable = self.seal_stands(number) || self.next_lsn <= marked;
        let tells_mark = behind.as_ref().is_none_or(|it| it.header.durable_end != 0);
        let is_torn_like = is_torn(kind) || matches!(kind, "zeros" | "stale_generation" | "foreign");
        let may_be_tail = newest && !is_durable;
        let is_end = may_be_tail
            && match &behind {
                None => is_torn_like,
                Some(_) => is_torn_like && tells_mark,
            };
        let is_torn_tail = is_end && (is_torn(kind) || behind.is_some());
        let next = self.header(index + 1).filter(|it| it[24..40] == self.journal_id);
        let next = next.map(|it| u64_at(it, 56));
        let behind = behind.filter(|_| !is_end);
        let (end, next_lsn) = match (&behind, next) {
            (Some(behind), _) => (behind.at, Some(behind.first_lsn)),
            (None, Some(next)) if at < limit => (limit, Some(next)),
            (None, next) => (length, next),
        };
        let hole = Hole {
            segment: number,
            offset: at as u64,
            end: end.max(at) as u64,
            first_lsn: self.next_lsn,
            last_lsn: next_lsn.map(|it| it - 1),
            kind,
        };
        if !is_end {
            self.found.first.get_or_insert_with(|| hole.clone());
        }
        let hole = match self.header_at(number, at, readable).filter(|_| !is_end) {
            // Its header says what is lost.
            Some(it) => Hole { end: it.end as u64, last_lsn: Some(it.last_lsn), ..hole },
            None => hole,
        };
        if is_end {
            self.found.torn = is_torn_tail.then_some(hole);
            (self.is_over, self.ended_in_tail) = (true, true);
            return None;
        }
        self.add(hole, !(may_be_tail && is_torn_like));
        self.is_over |= newest && behind.is_none();
        behind.map(|it| it.at)
    }
}
