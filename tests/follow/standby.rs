//! A standby that follows a writer: one that lives, one that dies, and one that comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::event::{Body, Property};
use vexfs_replay::journal::{Durability, EndKind, Journal, NewEvent, Writer, WriterOptions};
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, FollowOptions, Following, ReplayOptions, StopPoint, follow,
    replay, replay_serially,
};
use vexfs_replay::storage::{Folder, MemoryFolder};

/// How long a test waits for what must come; far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(120);

fn options() -> WriterOptions {
    WriterOptions {
        block_bytes: 4096,
        segment_bytes: 64 * 1024,
        durability: Durability::DataAndMetadata,
        ..WriterOptions::default()
    }
}

fn event(number: u64) -> NewEvent<'static> {
    let (node, name, value) = (number % 97, &b"name"[..], &b"a value of some length"[..]);
    NewEvent::new(number, Body::PropertySet(Property { node, name, value }))
}

/// Appends a transaction and an event outside of one, and waits until they are durable.
fn append(writer: &Writer, number: u64) {
    let mut transaction = writer.begin(number, 0).unwrap();
    for member in 0..number % 5 {
        transaction.append(&event(number + member)).unwrap();
    }
    if number.is_multiple_of(7) {
        transaction.abort(number).unwrap();
    } else {
        transaction.commit(number).unwrap();
    }
    writer.append(&event(number)).unwrap();
    writer.commit().unwrap();
}

fn follow_options() -> FollowOptions {
    let replay = ReplayOptions { time_limit: Some(PATIENCE), ..ReplayOptions::default() };
    FollowOptions { replay, look_again: Duration::from_millis(1) }
}

fn check_sane(now: &Following, before: &Following) {
    assert!(now.applied_lsn >= before.applied_lsn, "{before:?} then {now:?}");
    assert!(now.applied_lsn <= now.durable_lsn, "{now:?}");
    assert!(now.durable_lsn <= now.newest_lsn, "{now:?}");
    assert_eq!(now.lag_events, now.newest_lsn - now.applied_lsn, "{now:?}");
}

/// The state that the journal leads to, by the definition.
fn expected_digest(folder: &MemoryFolder) -> [u8; 32] {
    let journal = Journal::open(Arc::new(folder.clone())).unwrap();
    replay_serially(&journal, &ReplayOptions::default()).unwrap().0.digest()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "who follows needs somebody to follow")]
fn a_follower_applies_what_is_durable_and_ends_at_the_seal() {
    const ROUNDS: u64 = 2_000;
    let memory = MemoryFolder::default();
    let folder: Arc<dyn Folder> = Arc::new(memory.clone());
    let writer = Writer::create(Arc::clone(&folder), options()).unwrap();
    let applied = AtomicU64::new(0);
    let mut turns = 0;
    let (state, outcome) = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..ROUNDS {
                append(&writer, number);
                // In the middle it waits for the follower, so that it is followed and not caught up
                // with at the end.
                while number == ROUNDS / 2 && applied.load(Ordering::Relaxed) == 0 {
                    thread::yield_now();
                }
            }
            writer.close().unwrap();
        });
        let mut before = Following::default();
        follow(&folder, &follow_options(), &mut |now| {
            check_sane(now, &before);
            turns += u64::from(now.applied_lsn > before.applied_lsn);
            before = *now;
            applied.store(now.applied_lsn, Ordering::Relaxed);
        })
        .unwrap()
    });
    println!("{turns} turns for {} events", outcome.last_lsn);
    assert!(turns >= 2, "{turns} turns");
    assert_eq!(outcome.findings.end.kind, EndKind::Sealed);
    assert_eq!(state.digest(), expected_digest(&memory));
    let journal = Journal::open(folder).unwrap();
    let (_, direct) = replay(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap();
    let (followed, direct) = (outcome.findings, direct.findings);
    assert_eq!(followed.tally, direct.tally);
    assert_eq!(followed.transactions, direct.transactions);
    assert_eq!((followed.blocks, followed.bytes), (direct.blocks, direct.bytes));
}

/// A writer that dies leaves transactions open and no seal; the next one goes on in a new segment.
#[test]
#[expect(clippy::disallowed_methods, reason = "who follows needs somebody to follow")]
fn a_follower_outlives_the_writer() {
    let memory = MemoryFolder::default();
    let folder: Arc<dyn Folder> = Arc::new(memory.clone());
    let first = Writer::create(Arc::clone(&folder), options()).unwrap();
    let applied = AtomicU64::new(0);
    let (state, outcome) = thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = first;
            for life in 0..5 {
                for number in 0..200 {
                    append(&writer, life * 1_000 + number);
                }
                let mut unfinished = writer.begin(life, 0).unwrap();
                unfinished.append(&event(life)).unwrap();
                writer.commit().unwrap();
                drop(unfinished);
                drop(writer);
                writer = Writer::open(Arc::clone(&folder), options()).unwrap();
                // The new segment proves durable what lies before it.
                let last = writer.append(&event(life)).unwrap().lsn - 1;
                while applied.load(Ordering::Relaxed) < last {
                    writer.commit().unwrap();
                    thread::yield_now();
                }
            }
            writer.close().unwrap();
        });
        let told = &mut |now: &Following| applied.store(now.applied_lsn, Ordering::Relaxed);
        follow(&folder, &follow_options(), told).unwrap()
    });
    assert_eq!(outcome.findings.transactions.discarded.count, 5);
    assert_eq!(state.digest(), expected_digest(&memory));
}

#[test]
fn a_follower_that_is_cancelled_leaves_a_checkpoint_and_the_next_one_goes_on_from_it() {
    let memory = MemoryFolder::default();
    let folder: Arc<dyn Folder> = Arc::new(memory.clone());
    let writer = Writer::create(Arc::clone(&folder), options()).unwrap();
    (0..300).for_each(|number| append(&writer, number));
    let checkpoints = Some(Checkpoints {
        folder: Arc::new(MemoryFolder::default()),
        start: CheckpointStart::Newest,
        policy: Some(CheckpointPolicy::default()),
    });
    let options = || {
        let FollowOptions { replay, look_again } = follow_options();
        let replay = ReplayOptions { checkpoints: checkpoints.clone(), ..replay };
        FollowOptions { replay, look_again }
    };
    let watermarks = [(); 2].map(|()| {
        let cancelled = options();
        let control = cancelled.replay.control.clone();
        let result = follow(&folder, &cancelled, &mut |now| {
            if now.applied_lsn > 0 && now.applied_lsn == now.durable_lsn {
                control.cancel();
            }
        });
        let Err(Error::Stopped { watermark, .. }) = result else { panic!("{result:?}") };
        (300..400).for_each(|number| append(&writer, number));
        watermark
    });
    assert!(0 < watermarks[0] && watermarks[0] < watermarks[1], "{watermarks:?}");
    writer.close().unwrap();
    let (state, outcome) = follow(&folder, &options(), &mut |_| {}).unwrap();
    assert_eq!(outcome.started_from.unwrap().watermark, watermarks[1]);
    assert_eq!(state.digest(), expected_digest(&memory));
}

/// The transaction that it is to end with is not there yet when it starts.
#[test]
fn a_follower_waits_for_the_transaction_that_it_is_to_end_with() {
    let memory = MemoryFolder::default();
    let folder: Arc<dyn Folder> = Arc::new(memory.clone());
    let writer = Writer::create(Arc::clone(&folder), options()).unwrap();
    (0..100).for_each(|number| append(&writer, number));
    let mut options = follow_options();
    let mut later = None;
    // The id of a transaction is the LSN of its begin record.
    let begin = writer.append(&event(1)).unwrap().lsn + 1;
    writer.commit().unwrap();
    options.replay.until = Some(StopPoint::Transaction(begin));
    let (state, outcome) = follow(&folder, &options, &mut |now| {
        if now.applied_lsn == now.durable_lsn && later.is_none() {
            (0..50).for_each(|number| append(&writer, number));
            later = Some(now.applied_lsn);
        }
    })
    .unwrap();
    assert!(outcome.last_lsn > later.unwrap());
    let journal = Journal::open(Arc::clone(&folder)).unwrap();
    let (serial, direct) = replay_serially(&journal, &options.replay).unwrap();
    assert_eq!((outcome.last_lsn, state.digest()), (direct.last_lsn, serial.digest()));
}

#[test]
fn a_follower_ends_where_it_is_told_to() {
    let memory = MemoryFolder::default();
    let folder: Arc<dyn Folder> = Arc::new(memory.clone());
    let writer = Writer::create(Arc::clone(&folder), options()).unwrap();
    (0..300).for_each(|number| append(&writer, number));
    let mut options = follow_options();
    options.replay.until = Some(StopPoint::Lsn(500));
    let (state, outcome) = follow(&folder, &options, &mut |_| {}).unwrap();
    assert_eq!((outcome.findings.end.kind, outcome.last_lsn), (EndKind::Until, 500));
    let journal = Journal::open(Arc::clone(&folder)).unwrap();
    let (serial, _) = replay_serially(&journal, &options.replay).unwrap();
    assert_eq!(state.digest(), serial.digest());
}
