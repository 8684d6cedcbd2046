//! What a store shows while the journal is damaged, contradicts itself, or is another one.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vexfs_replay::journal::layout::BlockHeader;

use crate::program::{run, run_json, succeed, text_of};

/// A journal of a thousand events with a store beside it.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let case = Self { folder };
        let journal = case.journal();
        succeed(&["generate", text_of(&journal), "--recipe", "1k", "--segment-size", "64KiB"]);
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn journal(&self) -> PathBuf {
        self.path("journal")
    }

    fn store(&self) -> PathBuf {
        self.path("store")
    }

    fn replay(&self, more: &[&str]) -> (Option<i32>, serde_json::Value) {
        let (journal, store) = (self.journal(), self.store());
        let all = ["replay", text_of(&journal), "--store", text_of(&store)];
        let (ran, told) = run_json(&[&all, more].concat());
        (ran.code, told)
    }

    fn in_memory(&self, more: &[&str]) -> serde_json::Value {
        run_json(&[&["replay", text_of(&self.journal())], more].concat()).1
    }

    fn digest(&self) -> serde_json::Value {
        let (_, told) = run_json(&["state", "digest", text_of(&self.store())]);
        told["state_digest"].clone()
    }

    /// Turns a byte of the last block of a segment around.
    fn damage(&self, segment: usize) {
        let mut segments: Vec<PathBuf> =
            fs::read_dir(self.journal()).unwrap().map(|entry| entry.unwrap().path()).collect();
        segments.retain(|path| fs::metadata(path).unwrap().len() > 4096);
        segments.sort();
        let path = &segments[segment];
        let mut bytes = fs::read(path).unwrap();
        bytes[4096 + BlockHeader::BYTES + 100] ^= 1;
        fs::write(path, bytes).unwrap();
    }

    fn nothing_beside(&self) {
        assert!(!self.path("store.partial").exists());
        assert!(!self.path("store-wal").exists());
    }
}

#[test]
fn where_damage_refuses_the_old_state_stays() {
    for policy in ["tail", "strict"] {
        let case = Case::new();
        case.damage(2);
        let (code, told) = case.replay(&["--damage", policy]);
        assert_eq!(code, Some(4), "{told}");
        assert!(!case.store().exists(), "no state was published");
        case.nothing_beside();
        let (code, told) = case.replay(&["--damage", policy, "--until-lsn", "100"]);
        assert_eq!(code, Some(0), "{told}");
        let (before, bytes) = (case.digest(), fs::read(case.store()).unwrap());
        let (code, told) = case.replay(&["--damage", policy]);
        assert_eq!(code, Some(4), "{told}");
        assert_eq!(case.digest(), before);
        assert!(fs::read(case.store()).unwrap() == bytes, "it was not touched");
        case.nothing_beside();
    }
}

#[test]
fn what_goes_past_damage_gives_the_same_state_as_in_memory() {
    for policy in ["prefix", "salvage"] {
        for first in [&["--until-lsn", "100"][..], &[]] {
            let case = Case::new();
            if !first.is_empty() {
                case.replay(first);
            }
            case.damage(2);
            let damage = ["--damage", policy];
            let expected = case.in_memory(&damage);
            for _ in 0..2 {
                let (code, told) = case.replay(&damage);
                assert_eq!(code, Some(5), "{told}");
                for field in ["state_digest", "damages", "records", "transactions", "events"] {
                    assert_eq!(told[field], expected[field], "{policy} {field}");
                }
                assert_eq!(case.digest(), expected["state_digest"]);
                case.nothing_beside();
            }
        }
    }
}

#[test]
fn nothing_goes_on_from_what_was_salvaged() {
    let case = Case::new();
    case.damage(2);
    case.replay(&["--damage", "salvage"]);
    let (ran, told) = run_json(&["state", "count", text_of(&case.store())]);
    assert_eq!((ran.code, &told["store"]["moment"]), (Some(5), &"no cut".into()));
    let (code, told) = case.replay(&["--damage", "prefix"]);
    assert_eq!(code, Some(4), "{told}");
}

#[test]
fn a_store_of_something_else_is_refused_and_not_touched() {
    let case = Case::new();
    let other = Case::new();
    other.replay(&[]);
    fs::remove_dir_all(other.journal()).unwrap();
    let journal = other.journal();
    succeed(&["generate", text_of(&journal), "--recipe", "1k", "--seed", "2"]);
    let before = fs::read(other.store()).unwrap();
    let (code, told) = other.replay(&[]);
    assert_eq!(code, Some(4), "{told}");
    assert!(told["error"]["message"].as_str().unwrap().contains("it is of journal"), "{told}");
    assert!(fs::read(other.store()).unwrap() == before, "it was not touched");

    case.replay(&["--validation", "basic"]);
    let before = fs::read(case.store()).unwrap();
    let (code, told) = case.replay(&[]);
    assert!(told["error"]["message"].as_str().unwrap().contains("basic validation"), "{told}");
    assert_eq!(code, Some(4));
    let (code, told) = case.replay(&["--validation", "basic", "--until-lsn", "10"]);
    assert!(told["error"]["message"].as_str().unwrap().contains("after LSN 10"), "{told}");
    assert_eq!(code, Some(4));
    assert!(fs::read(case.store()).unwrap() == before, "it was not touched");
}

#[test]
fn what_is_no_store_is_refused_and_not_touched() {
    let case = Case::new();
    fs::write(case.store(), "a text, and a long one, so that it may be taken for a header")
        .unwrap();
    let before = fs::read(case.store()).unwrap();
    assert_eq!(case.replay(&[]).0, Some(8));
    assert!(fs::read(case.store()).unwrap() == before, "it was not touched");
}

#[test]
fn two_replays_do_not_share_a_store() {
    let case = Case::new();
    let lock = fs::File::create(case.path("store.lock")).unwrap();
    lock.try_lock().unwrap();
    let (code, told) = case.replay(&[]);
    assert_eq!(code, Some(8), "{told}");
    drop(lock);
    assert_eq!(case.replay(&[]).0, Some(0));
}

#[test]
fn a_store_and_checkpoints_or_a_selection_exclude_each_other() {
    let case = Case::new();
    let (journal, store) = (case.journal(), case.store());
    for more in [&["--checkpoints", "elsewhere"][..], &["--type", "graph.node-create"]] {
        let all = ["replay", text_of(&journal), "--store", text_of(&store)];
        let ran = run(&[&all[..], more].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(!Path::new(&store).exists());
    }
}
