//! A salvage that crashes after any operation, or in which any call fails: there is no journal that
//! lacks anything, and the same command comes to the same end.

use std::sync::Arc;

use rustix::io::Errno;
use vexfs_replay::Error;
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::{ReplayOptions, replay};
use vexfs_replay::salvage::{Salvaged, salvage};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::crashing::{CrashingFolder, Dice};
use crate::failing::{Call, FailingFolder, How, Plan};
use crate::small_journal::*;
use crate::told::*;

/// How many of each random fate a crash is played with.
const SEEDS: u64 = if cfg!(debug_assertions) { 1 } else { 8 };
/// Every how many crashes the second attempt crashes, too.
const CRASH_AGAIN_EVERY: usize = 97;

/// A journal with a block that is damaged and a transaction that is not whole.
fn damaged() -> MemoryFolder {
    let (folder, _) = journal_of(THREE_SEGMENTS, OPTIONS);
    let name = names_of(&folder).remove(1);
    let block = blocks_of(&folder.get(&name).unwrap()).remove(1);
    change(&folder, &name, |content| content[block.at + 300] ^= 1);
    folder
}

fn salvage_into(original: &MemoryFolder, into: Arc<dyn Folder>) -> Result<Salvaged, Error> {
    salvage(&open(original), into, &options(), &mut |_| {})
}

/// The files of a salvage that nothing happens to.
fn undisturbed(original: &MemoryFolder) -> MemoryFolder {
    let folder = MemoryFolder::default();
    let salvaged = salvage_into(original, Arc::new(folder.clone())).unwrap();
    assert!(salvaged.has_loss() && names_of(&folder).len() >= 3);
    check_manifest(&salvaged, &folder).unwrap();
    folder
}

/// Checks that what is left is the whole journal, or none that anyone would take for one.
fn is_finished(left: &MemoryFolder, whole: &MemoryFolder) -> bool {
    if left.get("segment-0000000000.vexj").is_some() {
        assert_eq!(files_of(whole), files_of(left), "a journal that is there is whole");
        return true;
    }
    if let Ok(journal) = Journal::open(Arc::new(left.clone())) {
        let replayed = replay(&journal, &ReplayOptions::default(), &mut |_| {});
        assert!(matches!(replayed, Err(Error::Damaged { .. })), "{replayed:?}");
    }
    false
}

/// Checks what is left, and that running it again comes to the same end.
fn check_left(original: &MemoryFolder, left: &MemoryFolder, whole: &MemoryFolder) {
    let finished = is_finished(left, whole);
    match salvage_into(original, Arc::new(left.clone())) {
        Ok(_) => assert!(!finished, "what is finished is not begun anew"),
        Err(Error::AlreadyAJournal { .. }) => assert!(finished),
        Err(error) => panic!("{error} with {:?}", left.list()),
    }
    assert_eq!(files_of(whole), files_of(left));
}

#[test]
fn crashes_leave_a_whole_journal_or_none() {
    let original = damaged();
    let whole = undisturbed(&original);
    let folder = CrashingFolder::on(&MemoryFolder::default());
    salvage_into(&original, Arc::new(folder.clone())).unwrap();
    let (mut crash, mut dice, mut states) = (folder.crashes(), Dice(1), 0);
    loop {
        for fate in crash.fates(SEEDS, &mut dice) {
            let left = crash.survivor(fate);
            states += 1;
            if states % CRASH_AGAIN_EVERY == 0 {
                crash_again(&original, &left, &whole, &mut dice);
            }
            check_left(&original, &left, &whole);
        }
        if !crash.advance() {
            break;
        }
    }
    println!("{states} states after {} operations", crash.done());
    assert!(is_finished(&crash.survivor(crate::crashing::Fate::Lost), &whole), "it is durable");
}

/// Crashes the second attempt everywhere.
fn crash_again(
    original: &MemoryFolder,
    left: &MemoryFolder,
    whole: &MemoryFolder,
    dice: &mut Dice,
) {
    let folder = CrashingFolder::on(left);
    if salvage_into(original, Arc::new(folder.clone())).is_err() {
        return;
    }
    let mut crash = folder.crashes();
    while crash.advance() {
        for fate in crash.fates(1, dice) {
            check_left(original, &crash.survivor(fate), whole);
        }
    }
}

/// Every failing of every call, until there is no such call any more.
fn for_each_failure(mut check: impl FnMut(Plan) -> bool) {
    let calls = Call::ALL.into_iter().chain([Call::Remove]);
    for call in calls {
        for how in [How::Nothing, How::Half, How::All] {
            for (for_good, error) in [(false, Errno::IO), (true, Errno::NOSPC)] {
                for nth in 1.. {
                    if !check(Plan { call, nth, for_good, how, error }) {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn calls_that_fail_are_told_and_leave_a_whole_journal_or_none() {
    let original = damaged();
    let whole = undisturbed(&original);
    let mut failures = 0;
    for_each_failure(|plan| {
        // What an earlier attempt has left, so that there is something to take away.
        let left = copy_of(&whole);
        let id: String = OPTIONS.journal_id.unwrap().iter().map(|it| format!("{it:02x}")).collect();
        let staged = format!("salvage-of-{id}-segment-0000000000.vexj");
        left.rename("segment-0000000000.vexj", &staged).unwrap();
        let folder = FailingFolder::over(Arc::new(left.clone()), Some(plan));
        let result = salvage_into(&original, Arc::new(folder.clone()));
        if !folder.has_failed() {
            assert!(result.is_ok(), "{plan:?}: {result:?}");
            return false;
        }
        failures += 1;
        if let Err(error) = result {
            let typed = matches!(error, Error::Io { .. } | Error::WriterDead { .. });
            assert!(typed, "{plan:?}: {error:?}");
        } else {
            assert!(is_finished(&left, &whole), "{plan:?}");
        }
        check_left(&original, &left, &whole);
        true
    });
    println!("{failures} failures");
    assert!(failures > 200, "{failures}");
}

#[test]
fn an_original_that_can_not_be_read_is_told_and_leaves_no_journal() {
    let original = damaged();
    let whole = undisturbed(&original);
    let mut failures = 0;
    for_each_failure(|plan| {
        let failing = FailingFolder::over(Arc::new(original.clone()), Some(plan));
        let Ok(journal) = Journal::open(Arc::new(failing.clone())) else { return true };
        let left = MemoryFolder::default();
        let result = salvage(&journal, Arc::new(left.clone()), &options(), &mut |_| {});
        if !failing.has_failed() {
            return false;
        }
        failures += 1;
        assert!(matches!(result, Err(Error::Io { .. })), "{plan:?}: {result:?}");
        assert!(!is_finished(&left, &whole));
        check_left(&original, &left, &whole);
        true
    });
    assert!(failures > 50, "{failures}");
}
