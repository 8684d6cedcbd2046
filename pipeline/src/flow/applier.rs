//! The applying part of the flow: every partition's effects, on all workers.

use std::iter;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender};
use rayon::ThreadPool;

use super::backing::Backing;
use super::checkpointer::Checkpointer;
use super::pool::Epoch;
use super::{FlowOptions, add_contradictions};
use crate::checkpoint::Report;
use crate::error::Error;
use crate::profile::{Doing, Laps, Post, Queue, Stage, Watch};
use crate::replay::{Charge, Cut, Meter, Progress};
use crate::stages::apply::{Owner, Work};
use crate::stages::decode::Decoded;
use crate::stages::fetch::fetch;
use crate::stages::transactions::Settled;
use crate::state::{MemoryState, Table};

/// A share of work for the apply stage.
pub(super) struct Unit {
    pub(super) epoch: Arc<Epoch>,
    /// Which LSNs take place now, as far as they are outside of transactions.
    pub(super) lsns: Range<u64>,
    pub(super) settled: Settled,
    /// How much memory open transactions take, in bytes.
    pub(super) open_bytes: u64,
    pub(super) progress: Progress,
    /// The cut behind it: where it ends an epoch, and nothing before it is damaged.
    pub(super) cut: Option<Box<Cut>>,
}

/// What applying leaves.
#[derive(Debug, Default)]
pub(super) struct Applied {
    pub(super) owners: Vec<Owner>,
    /// The cut at which the state is, where it is at one.
    pub(super) cut: Option<Cut>,
    pub(super) checkpoints: Report,
    /// The most memory that was taken at once, in bytes.
    pub(super) memory_bytes_max: u64,
}

/// Applies epochs as they come.
pub(super) struct Applier<'f> {
    pub(super) workers: &'f ThreadPool,
    pub(super) options: &'f FlowOptions<'f>,
    pub(super) settled_home: Sender<Settled>,
    /// How many epochs are in flight at most.
    pub(super) spaces: u64,
    /// How much memory the buffers of epochs take, in bytes.
    pub(super) pipeline_bytes: u64,
    /// The store that the state is a cache of.
    pub(super) backing: Option<Backing<'f>>,
}

impl Applier<'_> {
    pub(super) fn run(
        &mut self,
        mut state: Option<&mut MemoryState>,
        units: Receiver<Unit>,
        mut checkpointer: Option<Checkpointer>,
        mut charge: Charge<'_>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Applied, Error> {
        let so_far = self.options.start.map(|cut| &cut.so_far);
        let spared = so_far.map_or((0, 0), |it| (it.tally.events, it.bytes));
        let mut meter = Meter::start();
        let mut applied = Applied { cut: self.options.start.cloned(), ..Applied::default() };
        charge.set(self.pipeline_bytes + state.as_deref().map_or(0, MemoryState::memory_bytes))?;
        let mut begun = false;
        let profiler = self.options.reading.profiler;
        let mut watch = Watch::start(profiler, Post::Apply);
        for unit in &units {
            watch.lap(Doing::Waiting);
            if let Some(profiler) = profiler {
                profiler.saw(Queue::Verified, units.len());
            }
            let _span = tracing::debug_span!("apply", from = unit.lsns.start).entered();
            if !std::mem::replace(&mut begun, true) {
                let (events, bytes) = spared;
                let mut first = Progress { events, bytes, ..unit.progress };
                first.memory_bytes =
                    self.memory_bytes(state.as_deref(), &unit, checkpointer.as_ref());
                first.checkpoint_lsn = self.checkpoint_lsn(checkpointer.as_ref());
                progress(&first);
            }
            let before = applied.cut.take();
            if let Some(state) = &mut state {
                applied.owners.resize_with(state.partitions_mut().len(), Owner::default);
                watch.lap(Doing::Alone);
                self.apply(state, &mut applied.owners, &unit)?;
                watch.lap(Doing::Working);
            }
            // Behind its last share an epoch is done.
            let read_at = unit.epoch.read_at.filter(|_| unit.lsns.end == u64::MAX);
            if let (Some(profiler), Some(read_at)) = (profiler, read_at) {
                profiler.epoch_took(read_at.elapsed());
            }
            let mut now = unit.progress;
            now.shares_verified = units.len();
            now.memory_bytes = self.memory_bytes(state.as_deref(), &unit, checkpointer.as_ref());
            now.checkpoint_lsn = self.checkpoint_lsn(checkpointer.as_ref());
            charge.set(now.memory_bytes)?;
            meter.measure(spared, &mut now);
            progress(&now);
            let mut settled = unit.settled;
            settled.clear();
            // Full, or nobody there: then it isn't needed any more.
            let _ = self.settled_home.try_send(settled);
            // Where nothing was accepted, nothing took place.
            let nothing = unit.epoch.stretch.frames.is_empty();
            applied.cut = unit.cut.map(|cut| *cut).or(before.filter(|_| nothing));
            if let (Some(state), Some(backing)) = (&mut state, &mut self.backing) {
                backing.visit(applied.cut.as_ref(), state, &applied.owners)?;
            }
            if let (Some(state), Some(cut)) = (&mut state, &mut applied.cut)
                && let Some(checkpointer) = &mut checkpointer
                && !checkpointer.visit(cut, state, &applied.owners, self.workers, profiler)
            {
                break;
            }
            watch.lap(Doing::Alone);
        }
        if let Some(cut) = &mut applied.cut {
            add_contradictions(&mut cut.so_far.inconsistencies, &applied.owners);
        }
        applied.memory_bytes_max = charge.most();
        applied.checkpoints = checkpointer.map(Checkpointer::into_report).unwrap_or_default();
        Ok(applied)
    }

    fn apply(
        &self,
        state: &mut MemoryState,
        owners: &mut [Owner],
        unit: &Unit,
    ) -> Result<(), Error> {
        let space = &unit.epoch.space;
        let work = Work {
            buffer: &space.buffer,
            runs: &space.runs,
            lsns: unit.lsns.clone(),
            settled: &unit.settled,
        };
        let shares = state.partitions_mut().iter_mut().zip(owners).map(Mutex::new);
        let shares: Vec<Mutex<(&mut Table, &mut Owner)>> = shares.collect();
        let claims = Claims::new(shares.len(), self.workers.current_num_threads());
        let readers = self.backing.as_ref().map(|backing| &backing.readers);
        let done = self.workers.broadcast(|worker| {
            let reader = readers.map(|readers| &readers[worker.index()]);
            let mut reader =
                reader.map(|reader| reader.lock().unwrap_or_else(PoisonError::into_inner));
            let mut laps = Laps::start(self.options.reading.profiler);
            let done = claims.of(worker.index()).try_for_each(|partition| {
                let mut share = shares[partition].lock().unwrap_or_else(PoisonError::into_inner);
                let (table, owner) = &mut *share;
                if let Some(reader) = &mut reader {
                    laps.lap(Stage::Apply);
                    fetch(partition, table, &work, reader.as_mut())?;
                    laps.lap(Stage::Fetch);
                }
                owner.apply(partition, *table, &work);
                Ok(())
            });
            laps.lap(Stage::Apply);
            done
        });
        done.into_iter().collect()
    }

    /// The watermark of what was handed on last to be kept, 0 for none.
    fn checkpoint_lsn(&self, checkpointer: Option<&Checkpointer>) -> u64 {
        let stored_lsn = self.backing.as_ref().map_or(0, Backing::last_lsn);
        checkpointer.map_or(stored_lsn, Checkpointer::last_lsn)
    }

    /// How much memory there is in use for state and pipeline, in bytes.
    fn memory_bytes(
        &self,
        state: Option<&MemoryState>,
        unit: &Unit,
        checkpointer: Option<&Checkpointer>,
    ) -> u64 {
        let descriptors = unit.epoch.space.runs.iter().map(Decoded::memory_bytes).sum::<u64>();
        self.pipeline_bytes
            + self.spaces * (descriptors + unit.settled.memory_bytes())
            + unit.open_bytes
            + state.map_or(0, MemoryState::memory_bytes)
            + checkpointer.map_or(0, Checkpointer::memory_bytes)
            + self.backing.as_ref().map_or(0, Backing::memory_bytes)
    }
}

/// Which partitions are still to be done. Each worker has a range of its own, the same ones every
/// time, so that what they hold stays in its core's cache; when that is done, it helps the others.
pub(super) struct Claims {
    partitions: usize,
    each: usize,
    next: Vec<AtomicUsize>,
}

impl Claims {
    pub(super) fn new(partitions: usize, workers: usize) -> Self {
        let each = partitions.div_ceil(workers);
        let next = (0..workers).map(|worker| AtomicUsize::new(worker * each)).collect();
        Self { partitions, each, next }
    }

    /// What a worker does, as far as nobody else has done it.
    pub(super) fn of(&self, worker: usize) -> impl Iterator<Item = usize> {
        let workers = self.next.len();
        let ranges = (0..workers).map(move |turn| (worker + turn) % workers);
        ranges.flat_map(move |range| {
            let end = ((range + 1) * self.each).min(self.partitions);
            let claim = move || self.next[range].fetch_add(1, Ordering::Relaxed);
            iter::repeat_with(claim).take_while(move |&partition| partition < end)
        })
    }
}
