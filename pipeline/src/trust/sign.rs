//! Signs a journal: proves it first, then writes down what is there, and signs that.

use std::fmt::Debug;
use std::sync::Arc;

use rayon::prelude::*;
use vexfs_kernels::sha256;

use super::compare::compare;
use super::fault::SignatureFault;
use super::fingerprint::{self, Fingerprint};
use super::keys::SecretKey;
use super::layout::*;
use super::report::{Trust, TrustVerdict};
use super::rest;
use super::signature::{self, Content, Place, Signature};
use crate::error::Error;
use crate::journal::layout::{BlockHeader, PAGE_BYTES};
use crate::journal::{EndKind, Head, Journal, Segment, Validation, block};
use crate::replay::{ListedBlock, Outcome, Progress, ReplayOptions, verify};
use crate::storage::{self, Folder};

/// What becomes of a signature of the same key that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Earlier {
    /// It must still hold, apart from what was appended: a new one would hide the difference.
    #[default]
    MustHold,
    /// It is replaced whatever it says.
    Replaced,
}

/// What was signed.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// What came of the verification before.
    pub outcome: Outcome,
    /// What was signed.
    pub statement: Statement,
    /// What became of what an earlier signature of the same key spoke of, where it was looked at.
    pub earlier: Option<Trust>,
}

/// Signs the journal in a folder up to its head, whether its writer closed it or died. Holds the journal's
/// lock meanwhile.
///
/// # Errors
/// [`Error::Locked`] while a writer has the journal, [`Error::Damaged`] when it is damaged,
/// [`Error::BadSignature`] when an earlier signature must hold and doesn't, and what storage says.
pub fn seal(
    folder: &Arc<dyn Folder>,
    key: &SecretKey,
    place: &Place,
    earlier: Earlier,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Sealed, Error> {
    let _lock: Box<dyn Debug + Send + Sync> = storage::lock(folder.as_ref())?;
    let journal = Journal::open(Arc::clone(folder))?;
    let (validation, list_blocks, until) = (Validation::Cryptographic, true, None);
    let options = ReplayOptions { validation, list_blocks, until, ..options.clone() };
    let mut outcome = verify(&journal, &options, progress)?;
    if let [first, others @ ..] = &outcome.findings.damages[..] {
        let (first, others) = (Box::new(first.clone()), others.len());
        return Err(Error::Damaged { first, others });
    }
    let listed = std::mem::take(&mut outcome.findings.listed);
    let earlier = match earlier {
        Earlier::Replaced => None,
        Earlier::MustHold => what_holds(place, key, &journal, &listed)?,
    };
    let content = content_of(&journal, &listed, key, &outcome)?;
    let fingerprints = fingerprints_of(&journal, &listed)?;
    let statement = signature::write(place, key, content, &fingerprints)?;
    Ok(Sealed { outcome, statement, earlier })
}

/// What became of what an earlier signature speaks of; none where there is no earlier one.
fn what_holds(
    place: &Place,
    key: &SecretKey,
    journal: &Journal,
    listed: &[ListedBlock],
) -> Result<Option<Trust>, Error> {
    let signature = match Signature::open(place, &key.public()) {
        Err(Error::BadSignature { fault: SignatureFault::Missing, .. }) => return Ok(None),
        other => other?,
    };
    signature.check_journal(place, journal.journal_id)?;
    let trust = compare(&signature, journal, listed)?;
    match (trust.verdict, trust.differences.first()) {
        (TrustVerdict::Differs, Some(first)) => {
            let (first, others) = (first.to_string(), trust.difference_count.saturating_sub(1));
            Err(place.fault(SignatureFault::NoLongerHolds { first, others }))
        }
        _ => Ok(Some(trust)),
    }
}

fn content_of(
    journal: &Journal,
    listed: &[ListedBlock],
    key: &SecretKey,
    outcome: &Outcome,
) -> Result<Content, Error> {
    let rows = journal.segments.iter().map(|segment| segment_row(segment, listed));
    let segments = rows.collect::<Result<Vec<SegmentRow>, Error>>()?;
    let blocks = listed.iter().map(|it| {
        let ListedBlock { digest, events, block_bytes, .. } = *it;
        BlockRow { digest, events, block_bytes }
    });
    let blocks: Vec<BlockRow> = blocks.collect();
    let closed = outcome.findings.end.kind == EndKind::Sealed;
    let Head { lsn: head_lsn, digest: head_digest } = outcome.head;
    let statement = Statement {
        magic: SIGNATURE_MAGIC,
        major: SIGNATURE_MAJOR,
        ending: if closed { ENDING_CLOSED } else { ENDING_OPEN },
        journal_id: journal.journal_id,
        key_id: key.public().id(),
        head_lsn,
        head_digest,
        signed_ns: crate::time::now_ns(),
        segments: segments.len() as u64,
        blocks: blocks.len() as u64,
        events: listed.iter().map(|it| u64::from(it.events)).sum(),
        // Both are filled in when the rows lie in bytes.
        rows_digest: [0; 32],
        fingerprints_digest: [0; 32],
    };
    Ok(Content { statement, segments, blocks })
}

fn segment_row(segment: &Segment, listed: &[ListedBlock]) -> Result<SegmentRow, Error> {
    // The journal was verified, so that each header page is sound and blocks are in order.
    let header_digest = segment.header.map_or([0; 32], |(_, digest)| digest);
    let from = listed.partition_point(|it| it.segment < segment.number);
    let own = &listed[from..];
    let own = &own[..own.partition_point(|it| it.segment == segment.number)];
    let end = own.last().map(|it| it.offset + u64::from(it.block_bytes));
    let blocks_end = end.unwrap_or(PAGE_BYTES as u64);
    let rest_bytes = rest::length(segment, blocks_end);
    Ok(SegmentRow {
        segment: segment.number,
        header_digest,
        blocks: own.len() as u64,
        blocks_end,
        rest_bytes,
        rest_digest: rest::digest(segment, blocks_end, rest_bytes)?,
    })
}

/// The fingerprints of all events, whose blocks are read once more and must be what they were.
fn fingerprints_of(journal: &Journal, listed: &[ListedBlock]) -> Result<Vec<Fingerprint>, Error> {
    let parts = listed.par_iter().map(|it| fingerprints_in(journal, it));
    let parts = parts.collect::<Result<Vec<Vec<Fingerprint>>, Error>>()?;
    Ok(parts.concat())
}

fn fingerprints_in(journal: &Journal, listed: &ListedBlock) -> Result<Vec<Fingerprint>, Error> {
    let index = journal.segments.partition_point(|it| it.number < listed.segment);
    let Some(segment) = journal.segments.get(index) else { return Ok(Vec::new()) };
    let mut bytes = vec![0; listed.block_bytes as usize];
    segment.read(&mut bytes, listed.offset)?;
    let header = BlockHeader::read(&bytes);
    let same = BlockHeader { digest: listed.digest, ..header };
    let digest = sha256(block::digest_range(&bytes));
    let lengths = block::check_payload_length(&header);
    lengths.and_then(|()| block::check_digest(&same, digest)).map_err(|fault| {
        let (path, offset) = (segment.path.clone(), listed.offset);
        Error::ChangedWhileRead { path, offset, fault }
    })?;
    let mut fingerprints = Vec::with_capacity(listed.events as usize);
    fingerprint::of_block(&header, &bytes, &mut fingerprints);
    Ok(fingerprints)
}
