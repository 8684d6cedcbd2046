//! The same recipe and seed give the same bytes and lead to the same state, on every machine and
//! in every later version. Whoever changes the format, the generator or the digest on purpose puts
//! the new values here, and says so in the change log.

use std::sync::Arc;

use vexfs_datasets::Recipe;
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::{Journal, Writer};
use vexfs_replay::replay::{ReplayOptions, replay};
use vexfs_replay::storage::MemoryFolder;

const EVENTS: u64 = 3_000;

/// Recipe, digest of the journal's head, digest of the state; all with seed 1.
const GOLDEN: &[[&str; 3]] = &[
    [
        "1k",
        "9b55bac4be835027c37ad72f8d4dfd89b23e6e9be664cc40b4e977e3872de2a5",
        "528b47122dd743b029aebcd48b547be793170e43d75ee5dd40f5efa0baaf0903",
    ],
    [
        "tiny",
        "9190ed4a470c348de571a638ff97fbb15fc57fdcb426d90e807f3acaf70d8662",
        "a965dd0687084629b2442727ceef1edb8f666d7d4a0e8f458d8798db94ee02d1",
    ],
    [
        "hot-key",
        "fa4c4ec3e23d2654c6278d9d29d3a63b87ff9b6f7d384b038e260f43b0b3f185",
        "a93bbe8a356e549b377e7cd472b79efecfedd60a07a80fcb41bbdea868715d30",
    ],
    [
        "huge-transaction",
        "3b0c746f2efc7efd46b415efeae5f2ade406521bf6e81e6144085e158a043014",
        "5b69f91784cd8f4bbb45d0a0268c278cb847a2f895e20864b919910d50f0205a",
    ],
];

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
