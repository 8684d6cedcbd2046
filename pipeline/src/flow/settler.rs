//! The settling part of the flow: judges what is bad in an epoch that was decoded, settles transactions in
//! order, and hands on what takes place. It is done by one thread, epoch by epoch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, Sender};

use super::FlowOptions;
use super::applier::Unit;
use super::found::Found;
use super::pool::Epoch;
use crate::error::Error;
use crate::journal::damage::Damage;
use crate::journal::{End, Frame, Journal, Judge};
use crate::profile::{Doing, Post, Watch};
use crate::replay::{
    Cause, Cut, CutBlock, Findings, Inconsistency, ListedBlock, Progress, SoFar, digest_at,
};
use crate::stages::decode::{BadBlock, Decoded, Reading};
use crate::stages::ledger::TransactionFault;
use crate::stages::transactions::{BlockRef, Settled, Surroundings, Transactions, check_same};

/// Settles one epoch after the other.
pub(super) struct Settler<'f> {
    journal: &'f Journal,
    options: &'f FlowOptions<'f>,
    judge: Judge<'f>,
    units: Sender<Unit>,
    settled_home: Receiver<Settled>,
    found: Found,
    pub(super) progress: Progress,
    /// Set when nothing of what follows matters.
    enough: &'f AtomicBool,
    /// What the thread does that settles, and has epochs decoded meanwhile.
    pub(super) watch: Watch<'f>,
}

impl<'f> Settler<'f> {
    pub(super) fn new(
        journal: &'f Journal,
        options: &'f FlowOptions<'f>,
        units: Sender<Unit>,
        settled_home: Receiver<Settled>,
        enough: &'f AtomicBool,
    ) -> Self {
        let (judge, found) = (Judge::new(journal), Found::from(options.start));
        let progress = Progress {
            events: found.tally.events,
            bytes: found.bytes,
            total_bytes: journal.block_bytes(),
            ..Progress::default()
        };
        let watch = Watch::start(options.reading.profiler, Post::Verify);
        Self { journal, options, judge, units, settled_home, found, progress, enough, watch }
    }

    /// What this settles, from where the pass begins.
    pub(super) fn transactions(&mut self) -> Transactions<'f> {
        let mut transactions = Transactions::new(self.options.reading);
        transactions.ledger.summary = std::mem::take(&mut self.found.transactions);
        transactions
    }

    /// Takes an epoch that was decoded, and hands it on. Tells whether the journal ends here.
    pub(super) fn settle(
        &mut self,
        mut epoch: Epoch,
        transactions: &mut Transactions<'_>,
    ) -> Result<bool, Error> {
        let ended = self.judge_faults(&mut epoch)?;
        // Behind damage there is no cut from which another pass would find the same.
        let cuts = self.options.cuts && self.found.damages.is_empty();
        if let Some(damage) = epoch.stretch.damage.take() {
            Findings::add_damage(&mut self.found.damages, damage);
        }
        if let Some(frame) = epoch.stretch.frames.first() {
            transactions.ledger.enter_epoch(frame.header.writer_epoch);
        }
        let last_lsn = epoch.stretch.frames.last().map_or(0, |frame| frame.header.first_lsn);
        self.settle_transactions(transactions, Arc::new(epoch), cuts)?;
        if last_lsn > self.options.selected_until() && transactions.nothing_waits() {
            self.enough.store(true, Ordering::Relaxed);
        }
        self.watch.lap(Doing::Alone);
        Ok(ended)
    }

    /// What was found, where no epoch follows.
    pub(super) fn finish(mut self, mut transactions: Transactions<'_>) -> Found {
        transactions.ledger.discard_all();
        self.found.skipped = transactions.ledger.take_skipped();
        self.found.transactions = transactions.ledger.summary;
        self.found
    }

    /// Judges the bad blocks of an epoch and counts the good ones. Tells whether the journal ends
    /// here; then nothing is left of the epoch from the first bad block on.
    fn judge_faults(&mut self, epoch: &mut Epoch) -> Result<bool, Error> {
        let reading = self.options.reading;
        let faults: Vec<(usize, BadBlock)> = (0..)
            .zip(&epoch.space.runs)
            .flat_map(|(run, decoded)| decoded.faults.iter().map(move |&bad| (run, bad)))
            .collect();
        let frames = &mut epoch.stretch.frames;
        for (run, bad) in faults {
            let BadBlock { frame, fault, .. } = bad;
            let judged = self.judge.judge(epoch.stretch.segment, &frame.position(), fault)?;
            if reading.stop_at_fault || judged.damage.is_tail() {
                epoch.space.runs[run].cut(&bad);
                epoch.space.runs[run + 1..].iter_mut().for_each(Decoded::clear);
                frames.truncate(frames.partition_point(|it| it.at < frame.at));
                epoch.stretch.damage = None;
                self.found.end = Some(End::at(frame.position(), judged.damage));
                break;
            }
            let block_end =
                frame.header.file_offset.saturating_add(u64::from(frame.header.block_bytes));
            let next_lsn =
                frame.header.first_lsn.saturating_add(u64::from(frame.header.event_count));
            let damage =
                Damage { end: block_end, next_lsn: Some(next_lsn), blocks: 1, ..judged.damage };
            Findings::add_damage(&mut self.found.damages, damage);
            frames.retain(|it| it.at != frame.at);
        }
        for decoded in &epoch.space.runs {
            self.found.tally.add(decoded.tally);
        }
        let old = frames.partition_point(|it| it.header.first_lsn <= reading.after_lsn);
        let new = &frames[old..];
        self.found.blocks += new.len() as u64;
        self.found.bytes += new.iter().map(|it| u64::from(it.header.block_bytes)).sum::<u64>();
        if self.options.list_blocks {
            self.found.listed.extend(new.iter().map(ListedBlock::of));
        }
        let anchored = digest_at(frames, self.options.anchor_lsn);
        self.found.anchored = self.found.anchored.or(anchored);
        self.progress.events = self.found.tally.events;
        self.progress.bytes = self.found.bytes;
        self.progress.damaged_ranges = self.found.damages.len() as u64;
        Ok(self.found.end.is_some())
    }

    /// Settles the transactions that end in an epoch, and hands it on.
    fn settle_transactions(
        &mut self,
        transactions: &mut Transactions<'_>,
        epoch: Arc<Epoch>,
        cuts: bool,
    ) -> Result<(), Error> {
        let mut around = Around {
            open_bytes: transactions.memory_bytes(),
            settler: self,
            epoch: Arc::clone(&epoch),
            handed_on: 0,
        };
        let mut settled = around.fresh();
        for run in &epoch.space.runs {
            let buffer = &epoch.space.buffer;
            for &(transaction, lsn, _) in &run.unknown {
                transactions.ledger.pass_over(transaction, lsn);
            }
            settled = transactions.take(&run.transactional, buffer, settled, &mut around)?;
        }
        let frames = &epoch.stretch.frames;
        transactions.leave_epoch(epoch.stretch.segment, frames);
        let last = frames.last().filter(|_| cuts);
        let cut = last.and_then(|frame| around.settler.cut_behind(frame, transactions));
        around.send(settled, u64::MAX, cut)
    }

    /// The cut behind a block, the last of its epoch; that of the start where it is no farther.
    fn cut_behind(&self, frame: &Frame, transactions: &Transactions<'_>) -> Option<Cut> {
        let Reading { after_lsn, until_lsn, .. } = self.options.reading;
        let (header, position) = (&frame.header, frame.position());
        let behind = position.after(header);
        let lsn = (behind.next_lsn - 1).min(until_lsn);
        if lsn <= after_lsn {
            return self.options.start.cloned();
        }
        let next = if behind.next_lsn - 1 > lsn { position } else { behind };
        let restart = transactions.restart().unwrap_or(next);
        let Found { tally, blocks, bytes, ref inconsistencies, .. } = self.found;
        let (transactions, inconsistencies) =
            (transactions.ledger.summary.clone(), inconsistencies.clone());
        let so_far = SoFar { tally, blocks, bytes, transactions, inconsistencies };
        Some(Cut { lsn, block: CutBlock::of(frame), restart, so_far })
    }
}

/// What the settling of an epoch's transactions needs of the flow.
struct Around<'a, 'f> {
    settler: &'a mut Settler<'f>,
    epoch: Arc<Epoch>,
    /// What lies outside of transactions before this LSN was handed on.
    handed_on: u64,
    /// How much memory open transactions take, in bytes.
    open_bytes: u64,
}

impl Around<'_, '_> {
    fn fresh(&self) -> Settled {
        self.settler.settled_home.try_recv().unwrap_or_default()
    }

    fn send(&mut self, settled: Settled, position: u64, cut: Option<Cut>) -> Result<(), Error> {
        let unit = Unit {
            epoch: Arc::clone(&self.epoch),
            lsns: std::mem::replace(&mut self.handed_on, position)..position,
            open_bytes: self.open_bytes,
            settled,
            progress: self.settler.progress,
            cut: cut.map(Box::new),
        };
        self.settler.watch.lap(Doing::Alone);
        // Nobody takes it: the applier has failed, and its own error goes before this one.
        let sent = self.settler.units.send(unit).map_err(|_| Error::Cancelled);
        self.settler.watch.lap(Doing::Blocked);
        sent
    }
}

impl Surroundings for Around<'_, '_> {
    fn read_again(&mut self, wanted: &BlockRef, block: &mut Vec<u8>) -> Result<(), Error> {
        self.settler.options.check_stop()?;
        let segment = &self.settler.journal.segments[wanted.segment];
        block.resize(wanted.block_bytes as usize, 0);
        segment.read(block, wanted.offset)?;
        let mode = self.settler.options.reading.validation;
        check_same(block, wanted, mode).map_err(|fault| Error::ChangedWhileRead {
            path: segment.path.clone(),
            offset: wanted.offset,
            fault,
        })
    }

    fn hand_on(&mut self, settled: Settled, position: u64) -> Result<Settled, Error> {
        self.send(settled, position, None)?;
        Ok(self.fresh())
    }

    fn contradiction(&mut self, lsn: u64, fault: TransactionFault) {
        // What is left out of a selection may be what an event presupposes.
        if self.settler.options.reading.filter.is_some() {
            return;
        }
        let cause = Cause::Transaction(fault);
        let inconsistency = Inconsistency { lsn, position: lsn, cause };
        self.settler.found.inconsistencies.add(inconsistency);
    }
}
