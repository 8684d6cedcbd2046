//! The same pass, one block and one event after the other: the definition of what the parallel
//! flow must produce. It shares the meaning of events with it, and none of its machinery.

use crate::error::Error;
use crate::event::{Body, Class, Event, EventIter};
use crate::journal::damage::{Damage, Fault};
use crate::journal::layout::BlockHeader;
use crate::journal::{End, Fill, Frame, Journal, Judge, Segment, Validation, Walk, block, layout};
use crate::replay::{
    Cause, Choice as _, Findings, Inconsistencies, Inconsistency, ListedBlock, Progress, digest_at,
};
use crate::stages::decode::{Tally, check_event};
use crate::stages::ledger::Ledger;
use crate::state::{self, Home, MemoryState, Stamp, for_each_effect};

use super::FlowOptions;

/// Who gets the events that take place.
pub(crate) enum Sink<'s> {
    /// A state, to which their effects are applied.
    State(&'s mut MemoryState),
    /// Somebody else.
    Events(&'s mut dyn FnMut(&Body<'_>)),
    /// Somebody who wants all events, whether or not they take place: block by block as they lie,
    /// verified. What becomes of their transactions is then for them to say.
    Blocks(&'s mut dyn FnMut(&Accepted<'_>) -> Result<(), Error>),
}

/// A block that passed the validation asked for.
#[derive(Debug)]
pub(crate) struct Accepted<'b> {
    /// The index of its segment.
    pub(crate) segment: usize,
    pub(crate) header: BlockHeader,
    pub(crate) bytes: &'b [u8],
}

/// The events of an open transaction, copied: LSN and bytes of each.
type Members = Vec<(u64, Vec<u8>)>;

struct Serial<'s, 'o> {
    sink: Sink<'s>,
    options: &'o FlowOptions<'o>,
    ledger: Ledger<Members>,
    tally: Tally,
    inconsistencies: Inconsistencies,
}

/// As [`super::run`], serially, from the journal's front and without checkpoints.
pub(crate) fn run_serial(
    journal: &Journal,
    sink: Sink<'_>,
    options: &FlowOptions<'_>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Findings, Error> {
    let reading = options.reading;
    let walk = Walk::new(journal, reading.validation, options.past_damage());
    let mut walk = walk.until(reading.until_lsn);
    let mut judge = Judge::new(journal);
    let ledger = Ledger::new(&reading);
    let (tally, inconsistencies) = (Tally::default(), Inconsistencies::default());
    let mut serial = Serial { sink, options, ledger, tally, inconsistencies };
    let (mut blocks, mut bytes, mut damages) = (0, 0, Vec::new());
    let (mut ended, mut anchored, mut listed) = (None, None, Vec::new());
    let mut buffer = journal.buffer(2 * layout::MAX_BLOCK_BYTES)?;
    let fill: Fill<'_> = &Segment::read;
    'walk: while let Some(stretch) = walk.next(&mut buffer, fill)? {
        options.check_stop()?;
        for frame in &stretch.frames {
            if let Err(fault) = serial.block(stretch.segment, frame, frame.block(&buffer)) {
                let judged = judge.judge(stretch.segment, &frame.position(), fault?)?;
                if reading.stop_at_fault || judged.damage.is_tail() {
                    ended = Some(End::at(frame.position(), judged.damage));
                    break 'walk;
                }
                let after = frame.position().after(&frame.header);
                let (end, next_lsn) = (after.offset, Some(after.next_lsn));
                let damage = Damage { end, next_lsn, blocks: 1, ..judged.damage };
                Findings::add_damage(&mut damages, damage);
                continue;
            }
            blocks += 1;
            listed.extend(options.list_blocks.then(|| ListedBlock::of(frame)));
            anchored = anchored.or(digest_at(std::slice::from_ref(frame), options.anchor_lsn));
            bytes += u64::from(frame.header.block_bytes);
        }
        if let Some(damage) = stretch.damage {
            Findings::add_damage(&mut damages, damage);
        }
        let (events, total_bytes) = (serial.tally.events, journal.block_bytes());
        progress(&Progress { events, bytes, total_bytes, ..Progress::default() });
    }
    let end = ended.or(walk.end()).ok_or(Error::Cancelled)?;
    serial.ledger.discard_all();
    let Serial { mut ledger, tally, inconsistencies, .. } = serial;
    let skipped = ledger.take_skipped();
    let transactions = ledger.summary;
    let mut findings = Findings {
        end,
        damages,
        tally,
        blocks,
        bytes,
        transactions,
        skipped,
        listed,
        inconsistencies,
        anchored,
    };
    findings.sort();
    Ok(findings)
}

impl Serial<'_, '_> {
    /// Verifies a block, then takes its events. The outer error says what is wrong with the block,
    /// or else why the pass ends.
    fn block(
        &mut self,
        segment: usize,
        frame: &Frame,
        bytes: &[u8],
    ) -> Result<(), Result<Fault, Error>> {
        let (header, validation) = (&frame.header, self.options.reading.validation);
        let checked = match validation {
            Validation::None => Ok(()),
            Validation::Basic | Validation::Full => block::check_payload_crc(header, bytes),
            Validation::Cryptographic => block::check_contents(header, bytes),
        };
        checked.map_err(Ok)?;
        let payload = block::payload(header, bytes);
        let mut events = Vec::new();
        for event in EventIter::new(payload, header.first_lsn, header.event_count) {
            let event = event.map_err(|malformed| Ok(Fault::Malformed(malformed)))?;
            if validation >= Validation::Full {
                check_event(&event, header).map_err(|malformed| Ok(Fault::Malformed(malformed)))?;
            }
            if event.lsn <= self.options.reading.until_lsn {
                let body = event.body().map_err(|malformed| Ok(Fault::Malformed(malformed)))?;
                events.push((event, body));
            }
        }
        if let Sink::Blocks(visit) = &mut self.sink {
            self.tally.events += events.len() as u64;
            return visit(&Accepted { segment, header: *header, bytes }).map_err(Err);
        }
        self.ledger.enter_epoch(header.writer_epoch);
        for (event, body) in events {
            self.event(&event, body.as_ref()).map_err(Err)?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>, body: Option<&Body<'_>>) -> Result<(), Error> {
        let class = body.map(|body| body.event_type().class());
        self.tally.count(class);
        if class.is_none() {
            self.ledger.pass_over(event.header.transaction, event.lsn);
        }
        let filter = self.options.reading.filter;
        let selected = filter.zip(body).is_some_and(|(filter, body)| filter.selects(event, body));
        if selected && class != Some(Class::Boundary) {
            self.tally.selected += 1;
        }
        let (id, lsn) = (event.header.transaction, event.lsn);
        let fault = match body {
            Some(Body::TransactionBegin(_)) => self.ledger.begin(id, lsn)?,
            Some(Body::TransactionEnd(end)) => match self.ledger.end(id, end) {
                Ok(members) => {
                    for (member, bytes) in members.unwrap_or_default().1 {
                        if let Ok(event) = Event::read(member, &bytes) {
                            self.apply(&event, lsn);
                        }
                    }
                    None
                }
                Err(fault) => Some(fault),
            },
            _ if id != 0 => {
                let crc = vexfs_kernels::crc32c(event.bytes());
                match self.ledger.member(id, lsn, crc) {
                    Ok(members) => {
                        members.push((lsn, event.bytes().to_vec()));
                        None
                    }
                    Err(fault) => Some(fault),
                }
            }
            _ => {
                self.apply(event, lsn);
                None
            }
        };
        if let Some(fault) = fault.filter(|_| filter.is_none()) {
            let cause = Cause::Transaction(fault);
            self.inconsistencies.add(Inconsistency { lsn, position: lsn, cause });
        }
        Ok(())
    }

    fn apply(&mut self, event: &Event<'_>, position: u64) {
        let Ok(Some(body)) = event.body() else { return };
        let filter = self.options.reading.filter;
        if filter.is_some_and(|filter| !filter.selects(event, &body)) {
            return;
        }
        let state = match &mut self.sink {
            Sink::State(state) => state,
            Sink::Events(visit) => return visit(&body),
            Sink::Blocks(_) => return,
        };
        let stamp = Stamp { lsn: event.lsn, timestamp_ns: event.header.timestamp_ns };
        for_each_effect(&body, |effect| {
            if filter.is_some_and(|filter| !filter.selects_key(&effect.key)) {
                return;
            }
            let Home { partition, tag } = effect.key.home();
            let table = &mut state.partitions_mut()[partition];
            let applied = state::apply(table, tag, &effect, stamp);
            // What is left out of a selection may be what an effect presupposes.
            if let Some(contradiction) = applied.filter(|_| filter.is_none()) {
                let cause = Cause::Effect(contradiction);
                self.inconsistencies.add(Inconsistency { lsn: event.lsn, position, cause });
            }
        });
    }
}
