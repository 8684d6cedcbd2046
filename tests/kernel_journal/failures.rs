//! Storage whose calls fail while a journal is redone: an error is told, and the next redo makes it good.

use std::sync::Arc;

use rustix::io::Errno;
use vexfs_replay::block_journal::{RedoOptions, redo};
use vexfs_replay::error::Error;
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::failing::{Call, FailingFolder, How, Plan};
use crate::model::image_after;
use crate::world::{ASIDE, Act, IMAGE, JOURNAL, Scribe, place, shared, with_image};

fn redo_it(folder: &Arc<dyn Folder>) -> Result<(), Error> {
    let aside = Some(place(folder, ASIDE));
    let options = RedoOptions { aside, ..RedoOptions::default() };
    redo(&place(folder, JOURNAL), &place(folder, IMAGE), &options).map(|_| ())
}

fn copy_of(folder: &MemoryFolder) -> MemoryFolder {
    let copy = MemoryFolder::default();
    for name in folder.list().unwrap() {
        copy.put(&name, folder.get(&name).unwrap());
    }
    copy
}

#[test]
fn a_redo_whose_storage_fails_says_so_and_is_done_again() {
    let base = with_image();
    let mut scribe = Scribe::new(shared(&base), 16);
    assert!(scribe.act(&Act::Commit(vec![(0, 1), (1, 3), (2, 4)])));
    assert!(scribe.act(&Act::Commit(vec![(1, 5)])));
    let done = scribe.done;
    drop(scribe.writer);
    let before = base.get(IMAGE).unwrap();
    let after = image_after(&before, &done, &[]);
    let mut failed = 0;
    for call in Call::ALL {
        for how in [How::Nothing, How::Half, How::Short, How::All] {
            for nth in 1.. {
                let left = copy_of(&base);
                let plan = Plan { call, nth, for_good: false, how, error: Errno::IO };
                let failing = FailingFolder::over(shared(&left), Some(plan));
                let redone = redo_it(&(Arc::new(failing.clone()) as Arc<dyn Folder>));
                if !failing.has_failed() {
                    redone.unwrap();
                    break;
                }
                failed += 1;
                if call == Call::Read && how == How::Short {
                    redone.unwrap();
                } else if redone.is_ok() {
                    // Nothing was there to be opened, and that alone was told.
                    assert_eq!((call, how), (Call::Open, How::All), "{nth}");
                } else {
                    assert!(redone.is_err(), "{call:?} {nth} {how:?}");
                    assert_eq!(failing.changes_after_failure(), 0, "{call:?} {nth} {how:?}");
                }
                redo_it(&shared(&left)).unwrap();
                assert!(left.get(IMAGE).unwrap() == after, "{call:?} {nth} {how:?}");
            }
        }
    }
    assert!(failed > 100, "only {failed} calls failed");
}
