//! How records are encoded one after the other: for the state's digest, and in checkpoints.
//!
//! A key is kind (u8), id (u64), second (u64), length of the name (u32), name; a record is its key,
//! length (u32), bytes. All little-endian.

use super::key::{Key, KeyKind};
use super::record::*;
use crate::wire::Field as _;

/// A record is shorter than this, and so is a name: each comes from one event.
const LENGTH_LIMIT: usize = 2 * crate::event::MAX_EVENT_BYTES;

/// Appends a key.
pub(super) fn encode_key(key: &Key<'_>, out: &mut Vec<u8>) {
    out.push(key.kind as u8);
    out.extend_from_slice(&key.id.to_le_bytes());
    out.extend_from_slice(&key.second.to_le_bytes());
    encode_part(key.name, out);
}

/// Appends a record.
pub(super) fn encode_record(key: &Key<'_>, value: &[u8], out: &mut Vec<u8>) {
    encode_key(key, out);
    encode_part(value, out);
}

fn encode_part(part: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(part);
}

/// Why bytes are no encoded records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// They end in the middle of a record.
    #[error("its records end in the middle of one")]
    CutShort,
    /// A length is more than a record can have.
    #[error("a record claims a part of {claimed} bytes where {limit} is the limit")]
    LimitExceeded {
        /// What it claims, in bytes.
        claimed: u64,
        /// The most possible, in bytes.
        limit: u64,
    },
    /// A key is of no kind that there is.
    #[error("a key is of the unknown kind {0}")]
    UnknownKind(u8),
    /// A record is shorter than its kind's fixed part.
    #[error("a record of {found} bytes is too short for its kind, {kind}")]
    TooShort {
        /// The name of the kind.
        kind: &'static str,
        /// The record's length in bytes.
        found: u64,
    },
    /// A key is in a partition that doesn't own it.
    #[error("a key of partition {expected} is in partition {found}")]
    WrongPartition {
        /// The partition that owns the key.
        expected: usize,
        /// The one that it is in.
        found: usize,
    },
    /// More or fewer records follow than there should be.
    #[error("it counts {expected} records and has {found}")]
    Count {
        /// How many it counts.
        expected: u64,
        /// How many there are.
        found: u64,
    },
}

/// The records of one partition that a checkpoint holds, encoded: how many keys went and how many
/// records follow (u64 each), the keys, the records.
#[derive(Debug)]
pub(crate) struct Section {
    bytes: Vec<u8>,
    gone: u64,
    records: u64,
}

const COUNTS_BYTES: usize = 16;

impl Section {
    /// An empty section, in memory that was used before.
    pub(super) fn in_memory(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.resize(COUNTS_BYTES, 0);
        Self { bytes, gone: 0, records: 0 }
    }

    /// Puts encoded keys of records that went in front of all records.
    pub(super) fn set_gone(&mut self, keys: &[u8], count: u64) {
        debug_assert_eq!(self.records, 0, "keys go first");
        self.bytes.extend_from_slice(keys);
        self.gone = count;
    }

    /// Adds a record.
    pub(super) fn add(&mut self, key: &Key<'_>, value: &[u8]) {
        encode_record(key, value, &mut self.bytes);
        self.records += 1;
    }

    /// How many records there are, those that went included.
    pub(crate) fn count(&self) -> u64 {
        self.gone + self.records
    }

    /// The encoded section.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes[..8].copy_from_slice(&self.gone.to_le_bytes());
        self.bytes[8..COUNTS_BYTES].copy_from_slice(&self.records.to_le_bytes());
        self.bytes
    }
}

/// Encoded records that are being read.
#[derive(Debug)]
pub(crate) struct SectionReader<'a> {
    rest: &'a [u8],
    gone: u64,
    records: u64,
}

impl<'a> SectionReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, SectionError> {
        let (counts, rest) = bytes.split_at_checked(COUNTS_BYTES).ok_or(SectionError::CutShort)?;
        Ok(Self { rest, gone: u64::read(&counts[..8]), records: u64::read(&counts[8..]) })
    }

    /// The next key of a record that went; the records come after the last of them.
    pub(crate) fn next_gone(&mut self) -> Result<Option<Key<'a>>, SectionError> {
        if self.gone == 0 {
            return Ok(None);
        }
        self.gone -= 1;
        self.key().map(Some)
    }

    /// The next record.
    pub(crate) fn next_record(&mut self) -> Result<Option<(Key<'a>, &'a [u8])>, SectionError> {
        let Some(left) = self.records.checked_sub(1) else {
            let trailing = !self.rest.is_empty();
            let error = SectionError::Count { expected: 0, found: 1 };
            return if trailing { Err(error) } else { Ok(None) };
        };
        self.records = left;
        let key = self.key()?;
        let value = self.part()?;
        check_value(key.kind, value)?;
        Ok(Some((key, value)))
    }

    fn key(&mut self) -> Result<Key<'a>, SectionError> {
        let &[kind] = self.take(1)? else { return Err(SectionError::CutShort) };
        let kind = KeyKind::from_number(kind).ok_or(SectionError::UnknownKind(kind))?;
        let (id, second) = (u64::read(self.take(8)?), u64::read(self.take(8)?));
        Ok(Key { kind, id, second, name: self.part()? })
    }

    fn part(&mut self) -> Result<&'a [u8], SectionError> {
        let length = u32::read(self.take(4)?) as usize;
        if length >= LENGTH_LIMIT {
            let (claimed, limit) = (length as u64, LENGTH_LIMIT as u64);
            return Err(SectionError::LimitExceeded { claimed, limit });
        }
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], SectionError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(SectionError::CutShort)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Checks that a value has the length that a record of this kind may have.
pub(crate) fn check_value(kind: KeyKind, value: &[u8]) -> Result<(), SectionError> {
    let (found, limit) = (value.len() as u64, LENGTH_LIMIT as u64);
    if found >= limit {
        return Err(SectionError::LimitExceeded { claimed: found, limit });
    }
    if value.len() < fixed_bytes(kind) {
        return Err(SectionError::TooShort { kind: kind.name(), found });
    }
    Ok(())
}

/// The length of the fixed part of a record of this kind, in bytes.
fn fixed_bytes(kind: KeyKind) -> usize {
    match kind {
        KeyKind::Inode => InodeRecord::BYTES,
        KeyKind::Entry => EntryRecord::BYTES,
        KeyKind::Node => NodeRecord::BYTES,
        KeyKind::Edge => EdgeRecord::BYTES,
        KeyKind::Property => PropertyRecord::BYTES,
        KeyKind::Vector => VectorRecord::BYTES,
        KeyKind::Agent => AgentRecord::BYTES,
        KeyKind::Mount => MountRecord::BYTES,
        KeyKind::Metric => MetricRecord::BYTES,
        KeyKind::Link => LinkRecord::BYTES,
    }
}
