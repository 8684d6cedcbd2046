//! Storage that fails while a recovery works: reads of the journal and of the checkpoints; writes, syncs
//! and renames of what it leaves behind. An error of storage is never taken for the end of a journal.

use std::sync::Arc;
use std::time::Instant;

use rustix::io::Errno;
use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::Validation;
use vexfs_replay::recovery::{Places, Recovered, RecoveryOptions, Way};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::failing::{Call, FailingFolder, How, Plan};
use crate::matrix::{Counts, in_parallel};
use crate::runs::{Column, options, plain_policy, recover};
use crate::subject::{Subject, copy_of_shelf, folder_of};

/// Everything may be lost; nothing must be.
pub(crate) fn all_accepted(way: Option<Way>) -> RecoveryOptions {
    let column = Column { way, suffix: true, holes: true, undo: true };
    options(column, Validation::Cryptographic)
}

const WAYS: [Option<Way>; 5] = [
    None,
    Some(Way::Full),
    Some(Way::Incremental),
    Some(Way::BeforeDamage),
    Some(Way::Emergency),
];

/// Which folder fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Failing {
    Journal,
    Checkpoints,
    Records,
}

#[derive(Debug)]
struct Row {
    failing: Failing,
    way: Option<Way>,
    plan: Plan,
}

fn rows(folders: &[Failing], calls: &[Call], hows: &[How], error: Errno) -> Vec<Row> {
    let mut rows = Vec::new();
    for &failing in folders {
        for way in WAYS {
            for (&call, &how) in calls.iter().flat_map(|call| hows.iter().map(move |how| (call, how))) {
                for for_good in [false, true] {
                    rows.push(Row { failing, way, plan: Plan { call, nth: 1, for_good, how, error } });
                }
            }
        }
    }
    rows
}

/// What all runs of a row come to: the state of the whole journal, or an error of storage.
fn check_row(subject: &Subject, row: &Row, policy: CheckpointPolicy, counts: &Counts) {
    for nth in 1.. {
        let plan = Plan { nth, ..row.plan };
        let mut has_failed = false;
        counts.case();
        counts.run(|| has_failed = check_plan(subject, row, plan, policy));
        if !has_failed {
            return;
        }
    }
}

fn check_plan(subject: &Subject, row: &Row, plan: Plan, policy: CheckpointPolicy) -> bool {
    let told = format!("{}, {row:?}, {plan:?}", subject.name);
    let over = |which: Failing, folder: MemoryFolder| {
        let plan = (which == row.failing).then_some(plan);
        FailingFolder::over(Arc::new(folder), plan)
    };
    let checkpoints = copy_of_shelf(subject.shelves[1].as_ref()).unwrap();
    let records = MemoryFolder::default();
    let folders = [
        over(Failing::Journal, folder_of(&subject.files)),
        over(Failing::Checkpoints, checkpoints.clone()),
        over(Failing::Records, records.clone()),
    ];
    let [journal, failing_checkpoints, failing_records] =
        folders.clone().map(|it| Arc::new(it) as Arc<dyn Folder>);
    let places = Places {
        journal,
        checkpoints: Some(failing_checkpoints),
        records: Some(failing_records),
    };
    let mut options = RecoveryOptions {
        retries: 1,
        checkpoint_policy: policy,
        ..all_accepted(row.way)
    };
    // A journal that can't be read may be rolled back where that is allowed.
    options.accept.undo = row.failing == Failing::Records || plan.call.changes_something();
    let result = recover(places, options.clone(), 0);
    let has_failed = folders.iter().any(FailingFolder::has_failed);
    check_result(subject, &result, &told);
    let may_fail = has_failed && plan.how != How::Short;
    assert!(may_fail || result.is_ok(), "{told}: {result:?}");
    // Where nothing was left behind, the next run is that of this row in which nothing fails.
    let shelf = &subject.shelves[1].as_ref().unwrap().folder;
    if records.list().unwrap().is_empty() && has_same_files(&checkpoints, shelf) {
        return has_failed && plan.call != Call::Lock;
    }
    // Once storage is well again, all is back.
    let places = Places {
        journal: Arc::new(folder_of(&subject.files)),
        checkpoints: Some(Arc::new(checkpoints)),
        records: Some(Arc::new(records)),
    };
    let again = recover(places, options, 0);
    assert!(again.is_ok(), "{told}, again: {again:?}");
    check_result(subject, &again, &told);
    has_failed && plan.call != Call::Lock
}

fn has_same_files(left: &MemoryFolder, right: &MemoryFolder) -> bool {
    let names = left.list().unwrap();
    names == right.list().unwrap() && names.iter().all(|it| left.get(it) == right.get(it))
}

fn check_result(subject: &Subject, result: &Result<Recovered, Error>, told: &str) {
    match result {
        Ok(Recovered::Whole(recovery)) => {
            let last = subject.history.last_lsn();
            assert_eq!(recovery.record.last_lsn, last, "{told}");
            assert!(subject.history.leads_to(&recovery.state, last, &|_| false), "{told}");
        }
        Ok(Recovered::WithLoss(recovery)) => panic!("{told}: {:#?}", recovery.record),
        Err(error) => assert!(is_of_storage(error), "{told}: {error:?}"),
    }
}

fn is_of_storage(error: &Error) -> bool {
    match error {
        Error::Unrecovered { last, .. } => is_of_storage(last),
        Error::Io { .. } => true,
        // The checkpoints can't be read, and there is no other way.
        Error::NoCheckpoint { .. } | Error::NoWay { .. } => true,
        _ => false,
    }
}

fn check_rows(family: &str, rows: &[Row], policy: CheckpointPolicy) {
    let (started, counts) = (Instant::now(), Counts::default());
    for subject in &Subject::all()[1..3] {
        in_parallel(rows, |row| check_row(subject, row, policy, &counts));
    }
    counts.print(family, started);
}

#[test]
fn reads_that_fail_or_are_short() {
    let calls = [Call::List, Call::Open, Call::Length, Call::NextData, Call::Read];
    let folders = [Failing::Journal, Failing::Checkpoints];
    let mut all = rows(&folders, &calls, &[How::Nothing], Errno::IO);
    all.extend(rows(&folders, &[Call::Read], &[How::Half, How::Short], Errno::IO));
    check_rows("failing reads", &all, plain_policy());
}

#[test]
fn writes_that_fail() {
    let calls = [Call::Create, Call::Rename, Call::Remove, Call::SyncFolder, Call::Write, Call::Sync];
    let hows = [How::Nothing, How::Half, How::All];
    let folders = [Failing::Checkpoints, Failing::Records];
    let policy = CheckpointPolicy { at_end: true, ..plain_policy() };
    check_rows("failing writes", &rows(&folders, &calls, &hows, Errno::NOSPC), policy);
}
