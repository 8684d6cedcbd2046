//! A journal as it is found: its segments, their headers and where each one should end. Opening
//! reads a page and a trailer per segment, and nothing in between.

use std::path::PathBuf;
use std::sync::Arc;

use vexfs_kernels::Digest;

use super::block::Position;
use super::damage::Fault;
use super::layout::*;
use super::{seal, segment, zeroed};
use crate::error::{Error, IoContext as _};
use crate::storage::{File, Folder, read_exact_at};

/// One segment's file, as it was when the journal was opened.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The segment's number.
    pub number: u64,
    /// The file's path, for messages.
    pub path: PathBuf,
    /// The file.
    pub file: Arc<dyn File>,
    /// The file's length in bytes when the journal was opened; what is appended later is ignored.
    pub file_bytes: u64,
    /// The header and the digest of its page, or what is wrong with it.
    pub header: Result<(SegmentHeader, Digest), Fault>,
    /// The trailer of its seal, where there is one.
    pub trailer: Option<SealTrailer>,
    /// Where the next segment says that this one's blocks end.
    pub recorded_end: Option<u64>,
    /// The next segment shows that this one was sealed.
    pub seal_required: bool,
}

impl Segment {
    /// Where the blocks of the segment end at the latest, in bytes from its start.
    #[must_use]
    pub fn blocks_limit(&self) -> u64 {
        // Not the trailer: an event's last bytes may look like one.
        self.recorded_end.unwrap_or(self.file_bytes)
    }

    /// Where the next byte at or after `offset` is that may be other than zero; see
    /// [`File::next_data`].
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn next_data(&self, offset: u64) -> Result<u64, Error> {
        self.file.next_data(offset).context("look for data in", &self.path, Some(offset))
    }

    /// Reads exactly `buffer.len()` bytes from `offset` on.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails or the file has become shorter than it was.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        let read = read_exact_at(self.file.as_ref(), buffer, offset);
        read.context("read", self.path.clone(), Some(offset))
    }
}

/// A journal that was opened for reading.
#[derive(Clone, Debug)]
pub struct Journal {
    /// The journal's UUID.
    pub journal_id: [u8; 16],
    /// Its segments that are there, by number.
    pub segments: Vec<Segment>,
    /// Where they are.
    folder: Arc<dyn Folder>,
}

impl Journal {
    /// Opens the journal at `path`: a folder of segments, or one segment's file.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_path(path: &std::path::Path) -> Result<Self, Error> {
        let folder = crate::storage::DiskFolder::open(path).context("open", path, None)?;
        Self::open(Arc::new(folder))
    }

    /// Opens the journal in `folder`.
    ///
    /// # Errors
    /// [`Error::NotAJournal`] when no segment has a readable header, [`Error::UnknownFormat`] when
    /// one is of a format that this reader doesn't know, [`Error::Io`] when storage fails.
    pub fn open(folder: Arc<dyn Folder>) -> Result<Self, Error> {
        let mut names = segment_names(folder.as_ref())?;
        let mut segments;
        // A writer may be at it. Newest first: what a segment says of the one before is then true of
        // that one's file as it is found afterwards. And a seal on the newest may be there because a
        // newer one came since: then all are opened anew.
        loop {
            segments = Vec::with_capacity(names.len());
            for name in names.iter().rev() {
                segments.push(open_segment(folder.as_ref(), name)?);
            }
            if segments.first().is_none_or(|newest| newest.trailer.is_none()) {
                break;
            }
            let names_now = segment_names(folder.as_ref())?;
            if names_now.last() == names.last() {
                break;
            }
            names = names_now;
        }
        segments.reverse();
        let sound = segments.iter().find_map(|segment| segment.header.ok());
        let Some((header, _)) = sound else {
            let first = segments.first();
            let fault = first.and_then(|segment| segment.header.err());
            // The fault is the file's, which may be the one that was asked for.
            let path = first.map_or_else(|| folder.path(""), |segment| segment.path.clone());
            return Err(Error::NotAJournal { path, fault });
        };
        let mut journal = Self { journal_id: header.journal_id, segments, folder };
        journal.link();
        Ok(journal)
    }

    /// Who holds the journal's lock: a writer that lives, or a recovery. No writer has a file that stands
    /// alone.
    ///
    /// # Errors
    /// [`Error::Io`] when that can't be told.
    pub fn holder(&self) -> Result<Option<String>, Error> {
        if self.folder.is_one_file() {
            return Ok(None);
        }
        self.folder.lock_holder().context("look who locks", self.folder.path(""), None)
    }

    /// Lets each segment know what the next one says of it.
    fn link(&mut self) {
        for index in 1..self.segments.len() {
            let [before, after] = &mut self.segments[index - 1..=index] else { continue };
            let follows = after.number == before.number + 1;
            // Another journal's segment in the place of ours knows nothing of the one before.
            let header = after.header.ok().map(|(header, _)| header);
            let header = header.filter(|it| follows && it.journal_id == self.journal_id);
            if let Some(header) = header {
                let before_epoch = before.header.map_or(0, |(header, _)| header.writer_epoch);
                let outlived = after.file_bytes > PAGE_BYTES as u64;
                let reopened = header.writer_epoch > before_epoch;
                before.recorded_end = Some(header.previous_end);
                before.seal_required =
                    header.flags & PREVIOUS_SEALED != 0 && (outlived || reopened);
            }
        }
    }

    /// A buffer for a walk: of `most` bytes, and less where the journal has less.
    pub(crate) fn buffer(&self, most: usize) -> Result<Vec<u8>, Error> {
        zeroed(length_of(self.total_bytes(), most))
    }

    /// A buffer for a walk that starts at a position: of `most` bytes, and less where less lies behind it.
    pub(crate) fn buffer_from(&self, position: &Position, most: usize) -> Result<Vec<u8>, Error> {
        let ahead = self.segments.iter().filter(|segment| segment.number >= position.segment);
        let bytes = ahead.map(|segment| match segment.number == position.segment {
            true => segment.file_bytes.saturating_sub(position.offset),
            false => segment.file_bytes,
        });
        zeroed(length_of(bytes.fold(0, u64::saturating_add), most))
    }

    /// How long the journal's blocks are together at most, in bytes, by what headers and trailers say.
    #[must_use]
    pub(crate) fn block_bytes(&self) -> u64 {
        let lengths = self.segments.iter().map(|segment| {
            let sealed = segment.trailer.map(|trailer| trailer.seal_offset);
            let end = segment.recorded_end.or(sealed).unwrap_or(segment.file_bytes);
            end.saturating_sub(PAGE_BYTES as u64)
        });
        lengths.fold(0, u64::saturating_add)
    }

    /// All bytes of the journal's files.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        let lengths = self.segments.iter().map(|segment| segment.file_bytes);
        lengths.fold(0, u64::saturating_add)
    }
}

/// How long a buffer is for so many bytes, at most `most`.
fn length_of(bytes: u64, most: usize) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX).clamp(PAGE_BYTES, most)
}

/// The names of the segments' files, by number.
fn segment_names(folder: &dyn Folder) -> Result<Vec<String>, Error> {
    let mut names = folder.list().context("list", folder.path(""), None)?;
    if !folder.is_one_file() {
        names.retain(|name| segment::number_of(name).is_some());
    }
    names.sort_by_key(|name| segment::number_of(name));
    Ok(names)
}

fn open_segment(folder: &dyn Folder, name: &str) -> Result<Segment, Error> {
    let path = folder.path(name);
    let file = folder.open(name).context("open", &path, None)?;
    let file_bytes = file.length().context("read the length of", &path, None)?;
    let read = |length: usize, offset: u64| {
        let mut bytes = vec![0; length];
        let read = read_exact_at(file.as_ref(), &mut bytes, offset);
        read.context("read", &path, Some(offset)).map(|()| bytes)
    };
    let page_bytes = usize::try_from(file_bytes).unwrap_or(usize::MAX).min(PAGE_BYTES);
    let header = segment::decode_header(&read(page_bytes, 0)?);
    if let Err(Fault::UnknownFormat { major, features }) = header {
        return Err(Error::UnknownFormat { path, major, features });
    }
    let named = segment::number_of(name);
    let number = match (named, header) {
        (Some(number), _) => number,
        (None, Ok((header, _))) => header.segment,
        (None, Err(_)) => 0,
    };
    let header = header.and_then(|(header, digest)| {
        let (field, expected, found) = ("segment", number, header.segment);
        if expected == found {
            Ok((header, digest))
        } else {
            Err(Fault::Misplaced { field, expected, found })
        }
    });
    let mut trailer = None;
    let page = PAGE_BYTES as u64;
    if file_bytes >= 2 * page && file_bytes.is_multiple_of(page) {
        let at = file_bytes - SealTrailer::BYTES as u64;
        let found = seal::check_trailer(&read(SealTrailer::BYTES, at)?).ok();
        trailer = found.filter(|found| {
            let ends = found.seal_offset.checked_add(found.seal_bytes) == Some(file_bytes);
            ends && found.seal_offset >= page && found.segment == number
        });
    }
    let (recorded_end, seal_required) = (None, false);
    Ok(Segment { number, path, file, file_bytes, header, trailer, recorded_end, seal_required })
}
