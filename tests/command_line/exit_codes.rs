//! Every exit code, from every pass over a journal that can end with it.

use serde_json::Value;

use crate::program::{Made, PASSES, Ran, run, text_of};

/// Checks that the passes end with these codes: verify, and all that replay. Gives the result of
/// each.
fn check_codes(made: &Made, options: &[&str], verify: i32, replay: i32) -> Vec<(Ran, Value)> {
    let mut results = Vec::new();
    for pass in PASSES {
        // Verify takes no damage policy: it passes over all damage and applies nothing.
        let verifies = pass == ["verify"];
        let options = if verifies && options.contains(&"--damage") { &[] } else { options };
        let (ran, result) = made.run(pass, options);
        let expected = if verifies { verify } else { replay };
        assert_eq!(ran.code, Some(expected), "{pass:?} {options:?}: {ran:?}");
        results.push((ran, result));
    }
    results
}

#[test]
fn a_whole_journal_is_clean() {
    for policy in ["strict", "tail", "prefix", "salvage"] {
        for (ran, _) in check_codes(&Made::usual(), &["--damage", policy], 0, 0) {
            assert_eq!(ran.stderr, "");
        }
    }
}

#[test]
fn a_torn_tail_is_3_and_refused_only_by_the_strict() {
    let made = Made::usual().torn();
    for policy in ["tail", "prefix", "salvage"] {
        let results = check_codes(&made, &["--damage", policy], 3, 3);
        for (ran, result) in &results[..2] {
            assert_eq!((ran.stderr.as_str(), &result["end"]["kind"]), ("", &"torn_tail".into()));
            let lsn = result["end"]["lsn"].as_u64().unwrap();
            assert!((500..1_000).contains(&lsn) && result["damages"] == Value::Array(vec![]));
        }
    }
    check_codes(&made, &["--damage", "strict"], 3, 4);
}

#[test]
fn damage_in_the_middle_is_4_and_5_where_loss_is_accepted() {
    let made = Made::usual().flipped();
    let results = check_codes(&made, &[], 4, 4);
    let (_, verified) = &results[0];
    assert_eq!(verified["damages"][0]["kind"], "crc_mismatch", "{verified}");
    for (ran, result) in &results[1..] {
        // What refuses says why, on stderr and as JSON, and shows no state.
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("refused") && ran.stderr.contains(message), "{ran:?}");
        assert!(message.contains("segment") && message.contains("CRC32C"), "{message}");
        assert_eq!(result["state_digest"], Value::Null);
    }
    let mut last = 0;
    for policy in ["prefix", "salvage"] {
        let results = check_codes(&made, &["--damage", policy], 4, 5);
        let (_, replayed) = &results[1];
        assert_eq!(replayed["damages"].as_array().unwrap().len(), 1, "{replayed}");
        let events = replayed["events"].as_u64().unwrap();
        assert!(last < events && events < 1_000, "{policy} keeps {events}");
        last = events;
    }
}

#[test]
fn an_anchor_that_differs_is_6() {
    let made = Made::usual();
    let head = made.head.clone();
    for (_, result) in &check_codes(&made, &["--anchor", &head], 0, 0)[..2] {
        assert_eq!(result["anchored"], true);
    }
    let (lsn, digest) = head.split_once(':').unwrap();
    let later = format!("{}:{digest}", lsn.parse::<u64>().unwrap() + 1);
    let other = format!("{lsn}:{}", "0".repeat(64));
    for anchor in [later, other] {
        for (ran, _) in check_codes(&made, &["--anchor", &anchor], 6, 6) {
            assert!(ran.stderr.contains("kept outside"), "{ran:?}");
        }
    }
    // What was cut off on a block boundary is told by the anchor alone.
    check_codes(&made.torn(), &["--anchor", &head], 6, 6);
}

/// Nothing there to read is no statement about a journal: one clear sentence, and nothing else.
#[test]
fn what_is_not_there_is_8() {
    let made = Made::usual();
    let missing = made.path().join("nowhere");
    let inspect: &[&str] = &["inspect"];
    for pass in PASSES.into_iter().chain([inspect]) {
        let ran = run(&[pass, &[text_of(&missing)]].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(8), ""), "{pass:?}");
        let sentence = format!(
            "vexfs-replay-pipe: could not open {}: No such file or directory (os error 2)\n",
            missing.display()
        );
        assert_eq!(ran.stderr, sentence, "{pass:?}");
    }
}

#[test]
fn a_folder_without_a_journal_is_2_and_a_file_that_is_none_is_4() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "no journal at all").unwrap();
    for pass in PASSES {
        for (path, code, reason) in
            [(folder.path(), 2, "no segment"), (&file, 4, "the segment ends")]
        {
            let ran = run(&[pass, &[text_of(path)]].concat());
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{ran:?}");
            let named = ran.stderr.contains(text_of(path));
            assert!(named && ran.stderr.contains(reason), "{ran:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        }
    }
}
