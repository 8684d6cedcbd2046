//! Hashing blocks elsewhere than on the workers: on a GPU, say.
//!
//! An accelerator is asked for whole epochs, and may leave any block to the workers, who compute a digest
//! again that isn't the expected one before anything is called damage. So its absence, its loss and its
//! errors cost time, and change no result; that a digest is the expected one is its word. Knows no device; [`gpu`](crate::offload::gpu) brings one.

mod choice;
#[cfg(feature = "gpu")]
pub mod gpu;
mod report;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rayon::ThreadPool;
use vexfs_kernels::Digest;

pub use self::choice::OffloadPolicy;
use self::choice::{Choice, Next};
pub use self::report::{Hashed, OffloadReport};
use crate::flow;
#[cfg(feature = "gpu")]
pub use vexfs_kernels::gpu::Adapters;

/// Something beside the workers that hashes many blocks at once.
pub trait Accelerator: Send {
    /// What it is, for the report.
    fn name(&self) -> String;

    /// The SHA-256 of each of `ranges`, in their order, written over `found` (whose old content is
    /// dropped); none where it leaves one to the workers.
    ///
    /// # Errors
    /// Why it can't go on, as a sentence. What is in `found` still counts; it is not asked again.
    fn hash(&mut self, ranges: &[&[u8]], found: &mut Vec<Option<Digest>>) -> Result<(), String>;
}

/// Opens an accelerator, which may have these workers help it. Fails with a sentence that says why there
/// is none.
pub type Opener = dyn FnOnce(Arc<ThreadPool>) -> Result<Box<dyn Accelerator>, String> + Send;

/// What has blocks hashed elsewhere, for one replay or for several, one after the other or at once.
#[derive(Clone)]
pub struct Offload(Arc<Shelf>);

struct Shelf {
    desk: Mutex<Desk>,
    /// Not in the desk: nobody who only asks waits while it hashes.
    accelerator: Mutex<Option<Box<dyn Accelerator>>>,
    /// How long the next epochs are to be, in bytes; 0 while none goes to an accelerator.
    epoch_bytes: AtomicUsize,
    since: Instant,
}

struct Desk {
    opener: Option<Box<Opener>>,
    choice: Choice,
    report: OffloadReport,
}

impl fmt::Debug for Offload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Offload").field(&self.desk().report).finish()
    }
}

impl Offload {
    /// With the accelerator that this opens, once it is wanted.
    #[must_use]
    pub fn new(policy: OffloadPolicy, opener: Box<Opener>) -> Self {
        let (choice, report) = (Choice::new(policy), OffloadReport::of(policy));
        let epoch_bytes = AtomicUsize::new(choice.epoch_bytes());
        let desk = Mutex::new(Desk { opener: Some(opener), choice, report });
        let (accelerator, since) = (Mutex::new(None), Instant::now());
        Self(Arc::new(Shelf { desk, accelerator, epoch_bytes, since }))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accelerator(&self) -> MutexGuard<'_, Option<Box<dyn Accelerator>>> {
        self.0.accelerator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one is only tried where that may pay.
    pub(crate) fn is_tried(&self) -> bool {
        self.desk().report.policy == OffloadPolicy::Measured
    }

    /// Says how many bytes are to be hashed from now on, in all that follows together.
    pub(crate) fn expect_bytes(&self, bytes: u64) {
        self.desk().choice.expect_bytes(bytes);
    }

    /// A pass over so many bytes begins.
    pub(crate) fn begin_pass(&self, bytes: u64) {
        self.desk().choice.begin_pass(bytes);
    }

    /// Time went by that was nobody's.
    pub(crate) fn forget_time(&self) {
        self.desk().choice.forget_time();
    }

    /// How long the next epochs are to be, in bytes; 0 while none goes to an accelerator.
    pub(crate) fn epoch_bytes(&self) -> usize {
        self.0.epoch_bytes.load(Ordering::Relaxed)
    }

    /// Hashes an epoch's blocks, as far as that is not left to the workers.
    pub(crate) fn hash(
        &self,
        ranges: &[&[u8]],
        found: &mut Vec<Option<Digest>>,
        workers: &Arc<ThreadPool>,
    ) {
        found.clear();
        let bytes = ranges.iter().map(|range| range.len() as u64).sum();
        let now = self.0.since.elapsed();
        let next = self.desk().choice.next(bytes, now, workers.current_num_threads());
        match next {
            Next::Workers => {}
            Next::Open => self.open_meanwhile(workers),
            Next::Accelerator => self.hash_there(ranges, found, workers),
        }
        if self.desk().choice.has_ended() {
            *self.accelerator() = None;
        }
        self.note_epoch_bytes();
        self.desk().report.count(ranges, found);
    }

    fn hash_there(
        &self,
        ranges: &[&[u8]],
        found: &mut Vec<Option<Digest>>,
        workers: &Arc<ThreadPool>,
    ) {
        let opener = self.desk().opener.take();
        if let Some(opener) = opener {
            self.take(unwound(|| opener(Arc::clone(workers))));
        }
        let mut accelerator = self.accelerator();
        let Some(there) = accelerator.as_mut() else { return };
        let hashed = unwound(|| there.hash(ranges, found));
        // As many as there are blocks, or the workers would take one for another.
        found.resize(ranges.len(), None);
        if let Err(why) = hashed {
            *accelerator = None;
            drop(accelerator);
            self.end(why);
        }
    }

    /// Opens the accelerator on a thread of its own, while the workers go on.
    fn open_meanwhile(&self, workers: &Arc<ThreadPool>) {
        let Some(opener) = self.desk().opener.take() else { return };
        let (offload, pool) = (self.clone(), Arc::clone(workers));
        let opening = move || offload.take(unwound(|| opener(pool)));
        if let Err(error) = flow::spawn_alone("open", opening) {
            self.end(error.to_string());
        }
    }

    /// An accelerator was opened, or there is none.
    fn take(&self, opened: Result<Box<dyn Accelerator>, String>) {
        match opened.and_then(|it| Ok((unwound(|| Ok(it.name()))?, it))) {
            Ok((name, accelerator)) => {
                *self.accelerator() = Some(accelerator);
                let mut desk = self.desk();
                desk.report.accelerator = Some(name);
                desk.choice.opened();
                drop(desk);
                self.note_epoch_bytes();
            }
            Err(why) => self.end(why),
        }
    }

    fn end(&self, why: String) {
        let mut desk = self.desk();
        desk.choice.end();
        desk.report.ended.get_or_insert(why);
        drop(desk);
        self.note_epoch_bytes();
    }

    fn note_epoch_bytes(&self) {
        let epoch_bytes = self.desk().choice.epoch_bytes();
        self.0.epoch_bytes.store(epoch_bytes, Ordering::Relaxed);
    }

    /// The workers found that it was wrong about so many blocks: nothing it says is asked for any more.
    pub(crate) fn was_wrong(&self, blocks: u64) {
        self.desk().report.wrong_blocks += blocks;
        self.end("it computed digests that the workers didn't".to_owned());
    }

    /// What was done where, and why.
    #[must_use]
    pub fn report(&self) -> OffloadReport {
        let desk = self.desk();
        let mut report = desk.report.clone();
        report.ended = report.ended.or_else(|| desk.choice.why_not());
        (report.workers_bytes_per_second, report.accelerator_bytes_per_second) =
            desk.choice.rates();
        report
    }
}

/// What others do here may panic, and must not take the pass with it.
fn unwound<T>(act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(act));
    done.unwrap_or_else(|panic| Err(flow::panicked(&*panic).to_string()))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
