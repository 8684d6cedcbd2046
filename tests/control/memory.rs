//! A memory limit that several replays share.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::replay::{Control, ReplayOptions, Running, Shared, replay, start};

use crate::journals::{EPOCH_BYTES, Made, THREADS, alone, wait_for_rest, wait_until};

/// How much memory a replay of this journal takes on its own, as it counts, in bytes.
fn needed(made: &Made) -> u64 {
    let options = ReplayOptions { threads: THREADS, ..ReplayOptions::default() };
    replay(&made.open(), &options, &mut |_| {}).unwrap().1.memory_bytes_max
}

/// Starts a replay, and lets it stand still when it has most of its state.
fn standing(made: &Made, other: &Made, shared: &Arc<Shared>) -> Running {
    let (at, control) = (15 * EPOCH_BYTES, Control::default());
    let (journal, read) = made.pausing_at(at, &control);
    let running = start(journal, ReplayOptions { control, ..sharing(shared) }).unwrap();
    wait_until(|| *read.lock().unwrap() >= at || running.is_finished());
    wait_for_rest(&running, other);
    assert!(!running.is_finished(), "{:?}", running.wait().map(|_| ()));
    running
}

/// The first one stands still with most of its state; the second one finds no room. What both held is
/// given back, by the one that is cancelled and by the one that failed.
#[test]
fn what_replays_held_is_given_back_when_they_end() {
    let _alone = alone();
    let (made, other) = (Made::of(1, 20_000), Made::of(2, 500));
    let limit = Some(needed(&made) * 3 / 2);
    for _ in 0..3 {
        let shared = Arc::new(Shared::new(THREADS, limit).unwrap());
        let replayed = || replay(&made.open(), &sharing(&shared), &mut |_| {});
        let first = standing(&made, &other, &shared);
        let second = replayed().map(|_| ());
        assert!(matches!(second, Err(Error::MemoryLimit { .. })), "{second:?} beside the first");
        first.control().cancel();
        assert!(matches!(first.wait(), Err(Error::Cancelled)));
        assert_eq!(replayed().unwrap().0.digest(), made.digest);
    }
}

#[test]
fn one_that_was_there_first_finishes_although_another_one_was_refused() {
    let _alone = alone();
    let (made, other) = (Made::of(1, 20_000), Made::of(2, 500));
    let shared = Arc::new(Shared::new(THREADS, Some(needed(&made) * 3 / 2)).unwrap());
    for _ in 0..10 {
        let first = standing(&made, &other, &shared);
        let second = replay(&made.open(), &sharing(&shared), &mut |_| {});
        assert!(matches!(second, Err(Error::MemoryLimit { .. })));
        first.control().resume();
        assert_eq!(first.wait().unwrap().0.digest(), made.digest);
    }
}

/// How ten replays end that share so much memory, as a multiple of what one takes; and how many of
/// them finish.
fn end_of_ten(times: u64) -> (Vec<Made>, Arc<Shared>, usize) {
    let made: Vec<Made> = (0..10).map(|seed| Made::of(seed, 6_000)).collect();
    let limit = needed(&made[0]) * times;
    let shared = Arc::new(Shared::new(THREADS, Some(limit)).unwrap());
    let running = made.iter().map(|it| start(it.open(), sharing(&shared)).unwrap());
    let running: Vec<Running> = running.collect();
    let mut finished = 0;
    for (made, running) in made.iter().zip(running) {
        match running.wait() {
            Ok((state, _)) => {
                assert_eq!(state.digest(), made.digest);
                finished += 1;
            }
            Err(Error::MemoryLimit { limit: told, needed, .. }) => {
                assert!(told == limit && needed > limit, "{needed} of {limit}");
            }
            Err(error) => panic!("{error}"),
        }
    }
    println!("{finished} of ten finished");
    (made, shared, finished)
}

fn sharing(shared: &Arc<Shared>) -> ReplayOptions {
    ReplayOptions { shared: Some(Arc::clone(shared)), ..ReplayOptions::default() }
}

#[test]
fn of_ten_replays_each_finishes_or_says_that_there_is_not_enough_memory() {
    let _alone = alone();
    let (made, shared, finished) = end_of_ten(4);
    assert!((1..10).contains(&finished), "{finished} finished");
    let later = replay(&made[0].open(), &sharing(&shared), &mut |_| {});
    assert_eq!(later.unwrap().0.digest(), made[0].digest);
    let (_, _, finished) = end_of_ten(20);
    assert_eq!(finished, 10, "there was enough for all");
}
