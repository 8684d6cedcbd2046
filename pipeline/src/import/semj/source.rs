//! The file that is imported, read from its front to its end through one buffer, whose length no claim of the
//! file's changes.

use std::path::Path;

use crate::error::{Error, IoContext as _};
use crate::semj::{
    self, EVENT_BYTES_MAX, EVENTS_MAX, MAGIC, MAJOR, MINOR, Refusal, SemjEventHeader, SemjFault,
    SemjFileHeader,
};
use crate::storage::{File, read_exact_at};
use crate::wire::Field as _;

/// How much is read at once, in bytes; room for many events.
const BUFFER_BYTES: usize = 16 * EVENT_BYTES_MAX;

/// Where a field of the file's header lies, in bytes.
mod at {
    pub(super) const MAGIC: u64 = 0;
    pub(super) const MAJOR: u64 = 4;
    pub(super) const MINOR: u64 = 8;
    pub(super) const TOTAL_EVENTS: u64 = 12;
    pub(super) const NEXT_EVENT_ID: u64 = 20;
    pub(super) const JOURNAL_BYTES: u64 = 28;
    pub(super) const INDEX_OFFSET: u64 = 36;
    pub(super) const FLAGS: u64 = 44;
    pub(super) const CHECKSUM: u64 = 48;
}

/// The file.
pub(super) struct Source<'f> {
    file: &'f dyn File,
    path: &'f Path,
    pub(super) header: SemjFileHeader,
    /// Where the events end, in bytes from the file's start.
    end: u64,
    buffer: Vec<u8>,
    /// Where in the buffer the next event begins, and how much of the buffer is filled.
    next: usize,
    filled: usize,
    /// Where in the file the buffer begins.
    start: u64,
}

impl<'f> Source<'f> {
    /// Checks the header against the file.
    pub(super) fn open(file: &'f dyn File, path: &'f Path) -> Result<Self, Error> {
        let file_bytes = file.length().context("read the length of", path, None)?;
        let refused =
            |offset, fault| Error::BadSemj { path: path.to_owned(), offset, event: None, fault };
        let header_bytes = SemjFileHeader::BYTES as u64;
        if file_bytes < header_bytes {
            let (what, needed, remaining) = ("the file's header", header_bytes, file_bytes);
            return Err(refused(0, SemjFault::CutShort { what, needed, remaining }));
        }
        let mut bytes = [0; SemjFileHeader::BYTES];
        read_exact_at(file, &mut bytes, 0).context("read", path, Some(0))?;
        let header = SemjFileHeader::read(&bytes);
        let check = |offset, what, expected: u64, found: u64| match expected == found {
            true => Ok(()),
            false => Err(refused(offset, SemjFault::Differs { what, expected, found })),
        };
        check(at::MAGIC, "the file's magic", u64::from(MAGIC), u64::from(header.magic))?;
        let (expected, found) = (semj::header_checksum(&header), header.header_checksum);
        if expected != found {
            let fault = SemjFault::Checksum { what: "the file's header", expected, found };
            return Err(refused(at::CHECKSUM, fault));
        }
        check(at::MAJOR, "the version's first number", u64::from(MAJOR), u64::from(header.major))?;
        check(at::MINOR, "the version's second number", u64::from(MINOR), u64::from(header.minor))?;
        check(at::FLAGS, "the file's flags", 0, u64::from(header.flags))?;
        if header.total_events > EVENTS_MAX {
            let (what, claimed, limit) = ("the number of events", header.total_events, EVENTS_MAX);
            return Err(refused(at::TOTAL_EVENTS, SemjFault::OverLimit { what, claimed, limit }));
        }
        check(
            at::JOURNAL_BYTES,
            "the journal's length in bytes",
            file_bytes,
            header.journal_bytes,
        )?;
        let end = if header.index_offset == 0 { file_bytes } else { header.index_offset };
        if end < header_bytes || end > file_bytes {
            let (what, claimed, limit) = ("the index's offset", end, file_bytes);
            let over = SemjFault::OverLimit { what, claimed, limit };
            let before = SemjFault::Differs { what, expected: header_bytes, found: end };
            return Err(refused(at::INDEX_OFFSET, if end > file_bytes { over } else { before }));
        }
        let buffer_bytes = usize::try_from(end).unwrap_or(usize::MAX).min(BUFFER_BYTES);
        let buffer = vec![0; buffer_bytes];
        Ok(Self { file, path, header, end, buffer, next: 0, filled: 0, start: header_bytes })
    }

    /// Where the next event begins, in bytes from the file's start.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.next as u64
    }

    /// The length of the index in bytes.
    pub(super) fn index_bytes(&self) -> u64 {
        self.header.journal_bytes - self.end
    }

    pub(super) fn refused(&self, event: Option<u64>, refusal: Refusal) -> Error {
        let Refusal { at, fault } = refusal;
        let offset = self.offset() + at as u64;
        Error::BadSemj { path: self.path.to_owned(), offset, event, fault }
    }

    /// Reads the next event into the buffer, and gives its length in bytes. Its checksum isn't looked at.
    pub(super) fn next_event(&mut self, number: u64) -> Result<usize, Error> {
        self.need("the event's header", number, SemjEventHeader::BYTES)?;
        let bytes = self.event(SemjEventHeader::BYTES);
        if u32::read(&bytes[..4]) == MAGIC && u32::read(&bytes[4..8]) == MAJOR {
            return Err(
                self.refused(Some(number), Refusal { at: 0, fault: SemjFault::StorageBlock })
            );
        }
        let length = semj::check_lengths(bytes);
        let length = length.map_err(|refusal| self.refused(Some(number), refusal))?;
        self.need("the event", number, length)?;
        Ok(length)
    }

    /// The next so many bytes, which have been read.
    pub(super) fn event(&self, length: usize) -> &[u8] {
        &self.buffer[self.next..self.next + length]
    }

    pub(super) fn step_over(&mut self, length: usize) {
        self.next += length;
    }

    /// Makes sure that so many bytes, at most an event's, are in the buffer.
    fn need(&mut self, what: &'static str, number: u64, bytes: usize) -> Result<(), Error> {
        let remaining = self.end - self.offset();
        let needed = bytes as u64;
        if remaining < needed {
            let fault = SemjFault::CutShort { what, needed, remaining };
            return Err(self.refused(Some(number), Refusal { at: 0, fault }));
        }
        if self.filled - self.next >= bytes {
            return Ok(());
        }
        self.start += self.next as u64;
        self.buffer.copy_within(self.next..self.filled, 0);
        (self.filled, self.next) = (self.filled - self.next, 0);
        let from = self.start + self.filled as u64;
        let left = usize::try_from(self.end - from).unwrap_or(usize::MAX);
        let into = &mut self.buffer[self.filled..];
        let more = left.min(into.len());
        read_exact_at(self.file, &mut into[..more], from).context("read", self.path, Some(from))?;
        self.filled += more;
        Ok(())
    }

    /// Checks what the header says against what was read to the end.
    pub(super) fn check_end(&self, last_id: u64) -> Result<(), Error> {
        let refused = |offset, what, expected, found| {
            let fault = SemjFault::Differs { what, expected, found };
            Err(Error::BadSemj { path: self.path.to_owned(), offset, event: None, fault })
        };
        if self.offset() != self.end {
            let what = "the offset at which the events end";
            return refused(self.offset(), what, self.end, self.offset());
        }
        let (expected, found) = (last_id.saturating_add(1), self.header.next_event_id);
        if expected != found {
            return refused(at::NEXT_EVENT_ID, "the next event id", expected, found);
        }
        Ok(())
    }
}
