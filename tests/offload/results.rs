//! Journals, whole and damaged, verified and replayed with and without an accelerator.

use std::num::NonZero;
use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use vexfs_replay::journal::layout::BlockHeader;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::offload::{Offload, OffloadReport};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions, Shared, replay, verify};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::accelerators::{At, Nature, offload};
use crate::scribe::Step;
use crate::small_journal::{
    Digest, OPTIONS, blocks_of, change, journal_of, names_of, rebuild, text_byte,
};

const JOURNALS: u64 = 120;
const NATURES: [Nature; 9] = [
    Nature::Honest,
    Nature::Choosy,
    Nature::FailsAt(0),
    Nature::FailsAt(1),
    Nature::Missing,
    Nature::Liar,
    Nature::Miscounting,
    Nature::Panics(At::Opening),
    Nature::Panics(At::Hashing),
];
const POLICIES: [DamagePolicy; 4] =
    [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage];

/// A journal of a few segments; often some bytes of it are changed, or its end is cut off.
fn some_journal(dice: &mut ChaCha8Rng) -> MemoryFolder {
    let steps: Vec<Step> = (0..dice.random_range(5..60))
        .flat_map(|_| {
            let step = match dice.random_range(0..8) {
                0 => Step::Transaction(2, 900),
                1 => Step::Aborted(1),
                _ => Step::Set(dice.random_range(10..3_000)),
            };
            [step, Step::Commit]
        })
        .collect();
    let (folder, _) = journal_of(&steps, OPTIONS);
    for name in folder.list().unwrap() {
        let Some(mut content) = folder.get(&name).filter(|it| !it.is_empty()) else { continue };
        match dice.random_range(0..6) {
            0 => {
                let at = dice.random_range(0..content.len());
                content[at] ^= 1 << dice.random_range(0..8);
            }
            1 => content.truncate(dice.random_range(0..content.len())),
            _ => continue,
        }
        folder.put(&name, content);
    }
    folder
}

/// Everything that a verification and a replay say, but for how much memory it took.
fn results(folder: &MemoryFolder, options: &ReplayOptions) -> [String; 2] {
    let Ok(journal) = Journal::open(Arc::new(folder.clone())) else { return Default::default() };
    let replayed = replay(&journal, options, &mut |_| {});
    let replayed = replayed.map(|(state, outcome)| (state.digest(), outcome.findings));
    let verified = verify(&journal, options, &mut |_| {}).map(|outcome| outcome.findings);
    [format!("{verified:?}"), format!("{replayed:?}")]
}

#[test]
fn no_accelerator_changes_any_result() {
    let mut reports: Vec<(Nature, OffloadReport)> = Vec::new();
    for seed in 0..JOURNALS {
        let dice = &mut ChaCha8Rng::seed_from_u64(seed);
        let folder = some_journal(dice);
        let damage = POLICIES[dice.random_range(0..4)];
        let alone = ReplayOptions { damage, ..ReplayOptions::default() };
        let expected = results(&folder, &alone);
        for nature in NATURES {
            let accelerator = offload(nature, seed);
            let options = ReplayOptions { offload: Some(accelerator.clone()), ..alone.clone() };
            assert_eq!(results(&folder, &options), expected, "{nature:?}, journal {seed}");
            reports.push((nature, accelerator.report()));
        }
    }
    // Each did what it was there for.
    for nature in NATURES {
        let of_it = || reports.iter().filter(|it| it.0 == nature).map(|it| &it.1);
        let blocks = |of: fn(&OffloadReport) -> u64| of_it().map(of).sum::<u64>();
        let offloaded = blocks(|it| it.offloaded.blocks);
        let by_workers = blocks(|it| it.workers.blocks);
        let wrong = blocks(|it| it.wrong_blocks);
        let ended = of_it().filter(|it| it.ended.is_some()).count();
        match nature {
            Nature::Honest => assert!(offloaded > 1_000 && by_workers == 0 && ended == 0),
            Nature::Choosy => assert!(offloaded > 300 && by_workers > 300 && ended == 0),
            Nature::FailsAt(_) => assert!(offloaded > 0 && by_workers > 0 && ended > 50),
            Nature::Missing | Nature::Panics(At::Opening) => {
                assert!(offloaded == 0 && ended > 100);
            }
            // What it had said before doesn't count less.
            Nature::Panics(At::Hashing) => assert!(by_workers > 0 && ended > 100),
            Nature::Liar => assert!(wrong > 100 && ended > 50),
            Nature::Miscounting => assert!(by_workers > 0 && wrong == 0 && ended == 0),
        }
    }
}

#[test]
fn nothing_is_offloaded_where_no_digest_is_checked() {
    let (folder, _) = journal_of(&[Step::Set(700), Step::Commit, Step::Close], OPTIONS);
    for validation in [Validation::None, Validation::Basic, Validation::Full] {
        let accelerator = offload(Nature::Honest, 0);
        let given = Some(accelerator.clone());
        let options = ReplayOptions { validation, offload: given, ..ReplayOptions::default() };
        results(&folder, &options);
        assert_eq!(accelerator.report().offloaded.blocks, 0, "{validation:?}");
    }
}

/// Buffers are kept between passes; what an accelerator said of other blocks is not.
#[test]
fn what_was_said_of_other_blocks_proves_nothing() {
    let (folder, _) = journal_of(&[Step::Set(3_000), Step::Commit, Step::Close], OPTIONS);
    let shared = Arc::new(Shared::new(NonZero::<usize>::MIN, None).unwrap().keeping_buffers());
    let accelerator = offload(Nature::Honest, 0);
    let beside = ReplayOptions {
        shared: Some(Arc::clone(&shared)),
        offload: Some(accelerator.clone()),
        ..ReplayOptions::default()
    };
    let alone = ReplayOptions { offload: None, ..beside.clone() };
    let whole = results(&folder, &beside);
    assert!(accelerator.report().offloaded.blocks > 0);
    // A byte is changed and the checksums of the payload and the header made right: the digest alone tells.
    change(&folder, &names_of(&folder)[0], |content| {
        let block = blocks_of(content).remove(0);
        let at = text_byte(content, &block) - block.at - BlockHeader::BYTES;
        rebuild(content, block.at, Digest::Left, |_, payload| payload[at] ^= 1);
    });
    let changed = results(&folder, &alone);
    assert_ne!(changed, whole);
    assert!(changed[0].contains("Digest"), "{}", changed[0]);
}

/// What takes several spaces of its size counts towards the limit.
#[test]
fn its_memory_counts_towards_the_limit() {
    let folder = MemoryFolder::default();
    let steps: Vec<Step> = (0..600).flat_map(|_| [Step::Set(10_000), Step::Commit]).collect();
    let options = vexfs_replay::journal::WriterOptions { segment_bytes: 8 << 20, ..OPTIONS };
    let (made, _) = journal_of(&steps, options);
    made.list().unwrap().iter().for_each(|name| folder.put(name, made.get(name).unwrap()));
    let journal = Journal::open(Arc::new(folder)).unwrap();
    let peak = |offload: Option<Offload>| {
        let threads = NonZero::new(2).unwrap();
        let options = ReplayOptions { offload, threads, ..ReplayOptions::default() };
        replay(&journal, &options, &mut |_| {}).unwrap().1.memory_bytes_max
    };
    let [alone, beside] = [peak(None), peak(Some(offload(Nature::Honest, 0)))];
    assert!(beside > alone + 2 * journal.total_bytes(), "{alone} {beside}");
}
