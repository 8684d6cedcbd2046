//! Receipts: what a validated replay proved, so that it can be checked again later.
//!
//! A receipt names the journal, how far it reached, the digest at which each segment ended, and the
//! digest of the state. While the segments are what they were, the state is what it was.

mod check;
mod write;

use serde::{Deserialize, Serialize};
use vexfs_kernels::{Digest, sha256};

pub use check::{Checked, Depth, SegmentResult, SegmentVerdict, check};
pub use write::write;

use crate::error::{Error, IoContext as _};
use crate::journal::{Journal, Validation};
use crate::replay::{DamagePolicy, Outcome, ReplayOptions, SkippedEvents, Tally};

/// The version of receipts.
pub const RECEIPT_SCHEMA: u32 = 1;

/// By what the state was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvenBy {
    /// The serial replay of the same journal leads to the same digest.
    SerialReplay,
    /// It has a digest that was given.
    GivenDigest,
}

/// What a receipt says of one segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptSegment {
    /// The segment's number.
    pub segment: u64,
    /// The length of its file in bytes.
    pub bytes: u64,
    /// When its file was changed last, in nanoseconds since 1970-01-01 UTC, where that was known.
    pub modified_ns: Option<u64>,
    /// The digest of its header page.
    #[serde(with = "hex::serde")]
    pub header_digest: Digest,
    /// The last LSN of it that was replayed, the one before its first where none was.
    pub last_lsn: u64,
    /// The digest of the block that holds that LSN, or of the header page where none was replayed.
    #[serde(with = "hex::serde")]
    pub end_digest: Digest,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version; see [`RECEIPT_SCHEMA`].
    pub schema: u32,
    /// The journal's UUID.
    #[serde(with = "hex::serde")]
    pub journal_id: [u8; 16],
    /// How much was proven of each event.
    pub validation: Validation,
    /// What was done about damage.
    pub damage: DamagePolicy,
    /// The last LSN that took place.
    pub last_lsn: u64,
    /// The LSN of the journal's head then.
    pub head_lsn: u64,
    /// The digest of the journal's head then.
    #[serde(with = "hex::serde")]
    pub head_digest: Digest,
    /// The segments that were read, in order.
    pub segments: Vec<ReceiptSegment>,
    /// Events by class.
    pub tally: Tally,
    /// Every event that took no effect, with its reason.
    pub skipped: Vec<SkippedEvents>,
    /// Every damaged range and every contradiction, in words.
    pub losses: Vec<String>,
    /// The digest of the state.
    #[serde(with = "hex::serde")]
    pub state_digest: Digest,
    /// By what it was proven.
    pub proven_by: ProvenBy,
    /// SHA-256 of this receipt as JSON, in the order of its fields, with zeros here.
    #[serde(with = "hex::serde")]
    pub receipt_digest: Digest,
}

/// When each segment's file was changed last, before it was read: what changes it later is seen.
#[derive(Clone, Debug)]
pub struct FileTimes(Vec<Option<u64>>);

impl FileTimes {
    /// Looks at the files of a journal that is to be replayed.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn of(journal: &Journal) -> Result<Self, Error> {
        let times = journal.segments.iter().map(|segment| {
            let modified_ns = segment.file.modified_ns();
            modified_ns.context("read the times of", &segment.path, None)
        });
        times.collect::<Result<_, _>>().map(Self)
    }
}

impl Receipt {
    /// The receipt of a replay; `times` are from before it.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails.
    pub fn of(
        journal: &Journal,
        options: &ReplayOptions,
        times: &FileTimes,
        outcome: &Outcome,
        state_digest: Digest,
        proven_by: ProvenBy,
    ) -> Result<Self, Error> {
        let findings = &outcome.findings;
        let damages = findings.damages.iter().map(ToString::to_string);
        let met = findings.inconsistencies.first.iter();
        let met = met.map(|it| format!("LSN {}: {}", it.lsn, it.cause));
        let mut receipt = Self {
            schema: RECEIPT_SCHEMA,
            journal_id: journal.journal_id,
            validation: options.validation,
            damage: options.damage,
            last_lsn: outcome.last_lsn,
            head_lsn: outcome.head.lsn,
            head_digest: outcome.head.digest,
            segments: segments(journal, times, outcome.head.lsn)?,
            tally: findings.tally,
            skipped: findings.skipped.clone(),
            losses: damages.chain(met).collect(),
            state_digest,
            proven_by,
            receipt_digest: [0; 32],
        };
        receipt.receipt_digest = receipt.digest();
        Ok(receipt)
    }

    /// Reads a receipt, and checks that it is as it was written.
    ///
    /// # Errors
    /// [`Error::BadReceipt`] when it isn't one, or was changed.
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        let receipt: Self = serde_json::from_slice(json)
            .map_err(|error| Error::BadReceipt { reason: error.to_string() })?;
        if receipt.schema != RECEIPT_SCHEMA {
            let reason = format!("it is of version {}, which is not known", receipt.schema);
            return Err(Error::BadReceipt { reason });
        }
        if receipt.digest() != receipt.receipt_digest {
            let reason = "its digest is not that of what it says".to_owned();
            return Err(Error::BadReceipt { reason });
        }
        Ok(receipt)
    }

    fn digest(&self) -> Digest {
        let plain = Self { receipt_digest: [0; 32], ..self.clone() };
        // Numbers, strings and lists alone: this can't fail.
        sha256(&serde_json::to_vec(&plain).unwrap_or_default())
    }
}

/// What there is to say of the segments that hold LSNs up to the head's.
fn segments(
    journal: &Journal,
    times: &FileTimes,
    head_lsn: u64,
) -> Result<Vec<ReceiptSegment>, Error> {
    let mut segments = Vec::new();
    for (index, segment) in journal.segments.iter().enumerate() {
        let Ok((header, header_digest)) = segment.header else { continue };
        if header.first_lsn > head_lsn && !segments.is_empty() {
            break;
        }
        let blocks = journal.segment_index(index)?.blocks;
        let last = blocks.iter().rev().find(|block| block.entry.first_lsn <= head_lsn);
        segments.push(ReceiptSegment {
            segment: segment.number,
            bytes: segment.file_bytes,
            modified_ns: times.0[index],
            header_digest,
            last_lsn: last.map_or(header.first_lsn - 1, |block| block.next_lsn - 1),
            end_digest: last.map_or(header_digest, |block| block.entry.digest),
        });
    }
    Ok(segments)
}
