//! Whether a checkpoint is one of this journal, at this point of its history. Reads one block, and the
//! header of the one at which reading restarts where that is another one.

use super::fault::CheckpointFault;
use crate::error::Error;
use crate::journal::block::Position;
use crate::journal::layout::{BlockHeader, MAX_BLOCK_BYTES, PAGE_BYTES};
use crate::journal::{Journal, Segment, Validation, block};
use crate::replay::Cut;

/// Looks in the journal for the block that holds the cut, and proves it as far as asked.
pub(crate) fn check_fits(
    cut: &Cut,
    journal: &Journal,
    validation: Validation,
) -> Result<Result<(), CheckpointFault>, Error> {
    let watermark = cut.lsn;
    let (expected, found) = (journal.journal_id, cut.restart.journal_id);
    if expected != found {
        let [expected, found] = [expected, found].map(hex::encode);
        return Ok(Err(CheckpointFault::Foreign { expected, found }));
    }
    let segment = journal.segments.iter().find(|it| it.number == cut.block.segment);
    let end = cut.block.offset.checked_add(u64::from(cut.block.block_bytes));
    let Some(segment) = segment.filter(|it| end.is_some_and(|end| end <= there(it))) else {
        return Ok(Err(CheckpointFault::Ahead { watermark }));
    };
    let length = cut.block.block_bytes as usize;
    if !(PAGE_BYTES..=MAX_BLOCK_BYTES).contains(&length) {
        let found = u64::from(cut.block.block_bytes);
        return Ok(Err(CheckpointFault::Field { field: "block length", found }));
    }
    let mut bytes = vec![0; cut.block.block_bytes as usize];
    segment.read(&mut bytes, cut.block.offset)?;
    let header = BlockHeader::read(&bytes);
    let checked = block::check_header_crc(&header, &bytes)
        .and_then(|()| block::check_digest(&header, cut.block.digest))
        .and_then(|()| match validation {
            Validation::Cryptographic => block::check_contents(&header, &bytes),
            _ => Ok(()),
        });
    if let Err(fault) = checked {
        // Nothing but zeros, or an end of what was written: the journal was cut off here.
        if bytes.iter().all(|&byte| byte == 0) {
            return Ok(Err(CheckpointFault::Ahead { watermark }));
        }
        return Ok(Err(CheckpointFault::Diverged { watermark, reason: fault.to_string() }));
    }
    check_restart(cut, &header, journal)
}

/// Where a segment ends: the next one may say that it was longer than its file is.
fn there(segment: &Segment) -> u64 {
    segment.blocks_limit().min(segment.file_bytes)
}

/// Whether reading restarts where a block ends or starts: behind that of the cut, whose header this
/// is, or before one that comes no later.
fn check_restart(
    cut: &Cut,
    header: &BlockHeader,
    journal: &Journal,
) -> Result<Result<(), CheckpointFault>, Error> {
    let (restart, behind) = (&cut.restart, Position::before(header).after(header));
    if !(header.first_lsn..behind.next_lsn).contains(&cut.lsn) {
        return Ok(Err(CheckpointFault::Field { field: "watermark", found: cut.lsn }));
    }
    let bad = CheckpointFault::Restart { segment: restart.segment, offset: restart.offset };
    if restart.next_lsn > cut.lsn {
        return Ok(if *restart == behind { Ok(()) } else { Err(bad) });
    }
    let segment = journal.segments.iter().find(|it| it.number == restart.segment);
    let end = restart.offset.checked_add(BlockHeader::BYTES as u64);
    let Some(segment) = segment.filter(|it| end.is_some_and(|end| end <= there(it))) else {
        return Ok(Err(bad));
    };
    let mut bytes = [0; BlockHeader::BYTES];
    segment.read(&mut bytes, restart.offset)?;
    let header = BlockHeader::read(&bytes);
    let sound = block::check_header_crc(&header, &bytes).is_ok();
    Ok(if sound && *restart == Position::before(&header) { Ok(()) } else { Err(bad) })
}
