//! What was lost anywhere is gone everywhere, nothing else is, and every follower is where its journal is.

use std::collections::BTreeMap;
use std::sync::Arc;

use vexfs_replay::checkpoint::Catalogue;
use vexfs_replay::coordination::{End, Life as Lived, Policy};
use vexfs_replay::storage::MemoryFolder;

use crate::limited::Life;
use crate::world::{World, accepting};

const SHARED: u64 = 12;
const LONG: i64 = 1_000_000;

/// The cut that the story says there must be, when the journals end at these LSNs: the latest one before the
/// first transaction that one of them lost.
pub(crate) fn cut_of(world: &World, last: [u64; 2]) -> BTreeMap<String, u64> {
    let mut cut = last;
    for ends in &world.ends {
        if ends[0] > last[0] || ends[1] > last[1] {
            cut = [0, 1].map(|side| cut[side].min(ends[side] - 1));
        }
    }
    BTreeMap::from([("files".to_owned(), cut[0]), ("graph".to_owned(), cut[1])])
}

#[track_caller]
pub(crate) fn assert_at(world: &World, cut: &BTreeMap<String, u64>) {
    let journals = [
        ("files", [&world.files, &world.files_checkpoints, &world.files_records]),
        ("graph", [&world.graph, &world.graph_checkpoints, &world.graph_records]),
    ];
    for (stream, places) in journals {
        let expected = (cut[stream], World::expected(places[0], cut[stream]));
        assert_eq!(World::recovered(places), expected, "{stream}");
    }
    let state = Catalogue::open(Arc::new(world.index.clone())).unwrap();
    let newest = state.find(None).unwrap();
    assert_eq!(newest.header.watermark_lsn, cut["files"]);
    assert_eq!(state.prove(newest).unwrap().0, World::expected(&world.files, cut["files"]));
    let copied = World::expected(&world.copy, u64::MAX);
    assert_eq!(copied, World::expected(&world.files, cut["files"]));
    assert_nothing_left(world);
}

#[track_caller]
pub(crate) fn assert_nothing_left(world: &World) {
    for (name, folder) in world.folders() {
        if name.ends_with("staging") {
            assert_eq!(folder_names(folder), Vec::<String>::new(), "{name}");
        }
        for file in folder_names(folder) {
            let left = [".arriving", ".leaving", ".unfinished", "switch.json"];
            assert!(!left.iter().any(|it| file.ends_with(it)), "{name}/{file}");
        }
    }
}

fn folder_names(folder: &MemoryFolder) -> Vec<String> {
    vexfs_replay::storage::Folder::list(folder).unwrap()
}

#[track_caller]
pub(crate) fn assert_consistent(ended: &Lived, cut: &BTreeMap<String, u64>) {
    match ended {
        Lived::Ended(End::Consistent { plan }) => assert_eq!(&plan.cut, cut),
        other => panic!("{other:?}"),
    }
}

#[test]
fn whole_journals_are_brought_to_their_ends() {
    let world = World::new(SHARED);
    let last = *world.ends.last().unwrap();
    let ended = world.coordinate(Policy::default(), &Life::of(LONG)).unwrap();
    let cut = cut_of(&world, last);
    assert_eq!(cut["files"], last[0]);
    assert_consistent(&ended, &cut);
    assert_at(&world, &cut);
}

#[test]
fn whichever_transactions_one_journal_lost_the_other_gives_up_and_followers_follow() {
    for lost in 1..usize::try_from(SHARED).unwrap() {
        for side in 0..2 {
            let world = World::new(SHARED);
            let mut last = *world.ends.last().unwrap();
            last[side] = world.ends[lost - 1][side];
            World::cut_off([&world.files, &world.graph][side], last[side]);
            let cut = cut_of(&world, last);
            let ended = world.coordinate(accepting(), &Life::of(LONG)).unwrap();
            assert_consistent(&ended, &cut);
            assert_at(&world, &cut);
        }
    }
}

#[test]
fn what_would_be_lost_is_asked_about_first_and_nothing_is_changed_until_then() {
    let world = World::new(SHARED);
    World::cut_off(&world.graph, world.ends[3][1]);
    let before = world.content();
    let waits = world.coordinate(Policy::default(), &Life::of(LONG)).unwrap();
    assert_eq!(waits, Lived::Waits);
    assert_eq!(world.content(), before);
}

#[test]
fn a_copy_that_lacks_its_end_gets_what_is_missing() {
    for arrived in [0, 3, 7] {
        let world = World::new(SHARED);
        World::cut_off(&world.copy, world.ends[arrived][0]);
        let cut = cut_of(&world, *world.ends.last().unwrap());
        let ended = world.coordinate(Policy::default(), &Life::of(LONG)).unwrap();
        assert_consistent(&ended, &cut);
        assert_at(&world, &cut);
    }
}

#[test]
fn a_copy_of_something_else_is_refused_and_nothing_is_changed() {
    let world = World::new(SHARED);
    world.copy.put(&crate::world::segment(), world.graph.get(&crate::world::segment()).unwrap());
    let before = world.content();
    let ended = world.coordinate(accepting(), &Life::of(LONG)).unwrap();
    let Lived::Ended(End::Refused { reason }) = ended else { panic!("{ended:?}") };
    assert!(reason.to_string().contains("not copied from there"), "{reason}");
    assert_eq!(world.content(), before);
}
