//! The anchor: a head that was kept outside of the journal and must be found in it.

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
        anchored = digest_before(journal, lsn, validation)?;
    }
    let reason = match anchored {
        Some(digest) if digest == anchor.digest => return Ok(true),
        _ if heads.any(|head| head == anchor) => return Ok(true),
        Some(digest) => {
            format!("LSN {lsn} is in a block of digest {}", hex::encode::<Digest>(digest))
        }
        None if findings.end.kind == EndKind::Until => {
            format!("it was read up to LSN {} alone, as asked", position.next_lsn - 1)
        }
        None => format!("it ends at LSN {}", position.next_lsn - 1),
    };
    Err(Error::BelowAnchor { lsn, reason })
}

/// The digest of the block that holds an LSN, where the replay need not have read it. It is proven here as far as was asked for.
fn digest_before(
    journal: &Journal,
    lsn: u64,
    validation: Validation,
) -> Result<Option<Digest>, Error> {
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
        return Ok(sound.then_some(header.digest));
    }
    Ok(None)
}
