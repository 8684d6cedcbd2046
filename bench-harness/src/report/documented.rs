//! That `docs/benchmarks.md` names every field of the schema, and none besides.

use std::collections::BTreeSet;

use serde_json::Value;

use super::samples;

const DOCS: &str = include_str!("../../../docs/benchmarks.md");

/// The names of all that isn't an object or an array, by path. Quantiles have one path wherever they are.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if fields.contains_key("p50") && path != "quantiles" => {
            found.insert(path.to_owned());
            self::fields(value, "quantiles", found);
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                self::fields(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(values) => {
            values.iter().for_each(|value| fields(value, &format!("{path}[]"), found));
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn the_docs_name_every_field() {
    let report = serde_json::to_value(samples::full()).unwrap();
    let mut expected = BTreeSet::new();
    fields(&report, "", &mut expected);
    let schema = DOCS.split("## The schema").nth(1).unwrap();
    let rows = schema.lines().filter_map(|it| it.strip_prefix("| `"));
    let documented: BTreeSet<String> =
        rows.filter_map(|it| it.split_once('`')).map(|(name, _)| name.to_owned()).collect();
    assert_eq!(documented, expected);
}
