//! What several replays in one process share: workers, and a memory limit.

use std::fs;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::ThreadPool;

use crate::error::Error;
use crate::flow::{self, Spares};

/// Workers and a memory limit, for one replay or for several at once. Each of these takes its turn at
/// every epoch, a few milliseconds' work, so that none starves.
#[derive(Debug)]
pub struct Shared {
    pub(crate) workers: Arc<ThreadPool>,
    pub(crate) budget: Budget,
    /// The buffers of passes that have ended, where they are kept for the next ones.
    pub(crate) spares: Option<Spares>,
}

impl Shared {
    /// So many workers, [`THREADS_MAX`](super::THREADS_MAX) at most, and so much memory in bytes.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] when the workers can't be had.
    pub fn new(threads: NonZero<usize>, memory_limit: Option<u64>) -> Result<Self, Error> {
        let workers = Arc::new(flow::thread_pool(threads.get())?);
        Ok(Self { workers, budget: Budget::new(memory_limit), spares: None })
    }

    /// Keeps the buffers of a pass for the next one: passes over many small journals, one after the other,
    /// are quicker. They are kept as long as this is.
    #[must_use]
    pub fn keeping_buffers(self) -> Self {
        Self { spares: Some(Spares::default()), ..self }
    }
}

/// How much memory replays may take together.
///
/// What they take is counted. Where the system tells, what the process has resident is measured too,
/// less what is not theirs: what the process had before, states that were handed to the caller, and
/// what the allocator keeps of replays that have ended. Whatever is more must keep the limit.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: Option<u64>,
    counted: AtomicU64,
    /// How much of what is resident is not of a replay that runs, in bytes.
    others: AtomicU64,
}

impl Budget {
    fn new(limit: Option<u64>) -> Self {
        let others = limit.and_then(|_| resident_bytes()).unwrap_or(0);
        Self { limit, counted: AtomicU64::new(0), others: AtomicU64::new(others) }
    }

    /// The limit, in bytes.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// A part of it for one replay.
    pub(crate) fn charge(&self) -> Charge<'_> {
        self.note_others();
        Charge { budget: self, held: 0, most: 0 }
    }
}

impl Budget {
    /// Whatever is resident now and isn't counted is not of a replay that runs. Without a limit nobody asks.
    fn note_others(&self) {
        if self.limit.is_none() {
            return;
        }
        let counted = self.counted.load(Ordering::Relaxed);
        let others = resident_bytes().unwrap_or(0).saturating_sub(counted);
        self.others.fetch_max(others, Ordering::Relaxed);
    }
}

/// What one replay takes of a budget; it gives it back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge<'b> {
    budget: &'b Budget,
    held: u64,
    most: u64,
}

impl Charge<'_> {
    /// The replay takes so many bytes now.
    pub(crate) fn set(&mut self, bytes: u64) -> Result<(), Error> {
        let Budget { limit, counted, others } = self.budget;
        self.most = self.most.max(bytes);
        let before = std::mem::replace(&mut self.held, bytes);
        // The difference, in the arithmetic of the counter, which wraps.
        let change = bytes.wrapping_sub(before);
        let all = counted.fetch_add(change, Ordering::Relaxed).wrapping_add(change);
        let Some(limit) = *limit else { return Ok(()) };
        let resident = resident_bytes().unwrap_or(0);
        let resident = resident.saturating_sub(others.load(Ordering::Relaxed));
        let needed = all.max(resident);
        if needed <= limit {
            return Ok(());
        }
        Err(Error::MemoryLimit { what: "the state with the pipeline", needed, limit })
    }

    /// The most that it took, in bytes.
    pub(crate) fn most(&self) -> u64 {
        self.most
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        self.budget.counted.fetch_sub(self.held, Ordering::Relaxed);
        self.budget.note_others();
    }
}

/// The most memory that the process ever had resident, in bytes, where the system tells.
#[must_use]
pub fn peak_resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// How much memory the process has resident now, in bytes, where the system tells.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let resident: u64 = pages.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(resident * rustix::param::page_size() as u64)
}
