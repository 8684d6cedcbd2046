//! `key`, `seal` and `verify --trust` as a user runs them: exit codes, files, and what is printed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use vexfs_replay::event::{Body, Property};
use vexfs_replay::journal::{NewEvent, Writer, WriterOptions};
use vexfs_replay::storage::DiskFolder;

use crate::program::{Made, Ran, run, run_json, succeed, text_of};

/// A journal on disk that is signed.
struct Case {
    made: Made,
    key: PathBuf,
    public: PathBuf,
    signature: PathBuf,
}

impl Case {
    fn new() -> Self {
        let made = Made::usual();
        let key = made.folder.path().join("key");
        succeed(&["key", "generate", text_of(&key)]);
        let sealed = succeed(&["seal", text_of(&made.path()), "--key", text_of(&key)]);
        let signature = sealed["signature"].as_str().unwrap().into();
        assert_eq!((&sealed["events"], &sealed["closed"]), (&1_000.into(), &true.into()));
        let public = made.folder.path().join("key.pub");
        Self { made, key, public, signature }
    }

    fn verify(&self, options: &[&str]) -> (Ran, Value) {
        self.made.run(&["verify"], &[&["--trust", text_of(&self.public)], options].concat())
    }

    fn seal(&self, options: &[&str]) -> (Ran, Value) {
        self.made.run(&["seal"], &[&["--key", text_of(&self.key)], options].concat())
    }

    /// Checks that a verification ends with 6 and tells these kinds, in JSON and in words.
    fn check_differs(&self, kinds: &[&str], words: &str) {
        let (ran, result) = self.verify(&[]);
        assert_eq!(ran.code, Some(6), "{ran:?}");
        assert_eq!(result["trust"]["kinds"], Value::from(kinds), "{result}");
        let ran = run(&["verify", text_of(&self.made.path()), "--trust", text_of(&self.public)]);
        assert!(ran.code == Some(6) && ran.stdout.contains(words), "{ran:?}");
    }

    fn check_code(&self, (ran, _): (Ran, Value), code: i32, words: &str) {
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
    }
}

#[test]
fn what_is_as_signed_is_0_and_says_so() {
    let case = Case::new();
    let (ran, result) = case.verify(&[]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let trust = &result["trust"];
    assert_eq!(
        (&trust["verdict"], &trust["signed_head"]),
        (&"intact".into(), &case.made.head.clone().into())
    );
    let shown = succeed(&["key", "show", text_of(&case.public)]);
    assert_eq!(trust["key_id"], shown["key_id"]);
    assert_eq!(case.made.succeed(&["verify"], &[])["trust"], Value::Null);
}

#[test]
fn what_differs_is_6_and_told_by_kind() {
    let case = Case::new();
    let case = Case { made: case.made.torn(), ..case };
    case.check_differs(&["cut_off"], "cut off: events, signed as LSN");
    let case = Case::new();
    let case = Case { made: case.made.flipped(), ..case };
    case.check_differs(&["changed"], "NOT WHAT WAS SIGNED");
    let case = Case::new();
    fs::remove_file(&case.made.segments()[0]).unwrap();
    let (ran, _) = case.verify(&[]);
    assert!(ran.code == Some(6) && ran.stderr.contains("can't be read any more"), "{ran:?}");
}

#[test]
fn what_was_appended_is_6_unless_it_is_allowed() {
    let case = Case::new();
    let folder = Arc::new(DiskFolder::open(&case.made.path()).unwrap());
    let writer = Writer::open(folder, WriterOptions::default()).unwrap();
    // Nobody signs while it is written.
    case.check_code(case.seal(&[]), 8, "locked by process");
    let property = Property { node: 1, name: b"name", value: b"value" };
    writer.append(&NewEvent::new(1, Body::PropertySet(property))).unwrap();
    writer.close().unwrap();
    case.check_differs(&["put_in"], "put in behind the signed head: events, found as LSN 1001");
    let (ran, result) = case.verify(&["--allow-appended"]);
    assert_eq!((ran.code, &result["trust"]["appended"]["events"]), (Some(0), &1.into()));
    let (ran, result) = case.seal(&[]);
    assert_eq!((ran.code, &result["earlier"]), (Some(0), &"appended".into()), "{ran:?}");
    assert_eq!(case.verify(&[]).0.code, Some(0));
}

#[test]
fn a_signature_that_proves_nothing_is_6_and_a_bad_key_2() {
    let case = Case::new();
    let other = Case::new();
    case.check_code(case.verify(&["--signature", text_of(&other.signature)]), 6, "by the key");
    let text = "no key at all";
    fs::write(&case.public, text).unwrap();
    case.check_code(case.verify(&[]), 2, "no ed25519 public key");
    fs::copy(&case.key, &case.public).unwrap();
    case.check_code(case.verify(&[]), 2, "a secret key is none");
    fs::copy(&other.public, &case.public).unwrap();
    case.check_code(case.verify(&[]), 6, "it is not there");
    fs::remove_file(&case.public).unwrap();
    case.check_code(case.verify(&[]), 8, "could not open");
    case.check_code(other.verify(&["--validation", "full"]), 2, "cryptographic");
    case.check_code(other.verify(&["--until-lsn", "7"]), 2, "all of the journal");
}

#[test]
fn a_damaged_journal_is_refused_with_4_and_one_that_differs_with_6() {
    let case = Case::new();
    let case = Case { made: case.made.flipped(), ..case };
    case.check_code(case.seal(&[]), 4, "damaged");
    let case = Case::new();
    let case = Case { made: case.made.torn(), ..case };
    case.check_code(case.seal(&[]), 6, "no longer holds");
    assert_eq!(case.seal(&["--replace"]).0.code, Some(3));
    assert_eq!(case.verify(&[]).0.code, Some(3));
}

#[test]
fn keys_are_for_their_owner_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (key, public) = (folder.path().join("key"), folder.path().join("key.pub"));
    fs::write(&public, "somebody's").unwrap();
    let (ran, _) = run_json(&["key", "generate", text_of(&key)]);
    assert!(ran.code == Some(8) && !key.exists(), "{ran:?}");
    fs::remove_file(&public).unwrap();
    succeed(&["key", "generate", text_of(&key)]);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = [fs::read(&key).unwrap(), fs::read(&public).unwrap()];
    fs::remove_file(&public).unwrap();
    let (ran, _) = run_json(&["key", "generate", text_of(&key)]);
    assert!(ran.code == Some(8) && !public.exists(), "{ran:?}");
    assert_eq!(fs::read(&key).unwrap(), before[0]);
}

#[test]
fn a_journal_that_is_one_file_has_its_signature_where_it_is_told() {
    let case = Case::new();
    let one = &case.made.segments()[0];
    let (key, public) = (text_of(&case.key), text_of(&case.public));
    let (ran, _) = run_json(&["seal", text_of(one), "--key", key]);
    assert!(ran.code == Some(2) && ran.stderr.contains("name the file"), "{ran:?}");
    let elsewhere = case.made.folder.path().join("elsewhere");
    succeed(&["seal", text_of(one), "--key", key, "--signature", text_of(&elsewhere)]);
    let signature = ["--signature", text_of(&elsewhere)];
    succeed(&[&["verify", text_of(one), "--trust", public], &signature[..]].concat());
    // The folder's journal is the same one.
    assert_eq!(case.verify(&signature).0.code, Some(0));
}
