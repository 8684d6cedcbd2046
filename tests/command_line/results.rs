//! What verify and replay print: the fields that machines rely on, and the text for people.

use crate::program::{Made, run, run_json, text_of};

#[test]
fn a_replay_tells_all_its_figures() {
    let made = Made::by(&["--recipe", "10k"]);
    let result = made.succeed(&["replay"], &[]);
    assert_eq!(result["events"], 10_000);
    assert_eq!(result["end"]["kind"], "sealed");
    assert_eq!(result["end"]["lsn"], 10_000);
    assert_eq!(result["head"].as_str(), Some(made.head.as_str()));
    let number = |name: &str| result[name].as_f64().expect(name);
    let rate = number("events") / number("seconds");
    assert!((number("events_per_second") - rate).abs() < 1.0, "{result}");
    assert!(number("initiation_seconds") <= number("seconds"));
    let stored: u64 = made.segments().iter().map(|path| path.metadata().unwrap().len()).sum();
    assert!(result["bytes"].as_u64().unwrap() < stored);
    assert!(result["bytes"].as_u64().unwrap() > stored * 9 / 10);
    let peak = result["peak_memory_bytes"].as_u64().unwrap();
    assert!(peak > result["state_memory_bytes"].as_u64().unwrap());
    assert_eq!(result["state_digest"].as_str().unwrap().len(), 64);
    let transactions = &result["transactions"];
    let count = |name: &str| transactions[name].as_u64().expect(name);
    assert!(count("committed") > 0 && count("aborted") > 0, "{transactions}");
    assert_eq!((count("discarded"), count("broken")), (0, 0));
    assert_eq!(result["anchored"], false);
}

/// The digest depends on the journal alone.
#[test]
fn threads_and_validation_change_no_digest() {
    let made = Made::by(&["--recipe", "10k", "--segment-size", "512KiB"]);
    let expected = made.succeed(&["replay"], &[])["state_digest"].clone();
    for threads in ["1", "2", "3", "8"] {
        for validation in ["none", "basic", "full", "cryptographic"] {
            let options = ["--threads", threads, "--validation", validation];
            let result = made.succeed(&["replay"], &options);
            assert_eq!(result["state_digest"], expected, "{options:?}");
            assert_eq!(
                (&result["validation"], &result["events"]),
                (&validation.into(), &10_000.into())
            );
        }
    }
}

#[test]
fn verify_and_replay_find_the_same() {
    for made in [Made::usual(), Made::usual().torn()] {
        let (_, verified) = made.run(&["verify"], &[]);
        let (_, replayed) = made.run(&["replay"], &[]);
        for field in ["events", "blocks", "bytes", "end", "head", "transactions", "damages"] {
            assert_eq!(verified[field], replayed[field], "{field}");
        }
    }
}

#[test]
fn replay_stops_where_it_is_told() {
    let made = Made::usual();
    let whole = made.succeed(&["replay"], &[]);
    let mut digests = vec![whole["state_digest"].clone()];
    for until in [1_u64, 500, 999] {
        let result = made.succeed(&["replay"], &["--until-lsn", &until.to_string()]);
        assert_eq!((&result["events"], &result["end"]["lsn"]), (&until.into(), &until.into()));
        assert_eq!(result["end"]["kind"], "until");
        assert!(!digests.contains(&result["state_digest"]), "another state after LSN {until}");
        digests.push(result["state_digest"].clone());
    }
    let last = made.succeed(&["replay"], &["--until-lsn", "1000"]);
    assert_eq!((&last["events"], &last["end"]["kind"]), (&1_000.into(), &"until".into()));
    assert_eq!(last["state_digest"], whole["state_digest"]);
    for until in ["1001", "18446744073709551615"] {
        let result = made.succeed(&["replay"], &["--until-lsn", until]);
        assert_eq!((&result["events"], &result["end"]), (&1_000.into(), &whole["end"]), "{until}");
        assert_eq!(result["state_digest"], whole["state_digest"]);
    }
    let nothing = made.succeed(&["replay"], &["--until-lsn", "0"]);
    assert_eq!((&nothing["events"], &nothing["end"]["lsn"]), (&0.into(), &0.into()));
}

/// What lies behind the block with the last LSN that was asked for is nobody's business.
#[test]
fn damage_behind_the_lsn_that_was_asked_for_is_not_looked_at() {
    let made = Made::usual().flipped();
    let (_, verified) = made.run(&["verify"], &[]);
    let damaged_lsn = verified["damages"][0]["lsn"].as_u64().unwrap();
    for until in [1, damaged_lsn / 2, damaged_lsn - 1] {
        let until_lsn = ["--until-lsn", &until.to_string()];
        let [replayed, verified] = ["replay", "verify"].map(|it| made.succeed(&[it], &until_lsn));
        for field in ["events", "blocks", "end", "head", "damages"] {
            assert_eq!(verified[field], replayed[field], "{field} until {until}");
        }
        assert_eq!((&replayed["events"], &replayed["end"]["lsn"]), (&until.into(), &until.into()));
    }
    let (ran, _) = made.run(&["replay"], &["--until-lsn", &damaged_lsn.to_string()]);
    assert_eq!(ran.code, Some(4));
}

#[test]
fn text_for_people_goes_to_stdout_and_nothing_to_stderr() {
    let made = Made::usual().torn();
    for verb in ["verify", "replay"] {
        let ran = run(&[verb, text_of(&made.path())]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), ""));
        for said in ["events ", "transactions ", "torn write", "unanchored", "left out"] {
            assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
        }
    }
}

/// One segment's file is a journal, too.
#[test]
fn one_file_is_a_journal() {
    let made = Made::usual();
    let segment = made.segments().remove(0);
    let ran = run(&["state", "digest", text_of(&segment)]);
    let expected = run(&["state", "digest", text_of(&made.path())]);
    assert_eq!((ran.code, ran.stdout), (Some(0), expected.stdout));
}

#[test]
fn the_demo_tears_a_journal_and_replays_it_twice_alike() {
    let (ran, result) = run_json(&["demo", "--recipe", "10k"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        (&result["verify"]["exit_code"], &result["replay"]["exit_code"]),
        (&3.into(), &3.into())
    );
    assert!(result["replay"]["events"].as_u64().unwrap() < 10_000, "events are lost, not a seal");
    let again = &result["replay_on_one_thread"];
    assert_eq!(
        (&again["threads"], &again["state_digest"]),
        (&1.into(), &result["replay"]["state_digest"])
    );
    // What it does step by step is told beside the result.
    assert!(ran.stderr.contains("verify") && ran.stderr.contains("tore"), "{ran:?}");
}
