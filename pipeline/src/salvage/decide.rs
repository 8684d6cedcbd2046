//! Decides which of the intact events stand: goes through them in the order in which they take
//! effect, and drops what is not of a whole transaction, and what contradicts what is kept before it.
//!
//! What is dropped has no effect on what comes after it, so one pass comes to rest: what is kept
//! contradicts nothing that is kept. Of a transaction that is whole a member that contradicts is
//! dropped alone, as a replay past damage lets the others happen: what it builds on is lost, and
//! dropping all others for it would take away what ever more events build on. Its end record is then
//! made anew.

use vexfs_kernels::{Digest, Sha256Stream};

use super::holes::Holes;
use super::manifest::{Dropped, DroppedBecause};
use super::reread::Rereader;
use super::trial::Trial;
use crate::error::Error;
use crate::event::{Body, Event, EventIter, TransactionEnd};
use crate::flow::Accepted;
use crate::journal::{Journal, TransactionDigest, block};
use crate::replay::{Cause, Inconsistency, TransactionFault};
use crate::stages::decode::Reading;
use crate::stages::ledger::Ledger;
use crate::stages::skipped::LsnRanges;
use crate::stages::transactions::BlockRef;

/// Whether events are tried on a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contradictions {
    /// A replay has found that there are none.
    None,
    /// There may be some.
    LookedFor,
}

/// An open transaction: all of its events so far, and where they lie.
#[derive(Debug, Default)]
struct Members {
    lsns: LsnRanges,
    blocks: Vec<BlockRef>,
}

/// Goes through the intact blocks of a journal.
#[derive(Debug)]
pub(super) struct Decider<'j> {
    ledger: Ledger<Members>,
    rereader: Rereader<'j>,
    trial: Option<Trial>,
    writer_epoch: u64,
    next_lsn: u64,
    holes: Holes,
    dropped: Vec<Dropped>,
    ends: Vec<(u64, TransactionEnd)>,
    blocks: Sha256Stream,
}

/// What was decided.
#[derive(Debug)]
pub(super) struct Decided {
    /// LSNs that no intact block has.
    pub(super) holes: Holes,
    /// Intact events that don't stand.
    pub(super) dropped: Vec<Dropped>,
    /// LSNs of end records, and what they must say of what is left of their transactions.
    pub(super) ends: Vec<(u64, TransactionEnd)>,
    /// Over the digests of all intact blocks.
    pub(super) blocks: Digest,
    /// The digest of the state that the rest leads to, where contradictions were looked for.
    pub(super) state_digest: Option<Digest>,
}

impl<'j> Decider<'j> {
    pub(super) fn new(
        journal: &'j Journal,
        reading: &Reading<'_>,
        contradictions: Contradictions,
    ) -> Self {
        Self {
            ledger: Ledger::new(reading),
            rereader: Rereader::new(journal, reading.validation),
            trial: (contradictions == Contradictions::LookedFor).then(Trial::default),
            writer_epoch: 0,
            next_lsn: 1,
            holes: Holes::default(),
            dropped: Vec::new(),
            ends: Vec::new(),
            blocks: Sha256Stream::default(),
        }
    }

    /// Takes the next intact block.
    pub(super) fn block(&mut self, accepted: &Accepted<'_>) -> Result<(), Error> {
        let Accepted { segment, header, bytes } = accepted;
        self.holes.add(self.next_lsn, header.first_lsn);
        self.next_lsn = header.first_lsn.saturating_add(u64::from(header.event_count));
        self.blocks.update(&header.digest);
        if std::mem::replace(&mut self.writer_epoch, header.writer_epoch) != header.writer_epoch {
            self.discard_open(DroppedBecause::Unfinished);
        }
        self.ledger.enter_epoch(header.writer_epoch);
        let place = BlockRef {
            segment: *segment,
            offset: header.file_offset,
            block_bytes: header.block_bytes,
            digest: header.digest,
        };
        let payload = block::payload(header, bytes);
        let events = EventIter::new(payload, header.first_lsn, header.event_count);
        for event in events.map_while(Result::ok) {
            self.event(&event, &place)?;
        }
        Ok(())
    }

    /// Ends with the last event that the journal is known to have had. What is open then may yet end where
    /// the writer of this epoch lives.
    pub(super) fn finish(mut self, next_lsn: u64, living_epoch: Option<u64>) -> Decided {
        self.discard_open(match living_epoch == Some(self.writer_epoch) {
            true => DroppedBecause::BeingWritten,
            false => DroppedBecause::Unfinished,
        });
        self.holes.add(self.next_lsn, next_lsn);
        let Self { holes, dropped, ends, blocks, trial, .. } = self;
        let state_digest = trial.map(|trial| trial.digest());
        Decided { holes, dropped, ends, blocks: blocks.finish(), state_digest }
    }

    fn event(&mut self, event: &Event<'_>, place: &BlockRef) -> Result<(), Error> {
        let (id, lsn) = (event.header.transaction, event.lsn);
        match event.body().ok().flatten() {
            Some(Body::TransactionBegin(_)) => {
                let open = self.take_open(id);
                let fault = self.ledger.begin(id, lsn)?;
                if let (Some((_, members)), Some(fault)) = (open, fault) {
                    self.drop_faulty(DroppedBecause::BegunAgain, id, members.lsns, (lsn, fault));
                }
                if let Some(open) = self.ledger.open.get_mut(&id) {
                    open.members.lsns.add(lsn);
                }
            }
            Some(Body::TransactionEnd(end)) => self.end(id, lsn, &end)?,
            _ if id != 0 => {
                let crc = vexfs_kernels::crc32c(event.bytes());
                match self.ledger.member(id, lsn, crc) {
                    Ok(members) => {
                        members.lsns.add(lsn);
                        if self.trial.is_some() && members.blocks.last() != Some(place) {
                            members.blocks.push(*place);
                        }
                    }
                    Err(fault) => self.drop_stray(id, lsn, fault),
                }
            }
            Some(body) => {
                let trial = self.trial.as_mut();
                if let Some(it) = trial.and_then(|trial| trial.event(event, &body, lsn)) {
                    self.drop_contradicting(None, it);
                }
            }
            None => {}
        }
        Ok(())
    }

    fn end(&mut self, id: u64, lsn: u64, end: &TransactionEnd) -> Result<(), Error> {
        let open = self.take_open(id);
        let ended = self.ledger.end(id, end);
        let Some((begin, mut members)) = open else {
            if let Err(fault) = ended {
                self.drop_stray(id, lsn, fault);
            }
            return Ok(());
        };
        members.lsns.add(lsn);
        match ended {
            Ok(None) => {}
            Ok(Some(_)) => self.commit(id, begin..lsn, end, &members.blocks)?,
            Err(fault) => {
                self.drop_faulty(DroppedBecause::Broken, id, members.lsns, (lsn, fault));
            }
        }
        Ok(())
    }

    /// Lets the members of a committed transaction happen, those that don't contradict.
    fn commit(
        &mut self,
        id: u64,
        span: std::ops::Range<u64>,
        end: &TransactionEnd,
        blocks: &[BlockRef],
    ) -> Result<(), Error> {
        let Some(trial) = &mut self.trial else { return Ok(()) };
        let (mut digest, mut contradicting) = (TransactionDigest::default(), Vec::new());
        for wanted in blocks {
            self.rereader.visit(wanted, &mut |event| {
                // The id alone doesn't make an event a member: an earlier transaction may have had
                // the same.
                let within = span.start < event.lsn && event.lsn < span.end;
                if !within || event.header.transaction != id {
                    return;
                }
                let body = event.body().ok().flatten();
                match body.and_then(|body| trial.event(event, &body, span.end)) {
                    Some(it) => contradicting.push(it),
                    None => digest.add(event.lsn, vexfs_kernels::crc32c(event.bytes())),
                }
            })?;
        }
        if !contradicting.is_empty() {
            let (events, digest) = (digest.events(), digest.finish());
            self.ends.push((span.end, TransactionEnd { events, digest, ..*end }));
        }
        for it in contradicting {
            self.drop_contradicting(Some(id), it);
        }
        Ok(())
    }

    fn take_open(&mut self, id: u64) -> Option<(u64, Members)> {
        let open = self.ledger.open.get_mut(&id)?;
        Some((open.begin, std::mem::take(&mut open.members)))
    }

    fn discard_open(&mut self, because: DroppedBecause) {
        let mut ids: Vec<u64> = self.ledger.open.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            if let Some((_, members)) = self.take_open(id) {
                self.drop_for(because, Some(id), members.lsns, None);
            }
        }
        self.ledger.discard_all();
    }

    /// Drops one event whose transaction isn't open, together with those before it.
    fn drop_stray(&mut self, id: u64, lsn: u64, fault: TransactionFault) {
        let because = DroppedBecause::NotOpen;
        let mut lsns = LsnRanges::default();
        if self.dropped.last().is_some_and(|it| it.because == because && it.transaction == Some(id))
            && let Some(last) = self.dropped.pop()
        {
            lsns = LsnRanges(last.lsns);
            lsns.add(lsn);
            self.drop_for(because, Some(id), lsns, last.inconsistency);
            return;
        }
        lsns.add(lsn);
        self.drop_faulty(because, id, lsns, (lsn, fault));
    }

    fn drop_contradicting(&mut self, transaction: Option<u64>, it: Inconsistency) {
        let mut lsns = LsnRanges::default();
        lsns.add(it.lsn);
        self.drop_for(DroppedBecause::Contradicts, transaction, lsns, Some(it));
    }

    fn drop_faulty(
        &mut self,
        because: DroppedBecause,
        id: u64,
        lsns: LsnRanges,
        (lsn, fault): (u64, TransactionFault),
    ) {
        let cause = Cause::Transaction(fault);
        let inconsistency = Inconsistency { lsn, position: lsn, cause };
        self.drop_for(because, Some(id), lsns, Some(inconsistency));
    }

    fn drop_for(
        &mut self,
        because: DroppedBecause,
        transaction: Option<u64>,
        lsns: LsnRanges,
        inconsistency: Option<Inconsistency>,
    ) {
        let (lsns, damage) = (lsns.0, None);
        self.dropped.push(Dropped { because, transaction, lsns, damage, inconsistency });
    }
}
