//! The anchor: a head that was kept outside of the journal and must be found in it.

use serde::Serialize;
use vexfs_kernels::Digest;

use super::findings::Findings;
use crate::error::Error;
use crate::journal::layout::BlockHeader;
use crate::journal::{EndKind, Head, Journal, Validation, block};

/// Whether there is an anchor, which then was found. Not all blocks up to `unread_lsn` were read.
pub(super) fn find_anchor(
    anchor: Option<Head>,
    journal: &Journal,
    findings: &Findings,
    unread_lsn: u64,
    validation: Validation,
) -> Result<bool, Error> {
    let Some(anchor) = anchor else { return Ok(false) };
    let position = &findings.end.position;
    let read = journal.segments.iter().filter(|segment| segment.number <= position.segment);
    let pages = read.filter_map(|segment| segment.header.ok());
    // The head that a writer leaves which appended nothing is the header page of its segment.
    let mut heads =
        pages.map(|(header, digest)| Head { lsn: header.first_lsn.wrapping_sub(1), digest });
    let lsn = anchor.lsn;
    let mut anchored = findings.anchored;
    if anchored.is_none() && lsn <= unread_lsn {
        anchored = block_holding(journal, lsn, validation)?.map(|(_, digest)| digest);
    }
    let reason = match anchored {
        Some(digest) if digest == anchor.digest => return Ok(true),
        _ if heads.any(|head| head == anchor) => return Ok(true),
        Some(digest) => other_digest(lsn, digest),
        None if findings.end.kind == EndKind::Until => {
            format!("it was read up to LSN {} alone, as asked", position.next_lsn - 1)
        }
        None => format!("it ends at LSN {}", position.next_lsn - 1),
    };
    Err(Error::BelowAnchor { lsn, reason })
}

/// Where an anchor is, as far as headers, seals and one block tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "seen")]
pub enum SeenAnchor {
    /// It is there: whatever goes as far as this LSN finds it.
    There {
        /// The first LSN of the block that it is the digest of.
        from_lsn: u64,
    },
    /// The journal doesn't have it.
    Missing {
        /// What the journal has instead.
        reason: String,
    },
    /// Only reading tells.
    Unknown,
}

/// Looks for an anchor without a replay.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub(crate) fn look_for_anchor(
    anchor: Head,
    journal: &Journal,
    validation: Validation,
) -> Result<SeenAnchor, Error> {
    let own = journal.segments.iter().filter_map(|segment| segment.header.ok());
    let mut heads = own.filter(|(header, _)| header.journal_id == journal.journal_id);
    if heads.any(|(header, digest)| {
        digest == anchor.digest && header.first_lsn.wrapping_sub(1) == anchor.lsn
    }) {
        return Ok(SeenAnchor::There { from_lsn: anchor.lsn.saturating_add(1) });
    }
    Ok(match block_holding(journal, anchor.lsn, validation)? {
        Some((from_lsn, digest)) if digest == anchor.digest => SeenAnchor::There { from_lsn },
        Some((_, digest)) => SeenAnchor::Missing { reason: other_digest(anchor.lsn, digest) },
        None => SeenAnchor::Unknown,
    })
}

fn other_digest(lsn: u64, digest: Digest) -> String {
    format!("LSN {lsn} is in a block of digest {}", hex::encode::<Digest>(digest))
}

/// The first LSN and the digest of the block that holds an LSN, where the replay need not have read it. It
/// is proven here as far as was asked for.
fn block_holding(
    journal: &Journal,
    lsn: u64,
    validation: Validation,
) -> Result<Option<(u64, Digest)>, Error> {
    for (index, segment) in journal.segments.iter().enumerate() {
        let blocks = journal.segment_index(index)?.blocks;
        let mut holding =
            blocks.iter().filter(|it| (it.entry.first_lsn..it.next_lsn).contains(&lsn));
        let Some(it) = holding.next() else { continue };
        let mut bytes = vec![0; it.entry.block_bytes as usize];
        segment.read(&mut bytes, it.entry.file_offset)?;
        let header = BlockHeader::read(&bytes);
        let sound = block::check_header_crc(&header, &bytes).is_ok()
            && (validation < Validation::Cryptographic
                || block::check_contents(&header, &bytes).is_ok());
        return Ok(sound.then_some((header.first_lsn, header.digest)));
    }
    Ok(None)
}
