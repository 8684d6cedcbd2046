//! The families of keys, and how much of a workload each has.

use serde::Serialize;

/// A family of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Inodes and their directory entries.
    Filesystem,
    /// Nodes, edges and properties.
    Graph,
    /// Vectors.
    Vector,
    /// Agents.
    Agent,
    /// Mounts.
    System,
    /// Links and intents.
    Semantic,
    /// Measured values under a name.
    Observability,
}

impl Family {
    /// Every family, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::Filesystem,
        Self::Graph,
        Self::Vector,
        Self::Agent,
        Self::System,
        Self::Semantic,
        Self::Observability,
    ];

    /// Where the family stands in [`Self::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// Whether one change can touch several of the family's keys.
    #[must_use]
    pub fn has_changes_of_several_keys(self) -> bool {
        matches!(self, Self::Filesystem | Self::Graph)
    }
}

/// The weight of each family; only their ratios count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mix {
    /// Weight of [`Family::Filesystem`].
    pub filesystem: f64,
    /// Weight of [`Family::Graph`].
    pub graph: f64,
    /// Weight of [`Family::Vector`].
    pub vector: f64,
    /// Weight of [`Family::Agent`].
    pub agent: f64,
    /// Weight of [`Family::System`].
    pub system: f64,
    /// Weight of [`Family::Semantic`].
    pub semantic: f64,
    /// Weight of [`Family::Observability`].
    pub observability: f64,
}

impl Mix {
    /// No weight at all, for a mix of few families to be made of.
    pub const NONE: Self = Self {
        filesystem: 0.0,
        graph: 0.0,
        vector: 0.0,
        agent: 0.0,
        system: 0.0,
        semantic: 0.0,
        observability: 0.0,
    };

    /// The share of each family, in the order of [`Family::ALL`]; they add up to 1.
    #[must_use]
    pub fn shares(&self) -> [f64; 7] {
        let weights = self.weights();
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    }

    pub(crate) fn weights(&self) -> [f64; 7] {
        let Self { filesystem, graph, vector, agent, system, semantic, observability } = *self;
        [filesystem, graph, vector, agent, system, semantic, observability]
    }
}
