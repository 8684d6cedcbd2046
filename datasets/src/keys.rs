//! Which family the key of each rank is in.
//!
//! Ranks are dealt out from the hottest on, each to the family that is furthest behind its share
//! of the probability dealt so far. So draws over all ranks by one Zipf law also keep the mix of
//! families, to within the probability of a single key, and no key's frequency is bent for it.

use crate::family::Family;
use crate::recipe::Recipe;

#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// By rank: the family, and the key's number within it.
    places: Vec<(Family, u32)>,
    counts: [u32; Family::ALL.len()],
}

impl Keys {
    pub(crate) fn deal(recipe: &Recipe) -> Self {
        let shares = recipe.mix.shares();
        let mut owed = [0.0; Family::ALL.len()];
        let mut counts = [0; Family::ALL.len()];
        let mut places = Vec::with_capacity(recipe.live_keys as usize);
        for rank in 1..=recipe.live_keys {
            let probability = f64::from(rank).powf(-recipe.zipf_exponent);
            let mut most = 0;
            for family in 0..owed.len() {
                owed[family] += shares[family] * probability;
                let better = owed[family] > owed[most] || shares[most] == 0.0;
                if better && shares[family] > 0.0 {
                    most = family;
                }
            }
            owed[most] -= probability;
            places.push((Family::ALL[most], counts[most]));
            counts[most] += 1;
        }
        Self { places, counts }
    }

    pub(crate) fn place(&self, rank: u32) -> (Family, u32) {
        self.places[rank as usize]
    }

    pub(crate) fn count(&self, family: Family) -> u32 {
        self.counts[family.index()]
    }

    /// The key of `family` that stands about where `rank` stands among all keys.
    pub(crate) fn nearest(&self, family: Family, rank: u32) -> u32 {
        let (there, key) = self.place(rank);
        if there == family {
            return key;
        }
        let scaled = u64::from(rank) * u64::from(self.count(family)) / self.places.len() as u64;
        u32::try_from(scaled).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_get_their_share_of_the_probability_and_keys_are_numbered_from_0() {
        let recipe = Recipe::named("100k").unwrap();
        let keys = Keys::deal(&recipe);
        let (mut masses, mut next) = ([0.0; 7], [0; 7]);
        for rank in 0..recipe.live_keys {
            let (family, key) = keys.place(rank);
            assert_eq!(key, next[family.index()]);
            next[family.index()] += 1;
            masses[family.index()] += f64::from(rank + 1).powf(-recipe.zipf_exponent);
        }
        let all: f64 = masses.iter().sum();
        for (mass, share) in masses.iter().zip(recipe.mix.shares()) {
            assert!((mass / all - share).abs() < 0.005, "{} against {share}", mass / all);
        }
        assert_eq!(next, Family::ALL.map(|family| keys.count(family)));
    }

    #[test]
    fn a_family_without_weight_gets_no_key() {
        let mut recipe = Recipe::named("1k").unwrap();
        (recipe.mix.filesystem, recipe.mix.vector) = (0.0, 0.0);
        let keys = Keys::deal(&recipe);
        assert_eq!(keys.count(Family::Filesystem) + keys.count(Family::Vector), 0);
        assert!(keys.count(Family::Graph) > 0);
    }
}
