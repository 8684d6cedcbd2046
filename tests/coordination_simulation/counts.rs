//! How often what happened, over all seeds: what never happens isn't tested.

use std::collections::BTreeMap;

use vexfs_replay::coordination::{Conflict, Refusal};

macro_rules! counts {
    ($($name:ident),* $(,)?) => {
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Counts {
            $(pub(crate) $name: u64,)*
            pub(crate) refusals: BTreeMap<&'static str, u64>,
            pub(crate) conflicts: BTreeMap<String, u64>,
        }

        impl Counts {
            pub(crate) fn add(mut self, other: Self) -> Self {
                $(self.$name += other.$name;)*
                for (kind, count) in other.refusals {
                    *self.refusals.entry(kind).or_default() += count;
                }
                for (kind, count) in other.conflicts {
                    *self.conflicts.entry(kind).or_default() += count;
                }
                self
            }

            fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

counts!(
    consistent,
    lives,
    last_lives,
    second,
    overlaps,
    killed,
    jumps,
    record_faults,
    record_failed,
    pending,
    superseded,
    lost,
    twice,
    late,
    crashes,
    fails,
    pauses,
    slow,
    stale,
    waits,
    rulings,
    senseless,
    rebuilt,
    left_out,
);

/// All kinds of ends that explain themselves, and all conflicts by the first word of their keys.
const REFUSALS: [&str; 7] =
    ["unreachable", "voted no", "invalid", "ruled", "cancelled", "timed out", "nobody"];
const CONFLICTS: [&str; 10] = [
    "ahead",
    "behind",
    "decision",
    "digests",
    "drift",
    "in-doubt",
    "observed",
    "outcomes",
    "owners",
    "unreachable",
];

impl Counts {
    pub(crate) fn refused(&mut self, reason: &Refusal) {
        let kind = match reason {
            Refusal::Unreachable { .. } => "unreachable",
            Refusal::VotedNo { .. } => "voted no",
            Refusal::Invalid { .. } => "invalid",
            Refusal::Ruled { .. } => "ruled",
            Refusal::Cancelled => "cancelled",
            Refusal::TimedOut => "timed out",
            Refusal::Nobody => "nobody",
        };
        *self.refusals.entry(kind).or_default() += 1;
    }

    pub(crate) fn found(&mut self, conflict: &Conflict) {
        let key = conflict.key();
        let kind = key.split(':').next().unwrap_or_default();
        *self.conflicts.entry(kind.to_owned()).or_default() += 1;
    }

    /// What never happened.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let never = self.all().into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name);
        let refusals = REFUSALS.into_iter().filter(|it| !self.refusals.contains_key(it));
        let conflicts = CONFLICTS.into_iter().filter(|it| !self.conflicts.contains_key(*it));
        never.chain(refusals).chain(conflicts).collect()
    }
}
