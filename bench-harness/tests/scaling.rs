//! The program from end to end, over the smallest data sets: what it measures, and what it refuses.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

#[cfg(test)]
fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-harness"))
        .args(arguments)
        .args(["--rounds", "1", "--workloads"])
        .arg(folder)
        .output()
        .unwrap()
}

#[cfg(test)]
fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(test)]
fn labels(sweep: &Value) -> Vec<&str> {
    let points = sweep["points"].as_array().unwrap();
    points.iter().map(|point| point["label"].as_str().unwrap()).collect()
}

/// Every sweep, over journals of a few hundred events.
#[test]
fn all_sweeps_measure_what_they_say_and_leave_no_varied_journal_behind() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let journals = folder.path().join("journals");
    let path = json.to_str().unwrap();
    succeed(&journals, &["scaling", "--base", "tiny", "--largest", "1k", "--json", path]);
    let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let sweeps = report["sweeps"].as_array().unwrap();
    let names: Vec<_> = sweeps.iter().map(|sweep| sweep["varied"].as_str().unwrap()).collect();
    let expected = [
        "events",
        "threads",
        "validation",
        "zipf exponent",
        "share in transactions",
        "mean payload, bytes",
        "checkpoints",
        "state",
    ];
    assert_eq!(names, expected);
    assert_eq!(labels(&sweeps[0]), ["1k"]);
    assert_eq!(labels(&sweeps[1]), ["serial", "1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(labels(&sweeps[2]), ["none", "basic", "full", "cryptographic"]);
    assert_eq!(labels(&sweeps[5]), ["64", "256", "1024", "4096", "16384"]);
    let workloads = report["workloads"].as_array().unwrap();
    for point in sweeps.iter().flat_map(|sweep| sweep["points"].as_array().unwrap()) {
        let on = workloads.iter().find(|it| it["name"] == point["workload"]).unwrap();
        let number = |of: &Value, name: &str| of[name].as_f64().unwrap();
        let events_per_second = number(&point["events_per_second"], "p50");
        // The same replay, as events and as bytes.
        let seconds = number(on, "events") / events_per_second;
        let bytes = number(point, "bytes_per_second") * seconds;
        assert!((bytes / number(on, "bytes") - 1.0).abs() < 1e-6, "{point} {on}");
        assert!((number(point, "nanoseconds_per_event") * events_per_second - 1e9).abs() < 1.0);
        assert!(number(point, "peak_bytes") > number(point, "pipeline_bytes"), "{point}");
    }
    let mut left: Vec<_> =
        fs::read_dir(&journals).unwrap().map(|it| it.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["1k", "tiny"]);
}

#[test]
fn varied_journals_are_kept_where_that_is_asked_for_and_named_by_what_was_varied() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["scaling", "skew", "--base", "tiny", "--keep"]);
    for exponent in ["0", "0.3", "0.6", "0.9", "1.2"] {
        assert!(folder.path().join(format!("tiny-zipf-{exponent}")).is_dir(), "{exponent}");
    }
}

/// The small ones of each kind, the git history with them, and a journal of another seed, event or name.
#[test]
fn data_sets_come_to_what_is_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let text = succeed(folder.path(), &["datasets", "tiny", "1k", "10k", "git-history"]);
    assert_eq!(text.matches("as on record").count(), 4, "{text}");
    fs::remove_dir_all(folder.path().join("1k")).unwrap();
    fs::rename(folder.path().join("10k"), folder.path().join("1k")).unwrap();
    let refused = run(folder.path(), &["datasets", "tiny", "1k"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("1k was made by another recipe"), "{said}");
}

#[test]
fn a_name_that_there_is_not_is_refused_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(folder.path(), &["datasets", "2M"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("there is no data set \"2M\""), "{said}");
    assert!(said.contains("git-history"), "{said}");
}
