//! A crash after every operation of a writer, of a redo, of a roll back and of a clean-up, with every fate of
//! what was not synced.

use std::sync::Arc;

use vexfs_replay::block_journal::{Ending, RedoOptions, Writer, clean_up, redo, roll_back, survey};
use vexfs_replay::error::Error;
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::crashing::{CrashingFolder, Dice, Fate, Operation};
use crate::model::{BLOCK, Done, IMAGE_BLOCKS, image_after};
use crate::world::{ASIDE, Act, IMAGE, JOURNAL, Scribe, place, redo_all, shared, with_image};

/// How many of each random fate every crash is played with.
const SEEDS: u64 = if cfg!(debug_assertions) { 2 } else { 12 };

/// It wraps, fills the log up, gives it up in parts, and revokes.
fn workload() -> Vec<Act> {
    vec![
        Act::Commit(vec![(0, 1), (1, 3)]),
        Act::Commit(vec![(1, 6), (2, 7)]),
        Act::Revoke(vec![1]),
        Act::Abort(vec![(3, 9)]),
        Act::CheckpointBefore(1),
        Act::Commit(vec![(0, 12), (4, 13), (5, 15)]),
        Act::Reopen,
        Act::CheckpointBefore(2),
        Act::Commit(vec![(2, 18), (2, 21)]),
        Act::Commit(vec![(1, 24)]),
        Act::Checkpoint,
        Act::Commit(vec![(6, 27), (7, 30), (8, 31)]),
        Act::Revoke(vec![7, 2]),
        Act::Commit(vec![(7, 33)]),
    ]
}

/// Whether an image is what it must be after the first of `done`. What a revoked block holds is nobody's
/// concern.
fn is_after(image: &[u8], before: &[u8], done: &[Done]) -> bool {
    let expected = image_after(before, done, &[]);
    (0..IMAGE_BLOCKS).all(|number| {
        let last = done.iter().rev().find(|it| match it {
            Done::Committed { writes, .. } => writes.iter().any(|it| it.0 == number),
            Done::Revoked { blocks, .. } => blocks.contains(&number),
            Done::Aborted { .. } => false,
        });
        let at = usize::try_from(number).unwrap() * BLOCK;
        matches!(last, Some(Done::Revoked { .. }))
            || image[at..at + BLOCK] == expected[at..at + BLOCK]
    })
}

/// Whether a superblock is being written when the crash comes: one that is torn can't be read.
fn superblock_in_flight(folder: &CrashingFolder, done: usize) -> bool {
    let operations = folder.operations();
    let unsynced = operations[..done].iter().rev();
    unsynced.take_while(|it| !matches!(it, Operation::Sync { .. })).any(
        |it| matches!(it, Operation::Write { offset: 0, bytes, .. } if bytes.starts_with(b"FXEV")),
    )
}

#[test]
fn a_crash_of_a_writer_keeps_what_it_returned_from_and_is_never_damage() {
    let base = with_image();
    let before = base.get(IMAGE).unwrap();
    let crashing = CrashingFolder::on(&base);
    let mut scribe = Scribe::new(Arc::new(crashing.clone()), 18);
    let mut marks = vec![(crashing.operation_count(), 0)];
    for act in workload() {
        assert!(scribe.act(&act), "{act:?}");
        marks.push((crashing.operation_count(), scribe.done.len()));
    }
    let (mut crash, mut dice, mut looked) = (crashing.crashes(), Dice(7), 0);
    loop {
        for fate in crash.fates(SEEDS, &mut dice) {
            let left = crash.survivor(fate);
            let where_it_was = format!("after {} operations, {fate:?}", crash.done());
            looked += 1;
            if left.get(JOURNAL).is_none() {
                assert!(crash.done() < marks[0].0, "no journal is left {where_it_was}");
                continue;
            }
            let folder = shared(&left);
            let redone = match redo_all(&folder) {
                Err(Error::BlockJournalDamaged { damage, .. }) if damage.position == 0 => {
                    let torn = matches!(fate, Fate::Garbled(_));
                    assert!(
                        torn && superblock_in_flight(&crashing, crash.done()),
                        "{where_it_was}"
                    );
                    continue;
                }
                Err(Error::NotAJournal { .. }) if matches!(fate, Fate::Garbled(_)) => continue,
                redone => redone.unwrap_or_else(|error| panic!("{error} {where_it_was}")),
            };
            let promised = marks.partition_point(|mark| mark.0 <= crash.done());
            let promised = marks[promised.saturating_sub(1)].1;
            let image = left.get(IMAGE).unwrap();
            let fits = (promised..=scribe.done.len())
                .find(|&count| is_after(&image, &before, &scribe.done[..count]));
            let fits = fits.unwrap_or_else(|| panic!("no prefix from {promised} {where_it_was}"));
            assert!(redone.damage_behind.is_none());
            go_on(&left, &scribe.done[..fits], &before, &where_it_was);
        }
        if !crash.advance() {
            break;
        }
    }
    eprintln!("{looked} disks looked at");
}

/// The journal that a crash left takes another transaction.
fn go_on(left: &MemoryFolder, done: &[Done], before: &[u8], where_it_was: &str) {
    let folder = shared(left);
    let writer = Writer::open(&place(&folder, JOURNAL)).unwrap();
    let mut scribe = Scribe {
        folder: Arc::clone(&folder),
        writer,
        done: done.to_vec(),
        given_up: 0,
        next_id: 90,
    };
    assert!(scribe.act(&Act::Commit(vec![(9, 36), (10, 37)])));
    let Scribe { done, writer, .. } = scribe;
    drop(writer);
    assert_eq!(survey(&place(&folder, JOURNAL)).unwrap().ending, Ending::Clean, "{where_it_was}");
    redo_all(&folder).unwrap();
    assert!(is_after(&left.get(IMAGE).unwrap(), before, &done), "going on {where_it_was}");
}

/// A journal that waits to be redone, its last transaction torn; its image; and what that must become.
fn waiting() -> (MemoryFolder, Vec<u8>, Vec<u8>) {
    let folder = with_image();
    let mut scribe = Scribe::new(shared(&folder), 20);
    let acts = [
        Act::Commit(vec![(0, 1), (1, 3)]),
        Act::Commit(vec![(1, 6), (2, 7)]),
        Act::Revoke(vec![2]),
        Act::Commit(vec![(5, 9)]),
    ];
    assert!(acts.iter().all(|act| scribe.act(act)));
    let done = scribe.done.clone();
    assert!(scribe.act(&Act::Commit(vec![(0, 42)])));
    drop(scribe);
    let mut journal = folder.get(JOURNAL).unwrap();
    let last_commit = (0..20).rev().find(|at| journal[at * BLOCK..].starts_with(b"FXEV")).unwrap();
    journal[last_commit * BLOCK + 3000] ^= 1;
    folder.put(JOURNAL, journal);
    let before = folder.get(IMAGE).unwrap();
    let after = image_after(&before, &done, &[]);
    (folder, before, after)
}

fn with_aside(folder: &Arc<dyn Folder>) -> RedoOptions {
    RedoOptions { aside: Some(place(folder, ASIDE)), ..RedoOptions::default() }
}

fn redo_aside(folder: &Arc<dyn Folder>) -> Result<(), Error> {
    redo(&place(folder, JOURNAL), &place(folder, IMAGE), &with_aside(folder)).map(|_| ())
}

fn back(folder: &Arc<dyn Folder>) {
    roll_back(&place(folder, JOURNAL), &place(folder, IMAGE), &place(folder, ASIDE)).unwrap();
}

/// Crashes `act` on `folder` after each of its operations, and shows what each fate leaves.
fn crash_each(
    folder: &MemoryFolder,
    act: impl Fn(&Arc<dyn Folder>),
    look: impl Fn(MemoryFolder, Fate),
) {
    let crashing = CrashingFolder::on(folder);
    act(&(Arc::new(crashing.clone()) as Arc<dyn Folder>));
    let (mut crash, mut dice) = (crashing.crashes(), Dice(11));
    loop {
        for fate in crash.fates(SEEDS, &mut dice) {
            look(crash.survivor(fate), fate);
        }
        if !crash.advance() {
            return;
        }
    }
}

#[test]
fn a_crashed_redo_is_done_again_or_rolled_back() {
    let (folder, before, after) = waiting();
    let journal = folder.get(JOURNAL).unwrap();
    let redo_it = |folder: &Arc<dyn Folder>| redo_aside(folder).unwrap();
    crash_each(&folder, redo_it, |left, fate| {
        let rolled_back = shared(&left);
        let copy = MemoryFolder::default();
        for name in left.list().unwrap() {
            copy.put(&name, left.get(&name).unwrap());
        }
        match redo_aside(&shared(&copy)) {
            Err(Error::BlockJournalDamaged { .. } | Error::NotAJournal { .. })
                if matches!(fate, Fate::Garbled(_)) => {}
            redone => redone.unwrap(),
        }
        assert!(copy.get(IMAGE).unwrap() == after, "redone again, {fate:?}");
        back(&shared(&copy));
        assert!(copy.get(IMAGE).unwrap() == before, "redone again and rolled back, {fate:?}");
        back(&rolled_back);
        assert!(left.get(IMAGE).unwrap() == before, "rolled back, {fate:?}");
        assert!(
            left.get(JOURNAL).unwrap() == journal,
            "the journal of what was rolled back, {fate:?}"
        );
        redo_aside(&rolled_back).unwrap();
        assert!(left.get(IMAGE).unwrap() == after, "redone after a roll back, {fate:?}");
    });
}

#[test]
fn a_crashed_redo_that_keeps_nothing_is_done_again() {
    let (folder, _, after) = waiting();
    let redo_it = |folder: &Arc<dyn Folder>| _ = redo_all(folder).unwrap();
    crash_each(&folder, redo_it, |left, fate| {
        match redo_all(&shared(&left)) {
            Err(Error::BlockJournalDamaged { .. } | Error::NotAJournal { .. })
                if matches!(fate, Fate::Garbled(_)) => {}
            redone => _ = redone.unwrap(),
        }
        assert!(left.get(IMAGE).unwrap() == after, "{fate:?}");
    });
}

#[test]
fn a_crashed_roll_back_is_done_again() {
    let (folder, before, _) = waiting();
    let journal = folder.get(JOURNAL).unwrap();
    redo_aside(&shared(&folder)).unwrap();
    crash_each(&folder, back, |left, fate| {
        back(&shared(&left));
        assert!(left.get(IMAGE).unwrap() == before, "{fate:?}");
        assert!(left.get(JOURNAL).unwrap() == journal, "{fate:?}");
    });
}

#[test]
fn a_crashed_clean_up_is_done_again_and_changes_no_image() {
    let (folder, _, after) = waiting();
    redo_aside(&shared(&folder)).unwrap();
    let clean = |folder: &Arc<dyn Folder>| _ = clean_up(&place(folder, ASIDE)).unwrap();
    crash_each(&folder, clean, |left, fate| {
        clean(&shared(&left));
        assert!(left.get(IMAGE).unwrap() == after, "{fate:?}");
        assert!(left.get(ASIDE).is_none());
    });
}
