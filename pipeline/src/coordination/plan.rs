//! What all are to do.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cut::Verdicts;
use super::report::{Name, Stream};

/// What all are to do: to which cut they go, and what becomes of transactions on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The last position of each stream that is in.
    pub cut: BTreeMap<Stream, u64>,
    /// What becomes of transactions that span several participants.
    #[serde(default)]
    pub verdicts: Verdicts,
    /// Who keeps what two claimed to own.
    #[serde(default)]
    pub owners: BTreeMap<String, Name>,
    /// Who makes anew what it has, since that differs from what it follows.
    #[serde(default)]
    pub rebuild: BTreeSet<Name>,
}
