//! Writes one checkpoint: beside its place, synced, renamed, the folder synced.

use vexfs_kernels::{Digest, Sha256Stream, crc32c};

use super::file::{Kind, Manifest};
use super::layout::*;
use crate::error::{Error, IoContext as _};
use crate::journal::Validation;
use crate::state::PARTITIONS;
use crate::storage::{self, File, Folder};
use crate::time::now_ns;

/// What a file is named before it is whole; readers pass it over.
pub(super) const UNFINISHED_NAME: &str = "checkpoint.unfinished";
/// How many bytes are collected before they are written.
const WRITE_BYTES: usize = 1024 * 1024;

/// What a checkpoint is to say of itself.
#[derive(Debug)]
pub(super) struct Heading<'h> {
    pub(super) kind: Kind,
    pub(super) validation: Validation,
    pub(super) journal_id: [u8; 16],
    pub(super) manifest: &'h Manifest,
    /// The checkpoint that a delta builds on: its watermark and its seal.
    pub(super) parent: Option<(u64, Digest)>,
}

/// The file name of a checkpoint.
pub(super) fn file_name(watermark: u64, kind: Kind) -> String {
    format!("checkpoint-{watermark:020}-{}.vxcp", kind.name())
}

/// The watermark in a checkpoint's file name, where it is one.
pub(super) fn watermark_of(name: &str) -> Option<(u64, Kind)> {
    let rest = name.strip_prefix("checkpoint-")?.strip_suffix(".vxcp")?;
    let (number, kind) = rest.split_once('-')?;
    let kind = [Kind::Base, Kind::Delta].into_iter().find(|it| it.name() == kind)?;
    let watermark = number.parse().ok()?;
    (file_name(watermark, kind) == name).then_some((watermark, kind))
}

/// Whether a file of this name is a checkpoint that was being written.
pub(crate) fn is_unfinished(name: &str) -> bool {
    let finished = name.strip_suffix(storage::UNFINISHED);
    name == UNFINISHED_NAME || finished.is_some_and(is_checkpoint)
}

/// Whether a file of this name would be a checkpoint.
pub(crate) fn is_checkpoint(name: &str) -> bool {
    watermark_of(name).is_some()
}

/// A checkpoint on its way into its folder.
pub(super) struct CheckpointWriter<'w> {
    folder: &'w dyn Folder,
    name: String,
    out: Out,
    directory: Vec<u8>,
    compressor: zstd::bulk::Compressor<'static>,
    compressed: Vec<u8>,
    /// A section without records, compressed: where little changed, most are such.
    nothing: Vec<u8>,
}

/// A file that grows, and the digest of what was written to it.
#[derive(Debug)]
struct Out {
    file: std::sync::Arc<dyn File>,
    path: std::path::PathBuf,
    written: u64,
    pending: Vec<u8>,
    stream: Sha256Stream,
}

impl Out {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.pending.extend_from_slice(bytes);
        if self.pending.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.stream.update(&self.pending);
        self.write_pending()
    }

    fn write_pending(&mut self) -> Result<(), Error> {
        let written = self.file.write_all_at(&self.pending, self.written);
        written.context("write", &self.path, Some(self.written))?;
        self.written += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    fn position(&self) -> u64 {
        self.written + self.pending.len() as u64
    }
}

/// A checkpoint that is in its folder, durably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its file name.
    pub name: String,
    /// Its seal.
    pub digest: Digest,
    /// Its length in bytes.
    pub bytes: u64,
}

impl<'w> CheckpointWriter<'w> {
    pub(super) fn create(
        folder: &'w dyn Folder,
        heading: &Heading<'_>,
        compression_level: i32,
    ) -> Result<Self, Error> {
        let path = folder.path(UNFINISHED_NAME);
        let file = folder.create(UNFINISHED_NAME).context("create", &path, None)?;
        let (pending, stream) = (Vec::new(), Sha256Stream::default());
        let mut out = Out { file, path: path.clone(), written: 0, pending, stream };
        let manifest = serde_json::to_vec(heading.manifest).map_err(std::io::Error::other);
        let manifest = manifest.context("encode the manifest of", &path, None)?;
        let manifest_bytes = u32::try_from(manifest.len()).unwrap_or(u32::MAX);
        out.put(&header_bytes(heading, manifest_bytes))?;
        out.put(&manifest)?;
        let compressor = zstd::bulk::Compressor::new(compression_level);
        Ok(Self {
            folder,
            name: file_name(heading.manifest.lsn, heading.kind),
            out,
            directory: Vec::with_capacity(PARTITIONS * SectionEntry::BYTES),
            compressor: compressor.context("prepare to compress", path, None)?,
            compressed: Vec::new(),
            nothing: Vec::new(),
        })
    }

    /// Writes the next partition's section, which holds this many records.
    pub(super) fn section(&mut self, raw: &[u8], records: u64) -> Result<(), Error> {
        self.compressed.clear();
        let compressed = if records == 0 { &mut self.nothing } else { &mut self.compressed };
        if compressed.is_empty() {
            compressed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
            let stored = self.compressor.compress_to_buffer(raw, compressed);
            stored.context("compress a section of", &self.out.path, None)?;
        }
        let stored_bytes = compressed.len() as u64;
        let entry = SectionEntry {
            offset: self.out.position(),
            stored_bytes,
            raw_bytes: raw.len() as u64,
            records,
        };
        let at = self.directory.len();
        self.directory.resize(at + SectionEntry::BYTES, 0);
        entry.write(&mut self.directory[at..]);
        self.out.put(compressed)
    }

    /// Seals the file and puts it into its place.
    pub(super) fn finish(mut self, state_digest: Option<Digest>) -> Result<Written, Error> {
        let trailer = CheckpointTrailer {
            magic: CHECKPOINT_TRAILER_MAGIC,
            state_digest_known: u32::from(state_digest.is_some()),
            directory_offset: self.out.position(),
            state_digest: state_digest.unwrap_or_default(),
            digest: [0; 32],
        };
        let mut bytes = [0; CheckpointTrailer::BYTES];
        trailer.write(&mut bytes);
        self.out.put(&self.directory)?;
        self.out.put(&bytes[..CheckpointTrailer::BYTES - size_of::<Digest>()])?;
        self.out.flush()?;
        let digest = self.out.stream.clone().finish();
        // The seal doesn't cover itself.
        self.out.pending.extend_from_slice(&digest);
        self.out.write_pending()?;
        let Self { folder, name, out, .. } = self;
        storage::publish(folder, out.file.as_ref(), UNFINISHED_NAME, &name)?;
        Ok(Written { name, digest, bytes: out.written })
    }
}

fn header_bytes(heading: &Heading<'_>, manifest_bytes: u32) -> [u8; CheckpointHeader::BYTES] {
    let (parent_lsn, parent_digest) = heading.parent.unwrap_or_default();
    let mut header = CheckpointHeader {
        magic: CHECKPOINT_MAGIC,
        header_crc: 0,
        major: CHECKPOINT_MAJOR,
        minor: CHECKPOINT_MINOR,
        kind: heading.kind.number(),
        validation: heading.validation as u32,
        journal_id: heading.journal_id,
        watermark_lsn: heading.manifest.lsn,
        restart_lsn: heading.manifest.restart.next_lsn,
        created_ns: now_ns(),
        parent_lsn,
        parent_digest,
        sections: u32::try_from(PARTITIONS).unwrap_or(u32::MAX),
        manifest_bytes,
    };
    let mut bytes = [0; CheckpointHeader::BYTES];
    header.write(&mut bytes);
    header.header_crc = crc32c(&bytes[CRC_FROM..]);
    header.write(&mut bytes);
    bytes
}
