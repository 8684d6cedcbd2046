//! `generate`: a seed fixes every byte, and each option does what it says.

use std::fs;

use serde_json::Value;

use crate::program::{Made, run, run_json, succeed, text_of};

/// The bytes of all segments.
fn content(made: &Made) -> Vec<u8> {
    made.segments().iter().flat_map(|path| fs::read(path).unwrap()).collect()
}

/// What a replay says of a journal of a thousand events made with these options.
fn replayed(options: &[&str]) -> Value {
    Made::by(&[&["--recipe", "1k"], options].concat()).succeed(&["replay"], &[])
}

#[test]
fn a_seed_fixes_every_byte() {
    let (one, same, other) =
        (Made::usual(), Made::usual(), Made::by(&["--recipe", "1k", "--seed", "2"]));
    assert!(content(&one) == content(&same) && one.head == same.head);
    assert!(content(&one) != content(&other) && one.head != other.head);
}

#[test]
fn every_recipe_that_the_help_names_is_there() {
    let help = run(&["generate", "--help"]).stdout;
    for name in vexfs_datasets::Recipe::NAMES {
        assert!(help.contains(name), "{name}: {help}");
        let made = Made::by(&["--recipe", name, "--events", "300"]);
        assert_eq!(made.succeed(&["verify"], &[])["events"], 300, "{name}");
    }
}

#[test]
fn blocks_are_as_long_as_asked_for() {
    let [usual, tiny] = [&[][..], &["--block-size", "4KiB"]].map(replayed);
    assert_eq!(usual["state_digest"], tiny["state_digest"]);
    let blocks = |result: &Value| result["blocks"].as_u64().unwrap();
    assert!(blocks(&tiny) > 10 * blocks(&usual), "{tiny}");
}

#[test]
fn a_journal_has_as_many_events_as_asked_for() {
    for events in [1, 2, 17, 1_234] {
        let result = replayed(&["--events", &events.to_string()]);
        assert_eq!((&result["events"], &result["end"]["lsn"]), (&events.into(), &events.into()));
    }
}

#[test]
fn shares_of_transactions_are_kept() {
    let count = |result: &Value, field: &str| result["transactions"][field].as_u64().unwrap();
    let usual = replayed(&[]);
    let all_abort = replayed(&["--aborted", "1"]);
    assert_eq!(count(&all_abort, "committed"), 0);
    assert!(count(&all_abort, "aborted") > 5, "{all_abort}");
    let none_abort = replayed(&["--aborted", "0", "--transactional", "0.9"]);
    assert_eq!(count(&none_abort, "aborted"), 0);
    assert!(count(&none_abort, "committed") > 2 * count(&usual, "committed"));
    let none = replayed(&["--transactional", "0"]);
    assert_eq!((count(&none, "committed"), count(&none, "aborted")), (0, 0));
    let longer =
        replayed(&["--transactional", "0.9", "--aborted", "0", "--transaction-length", "50"]);
    assert!(count(&longer, "committed") * 2 < count(&none_abort, "committed"), "{longer}");
}

#[test]
fn payload_keys_and_their_draws_follow_the_options() {
    let bytes = |options: &[&str]| replayed(options)["bytes"].as_u64().unwrap();
    assert!(bytes(&["--mean-payload", "1000"]) > 2 * bytes(&["--mean-payload", "200"]));
    let records = |options: &[&str]| -> u64 {
        let counts = replayed(options)["records"].clone();
        counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
    };
    assert!(records(&["--live-keys", "400"]) > 2 * records(&["--live-keys", "50"]));
    let digest = |options: &[&str]| replayed(options)["state_digest"].clone();
    assert!(digest(&["--zipf", "0"]) != digest(&["--zipf", "1.5"]));
    assert!(digest(&["--multi-key", "0"]) != digest(&["--multi-key", "0.5"]));
}

#[test]
fn segments_are_as_long_as_asked_for() {
    let made = Made::by(&["--recipe", "10k", "--segment-size", "512KiB"]);
    let lengths: Vec<u64> =
        made.segments().iter().map(|path| path.metadata().unwrap().len()).collect();
    assert!(lengths.len() > 3, "{lengths:?}");
    // A segment ends after the block with which it is full, and a seal.
    assert!(lengths.iter().all(|&length| length < 768 * 1024), "{lengths:?}");
    assert_eq!(Made::by(&["--recipe", "10k"]).segments().len(), 1);
}

#[test]
fn a_journal_is_never_written_over() {
    let made = Made::usual();
    let before = content(&made);
    let (ran, result) = made.run(&["generate"], &["--recipe", "1k", "--seed", "2"]);
    assert_eq!(ran.code, Some(2));
    let message = result["error"]["message"].as_str().unwrap();
    assert_eq!(message, format!("{} holds a journal already", made.path().display()));
    assert!(content(&made) == before);
}

/// Whoever corrects a mistake and tries again finds the place free.
#[test]
fn a_recipe_that_makes_no_sense_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let wrong: [&[&str]; 6] = [
        &["--recipe", "nonsense"],
        &["--aborted", "2"],
        &["--transactional", "-0.5"],
        &["--zipf", "NaN"],
        &["--live-keys", "0"],
        &["--mean-payload", "1000000"],
    ];
    for options in wrong {
        // As one argument: what begins with a minus would be taken for an option.
        let option = options.join("=");
        let (ran, result) = run_json(&["generate", text_of(&path), &option]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("recipe: "), "{message}");
        assert!(!path.exists(), "{options:?}");
    }
    succeed(&["generate", text_of(&path), "--recipe", "1k"]);
}

#[test]
fn a_place_that_can_not_be_made_is_8() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("journal");
    for place in [&file, &below] {
        let (ran, result) = run_json(&["generate", text_of(place), "--recipe", "1k"]);
        assert_eq!(ran.code, Some(8), "{ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert_eq!(message, format!("could not create {}", place.display()));
        assert!(ran.stderr.contains(message) && ran.stderr.lines().count() == 1, "{ran:?}");
    }
}
