//! `coordinate`: terms that make no sense are refused with a sentence that says why, before anything is done.

use std::fs;

use serde_json::{Value, json};

use crate::coordination_system::System;

/// Changes the terms, and checks that every verb that reads them refuses them with this sentence.
#[track_caller]
fn refused(change: impl FnOnce(&mut Value), sentence: &str) {
    let system = System::whole();
    let path = system.path().join("coordination.json");
    let mut terms = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut terms);
    fs::write(&path, terms.to_string()).unwrap();
    let before = system.stored();
    for verb in ["run", "status", "cancel"] {
        let result = system.expect(2, verb, &[]);
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(sentence), "{verb}: {message}");
    }
    assert_eq!(system.stored(), before);
}

fn shared(with: &[&str]) -> Value {
    json!([{ "first": 1_u64 << 63, "last": u64::MAX, "with": with }])
}

#[test]
fn unknown_fields_and_kinds_are_named() {
    refused(|terms| terms["nonsense"] = 1.into(), "unknown field `nonsense`");
    refused(|terms| terms["policy"]["nonsense"] = 1.into(), "unknown field `nonsense`");
    refused(|terms| terms["times"]["nonsense"] = 1.into(), "unknown field `nonsense`");
    refused(|terms| terms["members"]["disk"]["nonsense"] = 1.into(), "unknown field `nonsense`");
    refused(|terms| terms["members"]["disk"]["kind"] = "nonsense".into(), "`nonsense`");
    refused(|terms| terms["policy"]["loss"] = "nonsense".into(), "`nonsense`");
    refused(|terms| terms["members"]["../disk"] = terms["members"]["disk"].clone(), "\"../disk\"");
    refused(|terms| *terms = json!({}), "missing field `members`");
}

#[test]
fn who_is_named_takes_part_and_can_do_what_it_is_named_for() {
    refused(|terms| terms["sharing"] = shared(&["disk", "nobody"]), "nobody");
    refused(|terms| terms["sharing"] = shared(&["disk", "index"]), "index keeps no transactions");
    let layers = |names: &'static [&'static str]| {
        move |terms: &mut Value| terms["members"]["layers"]["sides"] = json!(names)
    };
    refused(layers(&["disk", "nobody"]), "nobody");
    refused(layers(&["disk", "index"]), "index is no journal that could be compared");
    let nothing = json!([{ "first": 9, "last": 8 }]);
    refused(|terms| terms["sharing"] = nothing, "no transaction is from 9 to 8");
}

#[test]
fn no_terms_or_garbled_ones_are_told_with_their_place() {
    let system = System::whole();
    let path = system.path().join("coordination.json");
    for (text, sentence) in [("{\"members\": ", "coordination.json"), ("", "coordination.json")] {
        fs::write(&path, text).unwrap();
        let result = system.expect(2, "run", &[]);
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(sentence), "{message}");
    }
    fs::remove_file(&path).unwrap();
    for verb in ["run", "status", "cancel"] {
        let result = system.expect(2, verb, &[]);
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("there is no coordination "), "{message}");
    }
    assert!(!system.path().join("sockets").exists());
}

#[test]
fn a_journal_that_is_not_there_is_named() {
    let system = System::whole();
    fs::remove_file(system.path().join("disk/journal")).unwrap();
    let result = system.expect(4, "run", &[]);
    let reason = &result["coordination"]["end"]["reason"];
    // Two read it; whoever is asked often enough first says so.
    assert_eq!(reason["refused"], "unreachable");
    assert!(reason["reason"].as_str().unwrap().contains("disk/journal"), "{reason}");
}
