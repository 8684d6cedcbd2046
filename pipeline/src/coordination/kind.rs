//! Who takes part in a coordination, and in which phases it goes.

use serde::{Deserialize, Serialize};

/// What a participant is. The first has the highest priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParticipantKind {
    /// A block journal of the kernel.
    KernelJournal,
    /// A semantic journal.
    UserspaceJournal,
    /// Compares what the others say was committed.
    CrossLayerManager,
    /// Compares what was sent with what arrived.
    BoundarySync,
    /// Replays a journal to the cut.
    ReplayEngine,
    /// Another process.
    ExternalSystem,
}

impl ParticipantKind {
    /// All, the highest priority first.
    pub const ALL: [Self; 6] = [
        Self::KernelJournal,
        Self::UserspaceJournal,
        Self::CrossLayerManager,
        Self::BoundarySync,
        Self::ReplayEngine,
        Self::ExternalSystem,
    ];

    /// Whether it keeps transactions of its own, so that those that span several journals are in it, too.
    #[must_use]
    pub const fn keeps_transactions(self) -> bool {
        matches!(self, Self::KernelJournal | Self::UserspaceJournal | Self::ExternalSystem)
    }
}

/// The phases of a coordination, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Everyone says how far it comes.
    Assessment,
    /// A cut is chosen, and everyone says whether it can go there.
    Coordination,
    /// Everyone goes there, and can still go back.
    Execution,
    /// Everyone proves that it is there.
    Validation,
    /// What would lead back is dropped; or everyone goes back, and what would have led on is dropped.
    Cleanup,
}
