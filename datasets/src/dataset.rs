//! Data sets: all that journals can be made of by name.

use serde::Serialize;

use crate::history::History;
use crate::recipe::Recipe;

/// What a journal can be made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dataset {
    /// Events by recipe.
    Events(Recipe),
    /// The history of a git repository.
    History(History),
}

/// There is no data set of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no data set {name:?}; there are {}", Dataset::names().collect::<Vec<_>>().join(", "))]
pub struct UnknownDataset {
    /// The name that was asked for.
    pub name: String,
}

impl Dataset {
    /// Every name that [`Self::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Recipe::NAMES.iter().copied().chain([History::NAME])
    }

    /// The one of this name.
    ///
    /// # Errors
    /// [`UnknownDataset`] for a name that is not in [`Self::names`].
    pub fn named(name: &str) -> Result<Self, UnknownDataset> {
        if name == History::NAME {
            return Ok(Self::History(History::usual()));
        }
        let recipe = Recipe::named(name);
        recipe.map(Self::Events).map_err(|_| UnknownDataset { name: name.to_owned() })
    }

    /// Its name, which says what was varied, too.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Events(recipe) => &recipe.name,
            Self::History(history) => &history.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_what_has_it() {
        for name in Dataset::names() {
            assert_eq!(Dataset::named(name).unwrap().name(), name);
        }
        let unknown = Dataset::named("2M").unwrap_err().to_string();
        assert!(unknown.contains("\"2M\"") && unknown.ends_with("vectors-384, git-history"));
    }
}
