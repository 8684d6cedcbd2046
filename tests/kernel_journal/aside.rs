//! What is kept aside: a roll back gives every byte back, and nothing of another redo is ever used.

use std::sync::Arc;

use vexfs_replay::block_journal::{
    CleanedUp, JournalAfter, RedoOptions, RolledBack, clean_up, differing, redo, roll_back,
};
use vexfs_replay::error::Error;
use vexfs_replay::storage::Folder;

use crate::model::image_after;
use crate::world::{ASIDE, Act, IMAGE, JOURNAL, Scribe, place, shared, with_image};

fn options(folder: &Arc<dyn Folder>, journal: JournalAfter) -> RedoOptions {
    RedoOptions { journal, aside: Some(place(folder, ASIDE)), ..RedoOptions::default() }
}

#[test]
fn the_steps_of_a_coordination_leave_what_they_must() {
    let memory = with_image();
    let folder = shared(&memory);
    let (journal, image, aside) =
        (place(&folder, JOURNAL), place(&folder, IMAGE), place(&folder, ASIDE));
    let mut scribe = Scribe::new(Arc::clone(&folder), 16);
    assert!(scribe.act(&Act::Commit(vec![(3, 1), (4, 3)])));
    let (before, log) = (memory.get(IMAGE).unwrap(), memory.get(JOURNAL).unwrap());
    let after = image_after(&before, &scribe.done, &[]);
    let untouched = options(&folder, JournalAfter::Untouched);
    let locked = redo(&journal, &image, &untouched);
    assert!(matches!(locked, Err(Error::Locked { .. })), "{locked:?}");
    drop(scribe.writer);

    assert_eq!(roll_back(&journal, &image, &aside).unwrap(), RolledBack::NothingToDo);
    assert_eq!(differing(&journal, &image, &untouched).unwrap(), [3, 4]);
    assert!(memory.get(IMAGE).unwrap() == before);
    for _ in 0..2 {
        redo(&journal, &image, &untouched).unwrap();
        assert!(memory.get(IMAGE).unwrap() == after);
        assert!(memory.get(JOURNAL).unwrap() == log);
        assert_eq!(differing(&journal, &image, &untouched).unwrap(), [0; 0]);
    }
    for _ in 0..2 {
        let restored = RolledBack::Restored { blocks: 2 };
        assert_eq!(roll_back(&journal, &image, &aside).unwrap(), restored);
        assert!(memory.get(IMAGE).unwrap() == before);
    }
    redo(&journal, &image, &options(&folder, JournalAfter::Advanced)).unwrap();
    assert_eq!(clean_up(&aside).unwrap(), CleanedUp::Removed);
    assert_eq!(clean_up(&aside).unwrap(), CleanedUp::NothingToDo);
    assert_eq!(roll_back(&journal, &image, &aside).unwrap(), RolledBack::NothingToDo);
    assert!(memory.get(IMAGE).unwrap() == after);
    assert!(memory.get(JOURNAL).unwrap() != log);
}

#[test]
fn what_another_redo_kept_or_what_is_not_whole_is_refused_and_changes_nothing() {
    let memory = with_image();
    let folder = shared(&memory);
    let (journal, image, aside) =
        (place(&folder, JOURNAL), place(&folder, IMAGE), place(&folder, ASIDE));
    let mut scribe = Scribe::new(Arc::clone(&folder), 16);
    assert!(scribe.act(&Act::Commit(vec![(3, 1), (4, 3)])));
    assert!(scribe.act(&Act::Commit(vec![(5, 4)])));
    let first = scribe.done[0].sequence();
    drop(scribe.writer);
    let part =
        RedoOptions { until_sequence: Some(first), ..options(&folder, JournalAfter::Untouched) };
    redo(&journal, &image, &part).unwrap();
    let now = memory.get(IMAGE).unwrap();
    let refused = redo(&journal, &image, &options(&folder, JournalAfter::Untouched));
    assert!(matches!(refused, Err(Error::InconsistentRecovery { .. })), "{refused:?}");
    assert!(memory.get(IMAGE).unwrap() == now);

    let kept = memory.get(ASIDE).unwrap();
    let step = if cfg!(debug_assertions) { 97 } else { 7 };
    for at in (0..kept.len()).step_by(step) {
        let mut changed = kept.clone();
        changed[at] ^= 0x10;
        memory.put(ASIDE, changed);
        let refused = roll_back(&journal, &image, &aside);
        assert!(matches!(refused, Err(Error::InconsistentRecovery { .. })), "{at}: {refused:?}");
        memory.put(ASIDE, kept[..at].to_vec());
        let refused = roll_back(&journal, &image, &aside);
        assert!(matches!(refused, Err(Error::InconsistentRecovery { .. })), "{at}: {refused:?}");
    }
    assert!(memory.get(IMAGE).unwrap() == now);
    memory.put(ASIDE, kept);
    memory.put("other", vec![0; 4096 * 3]);
    let refused = roll_back(&journal, &place(&folder, "other"), &aside);
    assert!(matches!(refused, Err(Error::InconsistentRecovery { .. })), "{refused:?}");
    let refused = redo(&journal, &journal, &RedoOptions::default());
    assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{refused:?}");
}
