//! Ten at once in one process: each comes to its own end, is watched and steered by its name.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::coordination::{
    End, FileRecord, Life as Lived, Patience, Policy, Ruling, Service, Setup, State, SystemClock,
    Times,
};

use crate::cuts::{assert_at, assert_consistent, cut_of};
use crate::direct::Direct;
use crate::limited::Life;
use crate::world::{World, accepting, terms};

fn setup(world: &World, policy: Policy) -> Setup {
    let life = Life::of(1_000_000);
    Setup {
        terms: terms(policy),
        times: Times { again_ms: 0, ..Times::default() },
        patience: Patience::Wait,
        record: Box::new(FileRecord::new(life.folder(world.decisions.clone()))),
        transport: Box::new(Direct::new(world.participants(&life))),
        clock: Arc::new(SystemClock::default()),
    }
}

#[test]
fn ten_at_once_come_to_their_ends() {
    let service = Service::default();
    let worlds: Vec<World> = (0..10)
        .map(|number| {
            let world = World::new(8);
            World::cut_off(&world.graph, world.ends[number % 7][1]);
            world
        })
        .collect();
    for (number, world) in worlds.iter().enumerate() {
        service.start(&number.to_string(), setup(world, accepting())).unwrap();
    }
    for (number, world) in worlds.iter().enumerate() {
        let last = [world.ends.last().unwrap()[0], world.ends[number % 7][1]];
        let cut = cut_of(world, last);
        assert_consistent(&service.wait(&number.to_string()).unwrap(), &cut);
        assert_at(world, &cut);
        let snapshot = service.snapshot(&number.to_string()).unwrap().unwrap();
        assert_eq!(snapshot.state, State::Ended);
    }
    let figures = service.statistics();
    assert_eq!((figures.begun, figures.consistent, figures.running), (10, 10, 0));
}

#[test]
fn what_waits_is_listed_and_ruled_about_and_what_isnt_there_is_named() {
    let service = Service::default();
    let world = World::new(8);
    World::cut_off(&world.graph, world.ends[4][1]);
    service.start("one", setup(&world, Policy::default())).unwrap();
    let waits = || {
        let snapshot = service.snapshot("one").unwrap()?;
        Some(snapshot.waiting().next()?.key.clone())
    };
    let key = loop {
        if let Some(key) = waits() {
            break key;
        }
        std::thread::yield_now();
    };
    let [from, to] = [world.ends[7][0], world.ends[5][0] - 1];
    assert_eq!(key, format!("ahead:files:files:{from}:{to}"));
    let refused = service.rule("one", &key, Ruling::Commit).unwrap_err();
    assert!(matches!(refused, Error::InvalidOption { .. }), "{refused}");
    let refused = service.rule("one", "nothing", Ruling::Rollback).unwrap_err();
    assert!(matches!(refused, Error::ConflictNotFound { .. }), "{refused}");
    let refused = service.rule("two", &key, Ruling::Rollback).unwrap_err();
    assert!(matches!(refused, Error::CoordinationNotFound { .. }), "{refused}");
    service.rule("one", &key, Ruling::Rollback).unwrap();
    let cut = cut_of(&world, [world.ends.last().unwrap()[0], world.ends[4][1]]);
    assert_consistent(&service.wait("one").unwrap(), &cut);
    assert_at(&world, &cut);
}

#[test]
fn one_that_waits_can_be_cancelled_and_leaves_everything_as_it_was() {
    let service = Service::default();
    let world = World::new(8);
    World::cut_off(&world.graph, world.ends[4][1]);
    let before = world.content();
    service.start("one", setup(&world, Policy::default())).unwrap();
    service.cancel("one").unwrap();
    let ended = service.wait("one").unwrap();
    assert!(matches!(ended, Lived::Ended(End::Refused { .. })), "{ended:?}");
    assert_eq!(world.content(), before);
}
