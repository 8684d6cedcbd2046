//! Every interleaving of the threads that hold the reins of a replay: nobody waits for ever who was told to
//! go on. Of those that hand epochs on: everybody comes to an end, and every space comes home. And of those that
//! hand over what is to be saved: whoever hands over never waits, and nothing of it is lost. The
//! library's own files are read here a second time, with loom's locks in the place of the system's, and a
//! channel made of these in the place of crossbeam's.
//!
//! Time doesn't pass in the model, so that nobody is saved by looking again after a while.

#[cfg(test)]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "it is the library's")]
#[path = "../pipeline/src/journal/buffer.rs"]
mod buffer;
#[cfg(test)]
#[path = "interleavings/channel.rs"]
mod channel;
#[cfg(test)]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "it is the library's")]
#[path = "../pipeline/src/replay/control.rs"]
mod control;
#[cfg(test)]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "it is the library's")]
#[path = "../pipeline/src/flow/desk.rs"]
mod desk;
#[cfg(test)]
#[path = "interleavings/handover.rs"]
mod handover;
#[cfg(test)]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "it is the library's")]
#[path = "../pipeline/src/flow/pool.rs"]
mod pool;
#[cfg(test)]
#[path = "interleavings/reins.rs"]
mod reins;
#[cfg(test)]
#[path = "interleavings/saving.rs"]
mod saving;

/// What the library's files take from the library.
#[cfg(test)]
mod error {
    pub(crate) use vexfs_replay::Error;
}

#[cfg(test)]
mod journal {
    pub(crate) use vexfs_replay::journal::Stretch;

    pub(crate) use crate::buffer::zeroed;
}

#[cfg(test)]
mod stages {
    pub(crate) mod decode {
        /// What a worker found; nothing of it matters here.
        #[derive(Debug, Default)]
        pub(crate) struct Decoded;
    }
}

#[cfg(test)]
mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use loom::sync::{Arc, Condvar, Mutex};

    pub(crate) use crate::channel::{Receiver, Sender, bounded};
}
