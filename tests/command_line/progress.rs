//! What is told on stderr while a pass runs.

use serde_json::Value;

use crate::program::{Made, run, text_of};

#[test]
fn progress_as_json_is_an_object_a_line_and_ends_with_all_events() {
    let made = Made::by(&["--recipe", "100k"]);
    let path = made.path();
    for verb in ["replay", "verify"] {
        let ran = run(&[verb, text_of(&path), "--progress", "json", "--json"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let lines = ran.stderr.lines().map(|line| serde_json::from_str(line).expect(line));
        let told: Vec<Value> = lines.collect();
        let events = |now: &Value| now["events"].as_u64().unwrap();
        assert!(told.windows(2).all(|pair| events(&pair[0]) <= events(&pair[1])), "{told:?}");
        let last = told.last().unwrap();
        assert_eq!(events(last), 100_000, "{last}");
        let fields = [
            "bytes",
            "total_bytes",
            "seconds",
            "seconds_left",
            "events_per_second",
            "events_per_second_now",
            "memory_bytes",
            "epochs_read",
            "shares_verified",
            "damaged_ranges",
            "checkpoint_lsn",
        ];
        for field in fields {
            assert!(last[field].is_number(), "{field} is not in {last}");
        }
        let result: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(result["events"], 100_000);
    }
}

#[test]
fn away_from_a_terminal_nothing_is_told_that_nobody_asked_for() {
    let made = Made::usual();
    let path = made.path();
    for options in [&[][..], &["--progress", "auto"], &["--progress", "none"]] {
        let ran = run(&[&["replay", text_of(&path)], options].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{options:?}");
    }
}

#[test]
fn a_log_tells_of_the_operation_on_stderr_alone() {
    let made = Made::usual();
    let path = made.path();
    let quiet = run(&["replay", text_of(&path), "--json"]);
    let ran = run(&["replay", text_of(&path), "--json", "--log", "info"]);
    let logged = ran.stderr.lines().any(|line| line.contains("INFO") && line.contains("replay"));
    assert!(ran.code == Some(0) && logged, "{ran:?}");
    let [quiet, result]: [Value; 2] =
        [&quiet, &ran].map(|ran| serde_json::from_str(&ran.stdout).unwrap());
    assert_eq!(result["state_digest"], quiet["state_digest"]);
    let more = run(&["replay", text_of(&path), "--log", "debug"]);
    for stage in ["read", "verify", "apply"] {
        assert!(more.stderr.contains(stage), "{stage} is not in {}", more.stderr);
    }
    assert_eq!(run(&["replay", text_of(&path), "--log", "shout"]).code, Some(2));
}
