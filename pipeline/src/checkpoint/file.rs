//! One checkpoint's file, opened for reading. Opening reads its two ends and its manifest, and checks
//! their form; only [`CheckpointFile::check_seal`] reads it all.

use std::cell::RefCell;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use vexfs_kernels::{Digest, Sha256Stream, crc32c};
use zstd::zstd_safe::DCtx;

use super::fault::CheckpointFault;
use super::layout::*;
use crate::error::{Error, IoContext as _};
use crate::journal::Validation;
use crate::replay::Cut;
use crate::state::PARTITIONS;
use crate::storage::{File, Folder, read_exact_at};

/// How much is read at once to check a seal, in bytes.
const READ_BYTES: usize = 1024 * 1024;
/// No partition's records take more than this when decompressed, in bytes.
const SECTION_BYTES_MAX: u64 = 1 << 36;

/// What a checkpoint holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What changed since its parent.
    Delta,
    /// The whole state.
    Base,
}

impl Kind {
    /// The kind's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Delta => "delta",
        }
    }

    pub(super) fn number(self) -> u32 {
        match self {
            Self::Base => 1,
            Self::Delta => 2,
        }
    }
}

/// What a checkpoint says of the journal, beside its header: where the cut is.
pub type Manifest = Cut;

/// A checkpoint's file.
#[derive(Clone, Debug)]
pub struct CheckpointFile {
    /// Its name in its folder.
    pub name: String,
    /// Its path, for messages.
    pub path: PathBuf,
    /// Its length in bytes.
    pub file_bytes: u64,
    /// Its header.
    pub header: CheckpointHeader,
    /// Its kind.
    pub kind: Kind,
    /// How much of the journal was proven when it was made.
    pub validation: Validation,
    /// Where the cut is, and what was found up to it.
    pub manifest: Manifest,
    /// Where its sections lie, one for each partition.
    pub sections: Vec<SectionEntry>,
    /// Its trailer, which holds its seal.
    pub trailer: CheckpointTrailer,
    file: Arc<dyn File>,
}

type Checked<T> = Result<T, CheckpointFault>;

impl CheckpointFile {
    /// Opens the file of this name. The inner error says why it is no checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn open(folder: &dyn Folder, name: &str) -> Result<Result<Self, CheckpointFault>, Error> {
        let path = folder.path(name);
        let file = folder.open(name).context("open", &path, None)?;
        let file_bytes = file.length().context("read the length of", &path, None)?;
        let least = (CheckpointHeader::BYTES + CheckpointTrailer::BYTES) as u64;
        if file_bytes < least {
            return Ok(Err(CheckpointFault::CutShort { needed: least, found: file_bytes }));
        }
        let read = |length: usize, offset: u64| {
            let mut bytes = vec![0; length];
            let read = read_exact_at(file.as_ref(), &mut bytes, offset);
            read.context("read", &path, Some(offset)).map(|()| bytes)
        };
        let header = match check_header(&read(CheckpointHeader::BYTES, 0)?, file_bytes) {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        let trailer_at = file_bytes - CheckpointTrailer::BYTES as u64;
        let trailer = CheckpointTrailer::read(&read(CheckpointTrailer::BYTES, trailer_at)?);
        if let Err(fault) = check_trailer(&trailer, trailer_at) {
            return Ok(Err(fault));
        }
        let manifest = read(header.manifest_bytes as usize, CheckpointHeader::BYTES as u64)?;
        let directory = read(PARTITIONS * SectionEntry::BYTES, trailer.directory_offset)?;
        let parsed = parse_manifest(&header, &manifest).and_then(|manifest| {
            let end = CheckpointHeader::BYTES as u64 + u64::from(header.manifest_bytes);
            Ok((manifest, parse_directory(&directory, end, trailer.directory_offset)?))
        });
        let (kind, validation) = (kind_of(header.kind), validation_of(header.validation));
        Ok(match (parsed, kind, validation) {
            (Err(fault), _, _) | (_, Err(fault), _) | (_, _, Err(fault)) => Err(fault),
            (Ok((manifest, sections)), Ok(kind), Ok(validation)) => {
                let name = name.to_owned();
                Ok(Self {
                    name,
                    path,
                    file_bytes,
                    header,
                    kind,
                    validation,
                    manifest,
                    sections,
                    trailer,
                    file,
                })
            }
        })
    }

    /// The digest of the state that it gives, where it is known.
    #[must_use]
    pub fn state_digest(&self) -> Option<Digest> {
        (self.trailer.state_digest_known == 1).then_some(self.trailer.state_digest)
    }

    /// How many records it holds, those that went included.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.sections.iter().map(|section| section.records).sum()
    }

    /// Reads the whole file and compares its digest with its seal.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails; [`Error::BadCheckpoint`] when the seal is broken.
    pub fn check_seal(&self) -> Result<(), Error> {
        let mut stream = Sha256Stream::default();
        let end = self.file_bytes - size_of::<Digest>() as u64;
        let mut buffer = vec![0; READ_BYTES];
        let mut at = 0;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(READ_BYTES);
            self.read(&mut buffer[..length], at)?;
            stream.update(&buffer[..length]);
            at += length as u64;
        }
        let (expected, found) = (self.trailer.digest, stream.finish());
        if expected == found {
            return Ok(());
        }
        let [expected, found] = [expected, found].map(hex::encode);
        Err(self.bad(CheckpointFault::Seal { expected, found }))
    }

    /// Reads a partition's section, and decompresses it to no more than it says.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails; [`Error::BadCheckpoint`] when it doesn't decompress.
    pub fn section(&self, partition: usize) -> Result<Vec<u8>, Error> {
        let entry = &self.sections[partition];
        let mut stored = vec![0; usize::try_from(entry.stored_bytes).unwrap_or(usize::MAX)];
        self.read(&mut stored, entry.offset)?;
        let raw_bytes = usize::try_from(entry.raw_bytes).unwrap_or(usize::MAX);
        let raw = decompress(&stored, raw_bytes);
        raw.map_err(|reason| self.bad(CheckpointFault::Section { partition, reason }))
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
        let read = read_exact_at(self.file.as_ref(), buffer, offset);
        read.context("read", &self.path, Some(offset))
    }

    pub(super) fn bad(&self, fault: CheckpointFault) -> Error {
        Error::BadCheckpoint { path: self.path.clone(), fault }
    }
}

thread_local! {
    /// Making one takes longer than decompressing what changed of one partition.
    static DECOMPRESSOR: RefCell<DCtx<'static>> = RefCell::new(DCtx::create());
}

/// Decompresses in steps, so that memory is taken for what is there and not for what is claimed.
fn decompress(stored: &[u8], raw_bytes: usize) -> Result<Vec<u8>, String> {
    let mut raw = Vec::with_capacity(raw_bytes.min(READ_BYTES));
    let limit = (raw_bytes as u64).saturating_add(1);
    let read = DECOMPRESSOR.with_borrow_mut(|context| {
        let decoder = zstd::stream::read::Decoder::with_context(stored, context);
        decoder.single_frame().take(limit).read_to_end(&mut raw)
    });
    read.map_err(|error| error.to_string())?;
    if raw.len() == raw_bytes {
        return Ok(raw);
    }
    Err(format!("it claims {raw_bytes} bytes and decompresses to {} or more", raw.len()))
}

fn check_header(bytes: &[u8], file_bytes: u64) -> Checked<CheckpointHeader> {
    let header = CheckpointHeader::read(bytes);
    let (expected, found) = (CHECKPOINT_MAGIC, header.magic);
    if expected != found {
        return Err(CheckpointFault::Magic { part: "header", expected, found });
    }
    let (expected, found) = (header.header_crc, crc32c(&bytes[CRC_FROM..]));
    if expected != found {
        return Err(CheckpointFault::Crc { expected, found });
    }
    if header.major != CHECKPOINT_MAJOR {
        return Err(CheckpointFault::UnknownFormat { major: header.major });
    }
    let claimed = u64::from(header.manifest_bytes);
    let room = file_bytes.saturating_sub(CheckpointHeader::BYTES as u64);
    let limit = room.min(u64::from(MANIFEST_BYTES_MAX));
    if claimed > limit {
        return Err(CheckpointFault::LimitExceeded { field: "manifest", claimed, limit });
    }
    let found = u64::from(header.sections);
    if found != PARTITIONS as u64 {
        return Err(CheckpointFault::Field { field: "number of sections", found });
    }
    Ok(header)
}

fn check_trailer(trailer: &CheckpointTrailer, trailer_at: u64) -> Checked<()> {
    let (expected, found) = (CHECKPOINT_TRAILER_MAGIC, trailer.magic);
    if expected != found {
        return Err(CheckpointFault::Magic { part: "trailer", expected, found });
    }
    let found = u64::from(trailer.state_digest_known);
    if found > 1 {
        return Err(CheckpointFault::Field { field: "mark of a state digest", found });
    }
    let directory = (PARTITIONS * SectionEntry::BYTES) as u64;
    if trailer.directory_offset.checked_add(directory) == Some(trailer_at) {
        return Ok(());
    }
    Err(CheckpointFault::Field { field: "place of the directory", found: trailer.directory_offset })
}

fn parse_manifest(header: &CheckpointHeader, bytes: &[u8]) -> Checked<Manifest> {
    let parsed = serde_json::from_slice::<Manifest>(bytes);
    let manifest =
        parsed.map_err(|error| CheckpointFault::Manifest { reason: error.to_string() })?;
    let met = &manifest.so_far.inconsistencies;
    if met.count < met.first.len() as u64 || met.first.iter().any(|it| it.position == 0) {
        return Err(CheckpointFault::Field { field: "count of inconsistencies", found: met.count });
    }
    let same = [
        ("watermark", manifest.lsn, header.watermark_lsn),
        ("restart LSN", manifest.restart.next_lsn, header.restart_lsn),
    ];
    match same.into_iter().find(|(_, expected, found)| expected != found) {
        Some((field, _, found)) => Err(CheckpointFault::Field { field, found }),
        None => Ok(manifest),
    }
}

/// The sections lie one behind the other, from the manifest's end to the directory.
fn parse_directory(bytes: &[u8], start: u64, end: u64) -> Checked<Vec<SectionEntry>> {
    let mut at = start;
    let mut sections = Vec::with_capacity(PARTITIONS);
    for entry in bytes.chunks_exact(SectionEntry::BYTES).map(SectionEntry::read) {
        if entry.offset != at {
            return Err(CheckpointFault::Field { field: "section's place", found: entry.offset });
        }
        let (claimed, limit) = (entry.stored_bytes, end.saturating_sub(at));
        if claimed > limit {
            return Err(CheckpointFault::LimitExceeded { field: "section", claimed, limit });
        }
        let (claimed, limit) = (entry.raw_bytes, SECTION_BYTES_MAX);
        if claimed > limit {
            let field = "decompressed section";
            return Err(CheckpointFault::LimitExceeded { field, claimed, limit });
        }
        at += entry.stored_bytes;
        sections.push(entry);
    }
    if at == end {
        return Ok(sections);
    }
    Err(CheckpointFault::Field { field: "end of the sections", found: at })
}

fn kind_of(number: u32) -> Checked<Kind> {
    let kinds = [Kind::Base, Kind::Delta];
    let found = kinds.into_iter().find(|kind| kind.number() == number);
    found.ok_or(CheckpointFault::Field { field: "kind", found: u64::from(number) })
}

fn validation_of(number: u32) -> Checked<Validation> {
    let found = Validation::ALL.get(number as usize).copied();
    found.ok_or(CheckpointFault::Field { field: "validation mode", found: u64::from(number) })
}
