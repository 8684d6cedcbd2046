//! What the threads of a process are kept in step by, where how they interleave is proven: a model of it
//! has the same file read with its own ones in this place (`tests/interleavings.rs`).

pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::sync::{Arc, Condvar, Mutex, PoisonError};

pub(crate) use crossbeam_channel::{Receiver, Sender, bounded};
