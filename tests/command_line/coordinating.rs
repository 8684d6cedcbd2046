//! `coordinate`: what it asks, what it does when it was told, and what is left when it comes to nothing.

use serde_json::{Value, json};

use crate::coordination_system::{System, TRANSACTIONS, key_of};

fn message(result: &Value) -> &str {
    result["error"]["message"].as_str().unwrap()
}

/// What a machine needs of a coordination.
#[track_caller]
fn check_fields(result: &Value, state: &str) {
    let coordination = &result["coordination"];
    assert_eq!(coordination["state"], state, "{result}");
    for field in ["epoch", "phase", "members", "conflicts", "plan", "end"] {
        assert!(coordination.get(field).is_some(), "{field}: {result}");
    }
    for name in ["disk", "files", "index", "layers"] {
        assert!(coordination["members"][name]["kind"].is_string(), "{name}: {result}");
    }
    for conflict in coordination["conflicts"].as_array().unwrap() {
        for field in ["key", "severity", "text", "resolution", "ruling", "loses", "choices"] {
            assert!(conflict.get(field).is_some(), "{field}: {conflict}");
        }
    }
}

fn refusal(result: &Value) -> &Value {
    &result["coordination"]["end"]["reason"]
}

#[test]
fn a_whole_system_is_brought_to_its_end_and_the_next_run_is_another_one_that_changes_nothing() {
    let system = System::whole();
    let before = system.expect(0, "status", &[]);
    assert_eq!(before["coordination"], Value::Null);
    assert!(!system.path().join("decisions").exists(), "status changes nothing");
    let result = system.expect(0, "run", &[]);
    check_fields(&result, "ended");
    system.assert_at(TRANSACTIONS, &result);
    let stored = system.stored();
    let again = system.expect(0, "run", &[]);
    assert_eq!(again["coordination"]["epoch"], 2);
    assert_eq!(again["coordination"]["plan"]["cut"], result["coordination"]["plan"]["cut"]);
    assert_eq!(system.stored(), stored);
    assert_eq!(system.expect(0, "status", &[])["coordination"], again["coordination"]);
}

#[test]
fn it_asks_before_anything_is_lost_and_then_does_what_it_was_told() {
    for (system, kept) in
        [(System::without_end_of_files(15), 15), (System::without_end_of_disk(9), 9)]
    {
        let before = system.stored();
        let waits = system.expect(7, "run", &[]);
        check_fields(&waits, "waiting");
        assert_eq!(system.stored(), before);
        let status = system.expect(0, "status", &[]);
        assert_eq!(status["coordination"], waits["coordination"]);
        let key = key_of(&status);
        let ahead = if kept == 15 { "disk" } else { "files" };
        assert!(key.starts_with(&format!("ahead:{ahead}:{ahead}:")), "{key}");
        let conflicts = status["coordination"]["conflicts"].as_array().unwrap();
        let conflict = conflicts.iter().find(|it| it["key"] == *key).unwrap();
        assert_eq!(conflict["choices"], json!(["rollback", { "without": ahead }, "stop"]));
        let said = system.expect(0, "resolve", &[&key, "--by", "rollback"]);
        assert_eq!(said["conflict"], *key);
        assert_eq!((&said["by"], &said["running"]), (&"rollback".into(), &false.into()));
        assert_eq!(system.stored(), before);
        let done = system.expect(5, "run", &[]);
        check_fields(&done, "ended");
        system.assert_at(kept, &done);
        // What is out is no loss of the next one.
        let again = system.expect(0, "run", &[]);
        system.assert_at(kept, &again);
    }
}

#[test]
fn what_one_lost_the_other_gives_up_where_that_is_accepted() {
    for lost in [0, 1, 7, TRANSACTIONS - 1] {
        for system in [System::without_end_of_files(lost), System::without_end_of_disk(lost)] {
            let done = system.expect(5, "run", &["--accept-loss"]);
            system.assert_at(lost, &done);
        }
    }
}

#[test]
fn one_that_was_begun_without_the_permission_gets_it_later() {
    for options in [&["--accept-loss"][..], &["--accept-loss", "--wait"]] {
        let system = System::without_end_of_files(5);
        system.expect(7, "run", &[]);
        let done = system.expect(5, "run", options);
        system.assert_at(5, &done);
    }
}

#[test]
fn one_that_is_stopped_leaves_everything_as_it_was_though_something_else_was_said_first() {
    let system = System::without_end_of_files(15);
    let before = system.stored();
    system.expect(7, "run", &[]);
    let key = system.key();
    system.expect(0, "resolve", &[&key, "--by", "rollback"]);
    system.expect(0, "resolve", &[&key, "--by", "stop"]);
    let refused = system.expect(4, "run", &[]);
    check_fields(&refused, "ended");
    assert_eq!(refusal(&refused), &json!({ "refused": "ruled", "conflict": key }));
    assert_eq!(system.stored(), before);
    // The next one is another one, and asks anew.
    system.expect(7, "run", &[]);
}

#[test]
fn what_can_not_be_said_is_refused_with_a_sentence() {
    let system = System::without_end_of_files(15);
    let none = system.expect(2, "resolve", &["ahead:disk", "--by", "rollback"]);
    assert_eq!(message(&none), "no conflict ahead:disk waits to be resolved");
    system.expect(7, "run", &[]);
    let none = system.expect(2, "resolve", &["ahead:disk", "--by", "rollback"]);
    assert_eq!(message(&none), "no conflict ahead:disk waits to be resolved");
    let key = system.key();
    for wrong in ["commit", "without:files", "prefer:disk"] {
        let refused = system.expect(2, "resolve", &[&key, "--by", wrong]);
        let expected = format!("{key} can't be resolved by {wrong}");
        assert!(message(&refused).contains(&expected), "{refused}");
    }
    let refused = system.expect(2, "resolve", &[&key, "--by", "nonsense"]);
    assert!(message(&refused).contains("prefer:NAME"), "{refused}");
    assert_eq!(system.key(), key, "nothing was said");
}

#[test]
fn one_that_waits_is_cancelled_and_where_nothing_is_under_way_there_is_nothing_to_cancel() {
    let system = System::without_end_of_disk(9);
    let before = system.stored();
    let nothing = system.expect(2, "cancel", &[]);
    assert!(message(&nothing).contains("no coordination under way in "), "{nothing}");
    assert!(!system.path().join("decisions").exists());
    system.expect(7, "run", &[]);
    let cancelled = system.expect(0, "cancel", &[]);
    check_fields(&cancelled, "ended");
    assert_eq!(refusal(&cancelled), &json!({ "refused": "cancelled" }));
    assert_eq!(system.stored(), before);
    system.expect(2, "cancel", &[]);
}
