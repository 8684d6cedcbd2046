//! The spaces that epochs travel in: made once, lent, and returned by themselves. Their number is
//! the pipeline's memory limit: when none is free, reading waits. Between passes that follow each other
//! they may be kept, since memory that was touched before is quicker.

use std::time::Instant;

use vexfs_kernels::Digest;

use crate::error::Error;
use crate::journal::{Stretch, zeroed};
use crate::stages::decode::Decoded;
use crate::sync::{Mutex, PoisonError, Receiver, Sender, bounded};

/// What an epoch needs while it is on its way.
#[derive(Debug, Default)]
pub(crate) struct Space {
    /// The blocks' bytes.
    pub(super) buffer: Vec<u8>,
    /// The digests of the epoch's blocks that an accelerator found, in their order; empty where it was
    /// not asked.
    pub(super) digests: Vec<Option<Digest>>,
    /// What each worker found in its run of blocks.
    pub(super) runs: Vec<Decoded>,
}

impl Space {
    /// Makes the buffer at least so long.
    ///
    /// # Errors
    /// [`Error::MemoryLimit`] when there is no such memory.
    pub(super) fn grow(&mut self, buffer_bytes: usize) -> Result<(), Error> {
        if self.buffer.len() < buffer_bytes {
            self.buffer = zeroed(buffer_bytes)?;
        }
        Ok(())
    }
}

/// An epoch on its way, in a space that returns to the pool when the epoch is dropped.
#[derive(Debug)]
pub(super) struct Epoch {
    pub(super) space: Space,
    pub(super) stretch: Stretch,
    /// When it was read, where somebody wants to know how long it takes from there.
    pub(super) read_at: Option<Instant>,
    home: Sender<Space>,
}

impl Drop for Epoch {
    fn drop(&mut self) {
        // The pool is gone already when the flow is ending; then the space goes too.
        let _ = self.home.try_send(std::mem::take(&mut self.space));
    }
}

/// Spaces that nobody uses now.
#[derive(Debug, Default)]
pub(crate) struct Spares(Mutex<Vec<Space>>);

impl Spares {
    fn with<T>(&self, act: impl FnOnce(&mut Vec<Space>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The pool.
#[derive(Debug)]
pub(super) struct Pool {
    home: Sender<Space>,
    free: Receiver<Space>,
}

impl Pool {
    /// A pool of this many spaces with this many runs. Those that are spare are taken first; others have no
    /// buffer yet, so that the first epoch waits for no more than its own.
    pub(super) fn new(spaces: usize, runs: usize, spares: Option<&Spares>) -> Self {
        let (home, free) = bounded(spaces);
        for _ in 0..spaces {
            let spare = spares.and_then(|spares| spares.with(Vec::pop));
            let mut space = spare.unwrap_or_default();
            space.runs.resize_with(runs, Decoded::default);
            let _ = home.try_send(space);
        }
        Self { home, free }
    }

    /// How long the buffers are together, in bytes, before any is lent.
    pub(super) fn buffer_bytes(&self) -> usize {
        let spaces: Vec<Space> = self.free.try_iter().collect();
        let bytes = spaces.iter().map(|space| space.buffer.len()).sum();
        spaces.into_iter().for_each(|space| drop(self.home.try_send(space)));
        bytes
    }

    /// Gives the spaces away that have come home.
    pub(super) fn leave_to(self, spares: &Spares) {
        spares.with(|spares| spares.extend(self.free.try_iter()));
    }

    /// Waits for a free space; `None` when there will be none any more.
    pub(super) fn lend(&self) -> Option<Epoch> {
        let mut space = self.free.recv().ok()?;
        // Digests of other blocks are none of these.
        space.digests.clear();
        let (stretch, home) = (Stretch::default(), self.home.clone());
        Some(Epoch { space, stretch, read_at: None, home })
    }
}
