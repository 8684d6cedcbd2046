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
