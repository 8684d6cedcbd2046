//! What passes: storage that fails for a while, time that runs out, somebody who cancels. The next
//! call goes on where it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::recovery::{
    Accept, Places, Recovered, RecoveryManager, RecoveryOptions, RecoveryState, Way,
};
use vexfs_replay::replay::{Control, ReplayOptions};

use crate::incremental::large;
use crate::spy::{Call, SpiedFolder};
use crate::world::{World, files_of, options, whole};

/// A journal whose first block can't be read the first `failures` times.
fn failing(world: &World, failures: usize) -> Places {
    let left = AtomicUsize::new(failures);
    let first = world.segments().remove(0);
    let journal = SpiedFolder::judged(world.journal.clone(), move |call| match call {
        Call::Read { name, offset: 4096, .. } if *name == first => {
            let failed =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| it.checked_sub(1));
            failed.map_or(Ok(()), |_| Err(rustix::io::Errno::IO.into()))
        }
        _ => Ok(()),
    });
    Places { journal: Arc::new(journal), ..world.places() }
}

#[test]
fn storage_that_fails_a_few_times_is_tried_again_and_no_more_often_than_allowed() {
    let digest = whole(World::closed(1, 200).recover(options())).record.state_digest;
    for retries in 0..4 {
        for failures in 0..6 {
            let world = World::closed(1, 200);
            let full = RecoveryOptions { only: Some(Way::Full), retries, ..options() };
            let mut manager = RecoveryManager::new(failing(&world, failures), full);
            let recovered = manager.recover(&mut |_| {});
            if failures <= retries as usize {
                let record = whole(recovered).record;
                assert_eq!(record.path[0].retries as usize, failures);
                assert_eq!((record.path.len(), record.state_digest), (1, digest));
                continue;
            }
            match recovered {
                Err(Error::Unrecovered { last, tried, .. }) => {
                    assert!(matches!(*last, Error::Io { .. }), "{last}");
                    assert_eq!(tried[0].retries, retries);
                }
                other => panic!("{failures} failures, {retries} retries: {other:?}"),
            }
        }
    }
}

#[test]
fn each_wait_is_twice_as_long_as_the_one_before() {
    let world = World::closed(1, 200);
    let (retries, retry_wait) = (4, Duration::from_millis(20));
    let full = RecoveryOptions { only: Some(Way::Full), retries, retry_wait, ..options() };
    let started = Instant::now();
    whole(RecoveryManager::new(failing(&world, 4), full).recover(&mut |_| {}));
    assert!(started.elapsed() >= 15 * retry_wait, "{:?}", started.elapsed());
}

/// Checkpoints that can't be read cost time, and nothing else.
#[test]
fn checkpoints_that_cannot_be_read_are_done_without() {
    let world = World::closed(1, 200).with_checkpoints(&[60, 130]);
    let digest = whole(world.copy().recover(options())).record.state_digest;
    let before = files_of(&world.checkpoints);
    let checkpoints = SpiedFolder::judged(world.checkpoints.clone(), |call| match call {
        Call::Read { .. } => Err(rustix::io::Errno::IO.into()),
        _ => Ok(()),
    });
    let places = Places { checkpoints: Some(Arc::new(checkpoints)), ..world.places() };
    let mut manager = RecoveryManager::new(places, options());
    assert!(manager.survey().unwrap().failure.is_some());
    let record = whole(manager.recover(&mut |_| {})).record;
    assert_eq!((record.way(), record.state_digest), (Some(Way::Full), digest));
    let now = files_of(&world.checkpoints);
    let stays = |(name, content): (&String, &Vec<u8>)| now.get(name) == Some(content);
    assert!(before.iter().all(stays), "nothing is taken away");
}

/// What failed in a call that has ended is no reason for the next one to lose data: storage may be back.
#[test]
fn a_call_that_failed_is_no_reason_for_the_next_one_to_take_a_way_that_loses() {
    let world = World::closed(1, 200);
    let accept = Accept { suffix: true, holes: true, undo: false };
    let options = RecoveryOptions { accept, retries: 0, ..options() };
    let digest = whole(World::closed(1, 200).recover(options.clone())).record.state_digest;
    let mut manager = RecoveryManager::new(failing(&world, usize::MAX), options.clone());
    match manager.recover(&mut |_| {}) {
        Err(Error::Unrecovered { tried, .. }) => assert!(!tried.is_empty(), "{tried:?}"),
        other => panic!("{other:?}"),
    }
    let recovery = whole(world.recover(options));
    let record = &recovery.record;
    let ways: Vec<Way> = record.path.iter().map(|it| it.way).collect();
    assert_eq!((ways, record.resumed), (vec![Way::Full], false), "it begins anew");
    assert_eq!(record.state_digest, digest);
}

/// A checkpoint at every end of an epoch.
fn often() -> RecoveryOptions {
    let policy = CheckpointPolicy { every_events: Some(1), ..crate::world::AT_END };
    RecoveryOptions { checkpoint_policy: policy, ..options() }
}

fn stopped(recovered: Result<Recovered, Error>) -> Option<u64> {
    match recovered {
        Err(Error::Stopped { watermark, .. }) => Some(watermark),
        Err(Error::Cancelled | Error::TimedOut { .. }) => None,
        other => panic!("{other:?}"),
    }
}

/// How many events were applied, those that checkpoints spared not counted.
fn taken_in(recovery: &vexfs_replay::recovery::Recovery) -> u64 {
    recovery.record.events - recovery.record.spared_events
}

#[test]
fn a_recovery_that_was_cancelled_goes_on_where_it_was() {
    let made = large();
    let digest = whole(made.copy().recover(options())).record.state_digest;
    let mut resumed_later = 0;
    for way in [Way::Full, Way::Partial, Way::Incremental, Way::Emergency, Way::BeforeDamage] {
        let world = made.copy().with_checkpoints(&[10]);
        let accept = Accept { suffix: true, holes: true, undo: false };
        let only = RecoveryOptions { only: Some(way), accept, ..often() };
        let mut cancelled = 0;
        // Each call comes a bit farther.
        for turn in 1..4 {
            let control = Control::default();
            let replay = ReplayOptions { control: control.clone(), ..options().replay };
            let mut manager = world.manager(RecoveryOptions { replay, ..only.clone() });
            let watch = manager.watch();
            let mut told = 0;
            let recovered = manager.recover(&mut |_| {
                told += 1;
                if told == turn + 1 {
                    control.cancel();
                }
            });
            let Err(error) = &recovered else { break };
            assert!(matches!(error, Error::Stopped { .. } | Error::Cancelled), "{error}");
            assert_eq!(watch().0, RecoveryState::InProgress);
            stopped(recovered);
            cancelled += 1;
        }
        let recovery = whole(world.recover(only));
        assert_eq!((recovery.record.state_digest, recovery.record.way()), (digest, Some(way)));
        assert!(cancelled > 0 && recovery.record.resumed, "{way:?}");
        if recovery.record.spared_events > 10 {
            resumed_later += 1;
            assert!(taken_in(&recovery) < world.last_lsn() - 10, "{way:?}");
        }
        let left = vexfs_replay::storage::Folder::list(&world.records).unwrap();
        let left: Vec<_> = left.iter().filter(|name| !name.starts_with("recovery-")).collect();
        assert_eq!(left, Vec::<&String>::new(), "nothing is left of the work");
    }
    assert_eq!(resumed_later, 5, "each went on from what the cancelled ones had left");
}

#[test]
fn a_recovery_that_ran_out_of_time_goes_on_where_it_was() {
    let made = large();
    let digest = whole(made.copy().recover(options())).record.state_digest;
    for way in [Way::Full, Way::Partial] {
        let world = made.copy().with_checkpoints(&[10]);
        let (mut limit, mut farthest, mut calls) = (Duration::from_micros(50), 0, 0);
        let recovery = loop {
            calls += 1;
            let replay = ReplayOptions { time_limit: Some(limit), ..options().replay };
            let only = RecoveryOptions { only: Some(way), replay, ..often() };
            let recovered = world.recover(only);
            if recovered.is_ok() {
                break whole(recovered);
            }
            let watermark = stopped(recovered).unwrap_or(0);
            assert!(watermark == 0 || watermark >= farthest, "{watermark} after {farthest}");
            farthest = farthest.max(watermark);
            limit = limit.mul_f64(1.4);
        };
        println!(
            "{way:?}: {calls} calls, {farthest} before the last, {:?}",
            recovery.record.spared_events
        );
        assert!(recovery.record.resumed && recovery.record.spared_events >= farthest);
        assert_eq!(recovery.record.state_digest, digest);
    }
}
