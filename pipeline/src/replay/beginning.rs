//! What a replay begins with: nothing, or the state of a checkpoint.

use super::cut::Cut;
use super::outcome::StartedFrom;
use crate::checkpoint::{Loaded, Parent};
use crate::state::MemoryState;

/// What a replay begins with.
#[derive(Debug, Default)]
pub(super) struct Beginning {
    pub(super) state: MemoryState,
    /// The cut at which the state is; none before the journal's first event.
    pub(super) cut: Option<Cut>,
    /// The checkpoint that the next one builds on. All that changed since is marked in the state.
    pub(super) parent: Option<Parent>,
    pub(super) started_from: Option<StartedFrom>,
}

impl Beginning {
    /// Begins with what a checkpoint held, where there is one.
    pub(super) fn of(loaded: Option<Loaded>) -> Self {
        let Some(loaded) = loaded else { return Self::default() };
        let started_from = Some(StartedFrom::of(&loaded));
        let Loaded { newest, cut, state, .. } = loaded;
        Self { state, cut: Some(cut), parent: Some(newest), started_from }
    }

    /// The name of the checkpoint, empty for none.
    pub(super) fn name(&self) -> String {
        self.started_from.as_ref().map(|it| it.checkpoint.clone()).unwrap_or_default()
    }
}
