//! Where a replay ends: a moment of the journal's history, turned into an LSN.

use super::options::{DamagePolicy, ReplayOptions};
use crate::error::Error;
use crate::event::{Body, EventIter};
use crate::journal::layout::{BlockHeader, MAX_BLOCK_BYTES};
use crate::journal::{Fill, IndexedBlock, Journal, PastDamage, Segment, Validation, Walk, block};

/// Where a replay ends. Whatever is chosen, the state is that of a consistent cut: transactions that
/// end later have not taken place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopPoint {
    /// Behind the event of this LSN.
    Lsn(u64),
    /// Before the first event that happened after this time, in nanoseconds since 1970-01-01 UTC.
    Time(u64),
    /// Behind the record that ends the transaction of this id; where the id was used again, behind
    /// the first one.
    Transaction(u64),
}

impl StopPoint {
    /// The last LSN that takes place; `u64::MAX` where the journal ends before the stop.
    ///
    /// It is looked for in the journal as it stands, by what seals and headers tell of the blocks; the
    /// replay then verifies all up to there.
    pub(crate) fn resolve(self, journal: &Journal, options: &ReplayOptions) -> Result<u64, Error> {
        match self {
            Self::Lsn(lsn) => Ok(lsn),
            Self::Time(time_ns) => {
                let later = find(
                    (journal, options),
                    |block| block.entry.max_time_ns > time_ns,
                    |header_time_ns, _| header_time_ns > time_ns,
                )?;
                Ok(later.map_or(u64::MAX, |lsn| lsn - 1))
            }
            Self::Transaction(id) => {
                let end =
                    find((journal, options), IndexedBlock::may_hold_boundaries, |_, event| {
                        event.0 == id && matches!(event.1, Some(Body::TransactionEnd(_)))
                    })?;
                end.ok_or(Error::NoSuchTransaction { id })
            }
        }
    }
}

/// The LSN of the first event for which `is_it` holds (its time; its transaction and body), in the
/// blocks that may hold one.
fn find(
    (journal, options): (&Journal, &ReplayOptions),
    may_hold: impl Fn(&IndexedBlock) -> bool,
    is_it: impl Fn(u64, (u64, Option<Body<'_>>)) -> bool,
) -> Result<Option<u64>, Error> {
    if options.damage == DamagePolicy::Salvage {
        return find_past_damage(journal, options.validation, is_it);
    }
    let mut bytes = Vec::new();
    for index in 0..journal.segments.len() {
        for it in journal.segment_index(index)?.blocks.iter().filter(|block| may_hold(block)) {
            bytes.resize(it.entry.block_bytes as usize, 0);
            journal.segments[index].read(&mut bytes, it.entry.file_offset)?;
            let header = BlockHeader::read(&bytes);
            // A block that is not as it should be is the replay's to report.
            let sound = header.block_bytes == it.entry.block_bytes
                && block::check_payload_length(&header).is_ok();
            let found = if sound { first_in(&header, &bytes, &is_it) } else { None };
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// As [`find`], in all blocks: where headers and seals are damaged, nothing else tells of the blocks
/// behind them that salvage keeps.
fn find_past_damage(
    journal: &Journal,
    validation: Validation,
    is_it: impl Fn(u64, (u64, Option<Body<'_>>)) -> bool,
) -> Result<Option<u64>, Error> {
    let mut walk = Walk::new(journal, validation, PastDamage::Resynchronise);
    let mut buffer = journal.buffer(2 * MAX_BLOCK_BYTES)?;
    let fill: Fill<'_> = &Segment::read;
    while let Some(stretch) = walk.next(&mut buffer, fill)? {
        for frame in &stretch.frames {
            let (header, bytes) = (&frame.header, frame.block(&buffer));
            let checked = validation >= Validation::Basic;
            if checked && block::check_payload_crc(header, bytes).is_err() {
                continue;
            }
            let found = first_in(header, bytes, &is_it);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// The LSN of the first event in a block for which `is_it` holds.
fn first_in(
    header: &BlockHeader,
    bytes: &[u8],
    is_it: impl Fn(u64, (u64, Option<Body<'_>>)) -> bool,
) -> Option<u64> {
    let payload = block::payload(header, bytes);
    let events = EventIter::new(payload, header.first_lsn, header.event_count);
    let mut found = events.map_while(Result::ok).filter(|event| {
        let body = event.body().ok().flatten();
        is_it(event.header.timestamp_ns, (event.header.transaction, body))
    });
    found.next().map(|event| event.lsn)
}
