//! Transactions: lets the effects of each committed one take place, all of them, at its end.
//!
//! What is kept of an open transaction is where its events lie: places in the epoch at hand, and
//! blocks of earlier ones, which are read and verified again at its end. So a transaction of any
//! length pins no buffer.

use std::collections::VecDeque;

use vexfs_kernels::prefetch;

use super::apply::EVENT_BYTES_AHEAD;
use super::decode::{Reading, Role, TransactionEvent};
use super::ledger::{Ledger, TransactionFault};
use super::partition::{Buckets, Settlement};
use crate::error::Error;
use crate::event::{Body, Class, Event, EventIter};
use crate::journal::block::{self, Position};
use crate::journal::damage::Fault;
use crate::journal::layout::BlockHeader;
use crate::journal::{Frame, Validation};
use crate::replay::{All, Choice, Filter};

/// How many bytes of events are read again before they are handed on.
const REREAD_BYTES: usize = 2 * 1024 * 1024;
/// How many blocks that were read again are kept: as many of the usual length as go into an epoch.
const RECENT_BLOCKS: usize = 32;

/// A block that holds events of an open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRef {
    /// The index of its segment.
    pub(crate) segment: usize,
    /// Where it lies, in bytes from the segment's start.
    pub(crate) offset: u64,
    /// Its length in bytes.
    pub(crate) block_bytes: u32,
    /// The digest that it had.
    pub(crate) digest: [u8; 32],
}

/// Where the events of an open transaction lie.
#[derive(Debug, Default)]
pub(crate) struct Places {
    here: Vec<TransactionEvent>,
    blocks: Vec<BlockRef>,
    /// Where the block starts that the begin record is in, from the end of its epoch on.
    start: Option<Position>,
}

/// Effects that take place at the ends of transactions, and the events that were read again.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Effects of events in the epoch's own buffer.
    pub(crate) here: Buckets<Settlement>,
    /// Effects of events in `bytes`.
    pub(crate) reread: Buckets<Settlement>,
    pub(crate) bytes: Vec<u8>,
}

impl Settled {
    /// How much memory it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.here.memory_bytes() + self.reread.memory_bytes() + self.bytes.capacity() as u64
    }

    pub(crate) fn clear(&mut self) {
        self.here.clear();
        self.reread.clear();
        self.bytes.clear();
    }
}

/// What the stage needs of the flow.
pub(crate) trait Surroundings {
    /// Reads a block again, verifies it again, and puts it into `block`.
    fn read_again(&mut self, wanted: &BlockRef, block: &mut Vec<u8>) -> Result<(), Error>;

    /// Hands on what is settled so far: all of it takes place at or before `position`, and so does
    /// what lies outside of transactions before `position`. Gives an empty one to go on with.
    fn hand_on(&mut self, settled: Settled, position: u64) -> Result<Settled, Error>;

    /// Something contradicts what came before it.
    fn contradiction(&mut self, lsn: u64, fault: TransactionFault);
}

/// The stage.
#[derive(Debug)]
pub(crate) struct Transactions<'r> {
    pub(crate) ledger: Ledger<Places>,
    /// Someone wants the effects, so places are to be kept.
    route: bool,
    /// What ended up to here has taken place before; see [`Reading::after_lsn`].
    after_lsn: u64,
    filter: Option<&'r Filter>,
    recent: Recent,
}

/// A transaction that is whole: its id, and the LSNs of its begin and end records.
#[derive(Clone, Copy, Debug)]
struct Span {
    id: u64,
    begin: u64,
    end: u64,
}

/// The blocks that were read again last. Transactions that were open together have events in the
/// same blocks, which are not to be read once for each of them.
#[derive(Debug, Default)]
struct Recent(VecDeque<(BlockRef, Vec<u8>)>);

impl Recent {
    fn block(&mut self, wanted: &BlockRef, around: &mut impl Surroundings) -> Result<&[u8], Error> {
        let known = self.0.iter().position(|(block, _)| block == wanted);
        let index = match known {
            Some(index) => index,
            None => {
                let full = self.0.len() >= RECENT_BLOCKS;
                let oldest = if full { self.0.pop_front() } else { None };
                let mut block = oldest.map(|(_, block)| block).unwrap_or_default();
                around.read_again(wanted, &mut block)?;
                self.0.push_back((*wanted, block));
                self.0.len() - 1
            }
        };
        Ok(&self.0[index].1)
    }
}

impl<'r> Transactions<'r> {
    pub(crate) fn new(reading: Reading<'r>) -> Self {
        let Reading { route, after_lsn, filter, .. } = reading;
        let ledger = Ledger::new(&reading);
        Self { ledger, route, after_lsn, filter, recent: Recent::default() }
    }

    /// Takes the transactional events of one worker's run of blocks.
    pub(crate) fn take(
        &mut self,
        events: &[TransactionEvent],
        buffer: &[u8],
        mut settled: Settled,
        around: &mut impl Surroundings,
    ) -> Result<Settled, Error> {
        for event in events {
            let id = event.transaction;
            if event.lsn <= self.after_lsn {
                self.catch_up(event)?;
                continue;
            }
            let fault = match event.role {
                Role::Begin => self.ledger.begin(id, event.lsn)?,
                Role::Member => match self.ledger.member(id, event.lsn, event.crc) {
                    Ok(places) => {
                        if self.route && event.selected {
                            places.here.push(*event);
                        }
                        None
                    }
                    Err(fault) => Some(fault),
                },
                Role::End => match self.end(event, buffer) {
                    Ok(Some((begin, places))) => {
                        let span = Span { id, begin, end: event.lsn };
                        settled = self.settle(span, &places, buffer, settled, around)?;
                        None
                    }
                    Ok(None) => None,
                    Err(fault) => Some(fault),
                },
            };
            if let Some(fault) = fault {
                around.contradiction(event.lsn, fault);
            }
        }
        Ok(settled)
    }

    /// Takes an event from before the checkpoint: it only matters to transactions that were open then.
    fn catch_up(&mut self, event: &TransactionEvent) -> Result<(), Error> {
        let (id, lsn) = (event.transaction, event.lsn);
        match event.role {
            Role::Begin => self.ledger.reopen(id, lsn)?,
            // It began before reading restarted, so it ended before the checkpoint: its events are no
            // longer of use, and nothing is wrong with them.
            Role::Member if !self.ledger.open.contains_key(&id) => {}
            Role::Member => {
                if let Ok(places) = self.ledger.member(id, lsn, event.crc)
                    && self.route
                    && event.selected
                {
                    places.here.push(*event);
                }
            }
            Role::End => self.ledger.forget(id),
        }
        Ok(())
    }

    fn end(
        &mut self,
        event: &TransactionEvent,
        buffer: &[u8],
    ) -> Result<Option<(u64, Places)>, TransactionFault> {
        match body_at(event.lsn, buffer, event.at) {
            Some((_, Body::TransactionEnd(end))) => self.ledger.end(event.transaction, &end),
            _ => Ok(None),
        }
    }

    /// Lets the effects of a committed transaction take place at its end.
    fn settle(
        &mut self,
        span: Span,
        places: &Places,
        buffer: &[u8],
        mut settled: Settled,
        around: &mut impl Surroundings,
    ) -> Result<Settled, Error> {
        for wanted in &places.blocks {
            let block = self.recent.block(wanted, around)?;
            match self.filter {
                None => copy_members(block, span, &All, &mut settled),
                Some(filter) => copy_members(block, span, filter, &mut settled),
            }
            if settled.bytes.len() > REREAD_BYTES {
                settled = around.hand_on(settled, span.end)?;
            }
        }
        for event in &places.here {
            let bytes = &buffer[event.at as usize..];
            prefetch(&bytes[..bytes.len().min(EVENT_BYTES_AHEAD)]);
        }
        match self.filter {
            None => route_members(&places.here, span, buffer, &All, &mut settled),
            Some(filter) => route_members(&places.here, span, buffer, filter, &mut settled),
        }
        Ok(settled)
    }

    /// How much memory the places of open transactions and the blocks read again take, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let places = self.ledger.open.values().map(|open| {
            let Places { here, blocks, .. } = &open.members;
            here.capacity() * size_of::<TransactionEvent>()
                + blocks.capacity() * size_of::<BlockRef>()
        });
        let recent = self.recent.0.iter().map(|(_, block)| block.capacity());
        places.chain(recent).sum::<usize>() as u64
    }

    /// Whether no event waits for its transaction's end.
    pub(crate) fn nothing_waits(&self) -> bool {
        let mut open = self.ledger.open.values();
        open.all(|it| it.members.here.is_empty() && it.members.blocks.is_empty())
    }

    /// Where reading must restart so that all of the open transactions are met again, where any is
    /// open.
    pub(crate) fn restart(&self) -> Option<Position> {
        let starts = self.ledger.open.values().filter_map(|open| open.members.start);
        starts.min_by_key(|start| start.next_lsn)
    }

    /// Ends an epoch: what lies in its buffer is remembered by block from now on.
    pub(crate) fn leave_epoch(&mut self, segment: usize, frames: &[Frame]) {
        for open in self.ledger.open.values_mut() {
            let begin = open.begin;
            let Places { here, blocks, start } = &mut open.members;
            if start.is_none() {
                *start = frames.get(holding(frames, begin)).map(Frame::position);
            }
            for event in here.drain(..) {
                let after = frames.partition_point(|frame| frame.at <= event.at as usize);
                let Some(frame) = after.checked_sub(1).map(|index| &frames[index]) else {
                    continue;
                };
                let BlockHeader { file_offset: offset, block_bytes, digest, .. } = frame.header;
                let block = BlockRef { segment, offset, block_bytes, digest };
                if blocks.last() != Some(&block) {
                    blocks.push(block);
                }
            }
        }
    }
}

/// Routes a transaction's events out of the epoch's own buffer.
fn route_members(
    members: &[TransactionEvent],
    span: Span,
    buffer: &[u8],
    choice: &impl Choice,
    settled: &mut Settled,
) {
    for event in members {
        if let Some((_, body)) = body_at(event.lsn, buffer, event.at) {
            let settlement = |descriptor| Settlement { descriptor, position: span.end };
            settled.here.route((event.lsn, event.at), &body, choice, settlement);
        }
    }
}

/// Which of these blocks holds an LSN that is in one of them.
fn holding(frames: &[Frame], lsn: u64) -> usize {
    frames.partition_point(|frame| frame.header.first_lsn <= lsn).saturating_sub(1)
}

/// Copies a transaction's events out of a block that was read again. The id alone doesn't make an
/// event one of them: an earlier transaction, which came to nothing, may have had the same.
fn copy_members(block: &[u8], span: Span, choice: &impl Choice, settled: &mut Settled) {
    let header = BlockHeader::read(block);
    let events =
        EventIter::new(block::payload(&header, block), header.first_lsn, header.event_count);
    for event in events.map_while(Result::ok) {
        if event.header.transaction != span.id || event.lsn <= span.begin {
            continue;
        }
        let Ok(Some(body)) = event.body() else { continue };
        if choice.selects(&event, &body) && body.event_type().class() == Class::Mutation {
            let at = super::decode::place(settled.bytes.len());
            settled.bytes.extend_from_slice(event.bytes());
            let settlement = |descriptor| Settlement { descriptor, position: span.end };
            settled.reread.route((event.lsn, at), &body, choice, settlement);
        }
    }
}

/// The event at a place where one was found before.
#[inline(always)]
pub(crate) fn event_at(lsn: u64, buffer: &[u8], at: u32) -> Option<Event<'_>> {
    Event::read(lsn, buffer.get(at as usize..)?).ok()
}

/// The same, and its body.
#[inline(always)]
pub(crate) fn body_at(lsn: u64, buffer: &[u8], at: u32) -> Option<(Event<'_>, Body<'_>)> {
    let event = event_at(lsn, buffer, at)?;
    let body = event.body().ok()??;
    Some((event, body))
}

/// Checks that a block that was read again is the one that was read before, as far as the
/// validation mode looks.
pub(crate) fn check_same(
    block: &[u8],
    wanted: &BlockRef,
    validation: Validation,
) -> Result<(), Fault> {
    let header = BlockHeader::read(block);
    let (expected, found) = (wanted.digest, header.digest);
    if expected != found || header.block_bytes != wanted.block_bytes {
        return Err(Fault::Digest { part: "block", expected, found });
    }
    if validation >= Validation::Basic {
        block::check_header_crc(&header, block)?;
        block::check_payload_crc(&header, block)?;
    }
    if validation >= Validation::Cryptographic {
        block::check_contents(&header, block)?;
    }
    block::check_payload_length(&header)
}
