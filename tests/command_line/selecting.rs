//! Selections and stops: what they mean on the command line, and what is said where they mean nothing.

use serde_json::{Value, json};

use crate::program::{Made, run, text_of};

/// A journal of many small segments.
fn segmented() -> Made {
    Made::by(&["--recipe", "10k", "--segment-size", "256KiB"])
}

#[test]
fn each_selection_says_how_much_it_selected_and_leads_to_its_own_state() {
    let made = segmented();
    let all = made.succeed(&["replay"], &[]);
    assert_eq!((&all["selected"], &all["plan"]), (&Value::Null, &Value::Null));
    let selections: [&[&str]; 8] = [
        &["--type", "graph"],
        &["--type", "filesystem.create", "--type", "0x0104"],
        &["--lsn", "100..200"],
        &["--time", "..1"],
        &["--priority", "1"],
        &["--agent", "nobody"],
        &["--transaction", "1"],
        &["--key", "inode:2"],
    ];
    for selection in selections {
        let replayed = made.succeed(&["replay"], selection);
        let selected = replayed["selected"].as_u64().unwrap();
        assert!(selected < 10_000, "{selection:?}: {selected}");
        assert_ne!(replayed["state_digest"], all["state_digest"], "{selection:?}");
        assert!(replayed["plan"]["read"]["blocks"].is_u64(), "{replayed}");
        // The same, on one worker, and by state.
        let again = made.succeed(&["replay"], &[selection, &["--threads", "1"]].concat());
        assert_eq!(again["state_digest"], replayed["state_digest"], "{selection:?}");
    }
    let lsns = made.succeed(&["replay"], &["--lsn", "100..200", "--type", "graph"]);
    assert!(lsns["selected"].as_u64().unwrap() < 101);
    let kinds = made.succeed(&["replay"], &["--type", "graph"]);
    for (kind, count) in kinds["records"].as_object().unwrap() {
        let of_graph = ["node", "edge", "property"].contains(&kind.as_str());
        let expected = if of_graph { all["records"][kind].clone() } else { json!(0) };
        assert_eq!(*count, expected, "{kind}");
    }
    let root = made.succeed(&["replay"], &["--path", "/"]);
    for kind in ["inode", "entry"] {
        assert_eq!(root["records"][kind], all["records"][kind]);
    }
}

#[test]
fn every_type_together_is_everything() {
    let made = Made::usual();
    let families =
        ["filesystem", "graph", "vector", "agent", "system", "semantic", "observability"];
    let options: Vec<&str> = families.iter().flat_map(|family| ["--type", family]).collect();
    let replayed = made.succeed(&["replay"], &options);
    assert_eq!(replayed["state_digest"], made.succeed(&["replay"], &[])["state_digest"]);
}

#[test]
fn what_selects_nothing_that_can_be_is_2_and_says_why() {
    let wrong: [(&[&str], &str); 14] = [
        (&["--type", "nonsense"], "expected a name as filesystem.create"),
        (&["--type", "0x9999"], "no event has the type 0x9999"),
        (&["--lsn", "5..3"], "5 comes after 3"),
        (&["--lsn", "one"], "one: invalid digit"),
        (&["--time", "1..-3"], "invalid digit"),
        (&["--priority", "0"], "0 is not in 1..=5"),
        (&["--priority", "6"], "6 is not in 1..=5"),
        (&["--transaction", "x"], "invalid digit"),
        (&["--key", "nonsense:1"], "expected a kind of record"),
        (&["--key", "inode"], "expected a number behind the kind"),
        (&["--key", "link:1:causality:x"], "the end that a link enters"),
        (&["--until-lsn", "1", "--until-time", "1"], "cannot be used with"),
        (&["--until-time", "yesterday"], "invalid digit"),
        (&["--time-limit", "0"], "a number of seconds above 0"),
    ];
    let made = Made::usual();
    for (options, reason) in wrong {
        let (ran, result) = made.run(&["replay"], options);
        assert_eq!(ran.code, Some(2), "{options:?}: {ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(reason), "{options:?}: {message}");
        assert!(message.contains(options[0]), "{options:?}: {message}");
        assert!(ran.stderr.contains(message), "{ran:?}");
    }
}

#[test]
fn a_selection_and_checkpoints_are_2_and_say_why() {
    let made = Made::usual();
    let folder = made.path().with_file_name("checkpoints");
    let options = ["--type", "graph", "--checkpoints", text_of(&folder)];
    let (ran, result) = made.run(&["replay"], &options);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let message = result["error"]["message"].as_str().unwrap();
    assert!(message.contains("checkpoints") && message.contains("some events"), "{message}");
}

#[test]
fn explain_says_what_would_be_read_and_replays_nothing() {
    let made = segmented();
    let path = made.path();
    let explained = made.succeed(&["replay"], &["--lsn", "9000..9100", "--explain"]);
    let plan = &explained["plan"];
    let skipped = plan["skipped"]["lsn"]["blocks"].as_u64().unwrap();
    let read = plan["read"]["blocks"].as_u64().unwrap();
    let all = made.succeed(&["replay"], &[]);
    assert_eq!(skipped + read, all["blocks"].as_u64().unwrap(), "{plan}");
    assert!(skipped > read, "{plan}");
    assert_eq!(plan["segments"], plan["sealed"]);
    assert_eq!(explained["state_digest"], Value::Null);
    let replayed = made.succeed(&["replay"], &["--lsn", "9000..9100"]);
    assert_eq!(&replayed["plan"], plan);
    assert!(replayed["blocks"].as_u64().unwrap() <= read);

    let text = run(&["replay", text_of(&path), "--lsn", "9000..9100", "--explain"]);
    assert_eq!((text.code, text.stderr.as_str()), (Some(0), ""));
    for part in ["planned by", "read, at most", "stepped over", "no LSN in them is selected"] {
        assert!(text.stdout.contains(part), "{part} is not in {}", text.stdout);
    }
    assert!(!text.stdout.contains("state digest"), "{}", text.stdout);
    for options in [&["--explain"][..], &["--type", "graph", "--damage", "salvage", "--explain"]] {
        let text = run(&[&["replay", text_of(&path)], options].concat());
        assert!(text.stdout.contains("all of it"), "{text:?}");
        assert_eq!(made.succeed(&["replay"], options)["plan"], Value::Null);
    }
}

/// The events of a journal as `inspect` prints them.
fn events_of(made: &Made) -> Vec<Value> {
    let ran = run(&["inspect", text_of(&made.path()), "--events", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut printed: Value = serde_json::from_str(&ran.stdout).unwrap();
    serde_json::from_value(printed["rows"].take()).unwrap()
}

#[test]
fn a_stop_at_a_time_or_a_transaction_is_a_stop_at_an_lsn() {
    let made = Made::usual();
    let events = events_of(&made);
    assert_eq!(events.len(), 1_000);
    let lsn = |event: &Value| event["lsn"].as_u64().unwrap();
    let time = |event: &Value| event["timestamp_ns"].as_u64().unwrap();
    let until = |options: &[&str]| {
        let replayed = made.succeed(&["replay"], options);
        (replayed["end"]["lsn"].as_u64().unwrap(), replayed["state_digest"].clone())
    };
    for pick in [0, 1, 500, 999] {
        let at = time(&events[pick]);
        let later = events.iter().find(|event| time(event) > at);
        let last = later.map_or(1_000, |event| lsn(event) - 1);
        let stopped = until(&["--until-time", &at.to_string()]);
        assert_eq!(stopped, until(&["--until-lsn", &last.to_string()]), "{at}");
        assert_eq!(stopped.0, last);
    }
    assert_eq!(until(&["--until-time", "0"]).0, 0);
    let ends = events.iter().filter(|it| it["type"] == "semantic.transaction-end");
    let ends: Vec<&Value> = ends.collect();
    assert!(ends.len() > 3, "{}", ends.len());
    for end in [ends[0], ends[ends.len() - 1]] {
        let id = end["transaction"].as_u64().unwrap();
        let stopped = until(&["--until-transaction", &id.to_string()]);
        assert_eq!(stopped, until(&["--until-lsn", &lsn(end).to_string()]));
        assert_eq!(stopped.0, lsn(end));
    }
    let (ran, result) = made.run(&["replay"], &["--until-transaction", "123456789"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let message = result["error"]["message"].as_str().unwrap();
    assert_eq!(message, "no transaction 123456789 ends in the journal");
}
