//! The comparison with other engines, end to end and small: two that are Rust alone, on ten thousand events.

use std::process::Command;

use serde_json::Value;

#[test]
#[ignore = "builds other engines, which need a newer Rust"]
fn everybody_recovers_what_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("result.json");
    let mut harness = Command::new(env!("CARGO_BIN_EXE_bench-harness"));
    harness.args(["peers", "10k", "--only", "fjall,redb", "--loads", "1", "--rounds", "2"]);
    harness.arg("--workloads").arg(folder.path()).arg("--json").arg(&json);
    assert!(harness.status().unwrap().success());

    let result: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let rows = result["peers"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["vexfs-replay", "fjall", "redb"]);
    for row in rows {
        // Each recovery was checked by a digest over all keys and values: who fails that isn't measured.
        let rates = &row["run"]["measured"]["recovery_events_per_second"];
        assert_eq!(rates["count"], 2, "{row}");
        assert!(rates["max"].as_f64().unwrap() > 0.0, "{row}");
    }
}
