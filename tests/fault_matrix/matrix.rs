//! A case against all columns, modes and checkpoints, and the checks of what came of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use vexfs_replay::Error;
use vexfs_replay::journal::Validation;
use vexfs_replay::recovery::{LostRange, Recovered, RecoveryState, Way};
use vexfs_replay::storage::MemoryFolder;

use crate::expect::{Expected, Known, Wanted};
use crate::keep_memory::keep_memory;
use crate::reading::{Hole, Reading, read};
use crate::runs::{COLUMNS, Column, options, places, recover};
use crate::subject::{Files, Subject, copy_of_shelf, files_of, folder_of};

/// How much was tried, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) cases: AtomicU64,
    pub(crate) runs: AtomicU64,
    refused: AtomicU64,
    whole: AtomicU64,
    with_loss: AtomicU64,
    unpromised: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// How many failures are told in full.
const TOLD: usize = 3;

/// More threads than processors: a recovery waits for threads of its own.
const THREADS: usize = 6;

/// Does something with each of these, on several threads.
#[expect(clippy::disallowed_methods, reason = "a worker of rayon that waits takes up other cases")]
pub(crate) fn in_parallel<T: Sync>(items: &[T], each: impl Fn(&T) + Sync) {
    keep_memory();
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            each(item);
        }
    };
    std::thread::scope(|scope| {
        (0..THREADS).for_each(|_| drop(scope.spawn(work)));
    });
}

fn count(what: &AtomicU64) {
    what.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    pub(crate) fn case(&self) {
        count(&self.cases);
    }

    /// Does a run; one that fails doesn't keep the others from being done.
    pub(crate) fn run(&self, run: impl FnOnce()) {
        count(&self.runs);
        let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else { return };
        let told = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        self.failures.lock().unwrap().push(told);
    }

    /// A check of another kind, which doesn't tell where it is.
    pub(crate) fn run_told(&self, told: &dyn Fn() -> String, run: impl FnOnce()) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(run)) else { return };
        let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        self.failures.lock().unwrap().push(format!("{}: {why}", told()));
    }

    /// Prints a line on a family, and fails where a run did.
    pub(crate) fn print(&self, family: &str, started: Instant) {
        let of = |it: &AtomicU64| it.load(Ordering::Relaxed);
        println!(
            "{family}: {} cases, {} runs (way × mode × checkpoints): {} refused, {} whole, {} with loss, {} \
             in modes that promise nothing of it; {:.1} s",
            of(&self.cases),
            of(&self.runs),
            of(&self.refused),
            of(&self.whole),
            of(&self.with_loss),
            of(&self.unpromised),
            started.elapsed().as_secs_f64(),
        );
        let failures = self.failures.lock().unwrap();
        if std::env::var_os("FAULT_MATRIX_ALL").is_some() {
            failures.iter().for_each(|it| println!("- {}", it.lines().take(2).collect::<String>()));
        }
        let first: Vec<_> = failures.iter().take(TOLD).map(String::as_str).collect();
        assert!(failures.is_empty(), "{} failures: {}", failures.len(), first.join("\n"));
    }
}

/// How many runs a case has.
pub(crate) const RUNS: usize = COLUMNS.len() * Validation::ALL.len() * 3;

/// A journal that was hurt, and how.
pub(crate) struct Case<'c> {
    pub(crate) subject: &'c Subject,
    pub(crate) files: Files,
    pub(crate) reading: Reading,
    pub(crate) told: &'c dyn Fn() -> String,
}

impl<'c> Case<'c> {
    pub(crate) fn new(subject: &'c Subject, files: Files, told: &'c dyn Fn() -> String) -> Self {
        let reading = read(subject, &files);
        Self { subject, files, reading, told }
    }

    /// All runs.
    pub(crate) fn check_all(&self, counts: &Counts) {
        counts.case();
        (0..RUNS).for_each(|run| counts.run(|| self.check(run, counts)));
    }

    /// Some of the runs, others each time.
    pub(crate) fn check_some(&self, turn: usize, runs: usize, counts: &Counts) {
        counts.case();
        // A step that has no factor in common with the number of runs comes to all of them.
        let run = |it| (turn * runs + it) * 77 % RUNS;
        (0..runs).for_each(|it| counts.run(|| self.check(run(it), counts)));
    }

    /// The run of this number.
    pub(crate) fn check(&self, run: usize, counts: &Counts) {
        let column = COLUMNS[run % COLUMNS.len()];
        let validation = Validation::ALL[run / COLUMNS.len() % 4];
        let shelf = self.subject.shelves[run / COLUMNS.len() / 4].as_ref();
        let cut_lsn = self.subject.pieces[self.subject.pieces.len() / 2].last_lsn;
        let known = Known {
            subject: self.subject,
            files: &self.files,
            reading: &self.reading,
            shelf,
            validation,
            cut_lsn,
        };
        let expected = known.expected(column);
        let journal = folder_of(&self.files);
        let records = MemoryFolder::default();
        let places = places(journal.clone(), copy_of_shelf(shelf), records);
        let result = recover(places, options(column, validation), cut_lsn);
        let told = Told { case: self, column, validation, shelf: run / COLUMNS.len() / 4 };
        assert!(files_of(&journal) == self.files, "{told}: the journal was changed");
        match (&result, &expected) {
            (Err(error), _) if !is_sober(error) => panic!("{told}: {error}"),
            (_, Expected::Anything) => count(&counts.unpromised),
            (Err(_), Expected::Refused) => count(&counts.refused),
            (Ok(recovered), Expected::Recovered(wanted)) => {
                check_recovered(self, recovered, wanted, column, &told);
                count(if wanted.with_loss { &counts.with_loss } else { &counts.whole });
            }
            _ => panic!("{told}:\nexpected {expected:?}\nfound {}", brief(&result)),
        }
    }
}

/// Whether an error is one that damage may lead to.
fn is_sober(error: &Error) -> bool {
    let mut error = error;
    while let Error::Unrecovered { last, .. } = error {
        error = last;
    }
    !matches!(error, Error::Panicked { .. } | Error::TimedOut { .. } | Error::Io { .. })
}

fn brief(result: &Result<Recovered, Error>) -> String {
    match result {
        Err(error) => format!("{error}"),
        Ok(recovered) => format!("{:#?}", recovered.recovery().record),
    }
}

/// Whether a range is told as it is. Where no header tells what follows a hole, what was accepted behind it
/// may, as long as all in between is lost.
fn is(range: &LostRange, hole: &Hole, is_lost: &dyn Fn(u64) -> bool) -> bool {
    let found = (range.segment, range.offset, range.end, range.first_lsn, range.kind.as_str());
    let last_is_right = match (hole.last_lsn, range.last_lsn) {
        (None, Some(last)) => (hole.first_lsn..=last).all(is_lost),
        (expected, found) => expected == found,
    };
    found == (hole.segment, hole.offset, hole.end, hole.first_lsn, hole.kind) && last_is_right
}

fn check_recovered(
    case: &Case<'_>,
    recovered: &Recovered,
    wanted: &Wanted,
    column: Column,
    told: &Told<'_, '_>,
) {
    let recovery = recovered.recovery();
    let (record, history) = (&recovery.record, &case.subject.history);
    let is_lost = |lsn: u64| wanted.lost.binary_search(&lsn).is_ok();
    let at = || format!("{told}:\nexpected {wanted:#?}\nfound {record:#?}");
    assert!(history.leads_to(&recovery.state, wanted.last_lsn, &is_lost), "{}", at());
    assert_eq!(record.last_lsn, wanted.last_lsn, "{}", at());
    assert_eq!(record.state_digest, recovery.state.digest(), "{}", at());
    assert_eq!(matches!(recovered, Recovered::WithLoss(_)), wanted.with_loss, "{}", at());
    let state = match wanted.with_loss {
        true => RecoveryState::PartiallyCompleted,
        false => RecoveryState::Completed,
    };
    assert_eq!(record.state, state, "{}", at());
    let lost = &record.lost;
    assert_eq!(lost.ranges.len(), wanted.holes.len(), "{}", at());
    let told_right = lost.ranges.iter().zip(&wanted.holes).all(|(range, hole)| is(range, hole, &is_lost));
    assert!(told_right, "{}", at());
    let torn = lost.torn_tail.as_ref();
    let torn_right = match (torn, &wanted.torn) {
        (None, None) => true,
        (Some(range), Some(hole)) => is(range, hole, &is_lost),
        _ => false,
    };
    assert!(torn_right, "{}", at());
    if wanted.after_damage.is_some() {
        assert_eq!(lost.after_damage.map(|it| it.first), wanted.after_damage, "{}", at());
    }
    assert_eq!(lost.undone.map(|it| it.first), wanted.undone, "{}", at());
    if record.way() == Some(Way::Emergency) {
        let of = |ranges: &[(u64, u64)]| ranges.iter().flat_map(|&(a, b)| a..=b).collect::<Vec<_>>();
        let mut dependents: Vec<u64> = lost.dependents.iter().flat_map(|it| of(&it.lsns)).collect();
        dependents.sort_unstable();
        assert_eq!(dependents, history.dependents(wanted.last_lsn, &is_lost), "{}", at());
    }
    let allowed = match record.way() {
        Some(Way::BeforeDamage) => column.suffix,
        Some(Way::Emergency) => column.holes,
        Some(Way::Rollback) => column.undo,
        way => way.is_some() && column.way.is_none_or(|it| Some(it) == way),
    };
    assert!(allowed, "{}", at());
}

/// Where a run stands.
struct Told<'t, 'c> {
    case: &'t Case<'c>,
    column: Column,
    validation: Validation,
    shelf: usize,
}

impl std::fmt::Display for Told<'_, '_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { case, column, validation, shelf } = self;
        let (name, told) = (case.subject.name, (case.told)());
        write!(formatter, "{name}: {told}, {column:?}, {validation:?}, shelf {shelf}")
    }
}
