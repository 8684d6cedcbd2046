//! Recipes: what a workload is like, in numbers.

use std::fmt;

use serde::Serialize;

use crate::family::Mix;
use crate::named::BLOCK_BYTES;

/// In which order keys are touched for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyOrder {
    /// The hottest first: their numbers count up.
    ByRank,
    /// Any, by the seed: what keeps its keys sorted finds the next one anywhere.
    Shuffled,
}

/// What a workload is like. The fields are public, so that a named recipe can be varied;
/// [`Self::validate`] says whether what came out makes sense.
///
/// Its debugging text has every field that is not as usual: who wants to tell recipes apart goes by that.
/// What came to recipes later is left out where it is as it was before, so that older ones keep theirs.
#[derive(Clone, PartialEq, Serialize)]
pub struct Recipe {
    /// The recipe's name.
    pub name: String,
    /// How many records there are, the begins and ends of transactions included.
    pub events: u64,
    /// The mean payload of a record in bytes, padding included.
    pub mean_payload_bytes: u32,
    /// How many floats a vector has; none for as many as the payload has room for.
    pub vector_floats: Option<u32>,
    /// How long a block of the journal gets, in bytes.
    pub block_bytes: u32,
    /// How many keys are touched. As many of the first changes touch each once; after that ranks are
    /// drawn.
    pub live_keys: u32,
    /// In which order these first changes come.
    pub key_order: KeyOrder,
    /// How unevenly keys are drawn: the key of rank r has a probability in proportion to
    /// r to the power of minus this. 0 is even, 0.99 is usual.
    pub zipf_exponent: f64,
    /// How the draws spread over the families.
    pub mix: Mix,
    /// The share of touches that observe and change nothing.
    pub observation_share: f64,
    /// The share of touches that remove the key, after all keys were touched once.
    pub removal_share: f64,
    /// The share of touches that change several keys, after all keys were touched once.
    pub multi_key_share: f64,
    /// The share of records in transactions, begins and ends included. Records of the huge
    /// transaction are not counted on either side.
    pub transactional_share: f64,
    /// How many touches a transaction has, on the mean.
    pub transaction_mean_touches: u32,
    /// How many transactions are open at once at the most. They come in bursts of 1 to this many,
    /// interleaved with each other and with touches outside of transactions.
    pub transactions_open_max: u16,
    /// The share of transactions that abort.
    pub aborted_share: f64,
    /// The share of all records that one huge transaction holds; 0 for none. It begins when half
    /// of the other records are through, and commits near the end.
    pub huge_transaction_share: f64,
}

/// Why a recipe makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// There is no recipe of this name.
    #[error("there is no recipe {name:?}; there are {}", Recipe::NAMES.join(", "))]
    UnknownName {
        /// The name that was asked for.
        name: String,
    },
    /// A field is out of its range.
    #[error("{field} is {found} where {least} to {most} is possible")]
    OutOfRange {
        /// The recipe's field.
        field: &'static str,
        /// Its value.
        found: f64,
        /// The least possible.
        least: f64,
        /// The most possible.
        most: f64,
    },
    /// Shares of the same whole add up to more than it.
    #[error("{fields} add up to {found}, which is more than 1")]
    MoreThanAll {
        /// The recipe's fields.
        fields: &'static str,
        /// What they add up to.
        found: f64,
    },
    /// No family has a weight.
    #[error("no family in the mix has a weight")]
    EmptyMix,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Recipe");
        text.field("name", &self.name)
            .field("events", &self.events)
            .field("mean_payload_bytes", &self.mean_payload_bytes)
            .field("live_keys", &self.live_keys)
            .field("zipf_exponent", &self.zipf_exponent)
            .field("mix", &self.mix)
            .field("observation_share", &self.observation_share)
            .field("removal_share", &self.removal_share)
            .field("multi_key_share", &self.multi_key_share)
            .field("transactional_share", &self.transactional_share)
            .field("transaction_mean_touches", &self.transaction_mean_touches)
            .field("transactions_open_max", &self.transactions_open_max)
            .field("aborted_share", &self.aborted_share)
            .field("huge_transaction_share", &self.huge_transaction_share);
        if self.vector_floats.is_some() {
            text.field("vector_floats", &self.vector_floats);
        }
        if self.block_bytes != BLOCK_BYTES {
            text.field("block_bytes", &self.block_bytes);
        }
        if self.key_order != KeyOrder::ByRank {
            text.field("key_order", &self.key_order);
        }
        text.finish()
    }
}

impl Recipe {
    /// The longest possible mean payload, in bytes. Single payloads get more than twice as long.
    pub const MEAN_PAYLOAD_BYTES_MAX: u32 = 48 * 1024;

    /// Says whether the recipe makes sense.
    ///
    /// # Errors
    /// [`RecipeError`] naming the first field that doesn't.
    pub fn validate(&self) -> Result<(), RecipeError> {
        let (keys, payload) = (f64::from(u32::MAX >> 1), f64::from(Self::MEAN_PAYLOAD_BYTES_MAX));
        let mean_touches = f64::from(self.transaction_mean_touches);
        for (field, found, least, most) in [
            ("mean_payload_bytes", f64::from(self.mean_payload_bytes), 0.0, payload),
            ("vector_floats", f64::from(self.vector_floats.unwrap_or(1)), 1.0, payload / 4.0),
            ("live_keys", f64::from(self.live_keys), 1.0, keys),
            ("zipf_exponent", self.zipf_exponent, 0.0, 10.0),
            ("observation_share", self.observation_share, 0.0, 1.0),
            ("removal_share", self.removal_share, 0.0, 1.0),
            ("multi_key_share", self.multi_key_share, 0.0, 1.0),
            ("transactional_share", self.transactional_share, 0.0, 1.0),
            ("transaction_mean_touches", mean_touches, 1.0, f64::from(u32::MAX >> 1)),
            ("transactions_open_max", f64::from(self.transactions_open_max), 1.0, 4096.0),
            ("aborted_share", self.aborted_share, 0.0, 1.0),
            ("huge_transaction_share", self.huge_transaction_share, 0.0, 1.0),
        ] {
            // Written so that NaN fails too.
            if !(least..=most).contains(&found) {
                return Err(RecipeError::OutOfRange { field, found, least, most });
            }
        }
        let found = self.observation_share + self.removal_share + self.multi_key_share;
        if found > 1.0 {
            let fields = "observation_share, removal_share and multi_key_share";
            return Err(RecipeError::MoreThanAll { fields, found });
        }
        self.validate_mix()
    }

    fn validate_mix(&self) -> Result<(), RecipeError> {
        let weights = self.mix.weights();
        if let Some(&found) = weights.iter().find(|weight| !(0.0..=1e9).contains(*weight)) {
            return Err(RecipeError::OutOfRange { field: "mix", found, least: 0.0, most: 1e9 });
        }
        if weights.iter().sum::<f64>() <= 0.0 {
            return Err(RecipeError::EmptyMix);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_makes_no_sense_is_named() {
        let field = |change: fn(&mut Recipe)| {
            let mut recipe = Recipe::named("1k").unwrap();
            change(&mut recipe);
            match recipe.validate() {
                Err(RecipeError::OutOfRange { field, .. }) => field,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(field(|recipe| recipe.live_keys = 0), "live_keys");
        assert_eq!(field(|recipe| recipe.zipf_exponent = f64::NAN), "zipf_exponent");
        assert_eq!(field(|recipe| recipe.aborted_share = 1.1), "aborted_share");
        assert_eq!(field(|recipe| recipe.mix.agent = -1.0), "mix");
        assert_eq!(field(|recipe| recipe.mean_payload_bytes = 50_000), "mean_payload_bytes");
        assert_eq!(field(|recipe| recipe.vector_floats = Some(0)), "vector_floats");
    }

    #[test]
    fn recipes_that_differ_in_a_field_differ_in_their_text() {
        let usual = Recipe::named("1k").unwrap();
        let changes: [fn(&mut Recipe); 17] = [
            |it| it.name.push('x'),
            |it| it.events += 1,
            |it| it.mean_payload_bytes += 1,
            |it| it.vector_floats = Some(1),
            |it| it.block_bytes = 4096,
            |it| it.live_keys += 1,
            |it| it.key_order = KeyOrder::Shuffled,
            |it| it.zipf_exponent += 0.1,
            |it| it.mix.agent += 0.1,
            |it| it.observation_share += 0.1,
            |it| it.removal_share += 0.1,
            |it| it.multi_key_share += 0.1,
            |it| it.transactional_share += 0.1,
            |it| it.transaction_mean_touches += 1,
            |it| it.transactions_open_max += 1,
            |it| it.aborted_share += 0.1,
            |it| it.huge_transaction_share += 0.1,
        ];
        let mut texts: Vec<String> = changes
            .iter()
            .map(|change| {
                let mut recipe = usual.clone();
                change(&mut recipe);
                format!("{recipe:?}")
            })
            .collect();
        texts.push(format!("{usual:?}"));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), changes.len() + 1);
        // As many as there are fields.
        let Value::Object(fields) = serde_json::to_value(&usual).unwrap() else { panic!() };
        assert_eq!(fields.len(), changes.len());
    }

    #[test]
    fn shares_of_one_whole_and_an_empty_mix_are_refused() {
        let mut recipe = Recipe::named("1k").unwrap();
        recipe.removal_share = 0.95;
        assert!(matches!(recipe.validate(), Err(RecipeError::MoreThanAll { .. })));
        recipe.removal_share = 0.0;
        let [filesystem, graph, vector, agent, system, semantic, observability] = [0.0; 7];
        recipe.mix = Mix { filesystem, graph, vector, agent, system, semantic, observability };
        assert_eq!(recipe.validate(), Err(RecipeError::EmptyMix));
    }
}
