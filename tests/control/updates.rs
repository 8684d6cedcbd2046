//! The stream of progress that an async program watches a replay by.

use std::sync::Arc;

use tokio_stream::StreamExt as _;
use vexfs_replay::event::{Body, Property};
use vexfs_replay::journal::{Durability, Journal, NewEvent, Writer, WriterOptions};
use vexfs_replay::replay::{Control, Progress, ReplayOptions, Running, start};
use vexfs_replay::storage::MemoryFolder;

const EVENTS: u64 = 12_000;

fn journal() -> Journal {
    let folder = MemoryFolder::default();
    let options = WriterOptions { durability: Durability::None, ..WriterOptions::default() };
    let writer = Writer::create(Arc::new(folder.clone()), options).unwrap();
    for number in 0..EVENTS {
        let property = Property { node: 1, name: &number.to_le_bytes(), value: &[7; 2_000] };
        writer.append(&NewEvent::new(number, Body::PropertySet(property))).unwrap();
    }
    writer.close().unwrap();
    Journal::open(Arc::new(folder)).unwrap()
}

/// All that the stream gives until it ends.
fn all_updates(running: &Running) -> Vec<Progress> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(running.updates().collect())
}

#[test]
fn the_updates_end_when_the_replay_does_and_the_last_one_has_all_events() {
    let control = Control::default();
    control.pause();
    let options = ReplayOptions { control: control.clone(), ..ReplayOptions::default() };
    let running = start(journal(), options).unwrap();
    let mut updates = running.updates();
    control.resume();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let told: Vec<Progress> = runtime.block_on(async {
        let mut told = Vec::new();
        while let Some(now) = updates.next().await {
            told.push(now);
        }
        told
    });
    assert!(told.windows(2).all(|pair| pair[0].events <= pair[1].events), "{told:?}");
    assert_eq!(told.last().map(|now| now.events), Some(EVENTS));
    assert_eq!(running.progress().events, EVENTS);
    running.wait().unwrap();
}

#[test]
fn the_updates_of_a_replay_that_is_cancelled_end_too() {
    let control = Control::default();
    control.pause();
    let options = ReplayOptions { control: control.clone(), ..ReplayOptions::default() };
    let running = start(journal(), options).unwrap();
    control.cancel();
    assert_eq!(all_updates(&running), Vec::new());
    assert!(running.wait().is_err());
}

#[test]
fn who_asks_for_updates_after_the_end_gets_the_last_one_and_is_not_kept_waiting() {
    let running = start(journal(), ReplayOptions::default()).unwrap();
    while !running.is_finished() {
        std::thread::yield_now();
    }
    let told = all_updates(&running);
    assert_eq!(told.iter().map(|now| now.events).collect::<Vec<_>>(), [EVENTS]);
}
