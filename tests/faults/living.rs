//! Journals that change while they are read, limits, and passes that are ended from outside.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::io::Errno;
use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::layout::{BlockHeader, PAGE_BYTES};
use vexfs_replay::journal::{Durability, EndKind, Journal, Validation, WriterOptions};
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, Control, DamagePolicy, Progress, ReplayOptions, replay,
    replay_serially, verify,
};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::crashing::{CrashingFolder, Fate, Operation};
use crate::harness::{Made, POLICIES, options, replay_both};
use crate::scribe::{History, Scribe, Step, recovered};
use crate::small_journal::{OPTIONS, THREE_SEGMENTS, copy_of, names_of};
use crate::watched::{Call, WatchedFolder};

/// Several epochs of blocks, so that a pass has a middle.
fn long() -> Made {
    let options = WriterOptions {
        block_bytes: 256 * 1024,
        segment_bytes: 4 * 1024 * 1024,
        durability: Durability::None,
        ..OPTIONS
    };
    let mut steps = [Step::Set(60_000), Step::Transaction(1, 40_000)].repeat(80);
    steps.push(Step::Close);
    Made::by(&steps, options)
}

#[test]
fn fault_13_too_little_memory_is_an_error_and_never_an_end() {
    let made = long();
    let journal = Journal::open(Arc::new(made.folder.clone())).unwrap();
    for damage in POLICIES {
        let enough = options(damage, Validation::Cryptographic);
        let limited = ReplayOptions { memory_limit: Some(1024), ..enough.clone() };
        let before = made.all_files();
        let result = replay(&journal, &limited, &mut |_| {});
        assert!(matches!(result, Err(Error::MemoryLimit { limit: 1024, .. })), "{result:?}");
        assert!(made.all_files() == before);
        let (state, outcome) = replay(&journal, &enough, &mut |_| {}).unwrap();
        assert_eq!(outcome.findings.end.kind, EndKind::Sealed);
        made.history.check_state(&state, made.history.last_lsn());
    }
}

#[test]
fn fault_18_what_was_read_is_synced_before_anything_builds_on_it() {
    let folder = CrashingFolder::on(&MemoryFolder::default());
    let shared: Arc<dyn Folder> = Arc::new(folder.clone());
    let unsynced = WriterOptions { durability: Durability::MetadataOnly, ..OPTIONS };
    let mut scribe = Scribe::create(shared, unsynced).unwrap();
    [Step::Set(10), Step::Commit].iter().for_each(|&step| scribe.step(step).unwrap());
    let before = folder.operation_count();
    scribe.step(Step::Reopen).unwrap();
    let operations = folder.operations();
    // The first file that was made is the segment at whose end the next one takes over.
    let first = &operations[before];
    assert!(matches!(first, Operation::Sync { file: 0 }), "{first:?}");
}

#[test]
fn fault_18_a_checkpoint_is_of_what_survives_a_power_failure() {
    let journal = CrashingFolder::on(&MemoryFolder::default());
    let shared: Arc<dyn Folder> = Arc::new(journal.clone());
    let unsynced = WriterOptions { durability: Durability::MetadataOnly, ..OPTIONS };
    let mut scribe = Scribe::create(Arc::clone(&shared), unsynced).unwrap();
    for step in [Step::Set(3_000), Step::Commit].repeat(5) {
        scribe.step(step).unwrap();
    }
    let (last_lsn, writes) = (scribe.history.last_lsn(), Arc::new(AtomicUsize::new(0)));
    assert!(scribe.acknowledged < last_lsn, "the end isn't synced");
    let noted = Arc::clone(&writes);
    // Whatever of a checkpoint is on its way, what it is of would survive.
    let checkpoints = WatchedFolder::over(MemoryFolder::default(), move |call| {
        if call == Call::Write {
            noted.fetch_add(1, Ordering::Relaxed);
            let left: Arc<dyn Folder> = Arc::new(journal.crash_at_end().survivor(Fate::Lost));
            let (_, outcome) = recovered(&left, Validation::Full).unwrap().unwrap();
            assert_eq!(outcome.last_lsn, last_lsn);
        }
        Ok(())
    });
    let policy = Some(CheckpointPolicy { at_end: true, ..CheckpointPolicy::default() });
    let folder = Arc::new(checkpoints);
    let checkpoints = Some(Checkpoints { folder, start: CheckpointStart::Newest, policy });
    let options = ReplayOptions { checkpoints, ..ReplayOptions::default() };
    let journal = Journal::open(shared).unwrap();
    let (_, outcome) = replay(&journal, &options, &mut |_| {}).unwrap();
    assert_eq!(outcome.checkpoints.watermark, last_lsn);
    assert!(writes.load(Ordering::Relaxed) > 0);
}

#[test]
fn fault_37_a_journal_that_grows_while_it_is_read() {
    let folder = MemoryFolder::default();
    let shared: Arc<dyn Folder> = Arc::new(folder.clone());
    let mut scribe = Scribe::create(Arc::clone(&shared), OPTIONS).unwrap();
    let mut opened: Vec<(Journal, u64)> = Vec::new();
    for &step in THREE_SEGMENTS {
        opened.push((Journal::open(Arc::clone(&shared)).unwrap(), scribe.acknowledged));
        scribe.step(step).unwrap();
        for (journal, acknowledged) in &opened {
            for damage in POLICIES {
                let options = options(damage, Validation::Cryptographic);
                let (state, outcome) = replay_serially(journal, &options).unwrap();
                assert!(!outcome.has_loss(), "{:?}", outcome.findings);
                assert!(outcome.last_lsn >= *acknowledged);
                scribe.history.check_state(&state, outcome.last_lsn);
            }
        }
    }
    // What was appended after the opening was not looked at.
    let (journal, _) = &opened[0];
    let (_, outcome) = replay(journal, &ReplayOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((outcome.last_lsn, outcome.findings.end.kind), (0, EndKind::Unsealed));
}

/// What is stored after each operation of a writer, from the first on that leaves a journal, and
/// what was written in the end.
fn moments() -> (Vec<MemoryFolder>, History) {
    let folder = CrashingFolder::on(&MemoryFolder::default());
    let mut scribe = Scribe::create(Arc::new(folder.clone()), OPTIONS).unwrap();
    THREE_SEGMENTS.iter().for_each(|&step| scribe.step(step).unwrap());
    let (mut crash, mut moments) = (folder.crashes(), Vec::new());
    while crash.advance() {
        let moment = crash.survivor(Fate::Kept);
        if !names_of(&moment).is_empty() {
            moments.push(moment);
        }
    }
    (moments, scribe.history)
}

/// Reads a journal that becomes another before the n-th call. Tells whether it came so far.
fn read_while(old: &MemoryFolder, new: &MemoryFolder, nth: usize, history: &History) -> bool {
    let strict = options(DamagePolicy::Strict, Validation::Cryptographic);
    let last_lsn = |folder: &MemoryFolder| {
        let journal = Journal::open(Arc::new(folder.clone())).unwrap();
        replay_serially(&journal, &strict).unwrap().1.last_lsn
    };
    let (folder, files) = (copy_of(old), copy_of(new));
    let (now, calls) = (folder.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let busy = WatchedFolder::over(folder, move |call| {
        if call.looks() && counted.fetch_add(1, Ordering::Relaxed) + 1 == nth {
            for name in files.list().unwrap() {
                now.put(&name, files.get(&name).unwrap());
            }
        }
        Ok(())
    });
    let journal = Journal::open(Arc::new(busy)).unwrap();
    let (state, outcome) = replay_serially(&journal, &strict).unwrap();
    assert!(!outcome.has_loss());
    assert!((last_lsn(old)..=last_lsn(new)).contains(&outcome.last_lsn));
    history.check_state(&state, outcome.last_lsn);
    calls.load(Ordering::Relaxed) >= nth
}

#[test]
fn fault_37_a_journal_that_rotates_and_is_closed_while_it_is_opened() {
    let (moments, history) = moments();
    let stride = if cfg!(debug_assertions) { 7 } else { 1 };
    for (index, old) in moments.iter().enumerate() {
        for new in moments[index + 1..].iter().step_by(stride) {
            let calls = (1..).take_while(|&nth| read_while(old, new, nth, &history)).count();
            assert!(calls > 3, "list, open, length and a read at least");
        }
    }
}

/// The workers' numbers that every journal is replayed with.
const THREADS: [usize; 5] = [1, 2, 3, 4, 8];

#[test]
fn fault_44_the_state_is_that_of_the_serial_replay_for_every_number_of_threads() {
    let long = long();
    let damaged = Made::closed();
    damaged.change(1, |content| content[5_000] ^= 1);
    for (made, damage) in [&long, &damaged].iter().flat_map(|it| POLICIES.map(|to| (it, to))) {
        for threads in THREADS.map(|threads| NonZero::new(threads).unwrap()) {
            let options = options(damage, Validation::Cryptographic);
            drop(replay_both(&made.folder, &ReplayOptions { threads, ..options }));
        }
    }
}

/// The parallel replay reads ahead. What fails there, behind the block that ends the journal, is no
/// more than the serial one knows of.
#[test]
fn fault_14_a_read_that_fails_behind_the_end_is_not_told_in_its_place() {
    let made = long();
    made.change(0, |content| content[PAGE_BYTES + BlockHeader::BYTES + 9] ^= 1);
    let folder = WatchedFolder::over(copy_of(&made.folder), |call| match call {
        Call::Read(offset) if (3 << 20..4 << 20).contains(&offset) => Err(Errno::IO.into()),
        _ => Ok(()),
    });
    let journal = Journal::open(Arc::new(folder)).unwrap();
    for damage in [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix] {
        for threads in THREADS.map(|threads| NonZero::new(threads).unwrap()) {
            let options = ReplayOptions { threads, ..options(damage, Validation::Basic) };
            let parallel = replay(&journal, &options, &mut |_| {});
            let serial = replay_serially(&journal, &options);
            match (parallel, serial) {
                (Err(Error::Damaged { .. }), Err(Error::Damaged { .. })) => {}
                (Ok((_, parallel)), Ok((_, serial))) => {
                    assert_eq!((parallel.last_lsn, serial.last_lsn), (0, 0));
                }
                others => panic!("{damage:?} on {threads}: {others:?}"),
            }
        }
    }
}

#[test]
fn fault_44_a_worker_that_panics_is_one_error() {
    let made = long();
    let reads = 30;
    for nth in (4..reads).step_by(5) {
        // Counts from the start again whenever it is set to 0.
        let count = Arc::new(AtomicUsize::new(reads));
        let counted = Arc::clone(&count);
        let folder = WatchedFolder::over(copy_of(&made.folder), move |call| {
            let reads = matches!(call, Call::Read(_));
            let panics = reads && counted.fetch_add(1, Ordering::SeqCst) + 1 == nth;
            assert!(!panics, "in the read of number {nth}");
            Ok(())
        });
        let journal = Journal::open(Arc::new(folder)).unwrap();
        for threads in THREADS.map(|threads| NonZero::new(threads).unwrap()) {
            count.store(0, Ordering::SeqCst);
            let options = ReplayOptions { threads, ..ReplayOptions::default() };
            let result = replay(&journal, &options, &mut |_| {});
            assert!(matches!(&result, Err(Error::Panicked { .. })), "{nth}: {result:?}");
            count.store(0, Ordering::SeqCst);
            let result = verify(&journal, &options, &mut |_| {});
            assert!(matches!(&result, Err(Error::Panicked { .. })), "{nth}: {result:?}");
        }
    }
    let journal = Journal::open(Arc::new(made.folder.clone())).unwrap();
    let mut panic = |_: &Progress| panic!("in the apply stage");
    let result = replay(&journal, &ReplayOptions::default(), &mut panic);
    let Err(Error::Panicked { message }) = result else { panic!("{result:?}") };
    assert_eq!(message, "in the apply stage");
}

#[test]
fn fault_49_a_pass_that_is_cancelled_publishes_nothing() {
    let made = long();
    let journal = Journal::open(Arc::new(made.folder.clone())).unwrap();
    assert!(names_of(&made.folder).len() > 2);
    for damage in POLICIES {
        let cancel = Arc::new(AtomicBool::new(true));
        let options = ReplayOptions {
            control: Control::with_flag(Arc::clone(&cancel)),
            ..options(damage, Validation::Cryptographic)
        };
        assert!(matches!(replay_serially(&journal, &options), Err(Error::Cancelled)));
        assert!(matches!(replay(&journal, &options, &mut |_| {}), Err(Error::Cancelled)));
        assert!(matches!(verify(&journal, &options, &mut |_| {}), Err(Error::Cancelled)));
        cancel.store(false, Ordering::Relaxed);
        let mut came_to = 0;
        let result = replay(&journal, &options, &mut |progress| {
            came_to = progress.events;
            cancel.store(true, Ordering::Relaxed);
        });
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
        assert!(came_to > 0 && came_to < made.history.last_lsn(), "{came_to} events");
        cancel.store(false, Ordering::Relaxed);
        let (state, _) = replay(&journal, &options, &mut |_| {}).unwrap();
        made.history.check_state(&state, made.history.last_lsn());
    }
    let strict = options(DamagePolicy::Strict, Validation::Full);
    assert!(replay_both(&made.folder, &strict).is_ok());
}

/// A cancel that comes while the last transaction's events are read again: when all else is done.
#[test]
fn fault_49_a_cancel_at_the_last_commit_publishes_nothing() {
    let long = WriterOptions { block_bytes: 1024 * 1024, segment_bytes: 1 << 30, ..OPTIONS };
    // Its members fill several blocks, and its end lies an epoch later.
    let made = Made::by(&[Step::Transaction(30, 100_000), Step::Close], long);
    let threads = THREADS.map(|threads| NonZero::new(threads).unwrap());
    // Whether all else is done when it comes is for the threads to say: mostly, not always.
    for threads in threads.repeat(20) {
        let cancel = Arc::new(AtomicBool::new(false));
        let (cancelled, reads) = (Arc::clone(&cancel), AtomicUsize::new(0));
        let folder = WatchedFolder::over(copy_of(&made.folder), move |call| {
            // The first read of the first block is that of its epoch.
            let first_block = call == Call::Read(PAGE_BYTES as u64);
            if first_block && reads.fetch_add(1, Ordering::SeqCst) == 1 {
                cancelled.store(true, Ordering::SeqCst);
            }
            Ok(())
        });
        let journal = Journal::open(Arc::new(folder)).unwrap();
        let options = options(DamagePolicy::Tail, Validation::Cryptographic);
        let control = Control::with_flag(Arc::clone(&cancel));
        let options = ReplayOptions { threads, control, ..options };
        let result = replay(&journal, &options, &mut |_| {});
        assert!(cancel.load(Ordering::SeqCst), "the events were read again");
        assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    }
}
