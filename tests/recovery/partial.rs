//! Partial recovery: from the newest usable checkpoint to a point, or to the last intact event before
//! damage.

use std::collections::BTreeSet;

use vexfs_replay::Error;
use vexfs_replay::recovery::{Accept, LsnRange, RecoveryOptions, Strategy, Way};
use vexfs_replay::replay::{ReplayOptions, StopPoint};

use crate::small_journal::change;
use crate::story::{STEP_NS, Story, Teller};
use crate::world::{ALL, World, options, whole, with_loss};

fn until(stop: StopPoint) -> RecoveryOptions {
    let replay = ReplayOptions { until: Some(stop), ..options().replay };
    RecoveryOptions { only: Some(Way::Partial), replay, ..options() }
}

#[test]
fn partial_recovery_stops_at_an_lsn_a_time_and_a_transaction() {
    let journal = Default::default();
    let mut teller = Teller::new(&journal, crate::small_journal::OPTIONS, 5, 600);
    teller.steps(200);
    // The one that is asked for, with others open beside it.
    teller.begin();
    teller.steps(20);
    let mut ended = teller.end(true);
    let id = ended.unwrap();
    let end_lsn = teller.story.last_lsn();
    teller.steps(120);
    while ended.is_some() {
        ended = teller.end(true);
    }
    let world = World::of(journal, teller.close()).with_checkpoints(&[60, 150, 330]);
    let target = 212;
    let stops = [
        (StopPoint::Lsn(target), target),
        (StopPoint::Time(target * STEP_NS), target),
        (StopPoint::Time(target * STEP_NS + STEP_NS - 1), target),
        (StopPoint::Transaction(id), end_lsn),
    ];
    for (stop, lsn) in stops {
        let world = world.copy();
        let recovery = whole(world.recover(until(stop)));
        assert_eq!(recovery.record.way().map(Way::strategy), Some(Strategy::PartialRecovery));
        let expected = world.story.judge(lsn, &BTreeSet::new());
        Story::check_state(&expected, &recovery.state);
        assert_eq!(recovery.record.last_lsn, lsn, "{stop:?}");
        let from = recovery.outcome.started_from.as_ref().unwrap();
        assert_eq!(from.watermark, 150, "{stop:?}");
        let behind = LsnRange { first: lsn + 1, last: Some(world.last_lsn()) };
        assert_eq!(recovery.record.lost.behind_stop, Some(behind));

        // A full replay comes there, too, and reads more; what goes to the end goes too far.
        let full = RecoveryOptions { only: Some(Way::Full), ..until(stop) };
        let full = whole(world.copy().recover(full));
        assert_eq!(full.record.state_digest, recovery.record.state_digest);
        assert!(full.record.journal_bytes > recovery.record.journal_bytes);
        assert_eq!((full.record.spared_events, recovery.record.spared_events), (0, 150));
        let others = RecoveryOptions { accept: ALL, ..options() };
        let alike = [Way::Partial];
        let told = world.check_others(&alike, recovery.record.state_digest, &others);
        assert_eq!(told.len(), 6);
    }
}

/// Where the only checkpoint turns out to be broken when it is loaded, an incremental restore has
/// nothing to start from.
#[test]
fn partial_recovery_goes_on_where_an_incremental_restore_refuses() {
    let world = World::closed(6, 200).with_checkpoints(&[90]);
    let name = world.manager(options()).survey().unwrap().usable().unwrap().name.clone();
    change(&world.checkpoints, &name, |content| content[3_000] ^= 1);
    let stop = StopPoint::Lsn(100);
    let incremental = RecoveryOptions { only: Some(Way::Incremental), ..until(stop) };
    match world.copy().recover(incremental) {
        Err(Error::Unrecovered { last, .. }) => {
            assert!(matches!(*last, Error::NoCheckpoint { .. }), "{last}");
        }
        other => panic!("{other:?}"),
    }
    let recovery = whole(world.recover(until(stop)));
    assert_eq!(recovery.outcome.started_from, None);
    let expected = world.story.judge(100, &BTreeSet::new());
    Story::check_state(&expected, &recovery.state);
}

/// A checkpoint that lies behind what is asked for, said as an LSN or as a time, is as good as none.
#[test]
fn a_checkpoint_behind_the_stop_is_none() {
    let world = World::closed(6, 200).with_checkpoints(&[90]);
    for stop in [StopPoint::Lsn(40), StopPoint::Time(40 * STEP_NS)] {
        for way in [Way::Partial, Way::Incremental] {
            let refused = world.copy().recover(RecoveryOptions { only: Some(way), ..until(stop) });
            assert!(matches!(refused, Err(Error::NoWay { .. })), "{refused:?}");
        }
        let full = whole(world.copy().recover(RecoveryOptions { only: None, ..until(stop) }));
        assert_eq!((full.record.way(), full.record.last_lsn), (Some(Way::Full), 40));
    }
}

#[test]
fn the_newest_checkpoint_that_loads_is_started_from() {
    let world = World::closed(7, 200);
    let names = world.add_bases(&[50, 100, 150]);
    let partial = RecoveryOptions { only: Some(Way::Partial), ..options() };
    for (broken, expected) in [(2, Some(100)), (1, Some(50)), (0, None)] {
        change(&world.checkpoints, &names[broken], |content| content[3_000] ^= 1);
        let recovery = whole(world.copy().recover(partial.clone()));
        assert_eq!(recovery.outcome.started_from.as_ref().map(|it| it.watermark), expected);
        let judged = world.story.judge(world.last_lsn(), &BTreeSet::new());
        Story::check_state(&judged, &recovery.state);
        assert_eq!(recovery.outcome.passed_over.len(), 3 - broken);
    }
}

#[test]
fn partial_recovery_alone_keeps_all_up_to_the_last_intact_event_before_damage() {
    let mut counts = 0;
    for seed in 0..8 {
        let world = World::closed(seed, 300).with_checkpoints(&[60, 120]);
        let segment = world.segments().len() - 2;
        let blocks = world.blocks(segment);
        let damaged = world.flip(segment, blocks.len() / 2);
        let (lsn, last) = (damaged.header.first_lsn, world.last_lsn());
        assert!(lsn > 125, "behind the checkpoints");
        // Without leave to lose the rest, nothing is done; with it, no more is lost than must be.
        let refused = world.copy().recover(options());
        assert!(matches!(refused, Err(Error::Unrecovered { .. })), "{refused:?}");
        let suffix = Accept { suffix: true, ..Accept::default() };
        let before = world.copy();
        let recovery = with_loss(world.recover(RecoveryOptions { accept: suffix, ..options() }));
        let record = &recovery.record;
        assert_eq!(record.way(), Some(Way::BeforeDamage));
        assert_eq!(record.last_lsn, lsn - 1);
        // What came before refused, and left its cut before the damage behind.
        assert!(recovery.outcome.started_from.as_ref().unwrap().watermark >= 120);
        let alone = RecoveryOptions { only: Some(Way::BeforeDamage), accept: suffix, ..options() };
        let alone = with_loss(before.copy().recover(alone));
        assert_eq!(alone.outcome.started_from.unwrap().watermark, 120);
        assert_eq!(alone.record.state_digest, record.state_digest);
        assert_eq!(record.lost.after_damage, Some(LsnRange { first: lsn, last: Some(last) }));
        Story::check_state(&world.story.judge(lsn - 1, &BTreeSet::new()), &recovery.state);
        let all = RecoveryOptions { accept: ALL, ..options() };
        let told = before.check_others(&[Way::BeforeDamage], record.state_digest, &all);
        let refused = told.values().filter(|it| it.contains("nothing is recovered")).count();
        assert_eq!((told.len(), refused), (6, 4), "{told:?}");
        counts += 1;
    }
    assert_eq!(counts, 8);
}
