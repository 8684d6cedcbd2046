//! Recipes: what a workload is like, in numbers.

use serde::Serialize;

use crate::family::Mix;

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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recipe {
    /// The recipe's name.
    pub name: String,
    /// How many records there are, the begins and ends of transactions included.
    pub events: u64,
    /// The mean payload of a record in bytes, padding included.
    pub mean_payload_bytes: u32,
    /// How many keys are touched. As many of the first changes touch each once; after that ranks
    /// are drawn.
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

impl Recipe {
    /// The names that [`Self::named`] knows.
    pub const NAMES: &[&str] = &[
        "tiny",
        "1k",
        "10k",
        "100k",
        "1M",
        "10M",
        "100M",
        "hot-key",
        "huge-transaction",
        "unique-keys",
    ];

    /// The longest possible mean payload, in bytes. Single payloads get more than twice as long.
    pub const MEAN_PAYLOAD_BYTES_MAX: u32 = 48 * 1024;

    /// The recipe of this name. "1M" is the usual one: a million records of 256 bytes each, header
    /// included, over 100,000 keys. The others named by a number are like it at another length.
    ///
    /// # Errors
    /// [`RecipeError::UnknownName`] for a name that is not in [`Self::NAMES`].
    pub fn named(name: &str) -> Result<Self, RecipeError> {
        let usual = |events: u64| Self::usual(name, events);
        Ok(match name {
            "tiny" => Self::tiny(),
            "1k" => usual(1_000),
            "10k" => usual(10_000),
            "100k" => usual(100_000),
            "1M" => usual(1_000_000),
            "10M" => usual(10_000_000),
            "100M" => usual(100_000_000),
            "hot-key" => Self { zipf_exponent: 1.2, ..usual(1_000_000) },
            "huge-transaction" => {
                Self { transactional_share: 0.0, huge_transaction_share: 0.9, ..usual(1_000_000) }
            }
            "unique-keys" => Self::unique_keys(),
            _ => return Err(RecipeError::UnknownName { name: name.to_owned() }),
        })
    }

    fn usual(name: &str, events: u64) -> Self {
        let live_keys = u32::try_from(events / 10).unwrap_or(u32::MAX).min(100_000);
        Self {
            name: name.to_owned(),
            events,
            mean_payload_bytes: 224,
            live_keys,
            key_order: KeyOrder::ByRank,
            zipf_exponent: 0.99,
            mix: Mix {
                filesystem: 0.34,
                graph: 0.25,
                vector: 0.16,
                agent: 0.08,
                system: 0.02,
                semantic: 0.07,
                observability: 0.08,
            },
            observation_share: 0.06,
            removal_share: 0.04,
            multi_key_share: 0.05,
            transactional_share: 0.2,
            transaction_mean_touches: 10,
            transactions_open_max: 8,
            aborted_share: 0.05,
            huge_transaction_share: 0.0,
        }
    }

    /// A million changes of 200 bytes on the mean, each under a key of its own, in any order. Only of
    /// families in which a change touches one key.
    fn unique_keys() -> Self {
        let mix = Mix {
            filesystem: 0.0,
            graph: 0.0,
            vector: 1.0,
            agent: 1.0,
            system: 0.0,
            semantic: 1.0,
            observability: 1.0,
        };
        Self {
            mean_payload_bytes: 200,
            live_keys: 1_000_000,
            key_order: KeyOrder::Shuffled,
            zipf_exponent: 0.0,
            mix,
            observation_share: 0.0,
            removal_share: 0.0,
            multi_key_share: 0.0,
            transactional_share: 0.0,
            ..Self::usual("unique-keys", 1_000_000)
        }
    }

    /// Small, even, and dense in everything that is rare elsewhere.
    fn tiny() -> Self {
        let mix = Mix {
            filesystem: 1.0,
            graph: 1.0,
            vector: 0.7,
            agent: 0.6,
            system: 0.6,
            semantic: 0.7,
            observability: 1.0,
        };
        Self {
            mean_payload_bytes: 96,
            live_keys: 64,
            zipf_exponent: 0.3,
            mix,
            observation_share: 0.2,
            removal_share: 0.1,
            multi_key_share: 0.1,
            transaction_mean_touches: 4,
            transactions_open_max: 3,
            aborted_share: 0.2,
            ..Self::usual("tiny", 200)
        }
    }

    /// Says whether the recipe makes sense.
    ///
    /// # Errors
    /// [`RecipeError`] naming the first field that doesn't.
    pub fn validate(&self) -> Result<(), RecipeError> {
        let (keys, payload) = (f64::from(u32::MAX >> 1), f64::from(Self::MEAN_PAYLOAD_BYTES_MAX));
        let mean_touches = f64::from(self.transaction_mean_touches);
        for (field, found, least, most) in [
            ("mean_payload_bytes", f64::from(self.mean_payload_bytes), 0.0, payload),
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
    use super::*;

    #[test]
    fn every_named_recipe_makes_sense() {
        for name in Recipe::NAMES {
            let recipe = Recipe::named(name).unwrap();
            assert_eq!((recipe.name.as_str(), recipe.validate()), (*name, Ok(())));
        }
        let unknown = Recipe::named("2M").unwrap_err();
        assert_eq!(unknown, RecipeError::UnknownName { name: "2M".to_owned() });
    }

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
