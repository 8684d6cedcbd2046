//! Storage that fails: every call of every kind, once and for good.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use rustix::io::Errno;
use vexfs_replay::Error;
use vexfs_replay::journal::{Durability, Journal, Validation, WriterOptions};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions, replay, replay_serially, verify};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::failing::{Call, FailingFolder, How, Plan};
use crate::harness::{Made, POLICIES};
use crate::scribe::{History, Scribe, Step, check_recovered, recovered};
use crate::small_journal::OPTIONS;

/// Commits, rotation, a death, a reopening and a close.
const WORK: &[Step] = &[
    Step::Set(700),
    Step::Commit,
    Step::Set(3_000),
    Step::Set(3_000),
    Step::Commit,
    Step::Transaction(2, 2_500),
    Step::Commit,
    Step::Set(3_000),
    Step::Reopen,
    Step::Set(100),
    Step::Commit,
    Step::Close,
];

/// Whether an error says which file, and where in it for what has a place in it.
fn says_where(error: &Error, call: Call) -> bool {
    let Error::Io { path, offset, .. } = error else { return false };
    let has_place = matches!(call, Call::Read | Call::Write | Call::NextData);
    path.starts_with("(failing)") && (offset.is_some() || !has_place)
}

/// Does the work on storage that fails by `plan`; tells whether the plan's call was ever made.
fn work_until_it_fails(plan: Plan, options: WriterOptions) -> bool {
    let memory = MemoryFolder::default();
    let folder = FailingFolder::over(Arc::new(memory.clone()), Some(plan));
    let shared: Arc<dyn Folder> = Arc::new(folder.clone());
    let (history, acknowledged) = match Scribe::create(shared, options) {
        Err(error) => {
            assert!(says_where(&error, plan.call), "{plan:?}: {error:?}");
            Default::default()
        }
        Ok(mut scribe) => {
            let failed = WORK.iter().find_map(|&step| Some((step, scribe.step(step).err()?)));
            assert_eq!(failed.is_some(), folder.has_failed(), "{plan:?}: no failure is hidden");
            if let Some((step, error)) = failed {
                assert!(says_where(&error, plan.call), "{plan:?}: {error:?}");
                let reading = matches!(step, Step::Reopen);
                scribe.check_dead();
                let later = if reading { 0 } else { folder.changes_after_failure() };
                assert_eq!(later, 0, "{plan:?}: nothing is tried again");
            }
            (scribe.history, scribe.acknowledged)
        }
    };
    if !folder.has_failed() {
        return false;
    }
    go_on(&(Arc::new(memory) as Arc<dyn Folder>), history, acknowledged, options);
    true
}

/// The next life, on storage that works: nothing that was promised is missing, and what the failure
/// left is gone on with or never seen again.
fn go_on(
    memory: &Arc<dyn Folder>,
    mut history: History,
    acknowledged: u64,
    options: WriterOptions,
) {
    let Some(found) = recovered(memory, Validation::Cryptographic).unwrap() else {
        assert_eq!(acknowledged, 0);
        return;
    };
    let last_lsn = check_recovered(&found, &history, acknowledged, history.last_lsn());
    history.cut(last_lsn);
    let mut scribe = Scribe::open(Arc::clone(memory), options, history).unwrap();
    [Step::Set(50), Step::Close].iter().for_each(|&step| scribe.step(step).unwrap());
    let found = recovered(memory, Validation::Cryptographic).unwrap().unwrap();
    check_recovered(&found, &scribe.history, last_lsn + 1, last_lsn + 1);
}

fn fail_every(call: Call, hows: &[How], errors: &[Errno]) {
    let mut plans = 0;
    for durability in [Durability::None, Durability::DataAndMetadata, Durability::Strict] {
        let options = WriterOptions { durability, ..OPTIONS };
        for (&how, &error) in hows.iter().flat_map(|how| errors.iter().map(move |it| (how, it))) {
            for for_good in [false, true] {
                let plan = |nth| Plan { call, nth, for_good, how, error };
                plans += (1..).take_while(|&nth| work_until_it_fails(plan(nth), options)).count();
            }
        }
    }
    assert!(plans > 0 || call == Call::NextData, "{call:?} is never called");
}

#[test]
fn fault_15_a_failed_sync_is_never_tried_again() {
    fail_every(Call::Sync, &[How::Nothing, How::All], &[Errno::IO, Errno::NOSPC]);
    fail_every(Call::SyncFolder, &[How::Nothing, How::All], &[Errno::IO, Errno::NOSPC]);
}

#[test]
fn fault_16_a_write_without_space_or_a_short_one_ends_the_writer() {
    fail_every(Call::Write, &[How::Nothing, How::Half], &[Errno::NOSPC, Errno::IO]);
}

#[test]
fn fault_17_what_a_failed_write_left_is_there_or_not_and_its_lsn_is_not_used_twice() {
    fail_every(Call::Write, &[How::All], &[Errno::IO]);
}

#[test]
fn faults_14_to_17_every_other_call_fails_with_its_place_told() {
    for call in Call::ALL {
        if !matches!(call, Call::Write | Call::Sync | Call::SyncFolder) {
            fail_every(call, &[How::Nothing], &[Errno::IO, Errno::NOSPC]);
        }
    }
}

/// Replays and verifies by every way there is; all must agree that it doesn't work.
fn read_until_it_fails(memory: &MemoryFolder, plan: Plan, damage: DamagePolicy) -> bool {
    let threads = NonZero::new(2).unwrap();
    let options = ReplayOptions { damage, threads, ..ReplayOptions::default() };
    let mut made = false;
    for way in 0..3 {
        let folder = FailingFolder::over(Arc::new(memory.clone()), Some(plan));
        let shared: Arc<dyn Folder> = Arc::new(folder.clone());
        let result = Journal::open(shared).and_then(|journal| match way {
            0 => replay_serially(&journal, &options).map(drop),
            1 => replay(&journal, &options, &mut |_| {}).map(drop),
            _ => verify(&journal, &options, &mut |_| {}).map(drop),
        });
        if folder.has_failed() {
            made = true;
            let error = result.expect_err("an end of the log where a read failed");
            assert!(says_where(&error, plan.call), "{plan:?}, {damage:?}: {error:?}");
        } else {
            let refused = damage == DamagePolicy::Strict
                && matches!(result, Err(Error::Damaged { ref first, .. }) if first.is_tail());
            assert!(refused || result.is_ok(), "{plan:?}, {damage:?}: {result:?}");
        }
    }
    made
}

#[test]
fn fault_14_a_read_that_fails_is_an_error_under_every_policy_and_never_an_end() {
    let (closed, open, torn) = (Made::closed(), Made::open(), Made::open());
    torn.change(torn.newest(), |content| content.truncate(content.len() - 100));
    for (made, damage) in [closed, open, torn].iter().flat_map(|it| POLICIES.map(|to| (it, to))) {
        let mut failed = HashMap::new();
        for (call, how) in [
            (Call::List, How::Nothing),
            (Call::Open, How::Nothing),
            (Call::Length, How::Nothing),
            (Call::NextData, How::Nothing),
            (Call::Read, How::Nothing),
            (Call::Read, How::Half),
        ] {
            for for_good in [false, true] {
                let plan = |nth| Plan { call, nth, for_good, how, error: Errno::IO };
                let fails = |&nth: &usize| read_until_it_fails(&made.folder, plan(nth), damage);
                *failed.entry(call).or_insert(0) += (1..).take_while(fails).count();
            }
        }
        let most = [(Call::List, 2), (Call::Open, 6), (Call::Length, 6), (Call::Read, 20)];
        assert!(most.iter().all(|(call, least)| failed[call] >= *least), "{failed:?}");
    }
}

#[test]
fn fault_14_a_read_that_is_interrupted_or_short_goes_on() {
    let made = Made::closed();
    let last_lsn = made.history.last_lsn();
    for how in [How::Nothing, How::Short] {
        for for_good in [false, true] {
            if for_good && how == How::Nothing {
                continue;
            }
            for nth in 1.. {
                let plan = Plan { call: Call::Read, nth, for_good, how, error: Errno::INTR };
                let folder = FailingFolder::over(Arc::new(made.folder.clone()), Some(plan));
                let journal = Journal::open(Arc::new(folder.clone())).unwrap();
                let (state, outcome) =
                    replay_serially(&journal, &ReplayOptions::default()).unwrap();
                assert!(!outcome.has_loss());
                made.history.check_state(&state, last_lsn);
                if !folder.has_failed() {
                    assert!(nth > 10);
                    break;
                }
            }
        }
    }
}
