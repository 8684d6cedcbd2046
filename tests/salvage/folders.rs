//! Which folders a salvage writes into: empty ones, and those of its own attempts.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::journal::WriterOptions;
use vexfs_replay::salvage::salvage;
use vexfs_replay::storage::{DiskFolder, Folder, MemoryFolder};

use crate::small_journal::*;
use crate::told::*;

/// The name of the first segment of an attempt to salvage the usual journal.
fn first_of(journal_id: [u8; 16]) -> String {
    let id: String = journal_id.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("salvage-of-{id}-segment-0000000000.vexj")
}

fn attempt(into: &MemoryFolder) -> Result<(), Error> {
    let (original, _) = journal_of(THREE_SEGMENTS, OPTIONS);
    salvage(&open(&original), Arc::new(into.clone()), &options(), &mut |_| {}).map(drop)
}

/// What an attempt that was cut off before its end leaves.
fn unfinished(journal_id: [u8; 16]) -> MemoryFolder {
    let folder = MemoryFolder::default();
    attempt(&folder).unwrap();
    folder.rename("segment-0000000000.vexj", &first_of(journal_id)).unwrap();
    folder
}

/// Checks that it is refused, and nothing is touched.
fn check_refused(folder: &MemoryFolder, refused: impl Fn(&Error) -> bool) {
    let before = files_of(folder);
    let error = attempt(folder).unwrap_err();
    assert!(refused(&error), "{error}");
    assert_eq!(before, files_of(folder), "{error}");
}

fn is_usage(error: &Error) -> bool {
    matches!(error, Error::InvalidOption { .. })
}

#[test]
fn an_attempt_of_its_own_is_taken_away_and_made_again() {
    let finished = MemoryFolder::default();
    attempt(&finished).unwrap();
    let folder = unfinished(OPTIONS.journal_id.unwrap());
    assert!(names_of(&folder).len() > 1, "there are later segments");
    attempt(&folder).unwrap();
    assert_eq!(files_of(&finished), files_of(&folder));
}

#[test]
fn a_finished_journal_is_never_touched() {
    let folder = MemoryFolder::default();
    attempt(&folder).unwrap();
    check_refused(&folder, |error| matches!(error, Error::AlreadyAJournal { .. }));
}

#[test]
fn the_original_is_never_touched() {
    let (original, _) = journal_of(THREE_SEGMENTS, OPTIONS);
    check_refused(&original, |error| matches!(error, Error::AlreadyAJournal { .. }));
    original.remove("segment-0000000000.vexj").unwrap();
    check_refused(&original, is_usage);
}

#[test]
fn what_others_left_is_never_touched() {
    let folder = MemoryFolder::default();
    folder.put("notes.txt", b"mine".to_vec());
    check_refused(&folder, is_usage);
    // Beside an attempt of its own, too.
    let folder = unfinished(OPTIONS.journal_id.unwrap());
    folder.put("notes.txt", b"mine".to_vec());
    check_refused(&folder, is_usage);
    // Nor what was salvaged of another journal.
    check_refused(&unfinished([7; 16]), is_usage);
}

#[test]
fn segments_of_another_journal_are_never_touched() {
    let other = WriterOptions { journal_id: Some([9; 16]), ..OPTIONS };
    let (other, _) = journal_of(THREE_SEGMENTS, other);
    let folder = unfinished(OPTIONS.journal_id.unwrap());
    folder.put("segment-0000000001.vexj", other.get("segment-0000000001.vexj").unwrap());
    check_refused(&folder, is_usage);
    // Without the first segment nothing proves whose the others are.
    let folder = unfinished(OPTIONS.journal_id.unwrap());
    folder.remove(&first_of(OPTIONS.journal_id.unwrap())).unwrap();
    check_refused(&folder, is_usage);
}

#[test]
fn a_folder_that_someone_has_is_refused() {
    let folder = MemoryFolder::default();
    let _lock = folder.lock().unwrap();
    check_refused(&folder, |error| matches!(error, Error::Locked { .. }));
}

#[test]
fn one_file_is_no_folder() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("file");
    std::fs::write(&path, b"").unwrap();
    let (original, _) = journal_of(THREE_SEGMENTS, OPTIONS);
    let into = Arc::new(DiskFolder::open(&path).unwrap());
    let error = salvage(&open(&original), into, &options(), &mut |_| {}).unwrap_err();
    assert!(is_usage(&error), "{error}");
}
