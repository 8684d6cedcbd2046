//! The comparison with other engines, end to end and small: two that are Rust alone, on ten thousand events.

#![expect(clippy::unwrap_used, reason = "a check fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use serde_json::Value;
use vexfs_datasets::Recipe;
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::Writer;
use vexfs_replay::storage::DiskFolder;

const EVENTS: u64 = 10_000;

fn journal(folder: &Path) {
    let recipe = Recipe::named("10k").unwrap();
    let folder = Arc::new(DiskFolder::create(folder).unwrap());
    let writer = Writer::create(folder, writer_options(&recipe, 1)).unwrap();
    generate(&writer, &recipe, 1, &mut |_| {}).unwrap();
    writer.close().unwrap();
}

#[test]
#[ignore = "builds other engines, which need a newer Rust"]
fn everybody_recovers_what_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let [source, json] = ["journal", "result.json"].map(|name| folder.path().join(name));
    journal(&source);
    let mut harness = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
    harness.args(["peers", "--only", "fjall,redb", "--loads", "1", "--rounds", "2", "--json"]);
    assert!(harness.arg(&json).arg(&source).status().unwrap().success());

    let result: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!((&result["records"], &result["absent"]), (&EVENTS.into(), &Value::Array(vec![])));
    let rows = result["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["vexfs-replay", "fjall", "redb"]);
    for row in rows {
        assert_eq!(row["failed"], Value::Null, "{row}");
        assert_eq!(row["recover_seconds"].as_array().unwrap().len(), 2, "{row}");
    }
    // They have the same keys, which the events of each kind had before they came to them.
    assert_eq!(rows[1]["keys"], rows[2]["keys"]);
    assert!(rows[1]["keys"].as_u64().unwrap() > 800, "{}", rows[1]);
}
