//! Storage that fails at every call and crashes at every operation: a journal is there whole or not at all, and
//! so is a file; and what an attempt has left doesn't stand in the way of the next.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::Errno;
use vexfs_replay::Error;
use vexfs_replay::export::{SemjExportOptions, export_semj};
use vexfs_replay::import::{SemjImportOptions, SemjImported, import_semj};
use vexfs_replay::journal::{Journal, WriterOptions};
use vexfs_replay::replay::{Control, Progress};
use vexfs_replay::scan::{LeftOutBecause, ScanOptions, scan};
use vexfs_replay::storage::{DiskFolder, Folder, MemoryFolder};

use crate::crashing::{CrashingFolder, Dice as Fates};
use crate::dice::Dice;
use crate::events;
use crate::failing::{Call, FailingFolder, How, Plan};
use crate::place::{FILE, events_of, export, journal_of, numbered};

/// Events for several segments.
fn native() -> Vec<Vec<u8>> {
    let mut dice = Dice(21);
    (0..12)
        .map(|_| {
            events::event(
                0x0206,
                &{
                    let mut edge = dice.exactly(32);
                    edge.extend(2_000_u32.to_le_bytes());
                    edge.extend(dice.exactly(2_000));
                    edge
                },
                &[],
                &mut dice,
            )
        })
        .collect()
}

fn small_segments() -> WriterOptions {
    WriterOptions { block_bytes: 4096, segment_bytes: 9000, ..WriterOptions::default() }
}

fn import(file: &MemoryFolder, into: Arc<dyn Folder>) -> Result<SemjImported, Error> {
    let options = SemjImportOptions { writer: small_segments(), ..SemjImportOptions::default() };
    let file = file.open(FILE).unwrap();
    import_semj((file.as_ref(), Path::new(FILE)), into, &options, &mut |_| {})
}

fn exported() -> (Vec<Vec<u8>>, MemoryFolder) {
    let native = native();
    let folder = MemoryFolder::default();
    folder.put(FILE, export(&journal_of(&native)).unwrap().0);
    (numbered(&native), folder)
}

/// Whether all of the journal is there; that some of it is, may not be.
fn is_there(folder: &MemoryFolder, expected: &[Vec<u8>]) -> bool {
    let names = folder.list().unwrap();
    if !names.iter().any(|name| name == "segment-0000000000.vexj") {
        return false;
    }
    assert!(names.len() > 2, "several segments");
    assert!(events_of(folder) == expected);
    let journal = Journal::open(Arc::new(folder.clone())).unwrap();
    assert!(journal.segments.iter().all(|segment| segment.trailer.is_some()), "it is sealed");
    true
}

fn plans() -> impl Iterator<Item = Plan> {
    Call::ALL.into_iter().flat_map(|call| {
        [How::Nothing, How::Half, How::All].into_iter().flat_map(move |how| {
            [false, true].into_iter().map(move |for_good| Plan {
                call,
                nth: 1,
                for_good,
                how,
                error: Errno::IO,
            })
        })
    })
}

#[test]
fn an_import_whose_storage_fails_leaves_no_journal_or_a_whole_one() {
    let (expected, file) = exported();
    let mut failures = 0;
    for plan in plans() {
        for nth in 1.. {
            let inner = MemoryFolder::default();
            let failing = FailingFolder::over(Arc::new(inner.clone()), Some(Plan { nth, ..plan }));
            let imported = import(&file, Arc::new(failing.clone()));
            if !failing.has_failed() {
                assert!(imported.is_ok());
                break;
            }
            failures += 1;
            let there = is_there(&inner, &expected);
            match imported {
                Ok(_) => assert!(there),
                // Its last step was made, and then something failed.
                Err(_) if there => {
                    assert!(
                        plan.how == How::All || plan.call == Call::SyncFolder,
                        "{plan:?} {nth}"
                    );
                }
                Err(_) => {
                    import(&file, Arc::new(inner.clone())).unwrap();
                    assert!(is_there(&inner, &expected));
                }
            }
        }
    }
    assert!(failures > 100, "{failures}");
}

#[test]
fn an_import_that_crashes_leaves_no_journal_or_a_whole_one() {
    let (expected, file) = exported();
    let folder = CrashingFolder::on(&MemoryFolder::default());
    import(&file, Arc::new(folder.clone())).unwrap();
    let (mut crash, mut dice, mut whole) = (folder.crashes(), Fates(5), 0);
    loop {
        for fate in crash.fates(2, &mut dice) {
            let disk = crash.survivor(fate);
            if is_there(&disk, &expected) {
                whole += 1;
                continue;
            }
            import(&file, Arc::new(disk.clone())).unwrap();
            assert!(is_there(&disk, &expected), "{fate:?} after {} operations", crash.done());
        }
        if !crash.advance() {
            break;
        }
    }
    assert!(is_there(&crash.survivor(crate::crashing::Fate::Lost), &expected), "it is durable");
    assert!(whole > 0);
}

#[test]
fn a_file_is_the_old_one_or_the_new_one() {
    let (events, file) = exported();
    let whole = file.get(FILE).unwrap();
    let journal = Journal::open(Arc::new(journal_of(&events))).unwrap();
    let old = MemoryFolder::default();
    old.put(FILE, b"old".to_vec());
    let export = |folder: &dyn Folder| {
        export_semj(&journal, (folder, FILE), &SemjExportOptions::default(), &mut |_| {})
    };
    let folder = CrashingFolder::on(&old);
    export(&folder).unwrap();
    let (mut crash, mut dice) = (folder.crashes(), Fates(6));
    loop {
        for fate in crash.fates(2, &mut dice) {
            let found = crash.survivor(fate).get(FILE).unwrap();
            assert!(found == b"old" || found == whole, "{fate:?} after {}", crash.done());
        }
        if !crash.advance() {
            break;
        }
    }
    assert!(crash.survivor(crate::crashing::Fate::Lost).get(FILE).unwrap() == whole);
    for plan in plans() {
        for nth in 1.. {
            let inner = MemoryFolder::default();
            inner.put(FILE, b"old".to_vec());
            let failing = FailingFolder::over(Arc::new(inner.clone()), Some(Plan { nth, ..plan }));
            let exported = export(&failing);
            if !failing.has_failed() {
                break;
            }
            let found = inner.get(FILE).unwrap();
            assert!(found == whole || (exported.is_err() && found == b"old"), "{plan:?} {nth}");
            let left = inner.list().unwrap();
            assert!(left == [FILE] || plan.call == Call::Rename, "{plan:?} {nth}: {left:?}");
        }
    }
}

/// Reads of the file that fail or end early are told; short ones change nothing.
#[test]
fn a_source_that_fails_is_told() {
    let (expected, file) = exported();
    for (how, nth) in
        [(How::Nothing, 1), (How::Nothing, 2), (How::Half, 1), (How::Half, 2), (How::Short, 2)]
    {
        let plan = Plan { call: Call::Read, nth, for_good: true, how, error: Errno::IO };
        let failing = FailingFolder::over(Arc::new(file.clone()), Some(plan));
        let source = failing.open(FILE).unwrap();
        let into = MemoryFolder::default();
        let options =
            SemjImportOptions { writer: small_segments(), ..SemjImportOptions::default() };
        let place = (source.as_ref(), Path::new(FILE));
        let imported = import_semj(place, Arc::new(into.clone()), &options, &mut |_| {});
        match imported {
            Ok(_) => assert!(how == How::Short && is_there(&into, &expected)),
            Err(Error::Io { operation: "read", .. }) => assert_eq!(into.list().unwrap(), [""; 0]),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn what_is_cancelled_leaves_nothing() {
    let (events, file) = exported();
    let flag = Arc::new(AtomicBool::new(false));
    let mut set = |_: &Progress| flag.store(true, Ordering::Relaxed);
    let control = Control::with_flag(Arc::clone(&flag));
    let (source, into) = (file.open(FILE).unwrap(), MemoryFolder::default());
    let options = SemjImportOptions { control: control.clone(), ..SemjImportOptions::default() };
    let place = (source.as_ref(), Path::new(FILE));
    let imported = import_semj(place, Arc::new(into.clone()), &options, &mut set);
    assert!(matches!(imported, Err(Error::Cancelled)));
    assert_eq!(into.list().unwrap(), [""; 0]);
    flag.store(false, Ordering::Relaxed);
    let journal = Journal::open(Arc::new(journal_of(&events))).unwrap();
    let options = SemjExportOptions { control, ..SemjExportOptions::default() };
    let exported = export_semj(&journal, (&into, FILE), &options, &mut set);
    assert!(matches!(exported, Err(Error::Cancelled)));
    assert_eq!(into.list().unwrap(), [""; 0]);
}

/// A folder that holds anything else is left alone.
#[test]
fn a_folder_in_use_is_refused() {
    let (_, file) = exported();
    let into = MemoryFolder::default();
    import(&file, Arc::new(into.clone())).unwrap();
    let before = into.list().unwrap();
    assert!(matches!(import(&file, Arc::new(into.clone())), Err(Error::AlreadyAJournal { .. })));
    assert_eq!(into.list().unwrap(), before);
    let other = MemoryFolder::default();
    other.put("notes", b"mine".to_vec());
    assert!(matches!(import(&file, Arc::new(other.clone())), Err(Error::InvalidOption { .. })));
    assert_eq!(other.get("notes").unwrap(), b"mine");
    let held = MemoryFolder::default();
    let _lock = held.lock().unwrap();
    assert!(matches!(import(&file, Arc::new(held.clone())), Err(Error::Locked { .. })));
}

/// What a killed import has left is no damaged journal to those who look.
#[test]
fn a_scan_knows_an_unfinished_import() {
    let (_, file) = exported();
    let folder = CrashingFolder::on(&MemoryFolder::default());
    import(&file, Arc::new(folder.clone())).unwrap();
    let mut crash = folder.crashes();
    for _ in 0..folder.operation_count() - 3 {
        crash.advance();
    }
    let left = crash.survivor(crate::crashing::Fate::Kept);
    let root = tempfile::tempdir().unwrap();
    let disk = DiskFolder::create(&root.path().join("left")).unwrap();
    for name in left.list().unwrap() {
        disk.create(&name).unwrap().write_all_at(&left.get(&name).unwrap(), 0).unwrap();
    }
    assert!(left.list().unwrap().len() > 2);
    let sound = root.path().join("sound");
    let sound = Arc::new(DiskFolder::create(&sound).unwrap());
    import(&file, sound).unwrap();
    let report = scan(root.path(), &ScanOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(report.left_out.len(), 1);
    assert_eq!(report.left_out[0].because, LeftOutBecause::UnfinishedImport);
}
