//! Hashing blocks elsewhere than on the workers: on a GPU, say.
//!
//! An accelerator is asked for whole epochs, and may leave any block to the workers, who also check what
//! it says before anything is called damage. So its absence, its loss and its errors cost time, and
//! change no result. Knows no device; [`gpu`](crate::offload::gpu) brings one.

mod choice;
#[cfg(feature = "gpu")]
pub mod gpu;
mod report;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rayon::ThreadPool;
use vexfs_kernels::Digest;

pub use self::choice::OffloadPolicy;
use self::choice::{Choice, Next};
pub use self::report::{Hashed, OffloadReport};
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
pub struct Offload(Arc<Mutex<Desk>>);

struct Desk {
    opener: Option<Box<Opener>>,
    accelerator: Option<Box<dyn Accelerator>>,
    choice: Choice,
    report: OffloadReport,
    since: Instant,
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
        Self(Arc::new(Mutex::new(Desk {
            opener: Some(opener),
            accelerator: None,
            choice: Choice::new(policy),
            report: OffloadReport::of(policy),
            since: Instant::now(),
        })))
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Whether the next blocks go to an accelerator, or may.
    pub(crate) fn takes_epochs(&self) -> bool {
        self.desk().choice.is_offloading()
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
        let mut desk = self.desk();
        let now = desk.since.elapsed();
        match desk.choice.next(bytes, now, workers.current_num_threads()) {
            Next::Workers => {}
            Next::Open => self.open(&mut desk, workers),
            Next::Accelerator => desk.hash(ranges, found, workers),
        }
        desk.report.count(ranges, found);
    }

    /// Has one of the workers open the accelerator, while the others go on.
    fn open(&self, desk: &mut Desk, workers: &Arc<ThreadPool>) {
        let Some(opener) = desk.opener.take() else { return };
        let (desk, pool) = (Self(Arc::clone(&self.0)), Arc::clone(workers));
        workers.spawn(move || {
            let opened = opener(pool);
            desk.desk().take(opened);
        });
    }

    /// The workers found that it was wrong about so many blocks: nothing it says is asked for any more.
    pub(crate) fn was_wrong(&self, blocks: u64) {
        let mut desk = self.desk();
        desk.report.wrong_blocks += blocks;
        desk.end("it computed digests that the workers didn't".to_owned());
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

impl Desk {
    fn hash(
        &mut self,
        ranges: &[&[u8]],
        found: &mut Vec<Option<Digest>>,
        workers: &Arc<ThreadPool>,
    ) {
        if let Some(opener) = self.opener.take() {
            self.take(opener(Arc::clone(workers)));
        }
        let Some(accelerator) = &mut self.accelerator else { return };
        if let Err(why) = accelerator.hash(ranges, found) {
            self.end(why);
        }
        // As many as there are blocks, or the workers would take one for another.
        found.resize(ranges.len(), None);
    }

    /// An accelerator was opened, or there is none.
    fn take(&mut self, opened: Result<Box<dyn Accelerator>, String>) {
        match opened {
            Ok(accelerator) => {
                self.report.accelerator = Some(accelerator.name());
                self.accelerator = Some(accelerator);
                self.choice.opened();
            }
            Err(why) => self.end(why),
        }
    }

    fn end(&mut self, why: String) {
        self.accelerator = None;
        self.choice.end();
        self.report.ended.get_or_insert(why);
    }
}
