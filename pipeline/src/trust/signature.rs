//! A signature as it lies in its file: read and believed from the front on, written in one atomic step.
//!
//! Nothing in the file is believed, and no memory is taken for what it claims, before the trusted key is
//! known to have signed the statement; then the statement tells how long the rest is and its digests.

use std::sync::Arc;

use vexfs_kernels::{Digest, Sha256Stream, sha256};

use super::fault::SignatureFault;
use super::fingerprint::Fingerprint;
use super::keys::{KeyId, SecretKey, TrustedKey, signature_name};
use super::layout::*;
use crate::error::Error;
use crate::journal::layout::PAGE_BYTES;
use crate::storage::{self, File, Folder, read_exact_at};

/// How many bytes of fingerprints are read at once: whole ones.
const READ_BYTES: usize = 256 * 1024;
/// Where the rows start, in bytes.
const ROWS_AT: usize = Statement::BYTES + SIGNATURE_BYTES;

/// Where a signature lies.
#[derive(Clone, Debug)]
pub struct Place {
    folder: Arc<dyn Folder>,
    name: String,
}

impl Place {
    /// The file of this name in a folder.
    #[must_use]
    pub fn new(folder: Arc<dyn Folder>, name: String) -> Self {
        Self { folder, name }
    }

    /// Where the signature of a key lies in the folder of the journal itself.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] where the journal is one file, which has no folder of its own.
    pub fn beside(folder: &Arc<dyn Folder>, key: KeyId) -> Result<Self, Error> {
        if folder.is_one_file() {
            let reason = "a journal that is one file has its signature elsewhere: name the file";
            return Err(Error::InvalidOption { option: "signature", reason: reason.to_owned() });
        }
        Ok(Self::new(Arc::clone(folder), signature_name(key)))
    }

    /// The file's path, for messages.
    #[must_use]
    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path(&self.name)
    }

    pub(super) fn fault(&self, fault: SignatureFault) -> Error {
        Error::BadSignature { path: self.path(), fault }
    }
}

/// What is signed of a journal.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) statement: Statement,
    pub(super) segments: Vec<SegmentRow>,
    pub(super) blocks: Vec<BlockRow>,
}

/// A signature that the trusted key has made.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) content: Content,
    place: Place,
    file: Arc<dyn File>,
}

impl Signature {
    /// Whether it is of the journal with this UUID.
    pub(super) fn check_journal(&self, place: &Place, expected: [u8; 16]) -> Result<(), Error> {
        match self.content.statement.journal_id {
            found if found == expected => Ok(()),
            found => Err(place.fault(SignatureFault::OtherJournal { expected, found })),
        }
    }

    /// Opens the signature at a place. All of its bytes are proven to be those that were signed.
    pub(super) fn open(place: &Place, key: &TrustedKey) -> Result<Self, Error> {
        let unreadable = |error: std::io::Error| {
            place.fault(match error.kind() {
                std::io::ErrorKind::NotFound => SignatureFault::Missing,
                _ => SignatureFault::Unreadable { reason: error.to_string() },
            })
        };
        let file = place.folder.open(&place.name).map_err(unreadable)?;
        let length = file.length().map_err(unreadable)?;
        let shorter = length < ROWS_AT as u64;
        let wrong_length =
            |expected| place.fault(SignatureFault::Length { expected, found: length });
        if shorter {
            return Err(wrong_length(ROWS_AT as u64));
        }
        let mut fixed = [0; ROWS_AT];
        read_exact_at(file.as_ref(), &mut fixed, 0).map_err(unreadable)?;
        let statement = signed_statement(&fixed, key).map_err(|fault| place.fault(fault))?;
        let expected = file_bytes(&statement);
        if expected != Some(length) {
            return Err(wrong_length(expected.unwrap_or(u64::MAX)));
        }
        let mut rows = vec![0; usize::try_from(rows_bytes(&statement)).unwrap_or(usize::MAX)];
        read_exact_at(file.as_ref(), &mut rows, ROWS_AT as u64).map_err(unreadable)?;
        if sha256(&rows) != statement.rows_digest {
            return Err(place.fault(SignatureFault::Rows { part: "rows of segments and blocks" }));
        }
        let at = usize::try_from(statement.segments).unwrap_or(usize::MAX);
        let (segments, blocks) = rows.split_at(at * SegmentRow::BYTES);
        let content = Content {
            statement,
            segments: segments.chunks_exact(SegmentRow::BYTES).map(SegmentRow::read).collect(),
            blocks: blocks.chunks_exact(BlockRow::BYTES).map(BlockRow::read).collect(),
        };
        content.check().map_err(|fault| place.fault(fault))?;
        let signature = Self { content, place: place.clone(), file };
        signature.read_fingerprints(|_| ())?;
        Ok(signature)
    }

    /// The fingerprints of all events.
    pub(super) fn fingerprints(&self) -> Result<Vec<Fingerprint>, Error> {
        let events = self.content.statement.events;
        let mut all = Vec::with_capacity(usize::try_from(events).unwrap_or(0));
        self.read_fingerprints(|bytes| {
            all.extend(bytes.chunks_exact(FINGERPRINT_BYTES).map(|bytes| {
                let mut value = [0; FINGERPRINT_BYTES];
                value.copy_from_slice(bytes);
                Fingerprint::from_le_bytes(value)
            }));
        })?;
        Ok(all)
    }

    /// Reads the fingerprints, a part at a time, and proves that they are those that were signed.
    fn read_fingerprints(&self, mut take: impl FnMut(&[u8])) -> Result<(), Error> {
        let statement = &self.content.statement;
        let mut at = ROWS_AT as u64 + rows_bytes(statement);
        let end = at + statement.events * FINGERPRINT_BYTES as u64;
        let mut stream = Sha256Stream::default();
        let mut buffer = vec![0; READ_BYTES];
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(READ_BYTES);
            let part = &mut buffer[..length];
            read_exact_at(self.file.as_ref(), part, at).map_err(|error| {
                self.place.fault(SignatureFault::Unreadable { reason: error.to_string() })
            })?;
            stream.update(part);
            take(part);
            at += length as u64;
        }
        if stream.finish() == statement.fingerprints_digest {
            Ok(())
        } else {
            Err(self.place.fault(SignatureFault::Rows { part: "fingerprints" }))
        }
    }
}

/// The statement, where the trusted key has signed it.
fn signed_statement(fixed: &[u8; ROWS_AT], key: &TrustedKey) -> Result<Statement, SignatureFault> {
    let (signed, behind) = fixed.split_at(Statement::BYTES);
    let statement = Statement::read(signed);
    if statement.magic != SIGNATURE_MAGIC {
        return Err(SignatureFault::NotASignature);
    }
    if statement.major != SIGNATURE_MAJOR {
        return Err(SignatureFault::UnknownVersion { major: statement.major });
    }
    let (expected, found) = (key.id(), statement.key_id);
    if expected != found {
        return Err(SignatureFault::OtherKey { expected, found });
    }
    let mut signature = [0; SIGNATURE_BYTES];
    signature.copy_from_slice(behind);
    if key.has_signed(signed, &signature) { Ok(statement) } else { Err(SignatureFault::Forged) }
}

fn rows_bytes(statement: &Statement) -> u64 {
    let segments = statement.segments.saturating_mul(SegmentRow::BYTES as u64);
    segments.saturating_add(statement.blocks.saturating_mul(BlockRow::BYTES as u64))
}

fn file_bytes(statement: &Statement) -> Option<u64> {
    let fingerprints = statement.events.checked_mul(FINGERPRINT_BYTES as u64)?;
    rows_bytes(statement).checked_add(fingerprints)?.checked_add(ROWS_AT as u64)
}

impl Content {
    /// Makes sure that what was signed fits together: that it can be counted on below.
    fn check(&self) -> Result<(), SignatureFault> {
        let statement = &self.statement;
        let wrong = |reason: &str| Err(SignatureFault::Contradiction { reason: reason.to_owned() });
        if self.segments.is_empty() {
            return wrong("it has no segment");
        }
        if sum(self.segments.iter().map(|it| it.blocks)) != Some(statement.blocks) {
            return wrong("the blocks of its segments are not all of its blocks");
        }
        let events = sum(self.blocks.iter().map(|it| u64::from(it.events)));
        if events != Some(statement.events) || statement.events != statement.head_lsn {
            return wrong("the events of its blocks don't lead to its head");
        }
        let mut blocks = self.blocks.iter();
        for row in &self.segments {
            let own = blocks.by_ref().take(usize::try_from(row.blocks).unwrap_or(usize::MAX));
            let end = sum(own.map(|it| u64::from(it.block_bytes)));
            if end.and_then(|end| end.checked_add(PAGE_BYTES as u64)) != Some(row.blocks_end) {
                return wrong("its blocks don't end where their segment says");
            }
        }
        Ok(())
    }
}

fn sum(mut values: impl Iterator<Item = u64>) -> Option<u64> {
    values.try_fold(0, |sum: u64, value| sum.checked_add(value))
}

/// Signs and writes a signature, over an old one at that place.
pub(super) fn write(
    place: &Place,
    key: &SecretKey,
    mut content: Content,
    fingerprints: &[Fingerprint],
) -> Result<Statement, Error> {
    let fixed = Statement::BYTES + SIGNATURE_BYTES;
    let mut bytes = vec![0; fixed];
    let mut row = vec![0; SegmentRow::BYTES];
    for segment in &content.segments {
        segment.write(&mut row);
        bytes.extend_from_slice(&row);
    }
    row.resize(BlockRow::BYTES, 0);
    for block in &content.blocks {
        block.write(&mut row);
        bytes.extend_from_slice(&row);
    }
    let fingerprints_at = bytes.len();
    bytes.extend(fingerprints.iter().flat_map(|it| it.to_le_bytes()));
    let digests: [Digest; 2] =
        [sha256(&bytes[fixed..fingerprints_at]), sha256(&bytes[fingerprints_at..])];
    [content.statement.rows_digest, content.statement.fingerprints_digest] = digests;
    content.check().map_err(|fault| place.fault(fault))?;
    content.statement.write(&mut bytes);
    let signature = key.sign(&bytes[..Statement::BYTES]);
    bytes[Statement::BYTES..fixed].copy_from_slice(&signature);

    storage::write_whole(place.folder.as_ref(), &place.name, &bytes)?;
    Ok(content.statement)
}
