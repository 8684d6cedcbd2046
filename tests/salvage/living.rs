//! Journals that a writer has while they are salvaged: it is told, what it hasn't finished is no loss, and
//! nothing of it is touched.

use std::sync::Arc;

use vexfs_replay::replay::replay_serially;
use vexfs_replay::salvage::{DroppedBecause, Salvaged, salvage};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::scribe::{Scribe, Step};
use crate::small_journal::*;
use crate::told::*;

/// Salvages a journal, and checks what is there then, and that it is as it was.
fn salvaged(living: &MemoryFolder, written: &[Vec<u8>]) -> Salvaged {
    let (new, before) = (MemoryFolder::default(), files_of(living));
    let salvaged = salvage(&open(living), Arc::new(new.clone()), &options(), &mut |_| {}).unwrap();
    assert_eq!(files_of(living), before);
    check_manifest(&salvaged, &new).unwrap();
    check_journal(&salvaged, written, &new).unwrap();
    salvaged
}

fn reasons(salvaged: &Salvaged) -> Vec<DroppedBecause> {
    salvaged.dropped.iter().map(|it| it.because).collect()
}

/// A journal that ends in a transaction without an end, and in half a block where that is wanted.
fn unfinished(torn: &[usize]) -> MemoryFolder {
    let steps = [Step::Set(700), Step::Commit, Step::Unfinished(2), Step::Commit, Step::Set(3_000)];
    let (folder, _) = journal_of(&[&steps[..], &[Step::Commit]].concat(), OPTIONS);
    let name = names_of(&folder).pop().unwrap();
    change(&folder, &name, |content| {
        torn.iter().for_each(|cut| content.truncate(content.len() - cut));
    });
    folder
}

#[test]
fn what_a_living_writer_has_not_finished_is_no_loss() {
    for torn in [&[][..], &[512]] {
        let folder = unfinished(torn);
        let whole = events_of(&unfinished(&[]));
        let lock = folder.lock().unwrap();
        let held = salvaged(&folder, &whole);
        assert!(held.holder.is_some() && !held.has_loss() && !held.has_torn_tail(), "{held:?}");
        assert_eq!(reasons(&held), vec![DroppedBecause::BeingWritten; 1 + torn.len()]);
        drop(lock);
        let dead = salvaged(&folder, &whole);
        assert_eq!((&dead.holder, dead.has_torn_tail()), (&None, !torn.is_empty()));
        let expected = [&[DroppedBecause::TornTail][..torn.len()], &[DroppedBecause::Unfinished]];
        assert_eq!(reasons(&dead), expected.concat());
        assert_eq!(held.new.state_digest, dead.new.state_digest);
    }
}

#[test]
fn damage_stays_damage_and_what_an_earlier_life_left_open_stays_unfinished() {
    let folder = unfinished(&[]);
    let written = events_of(&folder);
    let scribe = Scribe::open(Arc::new(folder.clone()), OPTIONS, Default::default()).unwrap();
    let name = names_of(&folder).remove(0);
    let sound = folder.get(&name).unwrap();
    let earlier = salvaged(&folder, &written);
    assert!(earlier.holder.is_some());
    assert_eq!(reasons(&earlier), [DroppedBecause::Unfinished]);
    change(&folder, &name, |content| {
        let at = text_byte(content, &blocks_of(&sound)[0]);
        content[at] ^= 1;
    });
    let damaged = salvaged(&folder, &written);
    assert!(damaged.holder.is_some() && damaged.has_loss());
    assert_eq!(reasons(&damaged), [DroppedBecause::Damaged, DroppedBecause::Unfinished]);
    drop(scribe);
}

/// In the midst of the salvage, whenever that tells how far it is.
#[test]
fn a_writer_that_goes_on_loses_nothing() {
    for steps in [&[Step::Set(500)][..], &[Step::Transaction(2, 300)], &[Step::Unfinished(1)]] {
        let folder = MemoryFolder::default();
        let mut scribe = Scribe::create(Arc::new(folder.clone()), OPTIONS).unwrap();
        for round in 0..20 {
            let (new, mut left) = (MemoryFolder::default(), 6);
            let first = scribe.history.last_lsn();
            let salvaged = salvage(&open(&folder), Arc::new(new.clone()), &options(), &mut |_| {
                if left > 0 {
                    steps.iter().for_each(|&step| scribe.step(step).unwrap());
                    scribe.step(Step::Commit).unwrap();
                    left -= 1;
                }
            });
            let salvaged = salvaged.unwrap();
            check_manifest(&salvaged, &new).unwrap();
            assert!(salvaged.holder.is_some() && !salvaged.has_loss(), "{round}: {salvaged:?}");
            let mut only = reasons(&salvaged).into_iter();
            assert!(only.all(|it| it == DroppedBecause::BeingWritten));
            assert!((first..=scribe.history.last_lsn()).contains(&salvaged.original.head_lsn));
            let (state, _) = replay_serially(&open(&new), &Default::default()).unwrap();
            scribe.history.check_state(&state, salvaged.original.head_lsn);
        }
    }
}
