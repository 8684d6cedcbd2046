//! `import git`: what can't be imported is told in a sentence, and leaves nothing behind.

use std::process::Command;

use crate::program::{run, run_json, succeed, text_of};

fn git(folder: &std::path::Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=A", "-c", "user.email=a@example.org"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}

#[test]
fn what_is_no_repository_is_8_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, journal) = (folder.path().join("plain"), folder.path().join("journal"));
    std::fs::create_dir(&plain).unwrap();
    let missing = folder.path().join("nowhere");
    for (path, reason) in [(&plain, "not a git repository"), (&missing, "No such file")] {
        let (ran, result) = run_json(&["import", "git", text_of(path), text_of(&journal)]);
        assert_eq!(ran.code, Some(8), "{ran:?}");
        let message = result["error"]["message"].as_str().unwrap();
        assert!(message.contains(text_of(path)) && message.contains(reason), "{message}");
        assert_eq!(ran.stderr, format!("vexfs-replay-pipe: {message}\n"));
        assert!(!journal.exists());
    }
}

#[test]
fn a_repository_becomes_a_journal_once() {
    let folder = tempfile::tempdir().unwrap();
    let (repository, journal) = (folder.path().join("repository"), folder.path().join("journal"));
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "--quiet"]);
    let import = ["import", "git", text_of(&repository), text_of(&journal)];
    let (ran, result) = run_json(&import);
    let message = result["error"]["message"].as_str().unwrap();
    assert!(ran.code == Some(8) && message.contains("no commits yet"), "{message}");
    std::fs::write(repository.join("file"), "content\n").unwrap();
    git(&repository, &["add", "file"]);
    git(&repository, &["commit", "--quiet", "--message=first"]);
    let imported = succeed(&import);
    assert_eq!((&imported["commits"], &imported["files"]), (&1.into(), &1.into()));
    let tree = run(&["state", "ls-tree", text_of(&journal)]);
    assert_eq!(tree.stdout, "100644 blob d95f3ad14dee633a758d2e331151e950dd13e4ed\tfile\n");
    let (ran, result) = run_json(&import);
    let message = result["error"]["message"].as_str().unwrap();
    assert_eq!((ran.code, message.ends_with("holds a journal already")), (Some(2), true));
}
