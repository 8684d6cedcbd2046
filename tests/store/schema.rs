//! What other programs see of a store: what `docs/store.md` says.

use rusqlite::Connection;
use serde_json::json;

use crate::program::{Made, succeed, text_of};

#[test]
fn other_programs_read_the_same_records() {
    let made = Made::usual();
    let (journal, store) = (made.path(), made.path().with_extension("store"));
    succeed(&["replay", text_of(&journal), "--store", text_of(&store)]);
    let listed = succeed(&["state", "list", text_of(&journal)])["records"].clone();
    let connection = Connection::open(&store).unwrap();
    let mut rows =
        connection.prepare("SELECT kind, id, second, name, changed_lsn FROM readable").unwrap();
    let seen = rows.query_map([], |row| {
        let [kind, name] = [row.get::<_, String>(0)?, row.get(3)?];
        Ok((kind, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, name, row.get::<_, i64>(4)?))
    });
    let mut seen: Vec<_> = seen.unwrap().map(Result::unwrap).collect();
    seen.sort();
    let text = |it: &serde_json::Value| it.as_str().unwrap_or_default().to_owned();
    let number = |it: &serde_json::Value| it.as_i64().unwrap_or(0);
    let mut expected: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let lsn = number(&it["changed_lsn"]);
            // An edge has ends, too, and they are no part of its key.
            let second = if it["kind"] == "link" { number(&it["to"]) } else { 0 };
            (text(&it["kind"]), number(&it["id"]), second, text(&it["name"]), lsn)
        })
        .collect();
    expected.sort();
    assert!(!seen.is_empty() && seen == expected);
    let held = connection.query_row("SELECT journal, moment, lsn FROM held", [], |row| {
        let [journal, moment] = [row.get::<_, String>(0)?, row.get(1)?];
        Ok(json!({ "journal_id": journal, "moment": moment, "lsn": row.get::<_, i64>(2)? }))
    });
    let told = succeed(&["state", "count", text_of(&store)])["store"].clone();
    for (field, value) in held.unwrap().as_object().unwrap() {
        assert_eq!(&told[field], value, "{field}");
    }
}
