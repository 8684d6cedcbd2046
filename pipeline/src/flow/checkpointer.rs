//! The checkpointing part of the flow: decides at each cut whether a checkpoint is due, takes what
//! changed out of the state, and hands it to a thread that writes it while applying goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rayon::ThreadPool;

use super::add_contradictions;
use super::applier::Claims;
use super::desk::{Giver, Taker, desk};
use crate::checkpoint::{CheckpointPolicy, EncodedSection, Report, Saver, Snapshot, StallTimes};
use crate::error::Error;
use crate::profile::{Doing, Laps, Post, Profiler, Stage, Watch};
use crate::replay::{Cut, cores};
use crate::stages::apply::Owner;
use crate::state::MemoryState;

/// What writing a checkpoint takes beside its sections, in bytes: zstd's tables and what waits to be
/// written.
const WRITER_BYTES: u64 = 4 * 1024 * 1024;

/// How long a checkpoint is expected to take for each byte that changed, in seconds, before any was
/// taken: what taking, compressing and hashing take on one core of two.
const SECONDS_PER_BYTE: f64 = 2.5e-9;

/// The applier's side.
#[derive(Debug)]
pub(super) struct Checkpointer {
    policy: CheckpointPolicy,
    /// To whom snapshots are handed; their sections come back when they are written, and are used again.
    desk: Giver<Snapshot, Vec<EncodedSection>>,
    /// How long the other side has worked.
    spent: Arc<Mutex<Duration>>,
    started: Instant,
    last: Last,
    /// How many bytes of sections were taken.
    taken_bytes: u64,
    /// How many workers there are.
    threads: usize,
    stalls: StallTimes,
    stalled: Duration,
    put_off: u64,
    /// How much memory the sections take that are on their way, in bytes.
    memory_bytes: u64,
}

/// Where the last checkpoint was.
#[derive(Debug)]
struct Last {
    lsn: u64,
    events: u64,
    bytes: u64,
    when: Instant,
}

/// The side of the thread that writes.
#[derive(Debug)]
pub(super) struct Desk {
    taker: Taker<Snapshot, Vec<EncodedSection>>,
    spent: Arc<Mutex<Duration>>,
}

/// Both sides; the applier has none where nothing is to be saved.
pub(super) fn connect(
    saver: Option<&Saver>,
    start: Option<&Cut>,
    threads: usize,
) -> (Option<Checkpointer>, Desk) {
    let ((giver, taker), spent) = (desk(), Arc::default());
    let checkpointer = saver.map(|saver| {
        let so_far = start.map(|cut| &cut.so_far);
        let now = Instant::now();
        Checkpointer {
            policy: *saver.policy(),
            desk: giver,
            spent: Arc::clone(&spent),
            started: now,
            last: Last {
                lsn: start.map_or(0, |cut| cut.lsn),
                events: so_far.map_or(0, |it| it.tally.events),
                bytes: so_far.map_or(0, |it| it.bytes),
                when: now,
            },
            taken_bytes: 0,
            threads,
            stalls: StallTimes::none(),
            stalled: Duration::ZERO,
            put_off: 0,
            memory_bytes: WRITER_BYTES,
        }
    });
    (checkpointer, Desk { taker, spent })
}

impl Desk {
    /// Writes snapshots as they come.
    pub(super) fn serve(self, saver: &mut Saver, profiler: Option<&Profiler>) -> Result<(), Error> {
        let mut watch = Watch::start(profiler, Post::Checkpoint);
        self.taker.serve(|snapshot| {
            watch.lap(Doing::Waiting);
            let sections = saver.save(snapshot)?;
            watch.lap(Doing::Alone);
            *self.spent.lock().unwrap_or_else(PoisonError::into_inner) = saver.spent();
            Ok(sections)
        })
    }
}

impl Checkpointer {
    /// Takes a checkpoint at this cut where one is due. False when nobody writes it any more.
    pub(super) fn visit(
        &mut self,
        cut: &Cut,
        state: &mut MemoryState,
        owners: &[Owner],
        workers: &ThreadPool,
        profiler: Option<&Profiler>,
    ) -> bool {
        if !self.is_due(cut) {
            return true;
        }
        if !self.desk.is_free() || self.would_be_over_budget(cut, state) {
            self.put_off += 1;
            return true;
        }
        let started = Instant::now();
        let buffers = self.desk.returned().unwrap_or_default();
        let sections = take_changes(state, workers, buffers, profiler);
        let taken = sections.iter().map(|(bytes, _)| bytes.capacity()).sum::<usize>();
        self.memory_bytes = WRITER_BYTES + taken as u64;
        self.taken_bytes += taken as u64;
        let mut cut = cut.clone();
        add_contradictions(&mut cut.so_far.inconsistencies, owners);
        let (events, bytes, when) = (cut.so_far.tally.events, cut.so_far.bytes, Instant::now());
        self.last = Last { lsn: cut.lsn, events, bytes, when };
        let is_taken = self.desk.hand_over(Snapshot { cut, sections, state_digest: None });
        let stall = started.elapsed();
        self.stalled += stall;
        self.stalls.add(stall);
        is_taken
    }

    fn is_due(&self, cut: &Cut) -> bool {
        // What is read again before the start of the pass leads to no new cut.
        if cut.lsn <= self.last.lsn {
            return false;
        }
        let events = cut.so_far.tally.events.saturating_sub(self.last.events);
        let bytes = cut.so_far.bytes.saturating_sub(self.last.bytes);
        let policy = &self.policy;
        policy.every_events.is_some_and(|every| events >= every)
            || bytes >= policy.every_bytes
            || policy.every.is_some_and(|every| self.last.when.elapsed() >= every)
    }

    /// Whether checkpoints would have taken more of the time than they may, if one were taken now. Where
    /// the workers take all cores, a thread that writes holds them all up: they wait for each other.
    fn would_be_over_budget(&self, cut: &Cut, state: &MemoryState) -> bool {
        let spent = *self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = self.stalled.as_secs_f64()
            + spent.as_secs_f64() * (self.threads as f64 / cores().get() as f64).min(1.0);
        let seconds_per_byte = match self.taken_bytes {
            0 => SECONDS_PER_BYTE,
            bytes => taken / bytes as f64,
        };
        // No more has changed than there is, nor than the journal told of since.
        let told = cut.so_far.bytes.saturating_sub(self.last.bytes);
        let next = state.memory_bytes().min(told) as f64 * seconds_per_byte;
        taken + next > self.started.elapsed().as_secs_f64() * self.policy.time_share_max
    }

    /// The watermark of the last checkpoint that was taken, 0 for none.
    pub(super) fn last_lsn(&self) -> u64 {
        self.last.lsn
    }

    /// How much memory checkpoints take, in bytes.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// What this side knows of the checkpoints.
    pub(super) fn into_report(self) -> Report {
        Report { put_off: self.put_off, stalls: self.stalls.sum_up(), ..Report::default() }
    }
}

/// Takes what changed out of every partition, on all workers.
pub(super) fn take_changes(
    state: &mut MemoryState,
    workers: &ThreadPool,
    mut buffers: Vec<EncodedSection>,
    profiler: Option<&Profiler>,
) -> Vec<EncodedSection> {
    let partitions = state.partitions_mut();
    buffers.resize_with(partitions.len(), Default::default);
    let shares = partitions.iter_mut().zip(&mut buffers).map(Mutex::new);
    let shares: Vec<_> = shares.collect();
    let claims = Claims::new(shares.len(), workers.current_num_threads());
    workers.broadcast(|worker| {
        let mut laps = Laps::start(profiler);
        for partition in claims.of(worker.index()) {
            let mut share = shares[partition].lock().unwrap_or_else(PoisonError::into_inner);
            let (table, (bytes, records)) = &mut *share;
            let section = table.take_changes(std::mem::take(bytes));
            *records = section.count();
            *bytes = section.into_bytes();
        }
        laps.lap(Stage::Take);
    });
    drop(shares);
    buffers
}
