//! Checkpoints that storage can't read: each costs itself and what builds on it, and is named.

use std::io;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::checkpoint::{Catalogue, CheckpointFault};
use vexfs_replay::recovery::{Accept, Places, RecoveryManager, RecoveryOptions, Way};

use crate::spy::{Call, SpiedFolder};
use crate::world::{World, files_of, options, whole};

/// A journal with three bases, whose names are told, oldest first.
fn three_bases() -> (World, Vec<String>) {
    let world = World::closed(7, 200);
    let names = world.add_bases(&[50, 100, 150]);
    (world, names)
}

/// What can't be read of a file.
#[derive(Clone, Copy, Debug)]
enum Part {
    All,
    /// What opening doesn't read.
    Middle,
}

/// A manager to which storage says this of one checkpoint.
fn failing(
    world: &World,
    (name, part, kind): (&str, Part, io::ErrorKind),
    options: RecoveryOptions,
) -> RecoveryManager {
    let name = name.to_owned();
    let checkpoints = SpiedFolder::judged(world.checkpoints.clone(), move |call| match call {
        Call::Read { name: read, offset, bytes } if *read == name => {
            // Who checks the seal reads all of it.
            let is_middle = *offset == 0 && *bytes > 1_000;
            match part {
                Part::Middle if !is_middle => Ok(()),
                _ => Err(kind.into()),
            }
        }
        _ => Ok(()),
    });
    let places = Places { checkpoints: Some(Arc::new(checkpoints)), ..world.places() };
    RecoveryManager::new(places, options)
}

#[test]
fn a_checkpoint_that_cannot_be_read_costs_itself_alone_and_is_named() {
    let (made, names) = three_bases();
    let digest = whole(made.copy().recover(options())).record.state_digest;
    for part in [Part::All, Part::Middle] {
        for kind in [io::ErrorKind::Other, io::ErrorKind::PermissionDenied] {
            let world = made.copy();
            let before = files_of(&world.checkpoints);
            let incremental = RecoveryOptions { only: Some(Way::Incremental), ..options() };
            let mut manager = failing(&world, (&names[2], part, kind), incremental);
            let recovery = whole(manager.recover(&mut |_| {}));
            let from = recovery.outcome.started_from.as_ref().unwrap();
            assert_eq!((from.watermark, recovery.record.state_digest), (100, digest), "{part:?}");
            let [unread] = &recovery.record.unread[..] else { panic!("{:?}", recovery.record) };
            assert_eq!(unread.checkpoint, names[2]);
            let said = io::Error::from(kind).to_string();
            assert!(unread.reason.contains(&said), "{}", unread.reason);
            let now = files_of(&world.checkpoints);
            assert!(before.iter().all(|(name, content)| now.get(name) == Some(content)));
        }
    }
}

/// A chain that can't be read at its first delta is used up to its base, and nothing is taken for broken.
#[test]
fn what_builds_on_a_checkpoint_that_cannot_be_read_is_done_without_and_stays() {
    let world = World::closed(7, 200).with_checkpoints(&[50, 100, 150]);
    let digest = whole(world.copy().recover(options())).record.state_digest;
    let before = files_of(&world.checkpoints);
    let names: Vec<String> = before.keys().cloned().collect();
    let io = (names[1].as_str(), Part::All, io::ErrorKind::Other);
    let manager = failing(&world, io, options());
    let survey = manager.survey().unwrap();
    assert_eq!(survey.usable().unwrap().watermark, 50);
    assert!(!survey.facts.bad_checkpoints);
    assert!(survey.failure.unwrap().contains("could not read"));
    let newest = survey.checkpoints[0].fault.clone().unwrap();
    assert!(matches!(newest, CheckpointFault::Unreadable { .. }), "{newest:?}");
    assert!(newest.to_string().contains(&names[1]), "{newest}");
    for only in [Way::Incremental, Way::Full] {
        let world = world.copy();
        let alone = RecoveryOptions { only: Some(only), ..options() };
        let recovery = whole(failing(&world, io, alone).recover(&mut |_| {}));
        assert_eq!(recovery.record.state_digest, digest);
        let unread: Vec<_> = recovery.record.unread.iter().map(|it| &it.checkpoint).collect();
        assert_eq!(unread, [&names[2], &names[1]]);
        let now = files_of(&world.checkpoints);
        let gone = before.iter().find(|(name, content)| now.get(*name) != Some(content));
        assert_eq!(
            gone.map(|it| (it.0.clone(), now.keys().cloned().collect::<Vec<_>>())),
            None,
            "{only:?}"
        );
        assert!(recovery.record.aside.is_empty());
    }
    // Nor is what it may build on pruned.
    let cleaned = failing(&world, io, options()).cleanup(1);
    if let Ok(cleaned) = cleaned {
        assert!(!cleaned.checkpoints.removed.contains(&names[0]), "{cleaned:?}");
    }
    let all = Catalogue::open(Arc::new(world.checkpoints.clone())).unwrap();
    assert!(all.entries.iter().all(|it| it.file.as_ref().is_ok_and(|it| all.chain(it).is_ok())));
}

/// That a checkpoint can't be read when it is needed is no reason to lose what it would have spared.
#[test]
fn a_checkpoint_that_cannot_be_loaded_leads_to_no_way_that_loses() {
    let world = World::closed(7, 200).with_checkpoints(&[150]);
    world.flip(1, 0);
    let name = files_of(&world.checkpoints).into_keys().next().unwrap();
    let accept = Accept { suffix: true, holes: true, undo: false };
    let options = RecoveryOptions { accept, ..options() };
    let mut manager = failing(&world, (&name, Part::Middle, io::ErrorKind::Other), options.clone());
    let refused = manager.recover(&mut |_| {});
    assert!(matches!(refused, Err(Error::Unrecovered { .. })), "{refused:?}");
    whole(world.recover(RecoveryOptions { only: Some(Way::Incremental), ..options }));
}
