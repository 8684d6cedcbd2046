//! The stages wired together: read ▶ verify and decode ▶ settle transactions ▶ apply.
//!
//! This file alone makes threads and channels, and knows no formats. What travels is an epoch: a
//! stretch of consecutive blocks, in a space that comes from a pool and returns to it. While one
//! epoch is applied the next is read and verified. The work within an epoch is rayon's; the threads
//! here only hand over, a few hundred times a second.

mod applier;
mod pool;
mod reader;
mod serial;
mod verifier;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crossbeam_channel::bounded;
use rayon::{ThreadPool, ThreadPoolBuilder};

pub(crate) use serial::run_serial;

use self::applier::Applier;
use self::pool::Pool;
use self::verifier::Verifier;
use crate::error::Error;
use crate::journal::{Journal, PastDamage, layout};
use crate::replay::{Findings, Progress, THREADS_MAX};
use crate::stages::decode::Reading;
use crate::state::MemoryState;

/// How many epochs are in flight at most: one is read and verified while another is applied. A third
/// one would crowd the cache that the state needs.
const SPACES: usize = 2;
/// How long an epoch is at most, in bytes. At least the longest block.
const EPOCH_BYTES: usize = 2 * layout::MAX_BLOCK_BYTES;
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
    let verifier = Verifier::new(journal, options, &workers, unit_sender, settled_receiver);
    let applier = Applier { workers: &workers, options, settled_home: settled_sender };
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes threads")]
    let (read, verified, applied) = thread::scope(|scope| {
        let reader =
            spawn(scope, "read", || reader::read(journal, options, &workers, pool, read_sender));
        let verifier = spawn(scope, "verify", || verifier.run(read_receiver));
        let apply = AssertUnwindSafe(|| applier.run(state, unit_receiver, progress));
        let applied = catch_unwind(apply).unwrap_or_else(|panic| Err(panicked(&*panic)));
        (join(reader), join(verifier), applied)
    });
    // Whoever fails hangs up. The applier's error goes first: the verifier then has found no more than
    // that nobody takes what it hands on; and the reader ends quietly when the verifier is gone.
    let (applied, verified) = (applied?, verified?);
    // Behind the journal's end reading is ahead of it, and what it met there doesn't count.
    let read_end = if verified.has_ended() { None } else { read? };
    let mut findings = verified.into_findings(read_end)?;
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
