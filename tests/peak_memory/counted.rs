//! Every case in every way, and the allocator that counts.

use std::num::NonZero;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Instant;

use peak_alloc::PeakAlloc;
use vexfs_replay::journal::Validation;
use vexfs_replay::recovery::Way;
use vexfs_replay::replay::Shared;
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::craft::with_bomb;
use crate::injuries::{Injury, all};
use crate::runs::{Column, options, places, recover};
use crate::small_journal::copy_of;
use crate::subject::{Subject, folder_of};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// How many times what is stored a recovery may take.
const FACTOR: usize = 4;
/// What it may take beside, in bytes: buffers, threads, what zstd needs.
const CONSTANT_BYTES: usize = 3 << 20;

/// The best way, and the one that goes through all that is there.
const WAYS: [Option<Way>; 2] = [None, Some(Way::Emergency)];
/// Who believes lengths without a checksum, and who proves all.
const MODES: [Validation; 2] = [Validation::None, Validation::Cryptographic];

fn stored_bytes(folder: &MemoryFolder) -> usize {
    folder.list().unwrap().iter().map(|name| folder.get(name).unwrap().len()).sum()
}

/// A worker that keeps no buffers: all that a recovery takes is counted, not only what the first one took.
static WORKERS: LazyLock<Arc<Shared>> =
    LazyLock::new(|| Arc::new(Shared::new(NonZero::<usize>::MIN, None).unwrap()));

/// How many bytes one recovery takes at most at once.
fn taken(injury: &Injury, way: Option<Way>, validation: Validation) -> usize {
    let column = Column { way, suffix: true, holes: true, undo: false };
    let (places, options) = {
        let Injury { journal, checkpoints, .. } = injury;
        let records = MemoryFolder::default();
        let mut options = options(column, validation);
        options.replay.shared = Some(Arc::clone(&WORKERS));
        (places(journal.clone(), Some(checkpoints.clone()), records), options)
    };
    ALLOCATED.reset_peak_usage();
    let before = ALLOCATED.current_usage();
    drop(recover(places, options, 0));
    ALLOCATED.peak_usage() - before
}

/// Only one may allocate.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn no_damage_makes_a_recovery_take_more_memory_than_what_is_stored_is_worth() {
    let _alone = ALONE.lock();
    let started = Instant::now();
    let (mut cases, mut runs, mut most) = (0, 0, 0);
    for subject in &Subject::all() {
        for injury in all(subject) {
            cases += 1;
            let stored = stored_bytes(&injury.journal) + stored_bytes(&injury.checkpoints);
            for (way, mode) in WAYS.into_iter().flat_map(|way| MODES.map(|mode| (way, mode))) {
                let taken = taken(&injury, way, mode);
                let (limit, told) = (FACTOR * stored + CONSTANT_BYTES, &injury.told);
                let name = subject.name;
                assert!(taken <= limit, "{name}: {told}, {way:?}, {mode:?}: {taken} of {limit}");
                (runs, most) = (runs + 1, most.max(taken));
            }
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{cases} cases, {runs} runs, at most {most} bytes at once; {seconds:.1} s");
}

#[test]
fn a_section_that_expands_takes_no_more_memory_than_it_says() {
    let _alone = ALONE.lock();
    let subject = Subject::closed();
    let checkpoints = copy_of(&subject.shelves[1].as_ref().unwrap().folder);
    let base = checkpoints.list().unwrap().swap_remove(0);
    checkpoints.put(&base, with_bomb(&checkpoints.get(&base).unwrap(), 64 << 20));
    let (told, journal) = ("a bomb".to_owned(), folder_of(&subject.files));
    let injury = Injury { told, journal, checkpoints };
    let stored = stored_bytes(&injury.journal) + stored_bytes(&injury.checkpoints);
    for way in WAYS.into_iter().chain([Some(Way::Incremental)]) {
        let taken = taken(&injury, way, Validation::Cryptographic);
        assert!(taken <= FACTOR * stored + CONSTANT_BYTES, "{way:?}: {taken}");
    }
}
