//! `state`: its parts agree with each other and with replay.

use std::io::{BufRead as _, BufReader, Read as _};

use serde_json::Value;

use crate::program::{Made, program, run, text_of};

fn records(made: &Made, options: &[&str]) -> Vec<Value> {
    made.succeed(&["state", "list"], options)["records"].as_array().unwrap().clone()
}

#[test]
fn list_count_get_and_digest_agree() {
    let made = Made::usual();
    let counts = made.succeed(&["state", "count"], &[])["records"].clone();
    let replayed = made.succeed(&["replay"], &[]);
    assert_eq!(counts, replayed["records"]);
    let digest = &made.succeed(&["state", "digest"], &[])["state_digest"];
    assert_eq!(digest, &replayed["state_digest"]);
    let mut listed = Vec::new();
    for (kind, count) in counts.as_object().unwrap() {
        let of_kind = records(&made, &["--kind", kind]);
        assert_eq!(count, of_kind.len(), "{kind}");
        assert!(of_kind.iter().all(|record| record["kind"] == kind.as_str()), "{kind}");
        listed.extend(of_kind);
    }
    let mut all = records(&made, &[]);
    let by_text = |record: &Value| record.to_string();
    listed.sort_by_key(by_text);
    all.sort_by_key(by_text);
    assert!(!all.is_empty() && all == listed);
    for record in all.iter().filter(|record| record["kind"] == "inode") {
        let id = record["id"].to_string();
        let got = made.succeed(&["state", "get"], &["inode", &id]);
        assert_eq!(&got["record"], record);
    }
}

#[test]
fn text_of_a_list_is_one_record_a_line() {
    let made = Made::usual();
    let ran = run(&["state", "list", text_of(&made.path())]);
    let lines: Vec<Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(ran.stderr.is_empty() && lines == records(&made, &[]));
}

#[test]
fn a_record_that_is_not_there_is_told() {
    let made = Made::usual();
    let got = made.succeed(&["state", "get"], &["inode", "999999999"]);
    assert_eq!(got["record"], Value::Null);
    let ran = run(&["state", "get", text_of(&made.path()), "inode", "999999999"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "no such record\n"));
}

/// A reader that has seen enough is no error, and nothing to complain about.
#[test]
fn who_stops_reading_gets_no_complaint() {
    let made = Made::by(&["--recipe", "10k"]);
    let path = made.path();
    let path = text_of(&path);
    let calls: [&[&str]; 4] = [
        &["state", "list", path],
        &["state", "list", path, "--json"],
        &["inspect", path, "--events"],
        &["inspect", path, "--events", "--json"],
    ];
    for arguments in calls {
        let mut child = program(arguments).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        assert!(lines.read_line(&mut first).unwrap() > 0, "{arguments:?}");
        // More than a pipe holds is still to come.
        drop(lines);
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!((code, complaint.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
