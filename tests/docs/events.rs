//! Event types and effects: each event, made up with a different value in every field, has the
//! effects on the keys that its row tells.

use std::collections::{BTreeMap, BTreeSet};

use vexfs_replay::event::{Body, Class, EventType};
use vexfs_replay::import::git;
use vexfs_replay::state::{
    Contradiction, Effect, Home, Key, KeyKind, Records as _, Stamp, Table, apply, for_each_effect,
};

use crate::layouts::record_layouts;
use crate::markdown::{EVENTS, Row, code, codes, number};

const STAMP: Stamp = Stamp { lsn: 9, timestamp_ns: 8 };

/// The bytes of a payload of this type in which each scalar has a value of its own, but for the
/// one that is to be zero, and each string is its own name.
fn made_up(event_type: EventType, zero: Option<&str>) -> Vec<u8> {
    let (rows, strings) = event_type.payload_layout();
    let mut bytes = Vec::new();
    for (index, (name, offset, kind)) in rows.into_iter().enumerate() {
        assert_eq!(bytes.len(), offset);
        let string = name.strip_suffix("_bytes").filter(|name| strings.contains(name));
        let value = match string {
            Some(string) => string.len() as u64,
            None if zero == Some(name) => 0,
            None => scalar(index),
        };
        let width = match kind {
            "u8[32]" => 32,
            kind => kind[1..].parse::<usize>().unwrap() / 8,
        };
        let start = bytes.len();
        bytes.extend(value.to_le_bytes());
        bytes.resize(start + width, 0);
    }
    strings.iter().for_each(|string| bytes.extend(string.as_bytes()));
    bytes
}

/// The made-up value of a type's scalar at this index; as an f32 or f64 it is a number, too.
fn scalar(index: usize) -> u64 {
    100 + index as u64
}

fn effects_of<'a>(body: &Body<'a>) -> Vec<Effect<'a>> {
    let mut effects = Vec::new();
    for_each_effect(body, |effect| effects.push(effect));
    effects
}

/// A key, with the names of the fields that it is made of.
fn key_text(event_type: EventType, key: &Key<'_>) -> String {
    let (rows, strings) = event_type.payload_layout();
    let field = |value: u64| {
        let index = (0..rows.len()).find(|&index| scalar(index) == value);
        index.map(|index| rows[index].0)
    };
    let mut parts: Vec<String> = Vec::new();
    match field(key.id) {
        Some(field) => parts.push(field.to_owned()),
        None if key.id == u64::from(event_type.code()) => parts.push("type".to_owned()),
        None => assert_eq!(key.id, 0, "a number that no field has: {key:?}"),
    }
    match field(key.second) {
        Some(field) => parts.push(field.to_owned()),
        None => assert_eq!(key.second, 0, "a number that no field has: {key:?}"),
    }
    let name = str::from_utf8(key.name).unwrap();
    if strings.contains(&name) {
        parts.push(name.to_owned());
    } else if !name.is_empty() {
        parts.push(format!("\"{name}\""));
    }
    format!("{}({})", key.kind.name(), parts.join(", "))
}

/// What an effect does to what, apart from the values in it.
fn kind_of(effect: &Effect<'_>) -> (KeyKind, &'static str) {
    (effect.key.kind, effect.change.name())
}

/// The scalar without which an event doesn't have this effect.
fn condition(event_type: EventType, at: usize) -> Option<&'static str> {
    let (rows, _) = event_type.payload_layout();
    let kinds = |zero| {
        let payload = made_up(event_type, zero);
        let body = Body::decode(event_type, &payload).unwrap();
        effects_of(&body).iter().map(kind_of).collect::<Vec<_>>()
    };
    let mut without = kinds(None);
    without.remove(at);
    rows.into_iter()
        .map(|(name, ..)| name)
        .find(|name| !name.ends_with("_bytes") && kinds(Some(name)) == without)
}

/// The effects of an event type, as its row tells them.
fn effects_text(event_type: EventType) -> String {
    let payload = made_up(event_type, None);
    let body = Body::decode(event_type, &payload).unwrap();
    let mut texts = Vec::new();
    for (at, effect) in effects_of(&body).iter().enumerate() {
        let key = key_text(event_type, &effect.key);
        let condition = condition(event_type, at);
        let condition = condition.map(|field| format!(", if `{field}` is not 0"));
        texts.push(format!("`{key}` {}{}", effect.change.name(), condition.unwrap_or_default()));
    }
    texts.join("; ")
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Mutation => "mutation",
        Class::Observation => "observation",
        Class::Boundary => "boundary",
    }
}

#[test]
fn the_table_of_events_is_the_taxonomy_with_its_effects() {
    let columns = ["number", "name", "class", "payload", "effects"];
    let rows: Vec<Row> = EVENTS.tables(&columns).into_iter().flat_map(|(_, rows)| rows).collect();
    let told: Vec<String> = rows.iter().map(|row| row.join(" | ")).collect();
    let known = EventType::ALL.iter().map(|&event_type| {
        let class = class_name(event_type.class());
        let (name, payload) = (event_type.name(), event_type.payload_name());
        let (code, effects) = (event_type.code(), effects_text(event_type));
        format!("{code:#06x} | `{name}` | {class} | `{payload}` | {effects}")
    });
    let known: Vec<String> = known.collect();
    assert_eq!(told, known, "it should be\n\n{}\n\n", known.join("\n"));
    assert_eq!(told.len(), EventType::ALL.len());
    for (row, event_type) in rows.iter().zip(EventType::ALL) {
        assert_eq!(number(row[0]), u64::from(event_type.code()));
        assert_eq!(row[4].is_empty(), event_type.class() != Class::Mutation, "{row:?}");
    }
}

fn contradiction_name(contradiction: Contradiction) -> &'static str {
    match contradiction {
        Contradiction::Missing(_) => "missing",
        Contradiction::Exists(_) => "exists",
        Contradiction::NamesAnother => "names_another",
        Contradiction::NoSuchTie => "no_such_tie",
        Contradiction::StillTied => "still_tied",
        Contradiction::OtherEnds => "other_ends",
    }
}

/// What an effect meets with.
#[derive(Debug, Default, PartialEq, Eq)]
struct Met {
    /// Where there is no record, for each way in which the event may be.
    none_there: BTreeSet<String>,
    /// The contradictions where there is one.
    one_there: BTreeSet<&'static str>,
}

impl Met {
    fn try_out(&mut self, effect: &Effect<'_>) {
        let Home { tag, .. } = effect.key.home();
        let mut empty = Table::default();
        let contradiction = apply(&mut empty, tag, effect, STAMP).map(contradiction_name);
        let made = empty.find(tag, &effect.key).is_some();
        let contradiction = contradiction.map(|name| format!("`{name}`"));
        let made = made.then(|| "makes it".to_owned());
        let result: Vec<String> = made.into_iter().chain(contradiction).collect();
        self.none_there.insert(result.join(" and "));
        let layouts = record_layouts();
        let kind = layouts.iter().find(|(kind, ..)| *kind == effect.key.kind);
        let bytes = kind.map_or(0, |(.., bytes)| *bytes);
        for filling in [0, 1] {
            let mut table = Table::default();
            let value = [&vec![filling; bytes][..], b"rest"].concat();
            table.put(None, tag, &effect.key, value.len()).copy_from_slice(&value);
            let contradiction = apply(&mut table, tag, effect, STAMP);
            self.one_there.extend(contradiction.map(contradiction_name));
        }
    }
}

/// Every effect that any event has, tried out on nothing and on something.
fn all_met() -> BTreeMap<(&'static str, &'static str), Met> {
    let mut met: BTreeMap<_, Met> = BTreeMap::new();
    for &event_type in EventType::ALL {
        let (rows, _) = event_type.payload_layout();
        let scalars = rows.iter().map(|row| row.0).filter(|name| !name.ends_with("_bytes"));
        for zero in scalars.map(Some).chain([None]) {
            let payload = made_up(event_type, zero);
            let body = Body::decode(event_type, &payload).unwrap();
            for effect in effects_of(&body) {
                let (kind, change) = kind_of(&effect);
                met.entry((kind.name(), change)).or_default().try_out(&effect);
            }
        }
    }
    met
}

#[test]
fn the_tables_of_effects_tell_what_apply_does() {
    let met = all_met();
    let columns = ["effect", "none there", "one there", "what it does"];
    let mut told = BTreeMap::new();
    for (section, rows) in EVENTS.tables(&columns) {
        let kind = code(section.heading).unwrap();
        for row in rows {
            let none_there = row[1].split(", or ").map(str::to_owned).collect();
            let names = ["missing", "exists", "names_another", "no_such_tie", "still_tied"];
            let names: BTreeSet<_> = names.into_iter().chain(["other_ends"]).collect();
            let one_there = codes(row[2]).filter(|name| names.contains(name)).collect();
            assert!(
                told.insert((kind, row[0]), Met { none_there, one_there }).is_none(),
                "{row:?}"
            );
        }
    }
    assert_eq!(told, met);
}

#[test]
fn the_vector_of_the_example_text_is_what_the_import_makes() {
    let section = EVENTS.section("git history");
    let text = section.prose_code("has these elements other than 0");
    let told = section.table(&["element", "value"]);
    let told: Vec<_> = told.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    let vector = git::embed(text.as_bytes());
    let known = vector.iter().enumerate().filter(|(_, value)| **value != 0.0);
    let known: Vec<_> = known.map(|(element, value)| format!("{element} {value}")).collect();
    assert_eq!(told, known);
}
