//! Rollback recovery: back to a chosen checkpoint; what is undone is kept aside, and comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::recovery::{
    Accept, FailureType, LsnRange, Places, RecoveryManager, RecoveryOptions, RecoveryState, Way,
};
use vexfs_replay::replay::StopPoint;

use crate::crashing::Dice;
use crate::in_turn::InTurn;
use crate::small_journal::OPTIONS;
use crate::story::{STEP_NS, Story, Teller};
use crate::world::{ALL, World, files_of, options, whole, with_loss};

const SEEDS: u64 = if cfg!(debug_assertions) { 1 } else { 2 };

fn back_to(watermark: u64) -> RecoveryOptions {
    RecoveryOptions {
        only: Some(Way::Rollback),
        rollback_to: Some(watermark),
        accept: Accept { undo: true, ..Accept::default() },
        ..options()
    }
}

fn world() -> World {
    World::closed(13, 300).with_checkpoints(&[60, 130, 200])
}

/// The contents of what was put aside, without the record of that.
fn aside_of(world: &World) -> BTreeMap<String, Vec<u8>> {
    let files = files_of(&world.records).into_iter();
    let aside =
        files.filter(|(name, _)| name.starts_with("undone-") && !name.ends_with(".unfinished"));
    aside.collect()
}

#[test]
fn rollback_alone_goes_back_to_the_checkpoint_that_was_chosen() {
    let world = world();
    let (before, last) = (world.copy(), world.last_lsn());
    let digest = whole(world.copy().recover(options())).record.state_digest;
    let checkpoints = files_of(&world.checkpoints);
    let recovery = with_loss(world.recover(back_to(130)));
    let record = &recovery.record;
    assert_eq!((record.way(), record.last_lsn), (Some(Way::Rollback), 130));
    assert_eq!(record.state, RecoveryState::PartiallyCompleted);
    Story::check_state(&world.story.judge(130, &BTreeSet::new()), &recovery.state);
    assert_eq!(record.lost.undone, Some(LsnRange { first: 131, last: Some(last) }));
    let all = RecoveryOptions { accept: ALL, ..options() };
    before.check_others(&[Way::Rollback], record.state_digest, &all);

    // The journal is as it was; what came after is aside, byte by byte.
    assert_eq!(files_of(&world.journal), files_of(&before.journal));
    let aside = aside_of(&world);
    let names: BTreeSet<_> = aside.keys().cloned().collect();
    assert_eq!(names, record.aside.iter().cloned().collect());
    let undone =
        checkpoints.iter().filter(|(name, _)| !files_of(&world.checkpoints).contains_key(*name));
    let undone: Vec<_> = undone.collect();
    assert_eq!(undone.len(), 1, "the one of LSN 200");
    let cut = before
        .segments()
        .into_iter()
        .enumerate()
        .skip_while(|(number, _)| before.blocks(*number).last().unwrap().last_lsn() <= 130);
    let segments = cut.map(|(_, name)| (name.clone(), before.journal.get(&name).unwrap()));
    let expected: BTreeMap<String, Vec<u8>> = segments
        .chain(undone.iter().map(|(name, content)| ((*name).clone(), (*content).clone())))
        .map(|(name, content)| (format!("undone-{:020}-{name}", 130), content))
        .collect();
    assert_eq!(aside, expected);

    // It stays there, whoever recovers and however often, until it is redone.
    for _ in 0..2 {
        let again = with_loss(world.recover(options())).record;
        assert_eq!((again.last_lsn, again.state_digest), (130, record.state_digest));
        assert_eq!(again.lost, record.lost, "what is undone is told again");
    }
    let standing = world.manager(options()).rollback().unwrap().unwrap();
    assert_eq!((standing.watermark, standing.undone_last), (130, last));
    assert_eq!(world.manager(options()).redo().unwrap(), standing);
    let now = files_of(&world.checkpoints);
    assert!(checkpoints.iter().all(|it| now.get(it.0) == Some(it.1)), "all are back");
    assert_eq!(aside_of(&world), BTreeMap::new());
    let redone = whole(world.recover(options()));
    assert_eq!((redone.record.last_lsn, redone.record.state_digest), (last, digest));
    let nothing = world.manager(options()).redo();
    assert!(matches!(nothing, Err(Error::InconsistentRecovery { .. })), "{nothing:?}");
}

#[test]
fn a_failure_of_memory_rolls_back_where_that_is_allowed() {
    let world = world();
    let reported = Some(FailureType::MemoryCorruption);
    let undo = Accept { undo: true, ..Accept::default() };
    let options = RecoveryOptions { reported, accept: undo, ..options() };
    let recovery = with_loss(world.copy().recover(options.clone()));
    assert_eq!((recovery.record.way(), recovery.record.last_lsn), (Some(Way::Rollback), 200));
    let refused = RecoveryOptions { accept: Accept::default(), ..options };
    assert_eq!(whole(world.recover(refused)).record.way(), Some(Way::Full));
}

/// Wherever the stop is, what lies behind it isn't gone back to.
#[test]
fn a_rollback_goes_back_to_no_checkpoint_behind_the_stop() {
    let world = world();
    for stop in [StopPoint::Lsn(150), StopPoint::Time(150 * STEP_NS)] {
        let stopped = |mut options: RecoveryOptions| {
            options.replay.until = Some(stop);
            options
        };
        let newest = RecoveryOptions { rollback_to: None, ..back_to(0) };
        let recovery = with_loss(world.copy().recover(stopped(newest)));
        assert_eq!(recovery.record.last_lsn, 130, "{stop:?}");
        let refused = world.copy().recover(stopped(back_to(200)));
        let Err(Error::InvalidOption { reason, .. }) = refused else { panic!("{refused:?}") };
        assert!(reason.ends_with("usable are: 130, 60"), "{reason}");
    }
}

/// Whoever can write to the records must not reach what lies beside them: a redo removes what is aside.
#[test]
fn a_rollback_that_was_changed_to_lead_elsewhere_is_refused() {
    let world = world();
    with_loss(world.recover(back_to(130)));
    let text = String::from_utf8(files_of(&world.records)["rollback.json"].clone()).unwrap();
    let (checkpoint, segment) = ("checkpoint-00000000000000000200-delta.vxcp", "segment-");
    assert!(text.contains(checkpoint) && text.contains(segment), "{text}");
    let before = files_of(&world.checkpoints);
    for (from, to) in [
        ("\"undone-", "\"../journal/undone-"),
        ("\"undone-", "\""),
        (segment, "../journal/segment-"),
        (segment, "/segment-"),
        (checkpoint, "LOCK"),
        (checkpoint, "../checkpoint-00000000000000000200-delta.vxcp"),
    ] {
        world.records.put("rollback.json", text.replace(from, to).into_bytes());
        let records = files_of(&world.records);
        let mut manager = world.manager(options());
        let errors = [
            manager.rollback().unwrap_err(),
            manager.survey().unwrap_err(),
            manager.redo().unwrap_err(),
            manager.recover(&mut |_| {}).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, Error::InconsistentRecovery { .. }), "{to}: {error:?}");
        }
        assert_eq!((files_of(&world.records), &files_of(&world.checkpoints)), (records, &before));
    }
    world.records.put("rollback.json", text.into_bytes());
    world.manager(options()).redo().unwrap();
}

/// The numbers of a rollback are no more than claims, too.
#[test]
fn a_rollback_to_the_last_number_there_is_is_told_of() {
    let world = world();
    with_loss(world.recover(back_to(130)));
    let text = String::from_utf8(files_of(&world.records)["rollback.json"].clone()).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        let (watermark, last) = ("\"watermark\": ", "\"undone_last\": ");
        if line.contains(watermark) {
            *line = format!("{watermark}{},", u64::MAX);
        } else if line.contains(last) {
            *line = format!("{last}0,");
        }
    }
    world.records.put("rollback.json", lines.join("\n").into_bytes());
    let error = world.recover(options()).unwrap_err();
    assert!(matches!(error, Error::InconsistentRecovery { .. }), "{error:?}");
}

/// A rollback behind a rollback: one redo brings back what both undid.
#[test]
fn a_second_rollback_forgets_nothing_of_the_first() {
    let world = world();
    let (checkpoints, digest) =
        (files_of(&world.checkpoints), whole(world.copy().recover(options())).record.state_digest);
    for to in [130, 60] {
        assert_eq!(with_loss(world.recover(back_to(to))).record.last_lsn, to);
    }
    assert_eq!(with_loss(world.recover(options())).record.last_lsn, 60);
    let standing = world.manager(options()).redo().unwrap();
    assert_eq!(standing.undone_last, world.last_lsn());
    let now = files_of(&world.checkpoints);
    assert!(checkpoints.iter().all(|it| now.get(it.0) == Some(it.1)), "all are back");
    assert_eq!(aside_of(&world), BTreeMap::new());
    assert_eq!(whole(world.recover(options())).record.state_digest, digest);
}

/// A writer that doesn't know of the rollback goes on at the journal's end. Recovery refuses, since what is
/// new builds on what was undone; together they come back.
#[test]
fn what_is_written_after_a_rollback_comes_with_the_redo() {
    let journal = Default::default();
    let mut teller = Teller::new(&journal, OPTIONS, 17, 600);
    teller.steps(200);
    let teller = teller.dead();
    let mut world = World::of(journal.clone(), teller.story.clone()).with_checkpoints(&[60, 130]);
    let before = world.last_lsn();
    drop(with_loss(world.recover(back_to(130))));
    let mut teller = teller.reopen(&journal, OPTIONS);
    teller.steps(50);
    world.story = teller.close();
    // The plan says it, too, and recovery changes nothing.
    let files = [&world.checkpoints, &world.records].map(files_of);
    let manager = world.manager(options());
    let survey = manager.survey().unwrap();
    let foretold = manager.refusal(&survey, &manager.plan(&survey)).unwrap().unwrap();
    let refused = world.recover(options()).unwrap_err();
    assert!(matches!(refused, Error::InconsistentRecovery { .. }), "{refused:?}");
    assert_eq!(foretold.to_string(), refused.to_string());
    let told = [
        format!("LSN 131 to {before} were undone"),
        format!("LSN {} to {} were written since", before + 1, world.last_lsn()),
        "--redo".to_owned(),
    ];
    assert!(told.iter().all(|it| refused.to_string().contains(it)), "{refused}");
    assert_eq!([&world.checkpoints, &world.records].map(files_of), files);
    let standing = world.manager(options()).redo().unwrap();
    assert_eq!(standing.undone_last, before);
    let redone = whole(world.recover(options()));
    assert_eq!(redone.record.last_lsn, world.last_lsn());
    Story::check_state(&world.story.judge(world.last_lsn(), &BTreeSet::new()), &redone.state);
}

fn on(places: &InTurn, world: &World) -> Places {
    Places {
        journal: Arc::new(world.journal.clone()),
        checkpoints: Some(places.folder(0)),
        records: Some(places.folder(1)),
    }
}

fn left(world: &World, mut disks: Vec<vexfs_replay::storage::MemoryFolder>) -> World {
    let records = disks.pop().unwrap();
    let checkpoints = disks.pop().unwrap();
    World { checkpoints, records, ..world.clone() }
}

#[test]
fn a_crash_at_any_operation_of_a_rollback_or_a_redo_loses_nothing() {
    let world = world();
    let last = world.last_lsn();
    let digest = whole(world.copy().recover(options())).record.state_digest;
    let checkpoints = files_of(&world.checkpoints);
    let all_back = |world: &World| {
        let now = files_of(&world.checkpoints);
        checkpoints.iter().all(|it| now.get(it.0) == Some(it.1))
    };
    let undone = world.copy();
    let expected = with_loss(undone.recover(back_to(60))).record;
    let aside = aside_of(&undone);

    let places = InTurn::on(&[&world.checkpoints, &world.records]);
    let first =
        with_loss(RecoveryManager::new(on(&places, &world), back_to(60)).recover(&mut |_| {}));
    assert_eq!(first.record.state_digest, expected.state_digest);
    let mut dice = Dice(5);
    let (mut redone_early, mut finished) = (0, 0);
    let crashes = places.crash_everywhere(SEEDS, &mut dice, |done, fate, disks| {
        let told = format!("after {done} operations, {fate:?}");
        let world = left(&world, disks);
        // Someone may redo what was half undone ...
        if world.manager(options()).rollback().unwrap().is_some() {
            let world = world.copy();
            world.manager(options()).redo().unwrap();
            assert!(all_back(&world), "{told}");
            assert_eq!(whole(world.recover(options())).record.state_digest, digest, "{told}");
            redone_early += 1;
        }
        // ... or recover without a word of it: where it stands, that finishes it ...
        if world.manager(options()).rollback().unwrap().is_some() {
            let world = world.copy();
            let left = world.manager(options()).left_by_rollback().unwrap();
            let record = with_loss(world.recover(options())).record;
            assert_eq!((record.last_lsn, record.aside.len()), (60, left.len()), "{told}");
            assert_eq!(aside_of(&world), aside, "{told}");
            let now = files_of(&world.checkpoints);
            assert!(!left.iter().any(|name| now.contains_key(name)), "{told}");
            finished += usize::from(!left.is_empty());
        }
        // ... or undo it again.
        let again = with_loss(world.recover(back_to(60)));
        assert_eq!(again.record.state_digest, expected.state_digest, "{told}");
        assert_eq!(again.record.lost, expected.lost, "{told}");
        assert_eq!(aside_of(&world), aside, "{told}");
        world.manager(options()).redo().unwrap();
        assert!(all_back(&world), "{told}");
        assert_eq!(aside_of(&world), BTreeMap::new(), "{told}");
        let redone = whole(world.recover(options()));
        assert_eq!((redone.record.state_digest, redone.record.last_lsn), (digest, last), "{told}");
    });
    println!("{crashes} crashes of a rollback, {redone_early} of them redone at once");

    let places = InTurn::on(&[&undone.checkpoints, &undone.records]);
    RecoveryManager::new(on(&places, &undone), options()).redo().unwrap();
    let (mut stands, mut gone) = (0, 0);
    let crashes = places.crash_everywhere(SEEDS, &mut dice, |done, fate, disks| {
        let told = format!("after {done} operations of a redo, {fate:?}");
        let world = left(&undone, disks);
        match world.manager(options()).rollback().unwrap() {
            Some(_) => {
                stands += 1;
                let stays = with_loss(world.copy().recover(options()));
                assert_eq!(stays.record.last_lsn, 60, "{told}");
                world.manager(options()).redo().unwrap();
            }
            None => gone += 1,
        }
        assert!(all_back(&world), "{told}");
        assert_eq!(aside_of(&world), BTreeMap::new(), "{told}");
        assert_eq!(whole(world.recover(options())).record.state_digest, digest, "{told}");
    });
    println!("{crashes} crashes of a redo: {stands} still stand, {gone} don't");
    println!("{finished} rollbacks were finished");
    assert!(redone_early > 20 && finished > 5 && stands > 10 && gone > 0);
}
