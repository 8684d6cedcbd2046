//! Lives of writers that end in torn tails, each followed by a replay that goes on from the
//! checkpoints of the one before; the next writer goes on behind what was replayed.

use std::cell::Cell;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::layout::PAGE_BYTES;
use vexfs_replay::journal::{Durability, EndKind, Validation, WriterOptions};
use vexfs_replay::replay::{ReplayOptions, replay};
use vexfs_replay::storage::MemoryFolder;

use crate::came::{EVERY_CUT, came, came_directly, checkpoints_in};
use crate::check::{hold, kept, open, runner};
use crate::scribe::{Scribe, Step};
use crate::small_journal::{OPTIONS, change, names_of};

/// What a crash does to the newest segment.
#[derive(Clone, Copy, Debug)]
enum Tear {
    Nothing,
    Cut(Index),
    Zeros(Index),
    Flip(Index),
}

/// A writer's life, its end, and the replay after it.
#[derive(Clone, Debug)]
struct Life {
    steps: Vec<Step>,
    tear: Tear,
    validation: Validation,
    threads: usize,
}

fn lives() -> impl Strategy<Value = Life> {
    let step = prop_oneof![
        4 => (0..4_000_usize).prop_map(Step::Set),
        3 => (1..4_usize, 0..2_000_usize).prop_map(|(members, bytes)| Step::Transaction(members, bytes)),
        1 => (1..3_usize).prop_map(Step::Aborted),
        1 => (1..3_usize).prop_map(Step::Unfinished),
        3 => Just(Step::Commit),
    ];
    let tear = prop_oneof![
        1 => Just(Tear::Nothing),
        3 => any::<Index>().prop_map(Tear::Cut),
        1 => any::<Index>().prop_map(Tear::Zeros),
        1 => any::<Index>().prop_map(Tear::Flip),
    ];
    let modes = select(vec![Validation::Basic, Validation::Full, Validation::Cryptographic]);
    (vec(step, 1..15), tear, modes, 1..4_usize)
        .prop_map(|(steps, tear, validation, threads)| Life { steps, tear, validation, threads })
}

fn tear(folder: &MemoryFolder, tear: Tear) {
    let newest = names_of(folder).pop().unwrap();
    change(folder, &newest, |content| {
        let behind_header = content.len() - PAGE_BYTES;
        let at = |index: Index| PAGE_BYTES + index.index(behind_header);
        match tear {
            _ if behind_header == 0 => {}
            Tear::Nothing => {}
            Tear::Cut(index) => content.truncate(at(index)),
            Tear::Zeros(index) => content[at(index)..].fill(0),
            Tear::Flip(index) => content[at(index)] ^= 1,
        }
    });
}

#[derive(Debug, Default)]
struct Seen {
    replays: Cell<u64>,
    torn: Cell<u64>,
    refused: Cell<u64>,
    resumed: Cell<u64>,
}

fn count(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}

fn check_lives(
    lives: &[Life],
    writer: WriterOptions,
    policy: CheckpointPolicy,
    seen: &Seen,
) -> Result<(), TestCaseError> {
    let (folder, checkpoints) = (MemoryFolder::default(), MemoryFolder::default());
    let mut scribe = Scribe::create(Arc::new(folder.clone()), writer).unwrap();
    for life in lives {
        life.steps.iter().for_each(|&step| scribe.step(step).unwrap());
        let mut history = scribe.history.clone();
        drop(scribe);
        tear(&folder, life.tear);
        let journal = open(&folder);
        let (validation, shared) = (life.validation, Some(kept(life.threads)));
        let mut options = ReplayOptions { validation, shared, ..ReplayOptions::default() };
        let expected = came_directly(&journal, &options);
        options.checkpoints = checkpoints_in(checkpoints.clone(), Some(policy));
        let replayed = replay(&journal, &options, &mut |_| {});
        count(&seen.replays);
        let told = format!("{:?}", replayed.as_ref().map(|it| &it.1));
        prop_assert_eq!(came(&replayed), expected, "{}", told);
        let Ok((state, outcome)) = replayed else {
            // What is torn had been synced.
            count(&seen.refused);
            return Ok(());
        };
        history.check_state(&state, outcome.last_lsn);
        history.cut(outcome.last_lsn);
        if outcome.started_from.is_some() {
            count(&seen.resumed);
        }
        if outcome.findings.end.kind == EndKind::TornTail {
            count(&seen.torn);
        }
        scribe = Scribe::open(Arc::new(folder.clone()), writer, history).unwrap();
    }
    Ok(())
}

#[test]
fn torn_tails_between_lives() {
    let seen = Seen::default();
    let durability = select(vec![Durability::MetadataOnly, Durability::DataAndMetadata]);
    let segment_bytes = select(vec![1_u64, 16 * 1024, 64 * 1024]);
    let writers = (durability, segment_bytes).prop_map(|(durability, segment_bytes)| {
        WriterOptions { durability, segment_bytes, ..OPTIONS }
    });
    let policies = (0..4_usize, 1..3_usize).prop_map(|(deltas_max, keep)| CheckpointPolicy {
        deltas_max,
        keep,
        ..EVERY_CUT
    });
    let inputs = (vec(lives(), 2..5), writers, policies);
    hold(
        runner(800)
            .run(&inputs, |(lives, writer, policy)| check_lives(&lives, writer, policy, &seen)),
    );
    println!("torn tails between lives: {seen:?}");
    assert!(seen.torn.get() > 20 && seen.resumed.get() > 100, "{seen:?}");
}
