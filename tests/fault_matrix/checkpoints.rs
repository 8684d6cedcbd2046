//! Checkpoints that are not what they were, beside a journal that is well: all is back all the same, and
//! none of them is deleted.

use std::time::Instant;

use vexfs_replay::recovery::{Recovered, Way};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::matrix::{Counts, in_parallel};
use crate::runs::{places, recover};
use crate::small_journal::copy_of;
use crate::storage::all_accepted;
use crate::subject::{Subject, folder_of};

/// How many bytes to go on by.
const STRIDE: usize = if cfg!(debug_assertions) { 997 } else { 11 };

const WAYS: [Option<Way>; 6] = [
    None,
    Some(Way::Full),
    Some(Way::BeforeDamage),
    Some(Way::Emergency),
    Some(Way::Partial),
    Some(Way::Incremental),
];

/// Recovers with these checkpoints; where none may be left, a way that needs one may refuse.
fn check(subject: &Subject, shelf: &MemoryFolder, turn: usize, told: &str, counts: &Counts) {
    counts.case();
    counts.run(|| {
        let way = WAYS[turn % WAYS.len()];
        let (checkpoints, records) = (copy_of(shelf), MemoryFolder::default());
        let journal = folder_of(&subject.files);
        let places = places(journal, Some(checkpoints.clone()), records.clone());
        let result = recover(places, all_accepted(way), 0);
        for name in shelf.list().unwrap() {
            let content = shelf.get(&name);
            let kept = records.list().unwrap().iter().any(|it| records.get(it) == content);
            let told = || format!("{told}, {way:?}: {name} is gone");
            assert!(kept || checkpoints.get(&name) == content, "{}", told());
        }
        match result {
            Ok(Recovered::Whole(recovery)) => {
                let last = subject.history.last_lsn();
                let is_right = subject.history.leads_to(&recovery.state, last, &|_| false);
                assert!(is_right && recovery.record.last_lsn == last, "{told}, {way:?}");
            }
            Err(_) if matches!(way, Some(Way::Partial | Way::Incremental)) => {}
            other => panic!("{told}, {way:?}: {other:?}"),
        }
    });
}

#[test]
fn fault_22_checkpoints_that_are_broken() {
    let (started, counts) = (Instant::now(), Counts::default());
    let subjects = [Subject::closed()];
    for subject in &subjects {
        for shelf in subject.shelves.iter().flatten() {
            for name in shelf.folder.list().unwrap() {
                let content = shelf.folder.get(&name).unwrap();
                let places: Vec<usize> = (0..content.len()).step_by(STRIDE).collect();
                in_parallel(&places, |&at| {
                    let (flipped, cut) = (copy_of(&shelf.folder), copy_of(&shelf.folder));
                    let mut bytes = content.clone();
                    bytes[at] ^= 1 << (at % 8);
                    flipped.put(&name, bytes);
                    check(subject, &flipped, at / STRIDE, &format!("byte {at} of {name}"), &counts);
                    cut.put(&name, content[..at].to_vec());
                    check(subject, &cut, at / STRIDE, &format!("{at} bytes of {name}"), &counts);
                });
            }
        }
    }
    counts.print("broken checkpoints", started);
}

#[test]
fn faults_22_and_25_checkpoints_that_are_missing_empty_or_foreign() {
    let (started, counts) = (Instant::now(), Counts::default());
    let subjects = Subject::all();
    for (which, subject) in subjects.iter().enumerate() {
        let another = &subjects[(which + 1) % subjects.len()];
        for shelf in subject.shelves.iter().flatten() {
            for name in shelf.folder.list().unwrap() {
                let [missing, empty, foreign] = [(); 3].map(|()| copy_of(&shelf.folder));
                missing.remove(&name).unwrap();
                empty.put(&name, Vec::new());
                let theirs = &another.shelves[1].as_ref().unwrap().folder;
                let first = theirs.list().unwrap()[0].clone();
                // Of a journal of the same id: another past.
                foreign.put(&name, theirs.get(&first).unwrap());
                for turn in 0..WAYS.len() {
                    check(subject, &missing, turn, &format!("{name} is missing"), &counts);
                    check(subject, &empty, turn, &format!("{name} is empty"), &counts);
                    if which != 0 && which != 1 {
                        check(subject, &foreign, turn, &format!("{name} is foreign"), &counts);
                    }
                }
            }
        }
    }
    counts.print("missing checkpoints", started);
}
