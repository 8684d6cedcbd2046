//! One test per durability policy: run every workload, crash it everywhere, look, go on, look
//! again; and now and then crash that, too.

use std::sync::Arc;
use std::time::Instant;

use vexfs_replay::journal::{Durability, Journal, Validation, WriterOptions};
use vexfs_replay::replay::{ReplayOptions, replay, verify};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::crashing::{CrashingFolder, Dice, Fate};
use crate::scribe::{History, Scribe, Step, check_recovered, recovered};
use crate::workloads::WORKLOADS;

/// How many of each random fate a crash of the first life is played with.
const SEEDS: u64 = if cfg!(debug_assertions) { 2 } else { 40 };
/// Every how many states the second life crashes, too.
const CRASH_AGAIN_EVERY: u64 = if cfg!(debug_assertions) { 61 } else { 71 };
/// Every how many states the parallel replay has a look.
const PARALLEL_EVERY: u64 = 97;

/// What a later life does with the journal that a crash left.
const LATER: &[Step] = &[
    Step::Set(300),
    Step::Transaction(1, 2_500),
    Step::Commit,
    Step::Set(2_500),
    Step::Set(2_500),
    Step::Close,
];

fn options(durability: Durability) -> WriterOptions {
    WriterOptions {
        block_bytes: 4096,
        segment_bytes: 16 * 1024,
        durability,
        journal_id: Some(*b"crash-test-vexfs"),
        created_ns: Some(1),
    }
}

/// How far a run had come when some number of operations was done.
#[derive(Clone, Copy, Debug)]
struct Mark {
    operations: usize,
    written: u64,
    acknowledged: u64,
    committed: u64,
}

/// A run of a workload on storage that remembers.
struct Run {
    folder: CrashingFolder,
    history: History,
    marks: Vec<Mark>,
}

impl Run {
    fn of(
        steps: &[Step],
        disk: &MemoryFolder,
        history: Option<History>,
        new: WriterOptions,
    ) -> Self {
        let folder = CrashingFolder::on(disk);
        let shared: Arc<dyn Folder> = Arc::new(folder.clone());
        let first = Mark { operations: 0, written: 0, acknowledged: 0, committed: 0 };
        let known = history.as_ref().map_or(0, History::last_lsn);
        let first = Mark { written: known, acknowledged: known, committed: known, ..first };
        let scribe = match history {
            None => Scribe::create(shared, new),
            Some(history) => Scribe::open(shared, new, history),
        };
        let mut scribe = scribe.unwrap();
        let mut marks = vec![first];
        for &step in steps {
            scribe.step(step).unwrap();
            marks.push(Mark {
                operations: folder.operation_count(),
                written: scribe.history.last_lsn().max(marks[marks.len() - 1].written),
                acknowledged: scribe.acknowledged,
                committed: scribe.committed,
            });
        }
        Self { folder, history: scribe.history, marks }
    }

    /// What may and what must survive a crash after so many operations.
    fn bounds(&self, operations: usize, fate: Fate) -> (u64, u64) {
        let before = self.marks.partition_point(|mark| mark.operations <= operations);
        let promised = self.marks[before.saturating_sub(1)];
        let promised = match fate {
            Fate::Kept => promised.committed,
            _ => promised.acknowledged,
        };
        let during = self.marks.partition_point(|mark| mark.operations < operations);
        let written = self.marks.get(during).map_or(self.history.last_lsn(), |mark| mark.written);
        (promised, written)
    }
}

struct Counts {
    /// How many disks were looked at.
    states: u64,
    /// How many of them a crash left, first or second.
    crashes: u64,
    crashed_again: u64,
    dice: Dice,
}

/// Looks at what a crash left; gives its history, or `None` where no journal is left.
fn look(
    disk: &MemoryFolder,
    run: &Run,
    (promised, written): (u64, u64),
    counts: &mut Counts,
) -> Option<History> {
    counts.states += 1;
    let validation =
        if counts.states.is_multiple_of(2) { Validation::Full } else { Validation::Cryptographic };
    let shared: Arc<dyn Folder> = Arc::new(disk.clone());
    let found = recovered(&shared, validation).unwrap();
    let Some(found) = found else {
        assert_eq!(promised, 0, "no journal is left");
        return None;
    };
    let last_lsn = check_recovered(&found, &run.history, promised, written);
    if counts.states.is_multiple_of(PARALLEL_EVERY) {
        let journal = Journal::open(shared).unwrap();
        let options = ReplayOptions { validation, ..ReplayOptions::default() };
        let (state, outcome) = replay(&journal, &options, &mut |_| {}).unwrap();
        assert_eq!(state.digest(), found.0.digest());
        assert_eq!(outcome.head, found.1.head);
        let outcome = verify(&journal, &options, &mut |_| {}).unwrap();
        assert!(!outcome.has_loss(), "{:?}", outcome.findings);
        assert_eq!(outcome.head, found.1.head);
    }
    let mut history = run.history.clone();
    history.cut(last_lsn);
    Some(history)
}

/// Goes on with the journal that a crash left, to the end, and looks again.
fn go_on(
    disk: &MemoryFolder,
    history: &Option<History>,
    options: WriterOptions,
    counts: &mut Counts,
) {
    let run = Run::of(LATER, disk, history.clone(), options);
    let mut crash = run.folder.crashes();
    let last = run.marks[run.marks.len() - 1];
    if !counts.states.is_multiple_of(CRASH_AGAIN_EVERY) {
        while crash.advance() {}
        look(&crash.survivor(Fate::Lost), &run, (last.written, last.written), counts);
        return;
    }
    loop {
        for fate in crash.fates(1, &mut counts.dice) {
            let disk = crash.survivor(fate);
            counts.crashed_again += 1;
            let history = look(&disk, &run, run.bounds(crash.done(), fate), counts);
            let third = Run::of(&[Step::Set(10), Step::Close], &disk, history, options);
            let left = third.folder.crash_at_end().survivor(Fate::Lost);
            let last_lsn = third.history.last_lsn();
            look(&left, &third, (last_lsn, last_lsn), counts);
        }
        if !crash.advance() {
            return;
        }
    }
}

fn crash_everywhere(durability: Durability) {
    let started = Instant::now();
    let options = options(durability);
    let mut counts = Counts { states: 0, crashes: 0, crashed_again: 0, dice: Dice(1) };
    for (name, steps) in WORKLOADS {
        let run = Run::of(steps, &MemoryFolder::default(), None, options);
        let mut crash = run.folder.crashes();
        loop {
            for fate in crash.fates(SEEDS, &mut counts.dice) {
                let point = Point { name, operations: crash.done(), fate };
                let disk = crash.survivor(fate);
                counts.crashes += 1;
                let history = look(&disk, &run, run.bounds(crash.done(), fate), &mut counts);
                go_on(&disk, &history, options, &mut counts);
                point.passed();
            }
            if !crash.advance() {
                break;
            }
        }
    }
    let Counts { states, crashes, crashed_again, .. } = counts;
    let seconds = started.elapsed().as_secs_f64();
    let crashes = crashes + crashed_again;
    eprintln!(
        "{durability:?}: {crashes} crashes ({crashed_again} of a second life), \
         {states} disks looked at, {seconds:.1} s"
    );
}

/// Tells where a test stood when it failed.
struct Point<'p> {
    name: &'p str,
    operations: usize,
    fate: Fate,
}

impl Point<'_> {
    fn passed(self) {
        std::mem::forget(self);
    }
}

impl Drop for Point<'_> {
    fn drop(&mut self) {
        let Self { name, operations, fate } = self;
        eprintln!("in the workload of {name}, crashed after {operations} operations, {fate:?}");
    }
}

#[test]
fn a_crash_without_durability_keeps_what_was_sealed() {
    crash_everywhere(Durability::None);
}

#[test]
fn a_crash_with_metadata_only_keeps_what_was_sealed() {
    crash_everywhere(Durability::MetadataOnly);
}

#[test]
fn a_crash_with_data_and_metadata_keeps_what_was_committed() {
    crash_everywhere(Durability::DataAndMetadata);
}

#[test]
fn a_crash_with_strict_durability_keeps_what_was_appended() {
    crash_everywhere(Durability::Strict);
}
