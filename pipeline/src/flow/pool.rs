//! The spaces that epochs travel in: made once, lent, and returned by themselves. Their number is
//! the pipeline's memory limit: when none is free, reading waits.

use crossbeam_channel::{Receiver, Sender, bounded};
use vexfs_kernels::Digest;

use crate::error::Error;
use crate::journal::Stretch;
use crate::stages::decode::Decoded;

/// What an epoch needs while it is on its way.
#[derive(Debug, Default)]
pub(super) struct Space {
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
    home: Sender<Space>,
}

impl Drop for Epoch {
    fn drop(&mut self) {
        // The pool is gone already when the flow is ending; then the space goes too.
        let _ = self.home.try_send(std::mem::take(&mut self.space));
    }
}

/// The pool.
#[derive(Debug)]
pub(super) struct Pool {
    home: Sender<Space>,
    free: Receiver<Space>,
}

impl Pool {
    /// A pool of this many spaces, each with a buffer of this many bytes and this many runs.
    pub(super) fn new(spaces: usize, buffer_bytes: usize, runs: usize) -> Result<Self, Error> {
        let (home, free) = bounded(spaces);
        for _ in 0..spaces {
            let buffer = zeroed(buffer_bytes)?;
            let runs = (0..runs).map(|_| Decoded::default()).collect();
            let _ = home.try_send(Space { buffer, runs, digests: Vec::new() });
        }
        Ok(Self { home, free })
    }

    /// Waits for a free space; `None` when there will be none any more.
    pub(super) fn lend(&self) -> Option<Epoch> {
        let space = self.free.recv().ok()?;
        Some(Epoch { space, stretch: Stretch::default(), home: self.home.clone() })
    }
}

/// A buffer of zeros, whose pages the workers touch first when they fill it.
fn zeroed(bytes: usize) -> Result<Vec<u8>, Error> {
    let (what, needed) = ("a buffer of the pipeline", bytes as u64);
    // Asking for zeros can't fail in a way that is told; so it is asked first whether there is room.
    let room = Vec::<u8>::new().try_reserve_exact(bytes);
    room.map_err(|_| Error::MemoryLimit { what, needed, limit: 0 })?;
    Ok(vec![0; bytes])
}
