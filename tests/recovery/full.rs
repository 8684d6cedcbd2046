//! Full replay: all checkpoints are bad, each in a way of its own; or one lies, and nothing shows that.

use std::sync::Arc;

use vexfs_replay::checkpoint::Catalogue;
use vexfs_replay::event::EventHeader;
use vexfs_replay::journal::Validation;
use vexfs_replay::recovery::{
    Accept, Checkpoint, Diagnosis, Excluded, FailureType, RecoveryOptions, Strategy, Way,
};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions};

use crate::small_journal::{Digest, change, rebuild};
use crate::world::{ALL, World, files_of, options, whole};

/// A world whose checkpoints stand each alone, as bases: what is done to one touches no other.
fn with_bases(lsns: &[u64]) -> World {
    let world = World::closed(1, 300);
    for &lsn in lsns {
        let alone = World { checkpoints: Default::default(), ..world.copy() };
        let name = alone.checkpoint(lsn, Validation::Cryptographic);
        world.checkpoints.put(&name, alone.checkpoints.get(&name).unwrap());
    }
    world
}

/// Every checkpoint bad: cut short, without its magic, with a wrong header, of another past, and one
/// whose base is gone.
fn with_bad_checkpoints() -> World {
    let world = with_bases(&[40, 80, 120]);
    let names: Vec<String> = files_of(&world.checkpoints).into_keys().collect();
    change(&world.checkpoints, &names[0], |content| content.truncate(100));
    change(&world.checkpoints, &names[1], |content| content[0] ^= 1);
    change(&world.checkpoints, &names[2], |content| content[50] ^= 1);
    // A journal of the same name that went on otherwise.
    let other = World::closed(2, 300);
    let name = other.checkpoint(160, Validation::Cryptographic);
    world.checkpoints.put(&name, other.checkpoints.get(&name).unwrap());
    let orphaned = World { checkpoints: Default::default(), ..world.copy() };
    let base = orphaned.checkpoint(180, Validation::Cryptographic);
    let delta = orphaned.checkpoint(200, Validation::Cryptographic);
    assert_ne!(base, delta);
    world.checkpoints.put(&delta, orphaned.checkpoints.get(&delta).unwrap());
    world
}

#[test]
fn full_replay_alone_does_without_any_checkpoint_and_keeps_the_bad_ones_aside() {
    let world = with_bad_checkpoints();
    let bad = files_of(&world.checkpoints);
    assert_eq!(bad.len(), 5);
    let survey = world.manager(options()).survey().unwrap();
    let mut faults: Vec<_> =
        survey.checkpoints.iter().map(|it| it.fault.clone().unwrap()).collect();
    faults.dedup_by_key(|fault| std::mem::discriminant(fault));
    assert_eq!(faults.len(), 5, "five kinds: {faults:?}");
    assert_eq!(survey.facts.checkpoint, Checkpoint::None);
    let plan = world.manager(options()).plan(&survey);
    assert_eq!(plan.diagnosis, Diagnosis::Failed(FailureType::CheckpointInconsistency));
    assert_eq!(plan.ways, [Way::Full]);
    for (way, why) in &plan.excluded {
        let allowed = [Excluded::NoCheckpoint, Excluded::NotAllowed, Excluded::NotForThis];
        assert!(allowed.contains(why), "{way:?} {why:?}");
    }
    let before = world.copy();
    let recovery = whole(world.recover(options()));
    assert_eq!(recovery.record.way().map(Way::strategy), Some(Strategy::FullReplay));
    crate::story::Story::check_state(
        &world.story.judge(world.last_lsn(), &Default::default()),
        &recovery.state,
    );
    before.check_others(&[Way::Full], recovery.record.state_digest, &options());

    // They are aside, byte by byte, and one good one is in their place.
    let records = files_of(&world.records);
    assert_eq!(recovery.record.aside.len(), bad.len(), "{:?}", recovery.record.aside);
    for (name, content) in &bad {
        let aside = recovery.record.aside.iter().find(|aside| aside.ends_with(name.as_str()));
        assert_eq!(&records[aside.unwrap()], content, "{name}");
    }
    let now: Vec<String> = files_of(&world.checkpoints).into_keys().collect();
    assert_eq!(now, [recovery.record.checkpoint.clone().unwrap()]);
    let survey = world.manager(options()).survey().unwrap();
    assert_eq!(survey.usable().map(|it| it.watermark), Some(world.last_lsn()));
    assert_eq!(world.manager(options()).plan(&survey).diagnosis, Diagnosis::Healthy);
    let again = whole(world.recover(options()));
    assert_eq!(again.record.state_digest, recovery.record.state_digest);
    assert_eq!(again.outcome.started_from.unwrap().watermark, world.last_lsn());
}

/// What only its seal shows to be broken, a survey takes for good; a full replay doesn't ask it.
#[test]
fn a_checkpoint_that_is_broken_inside_is_kept_aside_also_where_the_new_one_takes_its_name() {
    let world = with_bases(&[100]);
    let last = world.last_lsn();
    let alone = World { checkpoints: Default::default(), ..world.copy() };
    let name = alone.checkpoint(last, Validation::Cryptographic);
    let good = alone.checkpoints.get(&name).unwrap();
    world.checkpoints.put(&name, good.clone());
    change(&world.checkpoints, &name, |content| content[3_000] ^= 1);
    let broken = world.checkpoints.get(&name).unwrap();
    let survey = world.manager(options()).survey().unwrap();
    assert_eq!(survey.usable().map(|it| it.watermark), Some(last), "its ends are sound");
    let recovery = whole(world.recover(RecoveryOptions { only: Some(Way::Full), ..options() }));
    assert_eq!(recovery.record.checkpoint.as_ref(), Some(&name));
    let catalogue = Catalogue::open(Arc::new(world.checkpoints.clone())).unwrap();
    assert!(catalogue.load(catalogue.find(Some(last)).unwrap()).is_ok());
    let aside = &recovery.record.aside;
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert_eq!(files_of(&world.records)[&aside[0]], broken);
}

/// What went wrong in a writer's memory may be in a checkpoint whose every checksum is right.
#[test]
fn full_replay_alone_is_right_where_a_checkpoint_lies() {
    let world = World::closed(3, 300);
    let basic = ReplayOptions { validation: Validation::Basic, ..options().replay };
    let options = RecoveryOptions {
        replay: basic,
        reported: Some(FailureType::MemoryCorruption),
        accept: Accept { undo: false, ..ALL },
        ..options()
    };
    // The checkpoint is of a journal that differs in one value, and says that it doesn't.
    let other = World { checkpoints: world.checkpoints.clone(), ..world.copy() };
    let at = other.blocks(0)[0].clone();
    change(&other.journal, &other.segments()[0], |content| {
        rebuild(content, at.at, Digest::Left, |_, payload| {
            // The kind of the first node, which nothing changes later.
            payload[EventHeader::BYTES + size_of::<u64>()] ^= 1;
        });
    });
    other.checkpoint(200, Validation::Basic);
    let digest = world.digest_of(DamagePolicy::Strict, None);
    let before = world.copy();
    let recovery = whole(world.recover(options.clone()));
    assert_eq!(recovery.record.way(), Some(Way::Full));
    assert_eq!(recovery.record.state_digest, digest);
    let others = RecoveryOptions { accept: ALL, ..options };
    let told = before.check_others(&[Way::Full], digest, &others);
    assert_eq!(told.len(), 6);
    assert!(told["incremental restore"].starts_with("another state"), "{told:?}");
}
