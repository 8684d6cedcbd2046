//! What the program says of itself, and of arguments that make no sense.

use serde_json::Value;

use crate::program::{Made, run, run_json};

const VERBS: [&str; 17] = [
    "checkpoint",
    "coordinate",
    "demo",
    "export",
    "generate",
    "import",
    "inspect",
    "kernel-journal",
    "key",
    "receipt",
    "recover",
    "verify",
    "replay",
    "salvage",
    "scan",
    "seal",
    "state",
];

#[test]
fn every_verb_is_in_the_help_and_has_one_with_the_exit_codes() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for verb in VERBS {
        let listed = help.stdout.lines().any(|line| line.trim_start().starts_with(verb));
        assert!(listed, "{verb} is not in {}", help.stdout);
        let own = run(&[verb, "--help"]);
        assert_eq!((own.code, own.stderr.as_str()), (Some(0), ""), "{verb}");
        for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "8 ", "130 "] {
            let told = own.stdout.lines().any(|line| line.trim_start().starts_with(code));
            assert!(told, "exit code {code} in the help of {verb}: {}", own.stdout);
        }
    }
    // Nothing is listed that isn't held above.
    let listed = help.stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
    assert_eq!(listed.take_while(|line| !line.is_empty()).count(), VERBS.len() + 1);
}

#[test]
fn arguments_that_make_no_sense_are_2() {
    let wrong: [&[&str]; 18] = [
        &[],
        &["nonsense"],
        &["verify"],
        &["verify", "journal", "--damage", "salvage"],
        &["verify", "journal", "--validation", "some"],
        &["scan"],
        &["scan", "folder", "--threads", "0"],
        &["scan", "folder", "--until-lsn", "1"],
        &["replay", "journal", "--threads", "0"],
        &["replay", "journal", "--threads", "257"],
        &["replay", "journal", "--anchor", "7"],
        &["replay", "journal", "--until-lsn", "-1"],
        &["inspect", "journal", "--blocks", "--events"],
        &["inspect", "journal", "--type", "nonsense"],
        &["inspect", "journal", "--lsn", "nonsense"],
        &["inspect", "journal", "--lsn", "5..3"],
        &["state", "list", "journal", "--kind", "nonsense"],
        &["generate", "journal", "--seed", "one"],
    ];
    for arguments in wrong {
        let ran = run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.stderr.contains("Usage:") || ran.stderr.contains("--help"), "{ran:?}");
    }
}

/// A program that asked for JSON gets it, whatever it asked.
#[test]
fn a_refusal_of_arguments_is_json_too() {
    let (ran, result) = run_json(&["replay", "journal", "--threads", "0"]);
    assert_eq!(ran.code, Some(2));
    let message = result["error"]["message"].as_str().unwrap();
    assert!(message.contains("--threads") && !message.starts_with("error"), "{message}");
    assert!(ran.stderr.contains(message), "{ran:?}");
    let ran = run(&["nonsense", "--json"]);
    let result: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&result["command"], &result["exit_code"]), (&Value::Null, &2.into()));
    // Help is no result and stays text.
    assert!(run(&["--json", "--help"]).stdout.contains("Usage:"));
}

#[test]
fn sizes_are_decimal_or_binary_and_never_nonsense() {
    let made = Made::usual();
    for size in ["200M", "200MB", "65536KiB", "1GiB", "200000000", "0.2G"] {
        made.succeed(&["replay"], &["--memory-limit", size]);
    }
    for size in ["", "M", "lots", "-1", "12Q", "0", "0M", "1e400"] {
        let option = format!("--memory-limit={size}");
        let (ran, result) = made.run(&["replay"], &[&option]);
        assert_eq!(ran.code, Some(2), "{size}: {ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("--memory-limit"), "{message}");
    }
}

#[test]
fn a_memory_limit_that_is_too_small_says_how_much_is_needed() {
    let made = Made::usual();
    for pass in [&["replay"][..], &["state", "digest"]] {
        let (ran, result) = made.run(pass, &["--memory-limit", "1KiB"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(" needs ") && message.contains("where 1024 are"), "{message}");
        assert_eq!(ran.stderr, format!("vexfs-replay-pipe: {message}\n"));
    }
}

#[test]
fn the_version_is_told() {
    let ran = run(&["--version"]);
    let expected = format!("vexfs-replay-pipe {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((ran.code, ran.stdout), (Some(0), expected));
}
