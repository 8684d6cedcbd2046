//! The strategies, and the ways of carrying them out: what each one needs, what it may lose, and how a
//! replay does it. Chooses nothing and reads nothing.

use serde::{Deserialize, Serialize};

use crate::replay::{CheckpointStart, DamagePolicy};

/// The six strategies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// From the first event, no checkpoint trusted.
    FullReplay,
    /// To a point: the newest usable checkpoint, then forward.
    PartialRecovery,
    /// A base, its deltas, then only what follows.
    IncrementalRestore,
    /// Past damage.
    EmergencyRecovery,
    /// To the cut that all participants agree on.
    CoordinatedRecovery,
    /// Back to a chosen checkpoint.
    RollbackRecovery,
}

/// A way of carrying a strategy out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Full replay.
    Full,
    /// Partial recovery, to the end or to where it was asked to stop.
    Partial,
    /// Partial recovery, to the last intact event before damage.
    BeforeDamage,
    /// Incremental restore.
    Incremental,
    /// Emergency recovery.
    Emergency,
    /// Coordinated recovery.
    Coordinated,
    /// Rollback recovery.
    Rollback,
}

/// What a way may lose that the writer had finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Nothing.
    Nothing,
    /// All from the first damage on.
    Suffix,
    /// What is damaged, and what depended on it.
    Holes,
    /// All that came after the checkpoint; it is kept aside.
    Undone,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Full,
        Self::Partial,
        Self::BeforeDamage,
        Self::Incremental,
        Self::Emergency,
        Self::Coordinated,
        Self::Rollback,
    ];

    /// The strategy that it carries out.
    #[must_use]
    pub fn strategy(self) -> Strategy {
        match self {
            Self::Full => Strategy::FullReplay,
            Self::Partial | Self::BeforeDamage => Strategy::PartialRecovery,
            Self::Incremental => Strategy::IncrementalRestore,
            Self::Emergency => Strategy::EmergencyRecovery,
            Self::Coordinated => Strategy::CoordinatedRecovery,
            Self::Rollback => Strategy::RollbackRecovery,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full replay",
            Self::Partial => "partial recovery",
            Self::BeforeDamage => "partial recovery before the damage",
            Self::Incremental => "incremental restore",
            Self::Emergency => "emergency recovery",
            Self::Coordinated => "coordinated recovery",
            Self::Rollback => "rollback recovery",
        }
    }

    /// What it does, in a line.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Full => "From the first event, no checkpoint trusted",
            Self::Partial => {
                "From the newest usable checkpoint to the end, or to where it is asked to stop"
            }
            Self::BeforeDamage => "As partial, to the last intact event before damage",
            Self::Incremental => "From a checkpoint, and from nothing else",
            Self::Emergency => "Past damage",
            Self::Coordinated => "To the cut that all participants agree on",
            Self::Rollback => "Back to a chosen checkpoint; what came after it is kept aside",
        }
    }

    /// What it may lose.
    #[must_use]
    pub fn loss(self) -> Loss {
        match self {
            Self::Full | Self::Partial | Self::Incremental | Self::Coordinated => Loss::Nothing,
            Self::BeforeDamage => Loss::Suffix,
            Self::Emergency => Loss::Holes,
            Self::Rollback => Loss::Undone,
        }
    }

    /// Whether it can do nothing without a checkpoint.
    #[must_use]
    pub fn needs_checkpoint(self) -> bool {
        matches!(self, Self::Partial | Self::Incremental | Self::Rollback)
    }

    /// Where its replay starts.
    pub(super) fn start(self) -> CheckpointStart {
        match self {
            Self::Full => CheckpointStart::Nothing,
            Self::Incremental => CheckpointStart::Required,
            _ => CheckpointStart::Newest,
        }
    }

    /// What its replay does about damage.
    pub(super) fn damage(self) -> DamagePolicy {
        match self {
            Self::BeforeDamage => DamagePolicy::Prefix,
            Self::Emergency => DamagePolicy::Salvage,
            _ => DamagePolicy::Tail,
        }
    }
}
