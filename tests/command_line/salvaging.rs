//! `salvage`: its exit codes, its result, and what lies in the new folder.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::program::{Made, Ran, run_json, succeed, text_of};

/// Salvages a journal into a folder beside it.
fn salvage(made: &Made, options: &[&str]) -> (Ran, Value) {
    made.run(&["salvage"], &[&[text_of(&new_folder(made))], options].concat())
}

fn new_folder(made: &Made) -> PathBuf {
    made.path().with_file_name("new")
}

/// Checks that the new journal is what the result says; by now there is nothing wrong with it.
fn check_new(made: &Made, result: &Value) {
    let new = new_folder(made);
    let path = text_of(&new);
    let verified = succeed(&["verify", path, "--validation", "cryptographic"]);
    assert_eq!(verified["end"]["kind"], "sealed");
    let head = format!("{}:{}", result["new"]["head_lsn"], result["new"]["head_digest"]);
    assert_eq!(verified["head"].as_str().unwrap(), head.replace('"', ""));
    let replayed = succeed(&["replay", path, "--damage", "strict"]);
    assert_eq!(replayed["state_digest"], result["new"]["state_digest"]);
    let manifest: Value =
        serde_json::from_slice(&fs::read(new.join("salvage.json")).unwrap()).unwrap();
    for field in ["original", "new", "kept", "dropped", "kept_events", "same_state"] {
        assert_eq!(manifest[field], result[field], "{field}");
    }
    assert_eq!((&manifest["schema"], &result["manifest_schema"]), (&1.into(), &1.into()));
}

#[test]
fn a_whole_journal_is_copied_and_is_0() {
    let made = Made::usual();
    let (ran, result) = salvage(&made, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(result["kept_events"], 1_000);
    assert_eq!((&result["dropped_events"], &result["dropped"]), (&0.into(), &Value::Array(vec![])));
    assert_eq!(result["original"]["state_digest"], result["new"]["state_digest"]);
    check_new(&made, &result);
}

#[test]
fn a_torn_tail_alone_is_3() {
    let made = Made::usual().torn();
    let (ran, result) = salvage(&made, &[]);
    assert_eq!(ran.code, Some(3));
    assert_eq!(result["dropped"][0]["because"], "torn_tail");
    assert_eq!(result["dropped"][0]["lsns"], Value::Array(vec![]));
    assert_eq!(result["same_state"], true);
    check_new(&made, &result);
}

#[test]
fn damage_is_5_and_the_original_stays_as_it_is() {
    let made = Made::usual().flipped();
    let before: Vec<_> = made.segments().iter().map(|path| fs::read(path).unwrap()).collect();
    let (ran, result) = salvage(&made, &["--validation", "full", "--threads", "1"]);
    assert_eq!(ran.code, Some(5));
    let damage = &result["dropped"][0];
    assert_eq!(
        (&damage["because"], &damage["damage"]["kind"]),
        (&"damaged".into(), &"crc_mismatch".into())
    );
    assert_eq!(result["validation"], "full");
    check_new(&made, &result);
    let after: Vec<_> = made.segments().iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(before, after);
    // And in words.
    fs::remove_dir_all(new_folder(&made)).unwrap();
    let words =
        crate::program::run(&["salvage", text_of(&made.path()), text_of(&new_folder(&made))]);
    assert_eq!(words.code, Some(5));
    for part in ["kept ", "events: ", " damaged", "CRC32C", "salvage.json", "cryptographic"] {
        assert!(words.stdout.contains(part), "{part}: {}", words.stdout);
    }
}

#[test]
fn a_living_writer_is_told_and_no_fault() {
    let made = Made::usual().torn();
    let lock = fs::File::create(made.path().join("LOCK")).unwrap();
    lock.lock().unwrap();
    let (ran, result) = salvage(&made, &[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    assert!(result["holder"].is_string(), "{result}");
    assert_eq!(result["dropped"][0]["because"], "being_written");
    check_new(&made, &result);
    fs::remove_dir_all(new_folder(&made)).unwrap();
    let words =
        crate::program::run(&["salvage", text_of(&made.path()), text_of(&new_folder(&made))]);
    assert!(words.stdout.contains("held by") && words.stdout.contains("goes on"), "{words:?}");
    drop(lock);
    fs::remove_dir_all(new_folder(&made)).unwrap();
    let (ran, result) = salvage(&made, &[]);
    assert_eq!((ran.code, result["holder"].is_null()), (Some(3), true), "{ran:?}");
}

#[test]
fn the_manifest_is_copied_to_where_it_is_asked_for() {
    let made = Made::usual().flipped();
    let copy = made.path().with_file_name("evidence").join("manifest.json");
    let (ran, result) = salvage(&made, &["--manifest", text_of(&copy)]);
    assert_eq!(ran.code, Some(5));
    let manifest = fs::read(new_folder(&made).join("salvage.json")).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), manifest);
    assert_eq!(result["manifest"], text_of(&new_folder(&made).join("salvage.json")));
}

#[test]
fn what_is_there_is_refused_and_is_2() {
    let made = Made::usual();
    for into in [made.path(), made.path().parent().unwrap().to_owned()] {
        fs::write(made.path().with_file_name("notes"), b"mine").unwrap();
        let (ran, result) = run_json(&["salvage", text_of(&made.path()), text_of(&into)]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("already") || message.contains("notes"), "{message}");
    }
    assert_eq!(salvage(&made, &[]).0.code, Some(0));
    assert_eq!(salvage(&made, &[]).0.code, Some(2));
}

#[test]
fn what_can_not_be_kept_is_2_and_no_folder_is_8() {
    let made = Made::usual();
    assert_eq!(salvage(&made, &["--validation", "basic"]).0.code, Some(2));
    let under_a_file = made.segments().remove(0).join("new");
    let (ran, _) = run_json(&["salvage", text_of(&made.path()), text_of(&under_a_file)]);
    assert_eq!(ran.code, Some(8), "{ran:?}");
}

#[test]
fn too_much_that_is_missing_is_refused_and_is_4() {
    let made = Made::usual().flipped();
    let (ran, result) = salvage(&made, &["--missing-max", "10"]);
    assert_eq!(ran.code, Some(4));
    let message = result["error"]["message"].as_str().unwrap();
    assert!(message.contains("missing events") && message.contains("10"), "{message}");
}
