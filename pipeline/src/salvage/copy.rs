//! Writes the new journal: each event that stands, byte for byte, and in the place of each that
//! doesn't a placeholder, so that every event keeps its LSN. Of what stands only those end records
//! are other than they were whose transactions have lost members that contradict.

use vexfs_kernels::{Digest, Sha256Stream};

use super::manifest::{Dropped, DroppedBecause};
use crate::error::Error;
use crate::event::{Body, Event, EventHeader, EventIter, LogLine, TransactionEnd, priority};
use crate::flow::Accepted;
use crate::journal::{NewEvent, Writer, block};
use crate::replay::Control;
use crate::stages::skipped::LsnRanges;

/// The level of a placeholder's line, as syslog counts: a warning.
const WARNING: u32 = 4;
/// How many placeholders are written between two looks whether to go on.
const LOOK_EVERY: u64 = 4096;

/// LSNs whose events are left out, and why: from the first to the last.
#[derive(Clone, Copy, Debug)]
struct Gap {
    first: u64,
    last: u64,
    because: DroppedBecause,
}

/// Copies the intact blocks of a journal, event by event.
#[derive(Debug)]
pub(super) struct Copier<'w> {
    writer: &'w Writer,
    control: &'w Control,
    gaps: Vec<Gap>,
    /// The first gap that isn't behind.
    ahead: usize,
    /// The end records that are made anew and aren't behind.
    ends: &'w [(u64, TransactionEnd)],
    next_lsn: u64,
    /// The time of the event that was written last.
    timestamp_ns: u64,
    kept: LsnRanges,
    kept_events: u64,
    blocks: Sha256Stream,
}

/// What was copied.
#[derive(Debug)]
pub(super) struct Copied {
    /// The LSNs of the events.
    pub(super) kept: Vec<(u64, u64)>,
    /// How many they are.
    pub(super) kept_events: u64,
    /// Over the digests of all blocks that they were in.
    pub(super) blocks: Digest,
}

impl<'w> Copier<'w> {
    pub(super) fn new(
        writer: &'w Writer,
        control: &'w Control,
        dropped: &[Dropped],
        ends: &'w [(u64, TransactionEnd)],
    ) -> Self {
        let gaps = dropped.iter().flat_map(|it| {
            it.lsns.iter().map(|&(first, last)| Gap { first, last, because: it.because })
        });
        let mut gaps: Vec<Gap> = gaps.collect();
        gaps.sort_by_key(|gap| gap.first);
        Self {
            writer,
            control,
            gaps,
            ahead: 0,
            ends,
            next_lsn: 1,
            timestamp_ns: 0,
            kept: LsnRanges::default(),
            kept_events: 0,
            blocks: Sha256Stream::default(),
        }
    }

    /// Copies the next intact block.
    pub(super) fn block(&mut self, accepted: &Accepted<'_>) -> Result<(), Error> {
        let Accepted { header, bytes, .. } = accepted;
        self.blocks.update(&header.digest);
        let payload = block::payload(header, bytes);
        let events = EventIter::new(payload, header.first_lsn, header.event_count);
        for event in events.map_while(Result::ok) {
            self.fill(event.lsn)?;
            if self.gap_at(event.lsn).is_some() {
                continue;
            }
            self.keep(&event)?;
            self.kept.add(event.lsn);
            self.kept_events += 1;
            self.timestamp_ns = event.header.timestamp_ns;
            self.next_lsn = event.lsn + 1;
        }
        Ok(())
    }

    /// Ends before this LSN, the next one of the original.
    pub(super) fn finish(mut self, next_lsn: u64) -> Result<Copied, Error> {
        self.fill(next_lsn)?;
        let Self { kept, kept_events, blocks, .. } = self;
        Ok(Copied { kept: kept.0, kept_events, blocks: blocks.finish() })
    }

    fn keep(&mut self, event: &Event<'_>) -> Result<(), Error> {
        let Some(((lsn, end), behind)) = self.ends.split_first() else {
            return self.writer.append_as_is(event);
        };
        if *lsn != event.lsn {
            return self.writer.append_as_is(event);
        }
        self.ends = behind;
        let (mut bytes, mut payload) = (event.bytes().to_vec(), Vec::new());
        Body::TransactionEnd(*end).encode(&mut payload);
        bytes[EventHeader::BYTES..][..payload.len()].copy_from_slice(&payload);
        let anew = Event::read(*lsn, &bytes);
        anew.map_or(Ok(()), |anew| self.writer.append_as_is(&anew))
    }

    /// Puts placeholders in all places that are free before `until`.
    fn fill(&mut self, until: u64) -> Result<(), Error> {
        while self.next_lsn < until {
            if self.next_lsn.is_multiple_of(LOOK_EVERY) {
                self.control.check(None)?;
            }
            let because = self.gap_at(self.next_lsn).unwrap_or(DroppedBecause::Damaged);
            let text = format!("salvage: {}", because.name());
            let body = Body::Log(LogLine { level: WARNING, text: text.as_bytes() });
            let placeholder = NewEvent::new(self.timestamp_ns, body);
            let priority = priority::BACKGROUND;
            self.writer.append(&NewEvent { priority, ..placeholder })?;
            self.next_lsn += 1;
        }
        Ok(())
    }

    /// Why the event of this LSN is left out, where it is. Asked for in ascending order.
    fn gap_at(&mut self, lsn: u64) -> Option<DroppedBecause> {
        while self.gaps.get(self.ahead).is_some_and(|gap| gap.last < lsn) {
            self.ahead += 1;
        }
        let gap = self.gaps.get(self.ahead)?;
        (gap.first <= lsn).then_some(gap.because)
    }
}
