//! Those who take part, one file each. What others do is on the far side of [`Participant`](super::Participant).

mod boundary_sync;
mod cross_layer;
mod given_up;
mod kernel_journal;
mod replay_engine;
mod sessions;
mod staged;
mod userspace_journal;

pub use boundary_sync::BoundarySync;
pub use cross_layer::{CrossLayer, Side};
pub use kernel_journal::KernelJournal;
pub use replay_engine::ReplayEngine;
pub use sessions::{Shared, shared_transactions};
pub use userspace_journal::UserspaceJournal;
