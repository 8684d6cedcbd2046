//! On which terms a coordination is held: who takes part, what is shared, what may be lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::kind::ParticipantKind;
use super::report::Name;

/// Who takes part, and on which terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Who takes part.
    pub members: BTreeMap<Name, Member>,
    /// Which transactions span several participants.
    #[serde(default)]
    pub sharing: Sharing,
    /// What is decided without asking anybody.
    #[serde(default)]
    pub policy: Policy,
}

/// One who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What it is.
    pub kind: ParticipantKind,
    /// Whether nothing is done without it.
    #[serde(default)]
    pub need: Need,
}

/// Whether nothing is done without a participant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Nothing is done without it.
    #[default]
    Required,
    /// The others go on without it where it can't be reached.
    Optional,
}

/// Transactions of ids from here on span all participants that keep transactions, where terms say nothing else.
pub const SHARED_FROM: u64 = 1 << 63;

/// Which transactions span several participants. Those of no range are one participant's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sharing(pub Vec<Shared>);

/// Transactions that span the same participants.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// The first id.
    pub first: u64,
    /// The last id.
    pub last: u64,
    /// Whom they span; all that keep transactions where nobody is named.
    #[serde(default)]
    pub with: Vec<Name>,
}

impl Default for Sharing {
    fn default() -> Self {
        Self(vec![Shared { first: SHARED_FROM, last: u64::MAX, with: Vec::new() }])
    }
}

impl Sharing {
    /// Whether a transaction spans several participants.
    #[must_use]
    pub fn is_shared(&self, transaction: u64) -> bool {
        self.range(transaction).is_some()
    }

    /// Whether a participant has a part in a transaction, if that spans several.
    pub(super) fn includes(&self, transaction: u64, name: &str, kind: ParticipantKind) -> bool {
        self.range(transaction).is_some_and(|shared| match shared.with.as_slice() {
            [] => kind.keeps_transactions(),
            names => names.iter().any(|it| it == name),
        })
    }

    fn range(&self, transaction: u64) -> Option<&Shared> {
        self.0.iter().find(|it| (it.first..=it.last).contains(&transaction))
    }
}

/// What is decided without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whether a source may go back to the cut.
    pub loss: Loss,
    /// What becomes of transactions that all have prepared and nobody has decided.
    pub in_doubt: InDoubt,
    /// How often a participant is asked again after it failed or fell silent.
    pub retries: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { loss: Loss::Ask, in_doubt: InDoubt::Ask, retries: 3 }
    }
}

/// Whether a source may go back to the cut, so that what it had behind that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// When somebody says so.
    Ask,
    /// Yes.
    Accept,
}

/// What becomes of transactions that all have prepared and nobody has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InDoubt {
    /// They stay in doubt until somebody says.
    Ask,
    /// They are aborted: who had decided to commit would have written it down first.
    PresumeAbort,
}
