//! Holes: LSNs that no intact block has; and which damage made each of them.

use std::collections::BTreeMap;

use super::manifest::{Dropped, DroppedBecause};
use crate::journal::damage::Damage;

/// LSNs that are missing: the first of each run, and its last.
#[derive(Clone, Debug, Default)]
pub(super) struct Holes(BTreeMap<u64, u64>);

impl Holes {
    /// Adds a run behind all others; `until` isn't in it.
    pub(super) fn add(&mut self, first: u64, until: u64) {
        if first < until {
            self.0.insert(first, until - 1);
        }
    }

    /// How many LSNs are missing.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The first LSN that is missing; 0 for none.
    pub(super) fn first(&self) -> u64 {
        self.0.keys().next().copied().unwrap_or(0)
    }

    /// Says of each damage what it took. Each LSN is told once.
    pub(super) fn into_dropped(mut self, damages: &[Damage]) -> Vec<Dropped> {
        let mut dropped: Vec<Dropped> = damages.iter().map(|it| self.taken_by(it)).collect();
        // What a damaged range doesn't claim is behind one all the same: the one before it.
        for (first, last) in self.0 {
            let before = damages.partition_point(|damage| damage.lsn <= first).saturating_sub(1);
            match dropped.get_mut(before) {
                Some(entry) => entry.lsns.push((first, last)),
                None => dropped.push(damaged(None, vec![(first, last)])),
            }
        }
        dropped
    }

    fn taken_by(&mut self, damage: &Damage) -> Dropped {
        let lsns = match damage.next_lsn {
            Some(next) if next > damage.lsn => self.take(damage.lsn, next - 1),
            Some(_) => Vec::new(),
            // To the end of the hole that it is in.
            None => {
                let hole = self.0.range(..=damage.lsn).next_back().map(|(_, &last)| last);
                hole.map_or_else(Vec::new, |last| self.take(damage.lsn, last))
            }
        };
        damaged(Some(damage.clone()), lsns)
    }

    /// Takes out what is missing from `first` to `last`.
    fn take(&mut self, first: u64, last: u64) -> Vec<(u64, u64)> {
        let reaches_in = self.0.range(..=first).next_back().filter(|(_, end)| **end >= first);
        let start = reaches_in.map_or(first, |(&start, _)| start);
        if start > last {
            return Vec::new();
        }
        let met: Vec<(u64, u64)> =
            self.0.range(start..=last).map(|(&from, &to)| (from, to)).collect();
        let mut taken = Vec::new();
        for (from, to) in met {
            self.0.remove(&from);
            self.add(from, first);
            if to > last {
                self.0.insert(last + 1, to);
            }
            taken.push((from.max(first), to.min(last)));
        }
        taken
    }
}

fn damaged(damage: Option<Damage>, lsns: Vec<(u64, u64)>) -> Dropped {
    let because = DroppedBecause::Damaged;
    Dropped { because, transaction: None, lsns, damage, inconsistency: None }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::journal::damage::{Fault, Verdict};

    fn damage(lsn: u64, next_lsn: Option<u64>) -> Damage {
        Damage {
            segment: 0,
            path: "segment".into(),
            offset: lsn * 4096,
            end: lsn * 4096 + 4096,
            lsn,
            next_lsn,
            blocks: 1,
            fault: Fault::Zeros,
            verdict: Verdict::Corruption,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        /// Whatever the damaged ranges claim.
        #[test]
        fn each_missing_lsn_is_told_once(
            missing in proptest::collection::btree_set(1_u64..60, 0..50),
            claims in proptest::collection::btree_set((1_u64..60, proptest::option::of(0_u64..70)), 0..8),
        ) {
            let mut holes = Holes::default();
            missing.iter().filter(|lsn| !missing.contains(&(*lsn - 1))).for_each(|&first| {
                let until = (first..).find(|lsn| !missing.contains(lsn)).unwrap_or(first);
                holes.add(first, until);
            });
            prop_assert_eq!(holes.count(), missing.len() as u64);
            prop_assert_eq!(holes.first(), missing.first().copied().unwrap_or(0));
            let damages: Vec<Damage> =
                claims.iter().map(|&(lsn, next_lsn)| damage(lsn, next_lsn)).collect();
            let dropped = holes.into_dropped(&damages);
            let ranges = dropped.iter().flat_map(|it| &it.lsns);
            let told: Vec<u64> = ranges.flat_map(|&(first, last)| first..=last).collect();
            prop_assert_eq!(told.len(), missing.len(), "{:?}", told);
            prop_assert_eq!(told.into_iter().collect::<BTreeSet<u64>>(), missing);
        }
    }
}
