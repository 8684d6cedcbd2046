//! Pause, resume, cancel and time limits, of one replay that runs by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, Control, ReplayOptions, StartedFrom, replay, start,
};
use vexfs_replay::storage::MemoryFolder;

use crate::journals::{EPOCH_BYTES, Made, THREADS, alone, wait_for_rest, wait_until};

fn options(control: &Control) -> ReplayOptions {
    ReplayOptions { control: control.clone(), threads: THREADS, ..ReplayOptions::default() }
}

#[test]
fn a_replay_that_is_paused_before_it_starts_reads_nothing_until_it_is_resumed() {
    let _alone = alone();
    let (made, other) = (Made::of(1, 8_000), Made::of(2, 4_000));
    let control = Control::default();
    let (journal, read) = made.pausing_at(u64::MAX, &control);
    control.pause();
    let running = start(journal, options(&control)).unwrap();
    wait_for_rest(&running, &other);
    assert!(!running.is_finished());
    assert_eq!((running.progress().events, *read.lock().unwrap()), (0, 0));
    running.control().resume();
    let (state, outcome) = running.wait().unwrap();
    assert_eq!((state.digest(), outcome.last_lsn), (made.digest, made.events));
}

#[test]
fn a_paused_replay_comes_no_farther_than_it_has_read_and_goes_on_from_there() {
    let _alone = alone();
    let (made, other) = (Made::of(1, 12_000), Made::of(2, 4_000));
    for at in [0, 3 * EPOCH_BYTES, 5 * EPOCH_BYTES] {
        let control = Control::default();
        let (journal, read) = made.pausing_at(at, &control);
        let running = start(journal, options(&control)).unwrap();
        wait_until(|| *read.lock().unwrap() >= at && running.progress().events > 0);
        wait_for_rest(&running, &other);
        let (there, furthest) = (running.progress(), *read.lock().unwrap());
        assert!(!running.is_finished() && there.events < made.events, "{there:?}");
        // The epoch at hand is read to its end, and no other is begun.
        assert!(furthest < at + EPOCH_BYTES && there.bytes <= at + EPOCH_BYTES, "{there:?}");
        wait_for_rest(&running, &other);
        assert_eq!((running.progress().events, *read.lock().unwrap()), (there.events, furthest));
        control.resume();
        let (state, outcome) = running.wait().unwrap();
        assert_eq!((state.digest(), outcome.last_lsn), (made.digest, made.events), "{at}");
    }
}

#[test]
fn a_cancel_ends_a_paused_replay() {
    let _alone = alone();
    let (made, other) = (Made::of(1, 8_000), Made::of(2, 1_000));
    for at in [0, 2 * EPOCH_BYTES] {
        let control = Control::default();
        let (journal, read) = made.pausing_at(at, &control);
        let running = start(journal, options(&control)).unwrap();
        wait_until(|| *read.lock().unwrap() >= at && running.progress().events > 0);
        wait_for_rest(&running, &other);
        control.cancel();
        let result = running.wait();
        assert!(control.is_cancelled() && matches!(result, Err(Error::Cancelled)), "{result:?}");
    }
}

#[test]
fn a_flag_from_outside_ends_a_paused_replay() {
    let _alone = alone();
    let made = Made::of(1, 8_000);
    let flag = Arc::new(AtomicBool::new(false));
    let control = Control::with_flag(Arc::clone(&flag));
    let (journal, _) = made.pausing_at(EPOCH_BYTES, &control);
    let running = start(journal, options(&control)).unwrap();
    wait_until(|| running.progress().events > 0);
    flag.store(true, Ordering::Relaxed);
    let result = running.wait();
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
}

#[test]
fn a_time_limit_ends_a_paused_replay() {
    let _alone = alone();
    let made = Made::of(1, 8_000);
    let limit = Duration::from_millis(200);
    for at in [0, EPOCH_BYTES] {
        let control = Control::default();
        let (journal, _) = made.pausing_at(at, &control);
        let time_limit = Some(limit);
        let running = start(journal, ReplayOptions { time_limit, ..options(&control) }).unwrap();
        let result = running.wait();
        let Err(Error::TimedOut { limit: told }) = result else { panic!("{result:?}") };
        assert_eq!(told, limit);
    }
}

#[test]
fn a_time_limit_that_is_long_enough_ends_nothing() {
    let made = Made::of(1, 2_000);
    let time_limit = Some(Duration::MAX);
    let options = ReplayOptions { time_limit, ..ReplayOptions::default() };
    assert_eq!(replay(&made.open(), &options, &mut |_| {}).unwrap().0.digest(), made.digest);
}

#[test]
fn a_replay_with_checkpoints_that_is_cancelled_says_so_and_the_next_one_goes_on() {
    let _alone = alone();
    let (made, other) = (Made::of(1, 12_000), Made::of(2, 1_000));
    let folder = Arc::new(MemoryFolder::default());
    let policy = Some(CheckpointPolicy::default());
    let start_from = CheckpointStart::Newest;
    let checkpoints = Some(Checkpoints { folder: folder.clone(), start: start_from, policy });
    let mut watermarks = vec![0];
    for at in [2 * EPOCH_BYTES, 6 * EPOCH_BYTES] {
        let control = Control::default();
        let (journal, read) = made.pausing_at(at, &control);
        let checkpoints = checkpoints.clone();
        let with_checkpoints = ReplayOptions { checkpoints, ..options(&control) };
        let running = start(journal, with_checkpoints).unwrap();
        wait_until(|| *read.lock().unwrap() >= at);
        wait_for_rest(&running, &other);
        control.cancel();
        let result = running.wait();
        let Err(Error::Stopped { why, watermark }) = result else { panic!("{result:?}") };
        assert!(matches!(*why, Error::Cancelled), "{why}");
        assert!(watermark > watermarks[watermarks.len() - 1] && watermark < made.events);
        watermarks.push(watermark);
    }
    let options = ReplayOptions { checkpoints, ..ReplayOptions::default() };
    let (state, outcome) = replay(&made.open(), &options, &mut |_| {}).unwrap();
    let Some(StartedFrom { watermark, events, .. }) = outcome.started_from else { panic!() };
    assert_eq!((watermark, events), (watermarks[2], watermarks[2]));
    assert_eq!((state.digest(), outcome.last_lsn), (made.digest, made.events));
}
