//! Options whose values are those of a type of the library, under the names that results give them, so that
//! there is no second list of them. Hyphens take the place of underscores.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::Serialize;

/// Takes the name of one of these values; `about` is what `--help` says of each.
pub(crate) fn one_of<T>(
    values: impl IntoIterator<Item = T>,
    about: fn(T) -> Option<&'static str>,
) -> impl TypedValueParser<Value = T>
where
    T: Serialize + Copy + Send + Sync + 'static,
{
    let named: Vec<(String, T)> = values.into_iter().map(|it| (name_of(&it), it)).collect();
    let shown = named.iter().map(|(name, it)| PossibleValue::new(name).help(about(*it)));
    PossibleValuesParser::new(shown).try_map(move |given| {
        let known = named.iter().find(|(name, _)| *name == given);
        known.map(|(_, it)| *it).ok_or("not one of the values")
    })
}

fn name_of(value: &impl Serialize) -> String {
    let name = serde_json::to_value(value).ok();
    name.as_ref().and_then(|it| it.as_str()).unwrap_or_default().replace('_', "-")
}
