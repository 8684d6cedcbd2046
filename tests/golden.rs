//! The same recipe and seed give the same bytes and lead to the same state, on every machine and
//! in every later version. Whoever changes the format, the generator or the digest on purpose puts
//! the new values here, and says so in the change log.

use std::sync::Arc;

use vexfs_datasets::Recipe;
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::{Journal, Writer};
use vexfs_replay::replay::{ReplayOptions, replay};
use vexfs_replay::state::{KeyKind, MemoryState};
use vexfs_replay::storage::MemoryFolder;

const EVENTS: u64 = 3_000;

/// Recipe, digest of the journal's head, digest of the state; all with seed 1.
const GOLDEN: &[[&str; 3]] = &[
    [
        "1k",
        "9b55bac4be835027c37ad72f8d4dfd89b23e6e9be664cc40b4e977e3872de2a5",
        "bd30f4629a5cbdf63d64a1d80739a12885c37ac345160f587cb3ae29f54a9ae2",
    ],
    [
        "tiny",
        "9190ed4a470c348de571a638ff97fbb15fc57fdcb426d90e807f3acaf70d8662",
        "abc7831b8751ee983f68d1a5dc1a1988b90294c6bf116dddec80d585afbf8950",
    ],
    [
        "hot-key",
        "fa4c4ec3e23d2654c6278d9d29d3a63b87ff9b6f7d384b038e260f43b0b3f185",
        "cb8e848dc74d9f44c446e60989a5f5402effadf9dc2a008b8055c462e6361bc7",
    ],
    [
        "huge-transaction",
        "3b0c746f2efc7efd46b415efeae5f2ade406521bf6e81e6144085e158a043014",
        "c03750d917de97e801c06268f1ab34903a82286f1c3af2d49a8fd655b9ea326a",
    ],
];

#[cfg(test)]
fn replayed(recipe: &Recipe) -> MemoryState {
    let folder = MemoryFolder::default();
    let writer = Writer::create(Arc::new(folder.clone()), writer_options(recipe, 1)).unwrap();
    generate(&writer, recipe, 1, &mut |_| {}).unwrap();
    writer.close().unwrap();
    let journal = Journal::open(Arc::new(folder)).unwrap();
    replay(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap().0
}

/// Blocks are how events lie in a file, and nothing else.
#[test]
fn tiny_blocks_lead_to_the_usual_state() {
    let of = |name| Recipe { events: EVENTS, ..Recipe::named(name).unwrap() };
    assert_eq!(replayed(&of("tiny-blocks")).digest(), replayed(&of("1M")).digest());
}

#[test]
fn unique_keys_are_as_many_as_events() {
    let named = Recipe::named("unique-keys").unwrap();
    let state = replayed(&Recipe { events: 5_000, live_keys: 5_000, ..named });
    assert_eq!(state.counts().iter().map(|(_, count)| count).sum::<u64>(), 5_000);
}

#[test]
fn vectors_have_384_floats_each() {
    let recipe = Recipe { events: EVENTS, live_keys: 300, ..Recipe::named("vectors-384").unwrap() };
    let (state, mut vectors) = (replayed(&recipe), 0);
    state.for_each(KeyKind::Vector, |_, record| {
        vectors += 1;
        assert!((384 * 4..384 * 4 + 100).contains(&record.len()), "{}", record.len());
    });
    assert!(vectors > 200, "{vectors} vectors");
}

#[test]
fn a_recipe_and_a_seed_always_give_the_same_journal_and_state() {
    for &[name, head_digest, state_digest] in GOLDEN {
        let recipe = Recipe { events: EVENTS, ..Recipe::named(name).unwrap() };
        let folder = MemoryFolder::default();
        let writer = Writer::create(Arc::new(folder.clone()), writer_options(&recipe, 1)).unwrap();
        generate(&writer, &recipe, 1, &mut |_| {}).unwrap();
        let head = writer.close().unwrap();
        assert_eq!((head.lsn, hex::encode(head.digest).as_str()), (EVENTS, head_digest), "{name}");
        let journal = Journal::open(Arc::new(folder)).unwrap();
        let (state, _) = replay(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap();
        assert_eq!(hex::encode(state.digest()), state_digest, "{name}");
    }
}
