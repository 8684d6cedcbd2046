//! What a coordinator writes down, and has on storage, before it acts on it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::conflict::Ruling;
use super::cut::Verdicts;
use super::plan::Plan;
use super::report::{Name, Proof};
use super::terms::Terms;

/// One entry. What follows from all entries is decided, and stays so.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum Entry {
    /// A life of a coordinator began; of a coordination, where none is under way.
    Began {
        /// The life's epoch.
        epoch: u64,
        /// The terms.
        terms: Terms,
    },
    /// Somebody said something about a conflict.
    Ruled {
        /// The conflict's key.
        conflict: String,
        /// What was said.
        ruling: Ruling,
    },
    /// All said yes to a plan, and are told to go on.
    Planned {
        /// The plan.
        plan: Plan,
        /// Who takes part in it, and what each will have at the cut, as far as it knows.
        members: BTreeMap<Name, Proof>,
    },
    /// All have proven that they are there: nobody goes back any more.
    Committed,
    /// All go back.
    TurnedBack {
        /// Why.
        reason: Refusal,
        /// Who may have something to go back from.
        members: Vec<Name>,
    },
    /// The coordination ended, and nothing is left behind.
    Ended,
}

/// Why a coordination came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refused")]
pub enum Refusal {
    /// A participant that is needed failed or fell silent too often.
    #[error("{participant} can't be reached: {reason}")]
    Unreachable {
        /// Its name.
        participant: Name,
        /// Why.
        reason: String,
    },
    /// A participant said no to the plan.
    #[error("{participant} can't go to the cut: {reason}")]
    VotedNo {
        /// Its name.
        participant: Name,
        /// Why.
        reason: String,
    },
    /// What participants had at the cut wasn't the same.
    #[error("at the cut, {conflict}")]
    Invalid {
        /// The conflict in words.
        conflict: String,
    },
    /// Somebody said so when asked about a conflict.
    #[error("it was stopped at the conflict {conflict}")]
    Ruled {
        /// The conflict's key.
        conflict: String,
    },
    /// Somebody cancelled it.
    #[error("it was cancelled")]
    Cancelled,
    /// It took longer than it may.
    #[error("it took longer than it may")]
    TimedOut,
    /// There is nobody to coordinate.
    #[error("nobody is left who takes part")]
    Nobody,
}

/// What entries come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    /// The last epoch.
    pub epoch: u64,
    /// Transactions that were decided by coordinations that ended well.
    pub decided: Verdicts,
    /// The coordination that is under way.
    pub under_way: Option<UnderWay>,
}

/// A coordination that didn't end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UnderWay {
    /// Its terms.
    pub terms: Terms,
    /// What was said about conflicts, by their keys; the last where several things were.
    pub rulings: BTreeMap<String, Ruling>,
    /// Those without whom the others go on, because somebody said so.
    pub without: BTreeSet<Name>,
    /// The plan that all were told to carry out, and who they are.
    pub planned: Option<(Plan, BTreeMap<Name, Proof>)>,
    /// How it ends, where that is decided.
    pub ends: Option<Ends>,
}

/// How a coordination ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ends {
    /// Everyone stays at the cut.
    Committed,
    /// Everyone goes back.
    TurnedBack(Refusal, Vec<Name>),
}

impl Memory {
    /// What these entries come to.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut memory = Self::default();
        for entry in entries {
            memory.add(entry);
        }
        memory
    }

    /// Takes in one more.
    pub fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Began { epoch, terms } => {
                self.epoch = *epoch;
                self.under_way.get_or_insert_with(|| UnderWay::new(terms.clone()));
            }
            Entry::Ended => {
                let ended = self.under_way.take();
                if let Some(UnderWay {
                    planned: Some((plan, _)),
                    ends: Some(Ends::Committed),
                    ..
                }) = ended
                {
                    self.decided.extend(plan.verdicts);
                }
            }
            Entry::Ruled { .. }
            | Entry::Planned { .. }
            | Entry::Committed
            | Entry::TurnedBack { .. } => {
                if let Some(under_way) = &mut self.under_way {
                    under_way.add(entry);
                }
            }
        }
    }
}

impl UnderWay {
    fn new(terms: Terms) -> Self {
        let (rulings, without) = (BTreeMap::new(), BTreeSet::new());
        Self { terms, rulings, without, planned: None, ends: None }
    }

    fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Ruled { conflict, ruling } => {
                self.rulings.insert(conflict.clone(), ruling.clone());
                if let Ruling::Without(name) = ruling {
                    self.without.insert(name.clone());
                }
            }
            Entry::Planned { plan, members } => {
                self.planned = Some((plan.clone(), members.clone()));
            }
            Entry::Committed => self.ends = Some(Ends::Committed),
            Entry::TurnedBack { reason, members } => {
                self.ends = Some(Ends::TurnedBack(reason.clone(), members.clone()));
            }
            Entry::Began { .. } | Entry::Ended => {}
        }
    }
}
