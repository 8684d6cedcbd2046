//! What a plan says of the way that it chooses holds for what recovery then does: how far it comes, what it
//! loses, and that it is refused, and why. Damage that only reading finds is what a plan can't know of.

use proptest::prelude::*;
use vexfs_replay::Error;
use vexfs_replay::journal::Head;
use vexfs_replay::recovery::{
    Accept, Agreement, Coordinator, Diagnosis, Estimate, Excluded, FailureType, LocalReport, Lost,
    LsnRange, Plan, Record, RecoveryManager, RecoveryOptions, Survey, Way,
};
use vexfs_replay::replay::{ReplayOptions, SeenAnchor, StopPoint};
use vexfs_replay::storage::Folder as _;

use crate::chains::{Blow, Inside, blow, reported, strike};
use crate::story::STEP_NS;
use crate::world::{ALL, World, files_of, options, whole, with_loss};

const CHECKPOINTS: [u64; 3] = [30, 90, 150];

/// A coordinator that has decided.
#[derive(Debug)]
struct Decided(Agreement);

impl Coordinator for Decided {
    fn agree(&mut self, _report: &LocalReport) -> Result<Agreement, Error> {
        Ok(self.0.clone())
    }

    fn decided(&self, _report: &LocalReport) -> Result<Option<Agreement>, Error> {
        Ok(Some(self.0.clone()))
    }
}

/// What is kept outside of the journal.
#[derive(Clone, Copy, Debug)]
enum Kept {
    Nothing,
    /// The digest of the block of an LSN.
    Right(u64),
    /// Another one.
    Wrong(u64),
}

/// What is asked for.
#[derive(Clone, Debug)]
struct Asked {
    stop: Option<Stop>,
    kept: Kept,
    only: Option<Way>,
    rollback_to: Option<u64>,
    agreed: Option<Agreement>,
    accept: Accept,
    reported: Option<FailureType>,
}

#[derive(Clone, Copy, Debug)]
enum Stop {
    Lsn(u64),
    Time(u64),
    /// One of the transactions, or none that there is.
    Transaction(usize),
}

fn asked() -> impl Strategy<Value = Asked> {
    let stop = prop_oneof![
        3 => Just(None),
        2 => (1..280_u64).prop_map(|lsn| Some(Stop::Lsn(lsn))),
        2 => (1..280_u64).prop_map(|lsn| Some(Stop::Time(lsn))),
        1 => (0..40_usize).prop_map(|which| Some(Stop::Transaction(which))),
    ];
    let kept = prop_oneof![
        5 => Just(Kept::Nothing),
        2 => (1..220_u64).prop_map(Kept::Right),
        1 => (1..320_u64).prop_map(Kept::Wrong),
    ];
    let only = prop_oneof![
        3 => Just((None, None)),
        2 => proptest::sample::select(Way::ALL.to_vec()).prop_map(|way| (Some(way), None)),
        2 => proptest::sample::select(vec![30_u64, 77, 90, 150])
            .prop_map(|to| (Some(Way::Rollback), Some(to))),
    ];
    let agreed = prop_oneof![
        5 => Just(None),
        1 => (1..300_u64, proptest::collection::vec(1..9_u64, 0..2))
            .prop_map(|(cut_lsn, in_doubt)| Some(Agreement { cut_lsn, in_doubt })),
    ];
    let accept = any::<(bool, bool, bool)>().prop_map(|(suffix, holes, undo)| Accept {
        suffix,
        holes,
        undo,
    });
    (stop, kept, only, agreed, accept, reported()).prop_map(
        |(stop, kept, (only, rollback_to), agreed, accept, reported)| Asked {
            stop,
            kept,
            only,
            rollback_to,
            agreed,
            accept,
            reported,
        },
    )
}

/// The head of the block that holds an LSN, as it was written.
fn head_at(world: &World, lsn: u64) -> Head {
    let lsn = lsn.min(world.last_lsn());
    let blocks = (0..world.segments().len()).flat_map(|segment| world.blocks(segment));
    let mut holding = blocks.filter(|it| it.header.first_lsn <= lsn && lsn <= it.last_lsn());
    Head { lsn, digest: holding.next().unwrap().header.digest }
}

fn options_for(asked: &Asked, world: &World) -> RecoveryOptions {
    let until = asked.stop.map(|stop| match stop {
        Stop::Lsn(lsn) => StopPoint::Lsn(lsn),
        Stop::Time(lsn) => StopPoint::Time(lsn * STEP_NS),
        Stop::Transaction(which) => {
            let ids = world.story.transactions();
            StopPoint::Transaction(ids.get(which).copied().unwrap_or(1_000_000))
        }
    });
    let anchor = match asked.kept {
        Kept::Nothing => None,
        Kept::Right(lsn) => Some(head_at(world, lsn)),
        Kept::Wrong(lsn) => Some(Head { lsn, digest: [7; 32] }),
    };
    let replay = ReplayOptions { until, anchor, ..options().replay };
    let Asked { only, rollback_to, accept, reported, .. } = asked.clone();
    RecoveryOptions { only, rollback_to, accept, reported, replay, ..options() }
}

/// Whether only reading finds it: the newest segment alone is looked at as a whole, and of checkpoints the
/// two ends.
fn is_hidden(blow: Blow, world: &World) -> bool {
    let segments = world.segments().len();
    match blow {
        Blow::Flip { segment, .. } => segment % segments + 1 != segments,
        Blow::Checkpoint { inside, .. } => !matches!(inside, Inside::Header),
        _ => false,
    }
}

fn manager_of(world: &World, asked: &Asked, options: RecoveryOptions) -> RecoveryManager {
    let manager = world.manager(options);
    match &asked.agreed {
        Some(agreed) => manager.with_coordinator(Box::new(Decided(agreed.clone()))),
        None => manager,
    }
}

/// What is lost, from its first to its last LSN. What is left out behind damage holds that.
fn all_lost(lost: &Lost) -> Option<LsnRange> {
    let left_out = lost.after_damage.iter().chain(&lost.undone).map(|it| (it.first, it.last));
    let mut all: Vec<_> = left_out.collect();
    if all.is_empty() {
        all.extend(lost.ranges.iter().map(|it| (it.first_lsn, it.last_lsn)));
    }
    let first = all.iter().map(|it| it.0).min()?;
    // None is no end.
    let last = all.iter().try_fold(0, |last, it| it.1.map(|it| it.max(last)));
    Some(LsnRange { first, last })
}

fn check_estimate(estimate: &Estimate, record: &Record) {
    let told = || format!("{estimate:?}\n{:?}", record.lost);
    assert_eq!(record.way(), Some(estimate.way));
    assert_eq!(record.path.len(), 1, "{:?}", record.path);
    if let Some(to) = estimate.keeps_to {
        assert_eq!(to, record.last_lsn, "{}", told());
    }
    // Where emergency recovery ends may be known by reading alone: then it loses that or less.
    if estimate.keeps_to.is_some() || record.lost.is_loss() || estimate.way != Way::Emergency {
        assert_eq!(estimate.loses.is_some(), record.lost.is_loss(), "{}", told());
    }
    let (Some(said), Some(lost)) = (estimate.loses, all_lost(&record.lost)) else { return };
    if estimate.way == Way::Emergency {
        // No more than was said.
        assert!(lost.first >= said.first, "{}", told());
        assert!(said.last.is_none_or(|it| lost.last.is_some_and(|last| last <= it)), "{}", told());
    } else {
        assert_eq!(said, lost, "{}", told());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 150 } else { 3_000 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_a_plan_says_of_the_chosen_way_holds(
        seed in 0..20_u64,
        is_closed in any::<bool>(),
        checkpoints in proptest::sample::subsequence(CHECKPOINTS.to_vec(), 0..=3),
        blows in proptest::collection::vec(blow(), 0..3),
        asked in asked(),
    ) {
        let world = if is_closed { World::closed(seed, 220) } else { World::open(seed, 220) };
        let world = world.with_checkpoints(&checkpoints);
        let options = options_for(&asked, &world);
        for &blow in &blows {
            if is_hidden(blow, &world) {
                return Ok(());
            }
            strike(&world, blow);
        }
        let mut manager = manager_of(&world, &asked, options);
        let survey = match manager.survey() {
            Ok(survey) => survey,
            Err(Error::NotAJournal { .. }) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        let (plan, estimates) = (manager.plan(&survey), manager.estimates(&survey).unwrap());
        let refusal = manager.refusal(&survey, &plan).unwrap();
        match (refusal, manager.recover(&mut |_| {})) {
            // Past damage only reading finds the transaction at which to stop, and the anchor.
            (None, Err(Error::NoSuchTransaction { .. })) if plan.ways[0] == Way::Emergency => {}
            (None, Err(Error::BelowAnchor { .. })) if plan.ways[0] == Way::Emergency => {
                prop_assert_eq!(survey.anchor, Some(SeenAnchor::Unknown));
            }
            (Some(said), Err(error)) => prop_assert_eq!(said.to_string(), error.to_string()),
            (None, Ok(recovered)) => {
                let chosen = estimates.iter().find(|it| it.way == plan.ways[0]).unwrap();
                check_estimate(chosen, &recovered.recovery().record);
            }
            (said, came) => prop_assert!(false, "{:?}\n{:?}\n{:?}", said, plan, came.map(|_| ())),
        }
    }
}

fn planned(world: &World, options: RecoveryOptions) -> (Survey, Plan, Vec<Estimate>) {
    let manager = world.manager(options);
    let survey = manager.survey().unwrap();
    let (plan, estimates) = (manager.plan(&survey), manager.estimates(&survey).unwrap());
    (survey, plan, estimates)
}

/// A later segment that is gone, foreign or headless is none of a replay's that stops before it.
#[test]
fn damage_behind_the_stop_makes_nothing_refuse() {
    let world = World::closed(4, 300).with_checkpoints(&[20]);
    let segment = world.segments().len() - 2;
    let first = world.blocks(segment)[0].header.first_lsn;
    world.journal.remove(&world.segments()[segment]).unwrap();
    for way in [Way::Full, Way::Partial, Way::Incremental] {
        let stopped = |lsn| {
            let replay = ReplayOptions { until: Some(StopPoint::Lsn(lsn)), ..options().replay };
            RecoveryOptions { only: Some(way), replay, ..options() }
        };
        let (survey, plan, _) = planned(&world, stopped(first - 1));
        assert_eq!(plan.diagnosis, Diagnosis::Failed(FailureType::DataCorruption));
        assert!(survey.facts.damage_is_behind && survey.facts.damage_is_covered);
        let record = whole(world.copy().recover(stopped(first - 1))).record;
        assert_eq!((record.way(), record.last_lsn), (Some(way), first - 1));
        let (_, plan, _) = planned(&world, stopped(first));
        assert!(plan.excluded.contains(&(way, Excluded::WouldRefuse)), "{plan:?}");
        let refused = world.copy().recover(stopped(first));
        assert!(matches!(refused, Err(Error::NoWay { .. })), "{refused:?}");
    }
}

#[test]
fn a_rollback_to_where_no_checkpoint_is_is_foretold_with_those_that_there_are() {
    let world = World::closed(13, 300).with_checkpoints(&[60, 130]);
    let back = RecoveryOptions {
        only: Some(Way::Rollback),
        rollback_to: Some(77),
        accept: Accept { undo: true, ..Accept::default() },
        ..options()
    };
    let (survey, plan, _) = planned(&world, back.clone());
    assert!(plan.ways.is_empty());
    assert!(plan.excluded.contains(&(Way::Rollback, Excluded::NoSuchCheckpoint)), "{plan:?}");
    let refusal = world.manager(back.clone()).refusal(&survey, &plan).unwrap().unwrap();
    assert!(refusal.to_string().ends_with("usable are: 130, 60"), "{refusal}");
    let refused = world.recover(back).unwrap_err();
    assert!(matches!(refused, Error::InvalidOption { .. }), "{refused}");
    assert_eq!(files_of(&world.records).len(), 0, "nothing was begun");
}

/// A time and a transaction are turned into an LSN when it is planned: what lies behind it is neither kept
/// nor started from.
#[test]
fn a_stop_before_the_newest_checkpoint_is_known_to_the_plan() {
    let world = World::closed(13, 300).with_checkpoints(&[60, 130, 200]);
    for stop in [StopPoint::Lsn(150), StopPoint::Time(150 * STEP_NS)] {
        let replay = ReplayOptions { until: Some(stop), ..options().replay };
        let options = RecoveryOptions { replay, accept: ALL, ..options() };
        let (survey, plan, estimates) = planned(&world, options.clone());
        assert_eq!((survey.until_lsn, survey.usable().unwrap().watermark), (150, 130));
        let of = |way| estimates.iter().find(|it| it.way == way).unwrap();
        assert_eq!(
            (of(Way::Incremental).keeps_to, of(Way::Rollback).keeps_to),
            (Some(150), Some(130))
        );
        let recovery = whole(world.copy().recover(options));
        assert_eq!(recovery.record.way(), plan.ways.first().copied());
        assert_eq!(recovery.outcome.started_from.unwrap().watermark, 130, "{stop:?}");
    }
}

/// A head that was kept outside and isn't the journal's refuses whatever may be lost.
#[test]
fn an_anchor_that_is_not_in_the_journal_is_foretold() {
    let world = World::closed(13, 300).with_checkpoints(&[60]);
    let last = world.last_lsn();
    let right = head_at(&world, 100);
    let cases = [
        (Head { lsn: 100, digest: [7; 32] }, Some("LSN 100 is in a block of digest")),
        (Head { lsn: last + 5, digest: [7; 32] }, Some("it ends at LSN")),
        (right, None),
    ];
    for (anchor, expected) in cases {
        let replay = ReplayOptions { anchor: Some(anchor), ..options().replay };
        let options = RecoveryOptions { replay, accept: ALL, ..options() };
        let (survey, plan, _) = planned(&world, options.clone());
        let refusal = world.manager(options.clone()).refusal(&survey, &plan).unwrap();
        let recovered = world.copy().recover(options);
        match (expected, refusal, recovered) {
            (None, None, Ok(_)) => assert_eq!(plan.diagnosis, Diagnosis::Healthy),
            (Some(expected), Some(refusal), Err(error)) => {
                assert!(refusal.to_string().contains(expected), "{refusal}");
                assert_eq!(refusal.to_string(), error.to_string());
                assert!(matches!(error, Error::BelowAnchor { .. }), "{error}");
                assert_ne!(plan.diagnosis, Diagnosis::Healthy);
            }
            other => panic!("{other:?}"),
        }
    }
    // A stop before it never comes to it, however right it is.
    let until = Some(StopPoint::Lsn(right.lsn - 50));
    let replay = ReplayOptions { anchor: Some(right), until, ..options().replay };
    let (_, plan, _) = planned(&world, RecoveryOptions { replay, ..options() });
    assert!(plan.ways.is_empty(), "{plan:?}");
}

/// While a rollback stands, every estimate ends where it does.
#[test]
fn a_rollback_that_stands_is_in_every_estimate() {
    let world = World::closed(13, 300).with_checkpoints(&[60, 130]);
    let undo = Accept { undo: true, ..Accept::default() };
    let back = RecoveryOptions {
        only: Some(Way::Rollback),
        rollback_to: Some(60),
        accept: undo,
        ..options()
    };
    drop(with_loss(world.recover(back)));
    let (_, plan, estimates) = planned(&world, options());
    let chosen = estimates.iter().find(|it| it.way == plan.ways[0]).unwrap();
    let record = with_loss(world.recover(options())).record;
    check_estimate(chosen, &record);
    assert_eq!(chosen.loses, Some(LsnRange { first: 61, last: Some(world.last_lsn()) }));
}
