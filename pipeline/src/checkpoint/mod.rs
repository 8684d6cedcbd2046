//! Checkpoints: the state at a consistent cut, in files, so that a later replay reads only what
//! follows.
//!
//! A *base* holds the whole state; a *delta* holds what changed since the checkpoint that it names,
//! its parent. Each file is sealed with SHA-256 and comes into its folder in one atomic step.
//! `docs/checkpoint-format.md` specifies every byte.

mod catalogue;
mod fault;
mod file;
mod fits;
pub mod layout;
mod load;
mod merge;
mod policy;
mod prune;
mod save;
mod stalls;
mod sync;
mod write;

pub use catalogue::{Catalogue, Entry};
pub use fault::CheckpointFault;
pub use file::{CheckpointFile, Kind, Manifest};
pub(crate) use fits::check_fits;
pub use load::{Loaded, PassedOver};
pub(crate) use load::{Offered, Wanted, check_wanted};
pub use merge::merge;
pub use policy::CheckpointPolicy;
pub use prune::{Pruned, prune};
pub use save::Report;
pub(crate) use save::{EncodedSection, Parent, Saver, Snapshot};
pub(crate) use stalls::StallTimes;
pub use stalls::Stalls;
pub(crate) use sync::JournalSync;
pub use write::Written;
pub(crate) use write::{is_checkpoint, is_unfinished};
