//! The states of a family's keys, and which open transaction holds which key.

use vexfs_datasets::Outcome;

const FREE: u16 = u16::MAX;

/// A state per key. A key that a transaction has changed is that transaction's until it ends; what
/// it was before is kept, for the case that the transaction aborts.
pub(super) struct Keys<S> {
    states: Vec<S>,
    holders: Vec<u16>,
    /// By transaction: the keys it holds, and what they were before.
    before: Vec<Vec<(u32, S)>>,
}

impl<S: Copy + Default> Keys<S> {
    pub(super) fn new(keys: u32, lanes: u16) -> Self {
        let keys = keys as usize;
        let before = vec![Vec::new(); lanes.into()];
        Self { states: vec![S::default(); keys], holders: vec![FREE; keys], before }
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.states.len()).unwrap_or(u32::MAX)
    }

    /// The key's state; the default one for a key that there isn't.
    pub(super) fn get(&self, key: u32) -> S {
        self.states.get(key as usize).copied().unwrap_or_default()
    }

    /// Whether the key is there to be used, and no other open transaction holds it.
    pub(super) fn usable(&self, key: u32, transaction: Option<u16>) -> bool {
        let holder = self.holders.get(key as usize).copied();
        holder.is_some_and(|holder| holder == FREE || Some(holder) == transaction)
    }

    /// The state of a usable key, to be changed; the transaction holds the key from then on.
    pub(super) fn change(&mut self, key: u32, transaction: Option<u16>) -> &mut S {
        let at = key as usize;
        if let (Some(lane), FREE) = (transaction, self.holders[at]) {
            self.holders[at] = lane;
            self.before[usize::from(lane)].push((key, self.states[at]));
        }
        &mut self.states[at]
    }

    pub(super) fn settle(&mut self, transaction: u16, outcome: Outcome) {
        for (key, before) in self.before[usize::from(transaction)].drain(..) {
            self.holders[key as usize] = FREE;
            if outcome == Outcome::Abort {
                self.states[key as usize] = before;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_key_is_held_until_the_end_and_restored_by_an_abort() {
        for (outcome, after) in [(Outcome::Commit, 2), (Outcome::Abort, 0)] {
            let mut keys = Keys::<u8>::new(3, 2);
            for state in 1..=2 {
                *keys.change(1, Some(0)) = state;
            }
            assert!(keys.usable(1, Some(0)) && keys.usable(2, Some(1)));
            assert!(!keys.usable(1, Some(1)) && !keys.usable(1, None) && !keys.usable(3, None));
            keys.settle(1, outcome);
            assert!(!keys.usable(1, None));
            keys.settle(0, outcome);
            assert!(keys.usable(1, None));
            assert_eq!(keys.get(1), after);
        }
    }
}
