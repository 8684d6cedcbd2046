//! Replays in stages: each is to end at an LSN or is cancelled, and the next one goes on from the
//! checkpoints that those before it left, by other threads and under other policies. Each must come
//! to what a replay without checkpoints comes to. In between, the journal grows.

use std::cell::Cell;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::{Durability, Validation};
use vexfs_replay::replay::{Control, DamagePolicy, ReplayOptions, StopPoint, replay};
use vexfs_replay::storage::MemoryFolder;

use crate::came::{EVERY_CUT, came, came_directly, checkpoints_in};
use crate::check::{Models, THREADS, check, failure, hold, kept, open, runner};
use crate::play::play;
use crate::script::{BLOCKS, CONTRADICTING, Death, LONG, SMALL, Script, Shape, Step, scripts};
use crate::small_journal::names_of;
use crate::story::Story;

const POLICIES: [DamagePolicy; 4] =
    [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage];

/// Where a stage ends.
#[derive(Clone, Copy, Debug)]
enum Stop {
    AtEnd,
    /// At an LSN, which may be one that an earlier stage went past.
    At(Index),
    /// Cancelled when so many units are applied.
    Cancelled(usize),
}

/// One replay of several.
#[derive(Clone, Copy, Debug)]
struct Stage {
    stop: Stop,
    damage: DamagePolicy,
    validation: Validation,
    threads: usize,
}

/// What the replays of a journal have in common.
#[derive(Clone, Debug)]
struct Plan {
    stages: Vec<Stage>,
    policy: CheckpointPolicy,
    /// Before which stage the journal grows, and which of its steps come after that.
    grows: (Index, Index),
    death: Death,
    grown: Shape,
}

fn stages() -> impl Strategy<Value = Stage> {
    let stop = prop_oneof![
        2 => Just(Stop::AtEnd),
        5 => any::<Index>().prop_map(Stop::At),
        1 => (1..6_usize).prop_map(Stop::Cancelled),
    ];
    let modes = select(Validation::ALL.to_vec());
    let inputs = (stop, select(POLICIES.to_vec()), modes, select(THREADS.to_vec()));
    inputs.prop_map(|(stop, damage, validation, threads)| Stage {
        stop,
        damage,
        validation,
        threads,
    })
}

fn policies() -> impl Strategy<Value = CheckpointPolicy> {
    let moments = prop_oneof![
        2 => (1..20_u64).prop_map(|every| (Some(every), None)),
        1 => Just((None, Some(Duration::ZERO))),
    ];
    (moments, 0..4_usize, 1..4_usize).prop_map(|((every_events, every), deltas_max, keep)| {
        CheckpointPolicy { every_events, every, deltas_max, keep, ..EVERY_CUT }
    })
}

/// Many segments, whose ends are cuts.
fn segmented() -> impl Strategy<Value = Shape> {
    let block_bytes = select(vec![4096, 8192, 64 * 1024]);
    let segment_bytes = select(vec![1 << 30, 40 << 10, 12 << 10, 1, 1]);
    (block_bytes, segment_bytes).prop_map(|(block_bytes, segment_bytes)| {
        let durability = Durability::DataAndMetadata;
        Shape { block_bytes, segment_bytes, durability }
    })
}

fn plans() -> impl Strategy<Value = Plan> {
    let death = select(vec![Death::Closed, Death::Dropped]);
    // Mostly one mode for all: a weaker checkpoint is of no use to a stronger replay.
    let modes = select(Validation::ALL.to_vec());
    let modes = proptest::option::weighted(0.7, modes);
    let stages = (vec(stages(), 1..5), modes).prop_map(|(mut stages, mode)| {
        stages.iter_mut().for_each(|it| it.validation = mode.unwrap_or(it.validation));
        stages
    });
    let inputs = (stages, policies(), any::<(Index, Index)>(), death, segmented());
    inputs.prop_map(|(stages, policy, grows, death, grown)| Plan {
        stages,
        policy,
        grows,
        death,
        grown,
    })
}

/// How much was seen.
#[derive(Debug, Default)]
struct Seen {
    journals: Cell<u64>,
    stages: Cell<u64>,
    resumed: Cell<u64>,
    cancelled: Cell<u64>,
    grown: Cell<u64>,
}

fn count(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}

/// The journal before it grows and after that.
fn grow(script: &Script, plan: &Plan) -> [Story; 2] {
    let (before, after) = script.steps.split_at(plan.grows.1.index(script.steps.len() + 1));
    let first = Script { steps: before.to_vec(), death: plan.death, ..script.clone() };
    let mut steps = before.to_vec();
    steps.push(Step::Reopen(plan.death, plan.grown));
    steps.extend(after);
    [play(&first), play(&Script { steps, ..script.clone() })]
}

/// Whether a journal goes on where another one ends.
fn goes_on(longer: &MemoryFolder, shorter: &MemoryFolder) -> bool {
    names_of(shorter).iter().all(|name| {
        let shorter = shorter.get(name).unwrap();
        longer.get(name).is_some_and(|longer| longer.starts_with(&shorter))
    })
}

fn check_stages(script: &Script, plan: &Plan, seen: &Seen) -> Result<(), TestCaseError> {
    let [first, whole] = grow(script, plan);
    assert!(goes_on(&whole.folder, &first.folder), "both are played the same");
    let folder = MemoryFolder::default();
    let grows_before = plan.grows.0.index(plan.stages.len() + 1);
    count(&seen.journals);
    let [.., last] = plan.stages[..] else { return Ok(()) };
    let last = Stage { stop: Stop::AtEnd, damage: DamagePolicy::Salvage, ..last };
    for (number, stage) in plan.stages.iter().chain([&last]).enumerate() {
        let is_grown = number >= grows_before.min(plan.stages.len());
        let story = if is_grown { &whole } else { &first };
        if number > 0 && is_grown && number == grows_before {
            count(&seen.grown);
        }
        check_stage(story, stage, plan, &folder, seen).map_err(|difference| {
            let at = format!("stage {number}, {stage:?}, {plan:#?}");
            failure(story, &at, &difference)
        })?;
    }
    Ok(())
}

fn check_stage(
    story: &Story,
    stage: &Stage,
    plan: &Plan,
    folder: &MemoryFolder,
    seen: &Seen,
) -> Result<(), String> {
    let journal = open(&story.folder);
    let mut options = ReplayOptions {
        damage: stage.damage,
        validation: stage.validation,
        shared: Some(kept(stage.threads)),
        anchor: story.head,
        ..ReplayOptions::default()
    };
    if let Stop::At(lsn) = stage.stop {
        let lsn = lsn.index(story.lines.len() + 2) as u64;
        options.until = Some(StopPoint::Lsn(lsn));
        options.anchor = options.anchor.filter(|anchor| anchor.lsn <= lsn);
    }
    let expected = came_directly(&journal, &options);
    options.checkpoints = checkpoints_in(folder.clone(), Some(plan.policy));
    let (control, mut applied) = (Control::default(), 0);
    options.control = control.clone();
    let replayed = replay(&journal, &options, &mut |_| {
        applied += 1;
        if matches!(stage.stop, Stop::Cancelled(after) if after == applied) {
            control.cancel();
        }
    });
    count(&seen.stages);
    if control.is_cancelled() {
        count(&seen.cancelled);
        let ended = matches!(replayed, Err(Error::Cancelled | Error::Stopped { .. }));
        return if ended { Ok(()) } else { Err(format!("it went on: {replayed:?}")) };
    }
    if replayed.as_ref().is_ok_and(|(_, outcome)| outcome.started_from.is_some()) {
        count(&seen.resumed);
    }
    let found = came(&replayed);
    if found != expected {
        let (state, outcome) = replayed.map_err(|error| format!("{error}, not {expected:?}"))?;
        let from = (&outcome.started_from, &outcome.passed_over);
        return Err(format!(
            "it started from {from:?} and came to\n{found:#?}, not\n{expected:#?}\n{:?}",
            state.counts()
        ));
    }
    let whole = matches!(stage.stop, Stop::AtEnd) && stage.damage == DamagePolicy::Salvage;
    match replayed {
        Ok(replayed) if whole => check(Models::of(&story.lines).under(stage.validation), &replayed),
        _ => Ok(()),
    }
}

fn hold_for(name: &str, cases: u32, scripts: impl Strategy<Value = Script>) {
    let seen = Seen::default();
    let inputs = (scripts, segmented(), plans());
    hold(
        runner(cases).run(&inputs, |(script, shape, plan)| {
            check_stages(&script.shaped(shape), &plan, &seen)
        }),
    );
    println!("{name}: {seen:?}");
    assert!(seen.resumed.get() > seen.journals.get() / 2, "{seen:?}");
    assert!(seen.cancelled.get() > 0 || seen.journals.get() < 20, "{seen:?}");
}

#[test]
fn small_journals_in_stages() {
    hold_for("small", 800, scripts(SMALL));
}

#[test]
fn journals_of_many_blocks_in_stages() {
    hold_for("blocks", 800, scripts(BLOCKS));
}

#[test]
fn journals_that_contradict_themselves_in_stages() {
    hold_for("contradicting", 100, scripts(CONTRADICTING));
}

#[test]
fn journals_of_several_epochs_in_stages() {
    hold_for("long", 40, scripts(LONG));
}
