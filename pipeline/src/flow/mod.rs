//! The stages wired together: read ▶ verify and decode ▶ settle transactions ▶ apply.
//!
//! This file alone makes threads and channels, and knows no formats. What travels is an epoch: a
//! stretch of consecutive blocks, in a space that comes from a pool and returns to it. While one
//! epoch is applied the next ones are settled, verified and read. The work within an epoch is rayon's; the threads
//! here only hand over, a few hundred times a second.

mod applier;
mod backing;
mod checkpointer;
mod desk;
mod found;
mod hasher;
mod pool;
mod reader;
mod serial;
mod settler;
mod verifier;

use std::any::Any;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;
use rayon::{ThreadPool, ThreadPoolBuilder};

pub(crate) use backing::Backed;
pub(crate) use pool::Spares;
pub(crate) use serial::{Accepted, Sink, run_serial};

use vexfs_kernels::Digest;

use self::applier::{Applied, Applier};
use self::backing::Backing;
use self::found::Found;
use self::pool::Pool;
use self::settler::Settler;
use crate::checkpoint::Saver;
use crate::checkpoint::{Report, Snapshot};
use crate::error::Error;
use crate::journal::{End, Journal, PastDamage, Plan, layout};
use crate::offload::Offload;
use crate::replay::Inconsistencies;
use crate::replay::{Control, Cut, Filter, Findings, Progress, Shared, THREADS_MAX};
use crate::stages::apply::Owner;
use crate::stages::decode::Reading;
use crate::state::MemoryState;

/// How many epochs are in flight at most: one that is read, one that is verified and decoded, one that is
/// settled, and one that is applied. On few cores a fourth one would crowd the cache that the state needs,
/// and a short journal doesn't fill them all.
fn spaces_for(threads: usize, journal_bytes: usize) -> usize {
    let usual = if threads > 2 { 4 } else { 3 };
    usual.min(2 + journal_bytes / layout::MAX_BLOCK_BYTES)
}

/// Which part of a memory limit the buffers of one replay take at most, where they can be so short: several
/// replays may share the limit, and most of it is for states.
const SHARE_OF_LIMIT: u64 = 32;

/// How long an epoch is per thread, in bytes: so many usual blocks as the kernels hash side by side.
const EPOCH_BYTES_PER_THREAD: usize = layout::MAX_BLOCK_BYTES;
/// How long an epoch is, in bytes, where the journal is no shorter: at least the longest block, and no
/// more than caches hold.
const EPOCH_BYTES: RangeInclusive<usize> =
    2 * layout::MAX_BLOCK_BYTES..=16 * layout::MAX_BLOCK_BYTES;

/// What waits longer than this has waited for somebody.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// How long an epoch is at most that an accelerator hashes, in bytes, whatever it would like.
const EPOCH_BYTES_OFFLOADED_MAX: usize = 128 * layout::MAX_BLOCK_BYTES;

/// How long an epoch is at most, in bytes, of so many in flight under this memory limit.
fn epoch_bytes(threads: usize, spaces: usize, memory_limit: Option<u64>) -> usize {
    let usual = (threads * EPOCH_BYTES_PER_THREAD).clamp(*EPOCH_BYTES.start(), *EPOCH_BYTES.end());
    let share = memory_limit.map_or(u64::MAX, |limit| limit / SHARE_OF_LIMIT / spaces as u64);
    let share = usize::try_from(share).unwrap_or(usize::MAX);
    usual.min(share).max(layout::MAX_BLOCK_BYTES)
}

/// How long an epoch of this journal is at most that an accelerator hashes, in bytes, under this memory
/// limit.
fn offloaded_bytes(journal: &Journal, memory_limit: Option<u64>) -> usize {
    let share = memory_limit.map_or(u64::MAX, |limit| limit / 16);
    let most = usize::try_from(journal.total_bytes().min(share)).unwrap_or(usize::MAX);
    most.clamp(layout::MAX_BLOCK_BYTES, EPOCH_BYTES_OFFLOADED_MAX)
}

/// How a pass over a journal is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlowOptions<'o> {
    pub(crate) reading: Reading<'o>,
    /// Which blocks need not be read.
    pub(crate) plan: Option<&'o Plan>,
    /// The digest of the block with this LSN is wanted.
    pub(crate) anchor_lsn: Option<u64>,
    /// Every block that is accepted is listed.
    pub(crate) list_blocks: bool,
    /// Where the pass takes up what an earlier one left.
    pub(crate) start: Option<&'o Cut>,
    /// What may hash blocks beside the workers.
    pub(crate) offload: Option<&'o Offload>,
    /// Someone wants the last cut.
    pub(crate) cuts: bool,
    /// By which the caller pauses or ends the pass.
    pub(crate) control: &'o Control,
    /// When the pass must have ended, and how long it had.
    pub(crate) deadline: Option<(Instant, Duration)>,
}

impl FlowOptions<'_> {
    fn past_damage(&self) -> PastDamage {
        if self.reading.stop_at_fault { PastDamage::Stop } else { PastDamage::Resynchronise }
    }

    /// Nothing behind this LSN is selected, but the ends of transactions. Where nothing is stepped over,
    /// nothing is left unread at the end either.
    fn selected_until(&self) -> u64 {
        self.plan.and(self.reading.filter).map_or(u64::MAX, Filter::last_lsn)
    }

    /// How much of a journal the pass is known to read, in bytes.
    fn bytes_of(&self, journal: &Journal) -> u64 {
        let is_whole =
            self.reading.until_lsn == u64::MAX && self.start.is_none() && self.plan.is_none();
        if is_whole { journal.block_bytes() } else { 0 }
    }

    /// Fails when the pass is to end.
    fn check_stop(&self) -> Result<(), Error> {
        self.control.check(self.deadline)
    }

    fn wait_while_paused(&self, enough: &AtomicBool) {
        let begun = Instant::now();
        self.control.wait_while_paused(self.deadline.map(|(deadline, _)| deadline), enough);
        if let Some(offload) = self.offload.filter(|_| begun.elapsed() > PAUSE_MIN) {
            offload.forget_time();
        }
    }
}

/// What a pass leaves.
#[derive(Debug)]
pub(crate) struct Pass {
    /// What was found, or why the pass ended before the journal did.
    pub(crate) findings: Result<Findings, Error>,
    /// The cut at which the state is, where it is at one.
    pub(crate) cut: Option<Cut>,
    /// What came of checkpoints.
    pub(crate) checkpoints: Report,
    /// The most memory that was taken at once, in bytes.
    pub(crate) memory_bytes_max: u64,
    /// The digest of the state, where it was computed for the last checkpoint.
    pub(crate) state_digest: Option<Digest>,
}

impl Pass {
    /// Whether it came to the journal's end, or was ended from outside.
    fn has_ended(&self) -> bool {
        matches!(self.findings, Ok(_) | Err(Error::Cancelled | Error::TimedOut { .. }))
    }
}

/// Makes a pass over the journal, applies what it finds to `state` where one is given, and saves
/// checkpoints of it where there is a saver.
///
/// The state is complete only when the findings are there. When the pass was ended from outside, a
/// last checkpoint holds what it had come to.
///
/// # Errors
/// What keeps the pass from starting, and what checkpoints say.
pub(crate) fn run(
    journal: &Journal,
    state: Option<&mut MemoryState>,
    options: &FlowOptions<'_>,
    crew: &Shared,
    saver: Option<Saver>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Pass, Error> {
    let keeper = saver.map_or(Keeper::Nobody, |saver| Keeper::Checkpoints(Box::new(saver)));
    run_for(journal, state, options, crew, keeper, progress)
}

/// Makes a pass over the journal, and applies what it finds to a store.
///
/// # Errors
/// What keeps the pass from starting, and what the store says.
pub(crate) fn run_into_store(
    journal: &Journal,
    backed: &mut Backed,
    options: &FlowOptions<'_>,
    crew: &Shared,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Pass, Error> {
    let mut cache = MemoryState::in_front_of_store();
    run_for(journal, Some(&mut cache), options, crew, Keeper::Store(backed), progress)
}

/// Who keeps the state.
enum Keeper<'k> {
    Nobody,
    Checkpoints(Box<Saver>),
    Store(&'k mut Backed),
}

fn run_for(
    journal: &Journal,
    mut state: Option<&mut MemoryState>,
    options: &FlowOptions<'_>,
    crew: &Shared,
    keeper: Keeper<'_>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Pass, Error> {
    let workers = &crew.workers;
    let threads = workers.current_num_threads();
    let (mut saver, backing) = match keeper {
        Keeper::Nobody => (None, None),
        Keeper::Checkpoints(saver) => (Some(*saver), None),
        Keeper::Store(backed) => (None, Some(Backing::new(backed, threads)?)),
    };
    let total = usize::try_from(journal.total_bytes()).unwrap_or(usize::MAX);
    let offload = options.offload;
    // One more is on its way where an accelerator hashes.
    let spaces = spaces_for(threads, total) + usize::from(offload.is_some());
    let epoch_bytes = epoch_bytes(threads, spaces, crew.budget.limit());
    let buffer_bytes = total.clamp(layout::MAX_BLOCK_BYTES, epoch_bytes);
    let offloaded_bytes = match offload {
        Some(offload) => {
            offload.begin_pass(options.bytes_of(journal));
            offloaded_bytes(journal, crew.budget.limit())
        }
        None => 0,
    };
    let pool = Pool::new(spaces, threads, crew.spares.as_ref());
    let pipeline_bytes = pool.buffer_bytes().max(spaces * buffer_bytes.max(offloaded_bytes));
    let (read_sender, mut read_receiver) = bounded(1);
    let (unit_sender, unit_receiver) = bounded(1);
    let (settled_sender, settled_receiver) = bounded(spaces);
    let enough = AtomicBool::new(false);
    let (profiler, begun) = (options.reading.profiler, Instant::now());
    let settler = Settler::new(journal, options, unit_sender, settled_receiver, &enough);
    let (checkpointer, desk) = checkpointer::connect(saver.as_ref(), options.start, threads);
    let mut applier = Applier {
        workers,
        options,
        settled_home: settled_sender,
        spaces: spaces as u64,
        pipeline_bytes: pipeline_bytes as u64,
        backing,
    };
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes threads")]
    let (read, hashed, verified, applied, saved) = thread::scope(|scope| {
        let reader = spawn(scope, "read", || {
            reader::read(
                journal,
                options,
                workers,
                (&pool, [buffer_bytes, offloaded_bytes]),
                read_sender,
                &enough,
            )
        });
        let hasher = offload.map(|offload| {
            let (hashed_sender, hashed_receiver) = bounded(1);
            let epochs = std::mem::replace(&mut read_receiver, hashed_receiver);
            spawn(scope, "hash", move || {
                hasher::hash(offload, workers, epochs, hashed_sender);
                Ok(())
            })
        });
        let verifier =
            spawn(scope, "verify", || verifier::verify(options, workers, read_receiver, settler));
        let saved =
            saver.as_mut().map(|saver| spawn(scope, "checkpoint", || desk.serve(saver, profiler)));
        let state = state.as_deref_mut();
        let apply = AssertUnwindSafe(|| {
            applier.run(state, unit_receiver, checkpointer, crew.budget.charge(), progress)
        });
        let applied = catch_unwind(apply).unwrap_or_else(|panic| Err(panicked(&*panic)));
        // A reader that is paused has nobody to read for any more.
        enough.store(true, Ordering::Relaxed);
        let (read, verified) = (join(reader), join(verifier));
        (read, hasher.map_or(Ok(()), join), verified, applied, saved.map_or(Ok(()), join))
    });
    if let Some(profiler) = profiler {
        profiler.passed(begun.elapsed(), threads);
    }
    if let Some(spares) = &crew.spares {
        pool.leave_to(spares);
    }
    // Whoever fails hangs up. A failed checkpoint is the cause of all else; then the applier's error,
    // since the verifier has found no more than that nobody takes what it hands on.
    saved?;
    let applied = applied?;
    hashed?;
    let mut pass = Pass {
        findings: conclude(verified, read, &applied, options),
        cut: applied.cut,
        checkpoints: applied.checkpoints,
        memory_bytes_max: applied.memory_bytes_max,
        state_digest: None,
    };
    if let (Some(mut backing), Some(state)) = (applier.backing, state.as_deref_mut()) {
        if pass.has_ended() {
            let findings = pass.findings.as_ref();
            let last_lsn = findings.map_or(0, |it| it.last_lsn(options.reading.until_lsn));
            backing.finish(pass.cut.clone(), last_lsn, state)?;
        }
        pass.checkpoints = backing.report();
    }
    if let (Some(mut saver), Some(state)) = (saver, state) {
        save_last(&mut pass, &mut saver, state, workers)?;
        pass.checkpoints = saver.report.with_stalls_of(&pass.checkpoints);
    }
    Ok(pass)
}

/// Saves the state as it is at the end of a pass, where it is at a cut.
fn save_last(
    pass: &mut Pass,
    saver: &mut Saver,
    state: &mut MemoryState,
    workers: &ThreadPool,
) -> Result<(), Error> {
    let Some(cut) = pass.cut.clone().filter(|_| pass.has_ended()) else { return Ok(()) };
    if pass.findings.is_ok() && saver.policy().at_end {
        pass.state_digest = Some(workers.install(|| state.digest()));
    }
    // Who ended the pass early wants to go on from here.
    let wanted = saver.policy().at_end || pass.findings.is_err();
    if wanted && cut.lsn > saver.watermark() {
        let sections = checkpointer::take_changes(state, workers, Vec::new(), None);
        saver.save(Snapshot { cut, sections, state_digest: pass.state_digest })?;
    }
    Ok(())
}

/// What the parts of a pass found together, or why it ended early.
fn conclude(
    verified: Result<Found, Error>,
    read: Result<Option<End>, Error>,
    applied: &Applied,
    options: &FlowOptions<'_>,
) -> Result<Findings, Error> {
    let verified = verified?;
    // Behind the journal's end reading is ahead of it, and what it met there doesn't count.
    let read_end = if verified.has_ended() { None } else { read? };
    // Also where all was done by then: who cancels counts on it.
    options.check_stop()?;
    let mut findings = verified.into_findings(read_end)?;
    // What is left out of a selection may be what an effect presupposes.
    if options.reading.filter.is_none() {
        add_contradictions(&mut findings.inconsistencies, &applied.owners);
    }
    findings.sort();
    Ok(findings)
}

/// Adds what the owners of partitions met.
fn add_contradictions(inconsistencies: &mut Inconsistencies, owners: &[Owner]) {
    let count = owners.iter().map(|owner| owner.contradiction_count).sum();
    let met = owners.iter().flat_map(|owner| owner.contradictions.iter().copied()).collect();
    inconsistencies.add_met(count, met);
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
    // What the threads do is part of what the caller does.
    let span = tracing::Span::current();
    let body = move || span.in_scope(body);
    let started = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, body);
    started.map_err(|error| no_thread(name, &error))
}

/// Runs `body` on a thread of its own, which outlives the caller.
pub(crate) fn spawn_alone<T: Send + 'static>(
    name: &'static str,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>, Error> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes threads")]
    let started = thread::Builder::new().name(name.to_owned()).spawn(body);
    started.map_err(|error| no_thread(name, &error))
}

fn no_thread(name: &str, error: &std::io::Error) -> Error {
    Error::NoThread { name: name.to_owned(), reason: error.to_string() }
}

fn join<T>(handle: Handle<'_, T>) -> Result<T, Error> {
    handle?.join().unwrap_or_else(|panic| Err(panicked(&*panic)))
}

pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Panicked { message: text.unwrap_or_else(|| "no message".to_owned()) }
}
