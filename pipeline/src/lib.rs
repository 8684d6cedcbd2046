//! Crash recovery for journals: verify what is intact, drop what was never committed, rebuild the
//! state on all cores.
//!
//! ```no_run
//! use vexfs_replay::journal::Journal;
//! use vexfs_replay::replay::{ReplayOptions, replay};
//!
//! # fn main() -> Result<(), vexfs_replay::Error> {
//! let journal = Journal::open_path("journal".as_ref())?;
//! let (state, outcome) = replay(&journal, &ReplayOptions::default(), &mut |_| {})?;
//! println!("{} events lead to {:?}", outcome.findings.tally.events, state.counts());
//! # Ok(())
//! # }
//! ```

#[cfg(not(unix))]
compile_error!("storage needs positional reads and no-follow opens, so a Unix");

pub mod block_journal;
pub mod checkpoint;
pub mod coordination;
pub mod error;

pub mod event;
pub mod export;
mod flow;
pub mod generate;
pub mod import;
pub mod journal;
pub mod offload;
pub mod profile;
pub mod receipt;
pub mod recovery;
pub mod replay;
pub mod salvage;
pub mod scan;
pub mod semj;
mod stages;
mod staging;
pub mod state;
pub mod storage;
pub mod store;
mod sync;
mod time;
pub mod trust;
#[doc(hidden)]
pub mod wire;

pub use error::Error;
pub use vexfs_kernels::{Backend, Kernel};
