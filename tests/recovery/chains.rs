//! Fallback chains over random damage and policies: no way that loses what may not be lost is ever
//! tried, what is tried is what was planned, and what is told to be whole is.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vexfs_replay::Error;
use vexfs_replay::recovery::{
    Accept, FailureType, Plan, Record, RecoveryOptions, RecoveryState, Tried, Way,
};
use vexfs_replay::storage::Folder as _;

use crate::small_journal::change;
use crate::story::Story;
use crate::world::{World, files_of, options};

/// Something that happens to a journal or its checkpoints.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Blow {
    Flip {
        segment: usize,
        block: usize,
    },
    /// The newest segment ends in the middle of its last block.
    Tear,
    /// The newest segment ends before its last block.
    CutOff,
    Missing {
        segment: usize,
    },
    Headless {
        segment: usize,
    },
    Checkpoint {
        which: usize,
        inside: Inside,
    },
    CheckpointGone {
        which: usize,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Inside {
    Header,
    Sections,
    End,
}

pub(crate) fn blow() -> impl Strategy<Value = Blow> {
    let inside = prop_oneof![Just(Inside::Header), Just(Inside::Sections), Just(Inside::End)];
    prop_oneof![
        3 => (0..9_usize, 0..9_usize).prop_map(|(segment, block)| Blow::Flip { segment, block }),
        1 => Just(Blow::Tear),
        1 => Just(Blow::CutOff),
        1 => (0..9_usize).prop_map(|segment| Blow::Missing { segment }),
        1 => (0..9_usize).prop_map(|segment| Blow::Headless { segment }),
        2 => (0..3_usize, inside).prop_map(|(which, inside)| Blow::Checkpoint { which, inside }),
        1 => (0..3_usize).prop_map(|which| Blow::CheckpointGone { which }),
    ]
}

/// Lets it happen; tells whether the journal's end may be gone without a trace.
pub(crate) fn strike(world: &World, blow: Blow) -> bool {
    let segments = world.segments();
    let newest = segments.last().unwrap();
    let pick = |segment: usize| &segments[segment % segments.len()];
    match blow {
        Blow::Flip { segment, block } => {
            let segment = segment % segments.len();
            if world.journal.get(pick(segment)).unwrap().len() > 8192
                && !is_headless(world, segment)
            {
                let blocks = world.blocks(segment).len();
                if blocks > 0 {
                    world.flip(segment, block % blocks);
                }
            }
            // Damage at the very end of a journal that wasn't closed looks like a torn write.
            segment + 1 == segments.len()
        }
        Blow::Tear => {
            change(&world.journal, newest, |content| {
                content.truncate(content.len().saturating_sub(600).max(4096));
            });
            true
        }
        Blow::CutOff => {
            if is_headless(world, segments.len() - 1) {
                return true;
            }
            let last = world.blocks(segments.len() - 1).pop().map_or(4096, |block| block.at);
            change(&world.journal, newest, |content| content.truncate(last));
            true
        }
        Blow::Missing { segment } => {
            if segments.len() > 1 {
                world.journal.remove(pick(segment)).unwrap();
            }
            segment % segments.len() + 1 == segments.len()
        }
        Blow::Headless { segment } => {
            change(&world.journal, pick(segment), |content| content[..64].fill(0xAA));
            segment % segments.len() + 1 == segments.len()
        }
        Blow::Checkpoint { which, inside } => {
            let names: Vec<String> = files_of(&world.checkpoints).into_keys().collect();
            if let Some(name) = names.get(which) {
                change(&world.checkpoints, name, |content| {
                    let at = match inside {
                        Inside::Header => 20,
                        Inside::Sections => content.len() / 2,
                        Inside::End => content.len() - 30,
                    };
                    content[at] ^= 1;
                });
            }
            false
        }
        Blow::CheckpointGone { which } => {
            let names: Vec<String> = files_of(&world.checkpoints).into_keys().collect();
            names.get(which).into_iter().for_each(|name| world.checkpoints.remove(name).unwrap());
            false
        }
    }
}

fn is_headless(world: &World, segment: usize) -> bool {
    world.journal.get(&world.segments()[segment]).unwrap().starts_with(&[0xAA; 64])
}

/// What was tried is what was planned, in that order, and all but the last failed.
fn check_path(plan: &Plan, path: &[Tried], accept: Accept, succeeded: bool) {
    let ways: Vec<Way> = path.iter().map(|it| it.way).collect();
    assert_eq!(ways, plan.ways[..ways.len()]);
    for way in &plan.ways {
        let allowed = match way {
            Way::BeforeDamage => accept.suffix,
            Way::Emergency => accept.holes,
            Way::Rollback => accept.undo,
            Way::Full | Way::Partial | Way::Incremental | Way::Coordinated => true,
        };
        assert!(allowed, "{way:?} under {accept:?}");
    }
    let failed = path.iter().filter(|it| it.failed.is_some()).count();
    assert_eq!(failed, path.len() - usize::from(succeeded));
}

fn check_record(
    world: &World,
    record: &Record,
    state: &vexfs_replay::state::MemoryState,
    may_end_early: bool,
) {
    let way = record.way().unwrap();
    let is_loss = record.lost.is_loss();
    assert_eq!(is_loss, record.state == RecoveryState::PartiallyCompleted);
    if !is_loss || way == Way::BeforeDamage || way == Way::Rollback {
        let judged = world.story.judge(record.last_lsn, &BTreeSet::new());
        Story::check_state(&judged, state);
        assert_eq!(judged.contradicting.len(), 0, "a story contradicts itself nowhere");
    }
    if !is_loss && !may_end_early {
        assert_eq!(record.last_lsn, world.last_lsn(), "whole, and not all: {record:?}");
    }
    if way == Way::Emergency && is_loss {
        // A header page holds no events; the blocks behind it tell where they stand.
        let ranges = record.lost.ranges.iter().filter(|it| (it.offset, it.end) != (0, 4096));
        let lost: Option<Vec<_>> =
            ranges.map(|it| it.last_lsn.map(|last| it.first_lsn..=last)).collect();
        // Where nothing tells how far a hole goes, neither does this.
        let Some(lost) = lost else { return };
        let judged = world.story.judge(record.last_lsn, &lost.into_iter().flatten().collect());
        Story::check_state(&judged, state);
    }
}

pub(crate) fn reported() -> impl Strategy<Value = Option<FailureType>> {
    prop_oneof![
        4 => Just(None),
        1 => proptest::sample::select(FailureType::ALL.to_vec()).prop_map(Some),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 100 } else { 1_500 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_way_that_loses_is_tried_where_that_is_not_allowed_and_whole_means_whole(
        seed in 0..20_u64,
        is_closed in any::<bool>(),
        checkpoints in proptest::sample::subsequence(vec![30_u64, 90, 150], 0..=3),
        blows in proptest::collection::vec(blow(), 0..4),
        (suffix, holes, undo) in any::<(bool, bool, bool)>(),
        reported in reported(),
    ) {
        let world = if is_closed { World::closed(seed, 220) } else { World::open(seed, 220) };
        let world = world.with_checkpoints(&checkpoints);
        let may_end_early = blows.iter().filter(|&&blow| strike(&world, blow)).count() > 0;
        let journal = files_of(&world.journal);
        let accept = Accept { suffix, holes, undo };
        let options = RecoveryOptions { accept, reported, ..options() };
        let mut manager = world.manager(options);
        let survey = match manager.survey() {
            Ok(survey) => survey,
            Err(error) => {
                prop_assert!(matches!(error, Error::NotAJournal { .. }), "{}", error);
                return Ok(());
            }
        };
        let plan = manager.plan(&survey);
        let recovered = manager.recover(&mut |_| {});
        prop_assert_eq!(files_of(&world.journal), journal, "the journal is never changed");
        match recovered {
            Ok(recovered) => {
                let recovery = recovered.recovery();
                check_path(&plan, &recovery.record.path, accept, true);
                check_record(&world, &recovery.record, &recovery.state, may_end_early);
                prop_assert_eq!(recovery.state.digest(), recovery.record.state_digest);
            }
            Err(Error::Unrecovered { tried, .. }) => {
                check_path(&plan, &tried, accept, false);
                prop_assert_eq!(tried.len(), plan.ways.len());
            }
            Err(Error::NoWay { excluded, .. }) => {
                prop_assert!(plan.ways.is_empty());
                prop_assert_eq!(excluded.len(), Way::ALL.len());
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

/// A journal that ends before what a checkpoint proves to have been there has lost that, whatever
/// brings back the rest.
#[test]
fn what_was_cut_off_before_a_checkpoint_is_told_as_lost() {
    let world = World::open(1, 200);
    let last = world.last_lsn();
    let world = world.with_checkpoints(&[60, last]);
    strike(&world, Blow::CutOff);
    let survey = world.manager(options()).survey().unwrap();
    let reached = survey.last_lsn();
    assert!(reached < last);
    for (accept, way) in [
        (Accept { suffix: true, ..Accept::default() }, Way::BeforeDamage),
        (Accept { holes: true, ..Accept::default() }, Way::Emergency),
        (Accept { undo: true, ..Accept::default() }, Way::Rollback),
    ] {
        let world = world.copy();
        let options = RecoveryOptions { accept, ..options() };
        let recovery = crate::world::with_loss(world.recover(options));
        assert_eq!(recovery.record.way(), Some(way));
        let kept = recovery.record.last_lsn;
        assert_eq!(kept, if way == Way::Rollback { 60 } else { reached });
        let judged = world.story.judge(kept, &BTreeSet::new());
        Story::check_state(&judged, &recovery.state);
        let range = recovery.record.lost.after_damage.or(recovery.record.lost.undone).unwrap();
        assert_eq!((range.first, range.last), (kept + 1, Some(last)), "{way:?}");
    }
    let refused = world.recover(options());
    assert!(matches!(refused, Err(Error::NoWay { .. })), "{refused:?}");
}
