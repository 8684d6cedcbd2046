//! Checkpoints on the command line: the verbs that look after them, and replays that use them.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use vexfs_replay::storage::{DiskFolder, Folder as _};

use crate::program::{Made, run, run_json, succeed, text_of};

/// A journal of ten thousand events, with a folder of checkpoints beside it.
struct Kept {
    made: Made,
    folder: PathBuf,
}

impl Kept {
    fn new() -> Self {
        let made = Made::by(&["--recipe", "10k"]);
        let folder = made.path().with_file_name("checkpoints");
        Self { made, folder }
    }

    /// Replays up to this LSN with checkpoints.
    fn replay(&self, until_lsn: u64, options: &[&str]) -> Value {
        let until = until_lsn.to_string();
        let with = ["--checkpoints", text_of(&self.folder), "--until-lsn", &until];
        self.made.succeed(&["replay"], &[&with, options].concat())
    }

    fn checkpoint(&self, verb: &str, options: &[&str]) -> Value {
        succeed(&[&["checkpoint", verb, text_of(&self.folder)], options].concat())
    }

    fn watermarks(&self) -> Vec<u64> {
        let listed = self.checkpoint("list", &[]);
        let listed = listed["checkpoints"].as_array().unwrap();
        listed.iter().map(|it| it["watermark"].as_u64().unwrap()).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> =
            entries.filter(|path| path.extension().is_some_and(|it| it == "vxcp")).collect();
        files.sort();
        files
    }
}

#[test]
fn a_replay_goes_on_from_the_newest_checkpoint_and_says_so() {
    let kept = Kept::new();
    let whole = kept.made.succeed(&["replay"], &[]);
    let first = kept.replay(4_000, &[]);
    assert_eq!((&first["started_from"], &first["passed_over"]), (&Value::Null, &json!([])));
    assert_eq!(
        (&first["checkpoints"]["written"], &first["checkpoints"]["watermark"]),
        (&json!(1), &json!(4_000))
    );
    let second = kept.replay(9_000, &[]);
    assert_eq!(second["started_from"]["watermark"], 4_000);
    assert_eq!(second["started_from"]["checkpoint"], first["checkpoints"]["newest"]);
    assert!(second["started_from"]["restart_lsn"].as_u64().unwrap() <= 4_001, "{second}");
    let last = kept.replay(u64::MAX, &["--incremental"]);
    assert_eq!(last["started_from"]["watermark"], 9_000);
    for field in ["state_digest", "events", "head", "transactions", "records", "inconsistencies"] {
        assert_eq!(last[field], whole[field], "{field}");
    }
    let full = kept.replay(u64::MAX, &["--full"]);
    assert_eq!(
        (&full["started_from"], &full["state_digest"]),
        (&Value::Null, &whole["state_digest"])
    );
    let path = kept.made.path();
    let text = run(&["replay", text_of(&path), "--checkpoints", text_of(&kept.folder)]);
    let told = text.stdout.lines().find(|line| line.starts_with("started from")).unwrap();
    assert!(told.contains("checkpoint-") && told.contains("at LSN 10000"), "{text:?}");
}

#[test]
fn the_verbs_list_show_and_verify_what_there_is() {
    let kept = Kept::new();
    for until in [3_000, 6_000, 10_000] {
        kept.replay(until, &["--keep", "5"]);
    }
    assert_eq!(kept.watermarks(), [10_000, 6_000, 3_000]);
    let shown = kept.checkpoint("show", &[]);
    assert_eq!((&shown["watermark"], &shown["cut"]["lsn"]), (&json!(10_000), &json!(10_000)));
    let whole = kept.made.succeed(&["replay"], &[]);
    assert_eq!(shown["state_digest"], whole["state_digest"]);
    assert_eq!(shown["chain"].as_array().unwrap().len(), 3, "{shown}");
    let older = kept.checkpoint("show", &["--lsn", "6000"]);
    assert_eq!(older["watermark"], 6_000);
    let journal = kept.made.path();
    for options in [&[][..], &["--journal", text_of(&journal)]] {
        let verified = kept.checkpoint("verify", options);
        let all = verified["checkpoints"].as_array().unwrap();
        assert_eq!(all.len(), 3);
        assert!(all.iter().all(|it| it["sound"] == true), "{verified}");
        assert_eq!(all[0]["state_digest"], whole["state_digest"]);
    }
    let text = run(&["checkpoint", "list", text_of(&kept.folder)]);
    assert_eq!((text.code, text.stdout.lines().count()), (Some(0), 3));
}

#[test]
fn a_checkpoint_is_created_restored_and_pruned() {
    let kept = Kept::new();
    let journal = kept.made.path();
    let created = succeed(&[
        "checkpoint",
        "create",
        text_of(&journal),
        text_of(&kept.folder),
        "--until-lsn",
        "5000",
    ]);
    assert_eq!(created["checkpoints"]["watermark"], 5_000);
    kept.replay(10_000, &[]);
    let restored = kept.made.path().with_file_name("restored");
    let merged = kept.checkpoint("restore", &[text_of(&restored)]);
    assert_eq!(merged["watermark"], 10_000);
    // The restored one alone is enough to go on from.
    let with = ["--checkpoints", text_of(&restored), "--incremental"];
    let replayed = kept.made.succeed(&["replay"], &with);
    assert_eq!(replayed["started_from"]["checkpoint"], merged["checkpoint"]);
    assert_eq!(replayed["state_digest"], kept.made.succeed(&["replay"], &[])["state_digest"]);

    let before = kept.files().len();
    kept.replay(u64::MAX, &["--full", "--keep", "9"]);
    let pruned = kept.checkpoint("prune", &["--keep", "1"]);
    let kept_names = pruned["kept"].as_array().unwrap().len();
    let removed = pruned["removed"].as_array().unwrap().len();
    assert!(kept_names >= 1 && kept_names + removed >= before, "{pruned}");
    assert_eq!(kept.files().len(), kept_names);
    assert_eq!(kept.watermarks()[0], 10_000);
    kept.replay(u64::MAX, &["--incremental"]);
}

#[test]
fn a_damaged_checkpoint_is_6_for_verify_is_named_and_is_passed_over_by_a_replay() {
    let kept = Kept::new();
    kept.replay(4_000, &[]);
    kept.replay(9_000, &[]);
    let newest = kept.files().pop().unwrap();
    let mut content = fs::read(&newest).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&newest, content).unwrap();
    let name = newest.file_name().unwrap().to_str().unwrap();
    let (ran, verified) = run_json(&["checkpoint", "verify", text_of(&kept.folder)]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    let listed = verified["checkpoints"].as_array().unwrap();
    let bad: Vec<&Value> = listed.iter().filter(|it| it["sound"] == false).collect();
    assert_eq!((bad.len(), &bad[0]["checkpoint"]), (1, &json!(name)), "{verified}");
    assert!(!bad[0]["reason"].as_str().unwrap().is_empty());
    let text = run(&["checkpoint", "verify", text_of(&kept.folder)]);
    assert!(text.stdout.contains(name), "{text:?}");
    let replayed = kept.replay(u64::MAX, &[]);
    assert_eq!(replayed["started_from"]["watermark"], 4_000);
    assert_eq!(replayed["passed_over"][0]["checkpoint"], name);
    assert_eq!(replayed["state_digest"], kept.made.succeed(&["replay"], &[])["state_digest"]);
}

#[test]
fn a_folder_that_is_none_is_2_and_one_without_a_checkpoint_is_4_where_there_must_be_one() {
    let kept = Kept::new();
    for verb in ["list", "show", "verify", "prune"] {
        let (ran, result) = run_json(&["checkpoint", verb, text_of(&kept.folder)]);
        assert_eq!(ran.code, Some(2), "{verb}: {ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains("is not a folder"), "{message}");
        assert!(!kept.folder.exists(), "{verb} makes none");
    }
    fs::create_dir(&kept.folder).unwrap();
    assert_eq!(kept.checkpoint("list", &[])["checkpoints"], json!([]));
    let (ran, _) = run_json(&["checkpoint", "show", text_of(&kept.folder)]);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let options = ["--checkpoints", text_of(&kept.folder), "--incremental"];
    let (ran, result) = kept.made.run(&["replay"], &options);
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let message = result["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("holds no checkpoint") && message.contains("checkpoints"),
        "{message}"
    );
    assert_eq!(result["state_digest"], Value::Null);
}

#[test]
fn options_that_need_a_folder_or_contradict_each_other_are_2() {
    let made = Made::usual();
    let wrong: [(&[&str], &str); 4] = [
        (&["--incremental"], "--checkpoints"),
        (&["--full"], "--checkpoints"),
        (&["--checkpoint-events", "5"], "--checkpoints"),
        (&["--checkpoints", "nowhere", "--full", "--incremental"], "--incremental"),
    ];
    for (options, names) in wrong {
        let (ran, result) = made.run(&["replay"], options);
        assert_eq!(ran.code, Some(2), "{options:?}: {ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(names), "{options:?}: {message}");
    }
}

#[test]
fn a_folder_that_another_process_uses_is_8_and_the_holder_is_named() {
    let kept = Kept::new();
    kept.replay(4_000, &[]);
    let _lock = DiskFolder::create(&kept.folder).unwrap().lock().unwrap();
    let holder = format!("process {}", std::process::id());
    let journal = kept.made.path();
    let folder = text_of(&kept.folder);
    let users: [&[&str]; 3] = [
        &["replay", text_of(&journal), "--checkpoints", folder],
        &["checkpoint", "create", text_of(&journal), folder],
        &["checkpoint", "prune", folder],
    ];
    for arguments in users {
        let (ran, result) = run_json(arguments);
        assert_eq!(ran.code, Some(8), "{arguments:?}: {ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(&holder) && message.contains(folder), "{message}");
        assert!(ran.stderr.contains(message), "{ran:?}");
    }
    // Who only looks needs no lock.
    for verb in ["list", "show", "verify"] {
        kept.checkpoint(verb, &[]);
    }
}
