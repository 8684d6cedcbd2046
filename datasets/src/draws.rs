//! The draws: what happens, record by record.

use rand_distr::Zipf;

use crate::family::Family;
use crate::keys::Keys;
use crate::random::{Chance, Source};
use crate::recipe::{KeyOrder, Recipe, RecipeError};
use crate::schedule::{Outcome, Part, Schedule};

/// One record of a workload. Transactions go by the number of their lane, below
/// [`Draws::lanes`]; it is used again once the transaction has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// A transaction begins.
    Begin {
        /// Its lane.
        transaction: u16,
    },
    /// A transaction ends.
    End {
        /// Its lane.
        transaction: u16,
        /// How it ends.
        outcome: Outcome,
    },
    /// A key is touched.
    Touch(Touch),
}

/// What a touch does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It looks.
    Observe,
    /// It makes the key where that isn't there, and changes it where it is.
    Change,
    /// It changes several keys at once.
    ChangeSeveral,
    /// It removes the key.
    Remove,
}

/// A key is touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The lane of the transaction that it is in.
    pub transaction: Option<u16>,
    /// What it does.
    pub action: Action,
    /// The key's rank among all keys, 0 for the hottest.
    pub rank: u32,
    /// The key's family.
    pub family: Family,
    /// The key's number within the family, below [`Draws::keys`].
    pub key: u32,
    /// Another key of the family: drawn as the first one where several are changed, and evenly
    /// where not.
    pub other: u32,
    /// How long the payload is, in bytes.
    pub payload_bytes: u32,
    /// 64 random bits for whatever else is to be chosen.
    pub word: u64,
}

/// The draws of a recipe and a seed.
#[derive(Clone, Debug)]
pub struct Draws {
    source: Source,
    schedule: Schedule,
    keys: Keys,
    zipf: Zipf<f64>,
    live_keys: u32,
    /// So many ranks were touched once.
    loaded: u32,
    /// The ranks in the order in which they are touched first; empty where they count up.
    first_touches: Vec<u32>,
    mean_payload_bytes: u32,
    observe: Chance,
    remove: Chance,
    /// In families that have it; so much more often there as other families don't have it.
    change_several: Chance,
}

impl Draws {
    /// The draws that `recipe` and `seed` lead to.
    ///
    /// # Errors
    /// [`RecipeError`] when the recipe makes no sense.
    pub fn new(recipe: &Recipe, seed: u64) -> Result<Self, RecipeError> {
        recipe.validate()?;
        let (keys, exponent) = (f64::from(recipe.live_keys), recipe.zipf_exponent);
        let zipf = Zipf::new(keys, exponent).map_err(|_| RecipeError::OutOfRange {
            field: "zipf_exponent",
            found: exponent,
            least: 0.0,
            most: 10.0,
        })?;
        let with_several: f64 = Family::ALL
            .iter()
            .zip(recipe.mix.shares())
            .filter(|(family, _)| family.has_changes_of_several_keys())
            .map(|(_, share)| share)
            .sum();
        // Each is asked after the one before it was not the case.
        let after_observe = 1.0 - recipe.observation_share;
        let remove = recipe.removal_share / after_observe.max(f64::MIN_POSITIVE);
        let after_remove = (after_observe - recipe.removal_share) * with_several;
        let several = recipe.multi_key_share / after_remove.max(f64::MIN_POSITIVE);
        let mut source = Source::new(seed);
        let first_touches = match recipe.key_order {
            KeyOrder::ByRank => Vec::new(),
            KeyOrder::Shuffled => shuffled(recipe.live_keys, &mut source),
        };
        Ok(Self {
            source,
            schedule: Schedule::new(recipe),
            keys: Keys::deal(recipe),
            zipf,
            live_keys: recipe.live_keys,
            loaded: 0,
            first_touches,
            mean_payload_bytes: recipe.mean_payload_bytes,
            observe: Chance::of(recipe.observation_share),
            remove: Chance::of(remove),
            change_several: Chance::of(several),
        })
    }

    /// How many lanes for transactions there are.
    #[must_use]
    pub fn lanes(&self) -> u16 {
        self.schedule.lanes()
    }

    /// How many keys a family has.
    #[must_use]
    pub fn keys(&self, family: Family) -> u32 {
        self.keys.count(family)
    }

    fn touch(&mut self, transaction: Option<u16>) -> Touch {
        let observes = self.source.chance(self.observe);
        let loads = !observes && self.loaded < self.live_keys;
        let rank = if loads {
            let next = self.loaded;
            self.loaded += 1;
            self.first_touches.get(next as usize).copied().unwrap_or(next)
        } else {
            self.source.rank(&self.zipf, self.live_keys)
        };
        let (family, key) = self.keys.place(rank);
        let action = match (observes, loads) {
            (true, _) => Action::Observe,
            (false, true) => Action::Change,
            (false, false) => self.action(family),
        };
        let other = if action == Action::ChangeSeveral {
            self.keys.nearest(family, self.source.rank(&self.zipf, self.live_keys))
        } else {
            self.source.below_u32(self.keys.count(family))
        };
        // Even from half the mean to one and a half.
        let mean = self.mean_payload_bytes;
        let payload_bytes = mean - mean / 2 + self.source.below_u32(mean / 2 * 2 + 1);
        let word = self.source.word();
        Touch { transaction, action, rank, family, key, other, payload_bytes, word }
    }

    fn action(&mut self, family: Family) -> Action {
        if self.source.chance(self.remove) {
            Action::Remove
        } else if family.has_changes_of_several_keys() && self.source.chance(self.change_several) {
            Action::ChangeSeveral
        } else {
            Action::Change
        }
    }
}

/// The ranks below `ranks`, in any order (Fisher and Yates).
fn shuffled(ranks: u32, source: &mut Source) -> Vec<u32> {
    let mut order: Vec<u32> = (0..ranks).collect();
    for last in (1..ranks).rev() {
        order.swap(last as usize, source.below_u32(last + 1) as usize);
    }
    order
}

impl Iterator for Draws {
    type Item = Draw;

    fn next(&mut self) -> Option<Draw> {
        Some(match self.schedule.next(&mut self.source)? {
            Part::Alone => Draw::Touch(self.touch(None)),
            Part::Within(lane) => Draw::Touch(self.touch(Some(lane))),
            Part::Begin(transaction) => Draw::Begin { transaction },
            Part::End(transaction, outcome) => Draw::End { transaction, outcome },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touches(recipe: &Recipe, seed: u64) -> Vec<Touch> {
        let draws = Draws::new(recipe, seed).unwrap();
        draws
            .filter_map(|draw| match draw {
                Draw::Touch(touch) => Some(touch),
                Draw::Begin { .. } | Draw::End { .. } => None,
            })
            .collect()
    }

    fn share(touches: &[Touch], wanted: impl Fn(&Touch) -> bool) -> f64 {
        let count = |count: usize| u32::try_from(count).map(f64::from).unwrap();
        count(touches.iter().filter(|touch| wanted(touch)).count()) / count(touches.len())
    }

    fn after_load(recipe: &Recipe) -> Vec<Touch> {
        touches(recipe, 3).split_off(2 * recipe.live_keys as usize)
    }

    #[test]
    fn the_same_seed_gives_the_same_draws_and_another_gives_others() {
        let recipe = Recipe::named("10k").unwrap();
        let draws = |seed| Draws::new(&recipe, seed).unwrap().collect::<Vec<_>>();
        assert_eq!(draws(5).len(), 10_000);
        assert_eq!(draws(5), draws(5));
        assert_ne!(draws(5), draws(6));
    }

    #[test]
    fn ranks_follow_the_closed_form() {
        for exponent in [0.0, 0.99, 1.2] {
            let recipe = Recipe::named("100k").unwrap();
            let recipe =
                Recipe { events: 400_000, live_keys: 1000, zipf_exponent: exponent, ..recipe };
            let touches = after_load(&recipe);
            let harmonic: f64 = (1..=1000).map(|rank| f64::from(rank).powf(-exponent)).sum();
            let mut below = 0.0;
            for rank in 0..1000 {
                let expected = f64::from(rank + 1).powf(-exponent) / harmonic;
                below += expected;
                if [0, 1, 9].contains(&rank) {
                    let found = share(&touches, |touch| touch.rank == rank);
                    let within = 0.05 * expected + 0.0003;
                    assert!((found - expected).abs() < within, "{rank}: {found}, not {expected}");
                }
                if [19, 99, 499].contains(&rank) {
                    let found = share(&touches, |touch| touch.rank <= rank);
                    assert!((found - below).abs() < 0.005, "to {rank}: {found}, not {below}");
                }
            }
        }
    }

    #[test]
    fn shares_are_kept() {
        let recipe = Recipe::named("100k").unwrap();
        let recipe = Recipe { events: 400_000, ..recipe };
        let touches = after_load(&recipe);
        for (family, expected) in Family::ALL.into_iter().zip(recipe.mix.shares()) {
            let found = share(&touches, |touch| touch.family == family);
            assert!((found - expected).abs() < 0.01, "{family:?}: {found}, not {expected}");
        }
        for (action, expected) in [
            (Action::Observe, recipe.observation_share),
            (Action::Remove, recipe.removal_share),
            (Action::ChangeSeveral, recipe.multi_key_share),
        ] {
            let found = share(&touches, |touch| touch.action == action);
            assert!((found - expected).abs() < 0.003, "{action:?}: {found}, not {expected}");
        }
        let sum: u64 = touches.iter().map(|touch| u64::from(touch.payload_bytes)).sum();
        assert_eq!((sum + touches.len() as u64 / 2) / touches.len() as u64, 224);
    }

    #[test]
    fn the_first_changes_touch_every_key_once() {
        let recipe = Recipe::named("1k").unwrap();
        let touches = touches(&recipe, 1);
        let changes = touches.iter().filter(|touch| touch.action != Action::Observe);
        let ranks: Vec<_> = changes.take(100).map(|touch| touch.rank).collect();
        assert_eq!(ranks, (0..100).collect::<Vec<_>>());
    }
    #[test]
    fn unique_keys_are_each_touched_once_and_in_no_order() {
        let recipe = Recipe::named("unique-keys").unwrap();
        let recipe = Recipe { events: 1000, live_keys: 1000, ..recipe };
        let mut ranks: Vec<_> = touches(&recipe, 1).iter().map(|touch| touch.rank).collect();
        let rising = ranks.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((400..600).contains(&rising), "{rising} of 999 follow a lower one");
        ranks.sort_unstable();
        assert_eq!(ranks, (0..1000).collect::<Vec<_>>());
    }
}
