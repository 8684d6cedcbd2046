//! Checks a receipt against the journal as it is now, and reads only what may have changed.

use rayon::prelude::*;
use serde::Serialize;

use super::{Receipt, ReceiptSegment};
use crate::error::{Error, IoContext as _};
use crate::journal::block::Position;
use crate::journal::layout::MAX_BLOCK_BYTES;
use crate::journal::{Fill, Journal, PastDamage, Segment, Validation, Walk, block};

/// Which segments are read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Those whose file has another length or another time of change than it had.
    #[default]
    Changed,
    /// All of them.
    All,
}

/// What has become of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum SegmentVerdict {
    /// Its file has the length and the time of change that it had; it was not read.
    Unchanged,
    /// It was read, and what the receipt speaks of is what it was, every block of it.
    Same,
    /// It isn't there, or is another one.
    Differs {
        /// How.
        reason: String,
    },
}

/// What has become of one segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SegmentResult {
    /// The segment's number.
    pub segment: u64,
    /// What has become of it.
    #[serde(flatten)]
    pub verdict: SegmentVerdict,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Whether the receipt still holds.
    pub holds: bool,
    /// What has become of each segment.
    pub segments: Vec<SegmentResult>,
    /// How many bytes of blocks were read.
    pub bytes_read: u64,
    /// Whether the journal goes on behind what the receipt speaks of.
    pub journal_goes_on: bool,
}

/// Checks a receipt against a journal.
///
/// # Errors
/// [`Error::Io`] when storage fails. That the receipt doesn't hold is no error here.
pub fn check(receipt: &Receipt, journal: &Journal, depth: Depth) -> Result<Checked, Error> {
    let mut checked =
        Checked { holds: true, segments: Vec::new(), bytes_read: 0, journal_goes_on: false };
    let foreign = receipt.journal_id != journal.journal_id;
    for told in &receipt.segments {
        let found = journal.segments.iter().position(|it| it.number == told.segment);
        let verdict = match found {
            _ if foreign => {
                let id = hex::encode(journal.journal_id);
                SegmentVerdict::Differs { reason: format!("the journal is {id}") }
            }
            None => SegmentVerdict::Differs { reason: "it is missing".to_owned() },
            Some(index) => check_segment(told, journal, index, depth, &mut checked.bytes_read)?,
        };
        checked.holds &= !matches!(verdict, SegmentVerdict::Differs { .. });
        checked.segments.push(SegmentResult { segment: told.segment, verdict });
    }
    let told = receipt.segments.last();
    let newest = journal.segments.last();
    checked.journal_goes_on = newest.zip(told).is_some_and(|(newest, told)| {
        newest.number > told.segment || newest.file_bytes > told.bytes
    });
    Ok(checked)
}

fn check_segment(
    told: &ReceiptSegment,
    journal: &Journal,
    index: usize,
    depth: Depth,
    bytes_read: &mut u64,
) -> Result<SegmentVerdict, Error> {
    let segment = &journal.segments[index];
    let modified_ns = segment.file.modified_ns();
    let modified_ns = modified_ns.context("read the times of", &segment.path, None)?;
    let same_file = modified_ns.is_some() && modified_ns == told.modified_ns;
    if depth == Depth::Changed && same_file && segment.file_bytes == told.bytes {
        return Ok(SegmentVerdict::Unchanged);
    }
    let start = match segment.header {
        Ok((header, digest)) if digest == told.header_digest => Position::at_start(&header, digest),
        Ok(_) => return Ok(differs("its header is another one")),
        Err(fault) => return Ok(differs(&fault.to_string())),
    };
    let walk = Walk::new(journal, Validation::Cryptographic, PastDamage::Stop);
    let mut walk = walk.starting_at(start).until(told.last_lsn);
    let mut buffer = journal.buffer(2 * MAX_BLOCK_BYTES)?;
    let fill: Fill<'_> = &Segment::read;
    let mut end = start.digest;
    while let Some(stretch) = walk.next(&mut buffer, fill)? {
        if let Some(damage) = stretch.damage {
            return Ok(differs(&damage.to_string()));
        }
        let frames = &stretch.frames;
        let wrong = frames.par_iter().find_map_first(|frame| {
            block::check_contents(&frame.header, frame.block(&buffer)).err()
        });
        if let Some(fault) = wrong {
            return Ok(differs(&fault.to_string()));
        }
        *bytes_read += frames.iter().map(|it| u64::from(it.header.block_bytes)).sum::<u64>();
        end = frames.last().map_or(end, |frame| frame.header.digest);
    }
    if walk.position().next_lsn.wrapping_sub(1) != told.last_lsn {
        let ends = walk.position().next_lsn.wrapping_sub(1);
        return Ok(differs(&format!("it ends at LSN {ends} where it had {}", told.last_lsn)));
    }
    if end == told.end_digest {
        return Ok(SegmentVerdict::Same);
    }
    Ok(differs("its last block has another digest"))
}

fn differs(reason: &str) -> SegmentVerdict {
    SegmentVerdict::Differs { reason: reason.to_owned() }
}
