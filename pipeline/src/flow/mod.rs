//! The stages wired together: read ▶ verify and decode ▶ settle transactions ▶ apply.
//!
//! This file alone makes threads and channels, and knows no formats. What travels is an epoch: a
//! stretch of consecutive blocks, in a space that comes from a pool and returns to it. While one
//! epoch is applied the next is verified and a third is read. The work within an epoch is rayon's;
//! the threads here only hand over, a few hundred times a second.

mod pool;
mod serial;

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use vexfs_kernels::Digest;

pub(crate) use serial::run_serial;

use self::pool::{Epoch, Pool};
use crate::error::Error;
use crate::journal::damage::Damage;
use crate::journal::{End, EndKind, Fill, Journal, Judge, PastDamage, Segment, Walk, layout};
use crate::replay::{
    Cause, Findings, Inconsistencies, Inconsistency, Progress, THREADS_MAX, digest_at,
};
use crate::stages::apply::{Owner, Work};
use crate::stages::decode::{BadBlock, Decoded, Reading, Tally};
use crate::stages::ledger::TransactionFault;
use crate::stages::transactions::{BlockRef, Settled, Surroundings, Transactions, check_same};
use crate::state::MemoryState;

/// How many epochs are in flight at most: one is read and verified while another is applied. A third
/// one would crowd the cache that the state needs.
const SPACES: usize = 2;
/// How long an epoch is at most, in bytes. At least the longest block.
const EPOCH_BYTES: usize = 2 * layout::MAX_BLOCK_BYTES;
/// How much one worker reads at once, in bytes.
const READ_BYTES: usize = 256 * 1024;
/// Runs of blocks per thread and epoch: more than one evens out runs that take unequally long.
const RUNS_PER_THREAD: usize = 2;

/// How a pass over a journal is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowOptions<'o> {
    pub(crate) reading: Reading,
    /// How many workers there are.
    pub(crate) threads: usize,
    /// How much memory state and pipeline may take together, in bytes.
    pub(crate) memory_limit: Option<u64>,
    /// The digest of the block with this LSN is wanted.
    pub(crate) anchor_lsn: Option<u64>,
    /// Set by the caller to end the pass.
    pub(crate) cancel: &'o AtomicBool,
}

impl FlowOptions<'_> {
    fn past_damage(&self) -> PastDamage {
        if self.reading.stop_at_fault { PastDamage::Stop } else { PastDamage::Resynchronise }
    }

    fn check_cancel(&self) -> Result<(), Error> {
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }
}

/// A share of work for the apply stage.
struct Unit {
    epoch: Arc<Epoch>,
    /// Which LSNs take place now, as far as they are outside of transactions.
    lsns: Range<u64>,
    settled: Settled,
    progress: Progress,
}

/// Makes a pass over the journal, and applies what it finds to `state` where one is given.
///
/// The state is complete only when this returns `Ok`; after an error it is to be dropped.
pub(crate) fn run(
    journal: &Journal,
    state: Option<&mut MemoryState>,
    options: &FlowOptions<'_>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Findings, Error> {
    let workers = thread_pool(options.threads)?;
    let total = usize::try_from(journal.total_bytes()).unwrap_or(usize::MAX);
    let buffer_bytes = total.clamp(layout::MAX_BLOCK_BYTES, EPOCH_BYTES);
    let pool = Pool::new(SPACES, buffer_bytes, options.threads * RUNS_PER_THREAD)?;
    let (read_sender, read_receiver) = bounded(1);
    let (unit_sender, unit_receiver) = bounded(1);
    let (settled_sender, settled_receiver) = bounded(SPACES);
    let verifier = Verifier {
        journal,
        options,
        workers: &workers,
        judge: Judge::new(journal),
        units: unit_sender,
        settled_home: settled_receiver,
        found: Found::default(),
        progress: Progress { total_bytes: journal.total_bytes(), ..Progress::default() },
    };
    let apply = Apply { workers: &workers, options, settled_home: settled_sender };
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes threads")]
    let (read, verified, applied) = thread::scope(|scope| {
        let reader = spawn(scope, "read", || read(journal, options, &workers, pool, read_sender));
        let verifier = spawn(scope, "verify", || verifier.run(read_receiver));
        let apply = AssertUnwindSafe(|| apply.run(state, unit_receiver, progress));
        let applied = catch_unwind(apply).unwrap_or_else(|panic| Err(panicked(&*panic)));
        (join(reader), join(verifier), applied)
    });
    // Whoever fails hangs up, and the others then end quietly: so at most one of these is a cause.
    let (applied, verified, read_end) = (applied?, verified?, read?);
    let mut findings = verified.into_findings(read_end, options)?;
    let count = applied.iter().map(|owner| owner.contradiction_count).sum();
    let met = applied.into_iter().flat_map(|owner| owner.contradictions).collect();
    findings.inconsistencies.add_met(count, met);
    findings.sort();
    Ok(findings)
}

/// A pool of this many workers.
pub(crate) fn thread_pool(threads: usize) -> Result<ThreadPool, Error> {
    if threads > THREADS_MAX {
        let reason = format!("{threads} workers are more than the {THREADS_MAX} that are allowed");
        return Err(Error::InvalidOption { option: "threads", reason });
    }
    let named = ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("work-{n}"));
    named.build().map_err(|error| Error::InvalidOption {
        option: "threads",
        reason: format!("{threads} workers could not be started: {error}"),
    })
}

type Handle<'s, T> = Result<thread::ScopedJoinHandle<'s, Result<T, Error>>, Error>;

fn spawn<'s, 'e, T: Send + 's>(
    scope: &'s thread::Scope<'s, 'e>,
    name: &str,
    body: impl FnOnce() -> Result<T, Error> + Send + 's,
) -> Handle<'s, T> {
    let started = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, body);
    started.map_err(|error| Error::InvalidOption {
        option: "threads",
        reason: format!("the {name} thread could not be started: {error}"),
    })
}

fn join<T>(handle: Handle<'_, T>) -> Result<T, Error> {
    handle?.join().unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Panicked { message: text.unwrap_or_else(|| "no message".to_owned()) }
}

/// The read stage: gives the journal's end when it came to it.
fn read(
    journal: &Journal,
    options: &FlowOptions<'_>,
    workers: &ThreadPool,
    pool: Pool,
    epochs: Sender<Epoch>,
) -> Result<Option<End>, Error> {
    let mut walk = Walk::new(journal, options.reading.validation, options.past_damage());
    let fill: Fill<'_> = &|segment: &Segment, bytes: &mut [u8], offset: u64| {
        workers.install(|| {
            let parts = bytes.par_chunks_mut(READ_BYTES).enumerate();
            parts.try_for_each(|(part, bytes)| {
                segment.read(bytes, offset + (part * READ_BYTES) as u64)
            })
        })
    };
    while let Some(mut epoch) = pool.lend() {
        options.check_cancel()?;
        let Some(stretch) = walk.next(&mut epoch.space.buffer, fill)? else { break };
        epoch.stretch = stretch;
        let until = options.reading.until_lsn;
        let past_until = walk.position().next_lsn.saturating_sub(1) > until;
        if epochs.send(epoch).is_err() || past_until {
            break;
        }
    }
    let position = *walk.position();
    Ok(walk.end().or(Some(End { kind: EndKind::Until, position, tail: None })))
}

/// What the verify stage has found so far.
#[derive(Default)]
struct Found {
    tally: Tally,
    blocks: u64,
    bytes: u64,
    damages: Vec<Damage>,
    inconsistencies: Inconsistencies,
    transactions: crate::stages::ledger::TransactionSummary,
    anchored: Option<Digest>,
    /// Where a bad block ended the journal.
    end: Option<End>,
}

impl Found {
    fn into_findings(
        self,
        read: Option<End>,
        options: &FlowOptions<'_>,
    ) -> Result<Findings, Error> {
        let Some(mut end) = self.end.or(read) else { return Err(Error::Cancelled) };
        if end.position.next_lsn.saturating_sub(1) > options.reading.until_lsn {
            (end.kind, end.tail) = (EndKind::Until, None);
        }
        Ok(Findings {
            end,
            damages: self.damages,
            tally: self.tally,
            blocks: self.blocks,
            bytes: self.bytes,
            transactions: self.transactions,
            inconsistencies: self.inconsistencies,
            anchored: self.anchored,
        })
    }
}

/// The verify stage: verifies and decodes on all workers, then settles transactions in order.
struct Verifier<'f> {
    journal: &'f Journal,
    options: &'f FlowOptions<'f>,
    workers: &'f ThreadPool,
    judge: Judge<'f>,
    units: Sender<Unit>,
    settled_home: Receiver<Settled>,
    found: Found,
    progress: Progress,
}

impl Verifier<'_> {
    fn run(mut self, epochs: Receiver<Epoch>) -> Result<Found, Error> {
        let reading = self.options.reading;
        let mut transactions = Transactions::new(reading);
        for mut epoch in epochs {
            self.decode(&mut epoch);
            let ended = self.judge_faults(&mut epoch)?;
            if let Some(damage) = epoch.stretch.damage.take() {
                Findings::add_damage(&mut self.found.damages, damage);
            }
            if let Some(frame) = epoch.stretch.frames.first() {
                transactions.ledger.enter_epoch(frame.header.writer_epoch);
            }
            if self.settle(&mut transactions, Arc::new(epoch))?.is_none() || ended {
                break;
            }
        }
        transactions.ledger.discard_all();
        self.found.transactions = transactions.ledger.summary;
        Ok(self.found)
    }

    /// Verifies and decodes an epoch's blocks, a run of them per worker.
    fn decode(&self, epoch: &mut Epoch) {
        let (reading, frames) = (self.options.reading, &epoch.stretch.frames);
        let (buffer, runs) = (&epoch.space.buffer, &mut epoch.space.runs);
        let run_length = frames.len().div_ceil(runs.len()).max(1);
        self.workers.install(|| {
            runs.par_iter_mut().enumerate().for_each(|(index, run)| {
                let start = (index * run_length).min(frames.len());
                let end = (start + run_length).min(frames.len());
                run.run(&frames[start..end], buffer, reading);
            });
        });
    }

    /// Judges the bad blocks of an epoch and counts the good ones. Tells whether the journal ends
    /// here; then nothing is left of the epoch from the first bad block on.
    fn judge_faults(&mut self, epoch: &mut Epoch) -> Result<bool, Error> {
        let faults: Vec<(usize, BadBlock)> = (0..)
            .zip(&epoch.space.runs)
            .flat_map(|(run, decoded)| decoded.faults.iter().map(move |&bad| (run, bad)))
            .collect();
        let frames = &mut epoch.stretch.frames;
        for (run, bad) in faults {
            let BadBlock { frame, fault, .. } = bad;
            let judged = self.judge.judge(epoch.stretch.segment, &frame.position(), fault)?;
            if self.options.reading.stop_at_fault || judged.damage.is_tail() {
                epoch.space.runs[run].cut(&bad);
                epoch.space.runs[run + 1..].iter_mut().for_each(Decoded::clear);
                frames.truncate(frames.partition_point(|it| it.at < frame.at));
                epoch.stretch.damage = None;
                self.found.end = Some(End::at(frame.position(), judged.damage));
                break;
            }
            let block_end = frame.header.file_offset + u64::from(frame.header.block_bytes);
            let next_lsn = frame.header.first_lsn + u64::from(frame.header.event_count);
            let damage =
                Damage { end: block_end, next_lsn: Some(next_lsn), blocks: 1, ..judged.damage };
            Findings::add_damage(&mut self.found.damages, damage);
            frames.retain(|it| it.at != frame.at);
        }
        for decoded in &epoch.space.runs {
            self.found.tally.add(decoded.tally);
        }
        self.found.blocks += frames.len() as u64;
        self.found.bytes += frames.iter().map(|it| u64::from(it.header.block_bytes)).sum::<u64>();
        let anchored = digest_at(frames, self.options.anchor_lsn);
        self.found.anchored = self.found.anchored.or(anchored);
        self.progress.events = self.found.tally.events;
        self.progress.bytes = self.found.bytes;
        Ok(self.found.end.is_some())
    }

    /// Settles the transactions that end in an epoch, and hands it on. `None` when nobody takes it.
    fn settle(
        &mut self,
        transactions: &mut Transactions,
        epoch: Arc<Epoch>,
    ) -> Result<Option<()>, Error> {
        let mut around = Around { verifier: self, epoch: Arc::clone(&epoch), handed_on: 0 };
        let mut settled = around.fresh();
        for run in &epoch.space.runs {
            let buffer = &epoch.space.buffer;
            settled = match transactions.take(&run.transactional, buffer, settled, &mut around) {
                Err(Error::Cancelled) => return Ok(None),
                other => other?,
            };
        }
        transactions.leave_epoch(epoch.stretch.segment, &epoch.stretch.frames);
        Ok(around.hand_on(settled, u64::MAX).ok().map(|_| ()))
    }
}

/// What the settling of an epoch's transactions needs of the flow.
struct Around<'a, 'f> {
    verifier: &'a mut Verifier<'f>,
    epoch: Arc<Epoch>,
    /// What lies outside of transactions before this LSN was handed on.
    handed_on: u64,
}

impl Around<'_, '_> {
    fn fresh(&self) -> Settled {
        self.verifier.settled_home.try_recv().unwrap_or_default()
    }
}

impl Surroundings for Around<'_, '_> {
    fn read_again(&mut self, wanted: &BlockRef, block: &mut Vec<u8>) -> Result<(), Error> {
        let segment = &self.verifier.journal.segments[wanted.segment];
        block.resize(wanted.block_bytes as usize, 0);
        segment.read(block, wanted.offset)?;
        let mode = self.verifier.options.reading.validation;
        check_same(block, wanted, mode).map_err(|fault| Error::ChangedWhileRead {
            path: segment.path.clone(),
            offset: wanted.offset,
            fault,
        })
    }

    fn hand_on(&mut self, settled: Settled, position: u64) -> Result<Settled, Error> {
        let unit = Unit {
            epoch: Arc::clone(&self.epoch),
            lsns: std::mem::replace(&mut self.handed_on, position)..position,
            settled,
            progress: self.verifier.progress,
        };
        // Nobody takes it: the apply stage has failed, and tells why itself.
        self.verifier.units.send(unit).map_err(|_| Error::Cancelled)?;
        Ok(self.fresh())
    }

    fn contradiction(&mut self, lsn: u64, fault: TransactionFault) {
        let cause = Cause::Transaction(fault);
        let inconsistency = Inconsistency { lsn, position: lsn, cause };
        self.verifier.found.inconsistencies.add(inconsistency);
    }
}

/// The apply stage: every partition's effects, on all workers.
struct Apply<'f> {
    workers: &'f ThreadPool,
    options: &'f FlowOptions<'f>,
    settled_home: Sender<Settled>,
}

impl Apply<'_> {
    fn run(
        &self,
        mut state: Option<&mut MemoryState>,
        units: Receiver<Unit>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Vec<Owner>, Error> {
        let mut owners: Vec<Owner> = Vec::new();
        for unit in units {
            self.options.check_cancel()?;
            if let Some(state) = &mut state {
                owners.resize_with(state.partitions_mut().len(), Owner::default);
                self.apply(state, &mut owners, &unit);
                self.check_memory(state)?;
            }
            progress(&unit.progress);
            let mut settled = unit.settled;
            settled.clear();
            // Full, or nobody there: then it isn't needed any more.
            let _ = self.settled_home.try_send(settled);
        }
        Ok(owners)
    }

    fn apply(&self, state: &mut MemoryState, owners: &mut [Owner], unit: &Unit) {
        let space = &unit.epoch.space;
        let work = Work {
            buffer: &space.buffer,
            runs: &space.runs,
            lsns: unit.lsns.clone(),
            settled: &unit.settled,
        };
        self.workers.install(|| {
            let tables = state.partitions_mut().par_iter_mut();
            let owned = tables.zip(owners.par_iter_mut()).enumerate();
            owned.for_each(|(partition, (table, owner))| owner.apply(partition, table, &work));
        });
    }

    fn check_memory(&self, state: &MemoryState) -> Result<(), Error> {
        let Some(limit) = self.options.memory_limit else { return Ok(()) };
        let needed = state.memory_bytes() + (SPACES * EPOCH_BYTES) as u64;
        if needed <= limit {
            return Ok(());
        }
        Err(Error::MemoryLimit { what: "the state with the pipeline", needed, limit })
    }
}
