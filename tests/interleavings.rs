//! Every interleaving of the threads that hold the reins of a replay: nobody waits for ever who was told to
//! go on. The library's own file is read here a second time, with loom's locks in the place of the system's.
//!
//! Time doesn't pass in the model, so that nobody is saved by looking again after a while.

#[cfg(test)]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "it is the library's")]
#[path = "../pipeline/src/replay/control.rs"]
mod control;
#[cfg(test)]
#[path = "interleavings/reins.rs"]
mod reins;

/// What the library's file takes from the library.
#[cfg(test)]
mod error {
    pub(crate) use vexfs_replay::Error;
}

#[cfg(test)]
mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use loom::sync::{Arc, Condvar, Mutex};
}
