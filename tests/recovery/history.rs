//! What is remembered of recoveries, what is counted, and what goes when it is cleaned up.

use vexfs_replay::recovery::{Accept, Diagnosis, RecoveryOptions, RecoveryState, Statistics, Way};
use vexfs_replay::storage::Folder as _;

use crate::small_journal::change;
use crate::world::{World, files_of, options, whole, with_loss};

#[test]
fn history_holds_what_each_recovery_came_to_oldest_first() {
    let world = World::closed(1, 300).with_checkpoints(&[60]);
    let first = whole(world.recover(options())).record;
    let second =
        whole(world.recover(RecoveryOptions { only: Some(Way::Full), ..options() })).record;
    world.flip(1, 0);
    let holes = Accept { holes: true, ..Accept::default() };
    let damaged = World { checkpoints: Default::default(), ..world.clone() };
    let third = with_loss(damaged.recover(RecoveryOptions { accept: holes, ..options() })).record;
    assert!(damaged.recover(options()).is_err(), "nothing may be lost now");

    let manager = world.manager(options());
    let history = manager.history().unwrap();
    assert_eq!(history, [first.clone(), second.clone(), third.clone()], "failures aren't in it");
    assert!(history.iter().all(|it| it.journal_id == world.opened().journal_id));
    let expected = Statistics {
        recoveries: 3,
        whole: 2,
        resumed: 0,
        ways_failed: third.path.len() as u64 - 1,
        events: [&first, &second, &third].map(|it| it.events - it.spared_events).iter().sum(),
        seconds: first.seconds + second.seconds + third.seconds,
        seconds_max: first.seconds.max(second.seconds).max(third.seconds),
    };
    assert_eq!(manager.statistics().unwrap(), expected);
    assert_eq!(third.state, RecoveryState::PartiallyCompleted);

    // Whatever lies among the records and is none, is no record.
    world.records.put("recovery-00000000000000000001.json", b"{ torn".to_vec());
    world.records.put("recovery-notes.txt", b"a person's".to_vec());
    assert_eq!(manager.history().unwrap().len(), 3);
}

/// Records are read as they lie there: what they claim may add up to more than a number holds.
#[test]
fn figures_that_add_up_to_too_much_stay_at_the_most() {
    let world = World::closed(1, 300);
    let record = whole(world.recover(options())).record;
    let events = format!("\"events\": {},", record.events);
    let name = format!("recovery-{:020}.json", record.started_ns);
    let text = String::from_utf8(files_of(&world.records)[&name].clone()).unwrap();
    assert!(text.contains(&events), "{text}");
    let text = text.replace(&events, &format!("\"events\": {},", u64::MAX));
    world.records.put(&name, text.into_bytes());
    whole(world.recover(options()));
    assert_eq!(world.manager(options()).statistics().unwrap().events, u64::MAX);
}

#[test]
fn states_are_told_while_it_runs_and_when_it_has_ended() {
    let world = World::closed(1, 300);
    let mut manager = world.manager(options());
    let watch = manager.watch();
    assert_eq!(watch().0, RecoveryState::CrashDetected);
    let survey = manager.survey().unwrap();
    assert_eq!(manager.plan(&survey).diagnosis, Diagnosis::Healthy);
    assert_eq!(watch().0, RecoveryState::Healthy);
    let mut seen = Vec::new();
    let inner = manager.watch();
    whole(manager.recover(&mut |_| seen.push(inner().0)));
    assert!(!seen.is_empty() && seen.iter().all(|it| *it == RecoveryState::InProgress));
    assert_eq!(watch().0, RecoveryState::Completed);
    world.flip(1, 0);
    let mut manager = World { checkpoints: Default::default(), ..world }.manager(options());
    let watch = manager.watch();
    assert!(manager.recover(&mut |_| {}).is_err());
    assert_eq!(watch().0, RecoveryState::Failed);
}

#[test]
fn cleanup_takes_the_oldest_and_what_was_broken_and_never_what_was_undone() {
    let world = World::closed(2, 300).with_checkpoints(&[60, 120, 180]);
    for _ in 0..4 {
        whole(world.recover(options()));
    }
    let names: Vec<String> = files_of(&world.checkpoints).into_keys().collect();
    change(&world.checkpoints, names.last().unwrap(), |content| content.truncate(100));
    whole(world.recover(RecoveryOptions { only: Some(Way::Full), ..options() }));
    let undo = Accept { undo: true, ..Accept::default() };
    let rollback = RecoveryOptions {
        only: Some(Way::Rollback),
        rollback_to: Some(120),
        accept: undo,
        ..options()
    };
    with_loss(world.recover(rollback));
    let all = world.manager(options()).history().unwrap();
    assert_eq!(all.len(), 6);
    let undone: Vec<String> =
        world.records.list().unwrap().into_iter().filter(|it| it.starts_with("undone-")).collect();
    assert!(!undone.is_empty());

    let cleaned = world.manager(options()).cleanup(2).unwrap();
    assert_eq!((cleaned.records.len(), cleaned.aside.len()), (4, 1), "{cleaned:?}");
    assert_eq!(world.manager(options()).history().unwrap(), all[4..]);
    let left = world.records.list().unwrap();
    assert!(undone.iter().all(|name| left.contains(name)), "{left:?}");
    assert!(left.iter().all(|name| !name.starts_with("broken-")), "{left:?}");
    // What stays can be used, and what was undone comes back.
    assert_eq!(with_loss(world.recover(options())).record.last_lsn, 120);
    world.manager(options()).redo().unwrap();
    assert_eq!(whole(world.recover(options())).record.last_lsn, world.last_lsn());
}

/// What was being written when a recovery or a replay was killed goes; what anyone else calls so stays.
#[test]
fn cleanup_takes_what_was_left_unfinished_and_nothing_of_others() {
    let world = World::closed(2, 200).with_checkpoints(&[60]);
    whole(world.recover(options()));
    let checkpoint = "checkpoint-00000000000000000060-base.vxcp";
    let ours = [
        "attempt.json.unfinished".to_owned(),
        "rollback.json.unfinished".to_owned(),
        "recovery-01700000000000000000.json.unfinished".to_owned(),
        format!("undone-00000000000000000060-{checkpoint}.unfinished"),
        format!("broken-1700000000000000000-{checkpoint}.unfinished"),
        "work-checkpoint.unfinished".to_owned(),
    ];
    let theirs = ["notes.unfinished", "recovery-mine.json.unfinished", "undone-60-x.unfinished"];
    for name in ours.iter().map(String::as_str).chain(theirs) {
        world.records.put(name, b"half".to_vec());
    }
    let unfinished = ["checkpoint.unfinished".to_owned(), format!("{checkpoint}.unfinished")];
    for name in unfinished.iter().map(String::as_str).chain(["mine.unfinished"]) {
        world.checkpoints.put(name, b"half".to_vec());
    }
    let cleaned = world.manager(options()).cleanup(9).unwrap();
    let mut gone = cleaned.unfinished;
    gone.sort_unstable();
    let mut expected: Vec<String> = ours.into_iter().chain(unfinished).collect();
    expected.sort_unstable();
    assert_eq!(gone, expected);
    assert!(cleaned.aside.is_empty());
    let left = world.records.list().unwrap();
    assert!(theirs.iter().all(|name| left.iter().any(|it| it == name)), "{left:?}");
    let left = world.checkpoints.list().unwrap();
    assert!(left.iter().any(|it| it == "mine.unfinished") && left.len() == 3, "{left:?}");
}
