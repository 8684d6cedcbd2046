//! What happens when git fails. What it says when it doesn't is tested against a real one, in the
//! integration tests.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::event::EventIter;
use crate::journal::{
    Durability, Fill, Journal, PastDamage, Segment, Validation, Walk, WriterOptions,
};
use crate::storage::MemoryFolder;

#[path = "../../../../tests/import_git/repository.rs"]
#[expect(dead_code, reason = "the integration tests need more of it")]
mod repository;
use repository::{Repository, Script};

fn small_repository() -> Repository {
    let repository = Repository::new(&[]);
    let mut script = Script::default();
    for mark in 1..=4 {
        script.commit("main", mark, b"subject", &[]);
        for name in [&b"a"[..], b"b", b"c/d"] {
            script.add("100644", name, format!("content {mark}").as_bytes());
        }
        script.add("100755", format!("new {mark}").as_bytes(), b"content");
    }
    repository.run(&script);
    repository
}

/// A program in git's place that fails as told; see the script.
fn failing_git(folder: &Path, verb: &str, bytes: usize, code: i32) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/import_git/failing-git.sh");
    let program = folder.join("git");
    if !program.exists() {
        std::os::unix::fs::symlink(script, &program).unwrap();
    }
    std::fs::write(folder.join("fails"), format!("{verb} {bytes} {code}\n")).unwrap();
    program
}

/// The outcome, and the events that are in the journal then.
fn import_with(program: &Path, repository: &Path) -> (Result<GitOutcome, Error>, Vec<Vec<u8>>) {
    let folder = MemoryFolder::default();
    let (durability, journal_id) = (Durability::None, Some([1; 16]));
    let options = WriterOptions { durability, journal_id, ..WriterOptions::default() };
    let writer = Writer::create(Arc::new(folder.clone()), options).unwrap();
    let git = Git::with_program(program.as_os_str(), repository);
    let outcome = import(&git, "main", &writer, &mut |_| {});
    writer.close().unwrap();
    let journal = Journal::open(Arc::new(folder)).unwrap();
    let mut walk = Walk::new(&journal, Validation::Full, PastDamage::Stop);
    let (mut buffer, mut events) = (vec![0; 2 << 20], Vec::new());
    let fill: Fill<'_> = &Segment::read;
    while let Some(stretch) = walk.next(&mut buffer, fill).unwrap() {
        for frame in &stretch.frames {
            let payload = crate::journal::block::payload(&frame.header, frame.block(&buffer));
            let (first, count) = (frame.header.first_lsn, frame.header.event_count);
            events.extend(
                EventIter::new(payload, first, count).map(|it| it.unwrap().bytes().to_vec()),
            );
        }
    }
    (outcome, events)
}

fn reason(outcome: Result<GitOutcome, Error>) -> String {
    match outcome {
        Err(Error::Import(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

/// Wherever git log dies, the import fails, and the journal has whole commits alone.
#[test]
fn a_log_that_dies_is_an_error_and_leaves_whole_commits() {
    let (repository, folder) = (small_repository(), tempfile::tempdir().unwrap());
    let (outcome, whole) = import_with(Path::new("git"), &repository.path);
    assert_eq!(outcome.unwrap().commits, 4);
    let ends = |events: &[Vec<u8>]| {
        let is_end = |bytes: &&Vec<u8>| {
            let body = crate::event::Event::read(0, bytes).unwrap().body().unwrap().unwrap();
            matches!(body, Body::TransactionEnd(_))
        };
        events.iter().filter(is_end).count()
    };
    let mut seen = std::collections::BTreeSet::new();
    // The log has some 2,000 bytes: here it ends at its right end, too, and dies only then.
    for bytes in (0..2_400).step_by(61).chain([1_000_000]) {
        let program = failing_git(folder.path(), "log", bytes, 3);
        let (outcome, events) = import_with(&program, &repository.path);
        let reason = reason(outcome);
        assert!(reason.contains("git log"), "{reason}");
        assert!(whole.starts_with(&events), "after {bytes} bytes");
        let commits = ends(&events);
        assert!(events.is_empty() || ends(&events[events.len() - 1..]) == 1, "after {bytes} bytes");
        seen.insert(commits);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
}

/// A git that says that all is well, and has left out commits, isn't believed.
#[test]
fn a_log_that_is_short_is_an_error() {
    let (repository, folder) = (small_repository(), tempfile::tempdir().unwrap());
    let log = repository.git(&[
        "log",
        "--first-parent",
        "--reverse",
        "--raw",
        "-z",
        "--no-abbrev",
        "--root",
        log::FORMAT,
    ]);
    let second = log.windows(2).rposition(|bytes| bytes == b"\0C").unwrap() + 1;
    for bytes in [0, second] {
        let program = failing_git(folder.path(), "log", bytes, 0);
        let reason = reason(import_with(&program, &repository.path).0);
        assert!(reason.contains("where there are 4"), "{reason}");
    }
}

#[test]
fn a_cat_file_that_dies_is_an_error() {
    let (repository, folder) = (small_repository(), tempfile::tempdir().unwrap());
    for (bytes, code) in [(0, 0), (0, 1), (46, 0), (100, 1), (300, 0), (900, 9)] {
        let program = failing_git(folder.path(), "cat-file", bytes, code);
        let reason = reason(import_with(&program, &repository.path).0);
        assert!(reason.contains("git cat-file"), "{reason}");
    }
    let program = failing_git(folder.path(), "cat-file", 1_000_000, 1);
    let reason = reason(import_with(&program, &repository.path).0);
    assert!(reason.contains("git cat-file failed: exit status: 1"), "{reason}");
}

#[test]
fn other_failures_are_told() {
    let (repository, folder) = (small_repository(), tempfile::tempdir().unwrap());
    for (verb, told) in [("rev-parse", "can't be read"), ("rev-list", "can't be read")] {
        let program = failing_git(folder.path(), verb, 0, 1);
        let reason = reason(import_with(&program, &repository.path).0);
        assert!(reason.contains(told), "{reason}");
    }
    let absent = reason(import_with(Path::new("/nowhere/git"), &repository.path).0);
    assert!(absent.contains("is git installed"), "{absent}");
    let unusable = reason(import_with(Path::new("/etc/passwd"), &repository.path).0);
    assert!(unusable.contains("could not be started"), "{unusable}");
}
