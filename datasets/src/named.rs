//! The recipes that have a name.

use crate::family::Mix;
use crate::recipe::{KeyOrder, Recipe, RecipeError};

/// How long a journal's blocks usually get, in bytes.
pub(crate) const BLOCK_BYTES: u32 = 64 * 1024;

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
        "tiny-blocks",
        "unique-keys",
        "vectors-384",
    ];

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
            "tiny-blocks" => Self { block_bytes: 4096, ..usual(1_000_000) },
            "unique-keys" => Self::unique_keys(),
            "vectors-384" => Self::vectors(),
            _ => return Err(RecipeError::UnknownName { name: name.to_owned() }),
        })
    }

    fn usual(name: &str, events: u64) -> Self {
        let live_keys = u32::try_from(events / 10).unwrap_or(u32::MAX).min(100_000);
        Self {
            name: name.to_owned(),
            events,
            mean_payload_bytes: 224,
            vector_floats: None,
            block_bytes: BLOCK_BYTES,
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

    /// A million changes of 200 bytes on the mean, each under a key of its own, in any order. Only of
    /// families in which a change touches one key.
    fn unique_keys() -> Self {
        Self {
            mean_payload_bytes: 200,
            live_keys: 1_000_000,
            key_order: KeyOrder::Shuffled,
            zipf_exponent: 0.0,
            mix: Mix { vector: 1.0, agent: 1.0, semantic: 1.0, observability: 1.0, ..Mix::NONE },
            observation_share: 0.0,
            removal_share: 0.0,
            multi_key_share: 0.0,
            transactional_share: 0.0,
            ..Self::usual("unique-keys", 1_000_000)
        }
    }

    /// Vectors of 384 floats alone, as embeddings of text often have: of four events, three carry
    /// one.
    fn vectors() -> Self {
        Self {
            mean_payload_bytes: 1_568,
            vector_floats: Some(384),
            live_keys: 25_000,
            mix: Mix { vector: 1.0, ..Mix::NONE },
            ..Self::usual("vectors-384", 250_000)
        }
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
}
