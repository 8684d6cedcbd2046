//! Killed, or the machine crashed, at every operation on records and checkpoints: the next recovery
//! comes to the same state and tells the same losses.

use std::sync::Arc;

use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::recovery::{
    Accept, Lost, Places, Recovered, RecoveryManager, RecoveryOptions, Way,
};

use crate::crashing::Dice;
use crate::in_turn::InTurn;
use crate::small_journal::change;
use crate::world::{AT_END, World, files_of, options};

const SEEDS: u64 = if cfg!(debug_assertions) { 0 } else { 1 };

/// A recovery has this many operations to crash at even where no checkpoint but the closing one finds
/// the writer of checkpoints free: how many do depends on the machine.
const FEWEST_CRASHES: usize = if SEEDS == 0 { 32 } else { 96 };
const FEWEST_RESUMED: usize = if SEEDS == 0 { 5 } else { 20 };

/// What came of a recovery.
#[derive(Debug, PartialEq)]
struct Came {
    way: Option<Way>,
    digest: [u8; 32],
    last_lsn: u64,
    lost: Lost,
}

impl Came {
    fn of(recovered: &Recovered) -> Self {
        let record = &recovered.recovery().record;
        let lost = record.lost.clone();
        Self { way: record.way(), digest: record.state_digest, last_lsn: record.last_lsn, lost }
    }
}

/// Crashes a recovery everywhere, and recovers again. Gives how many crashes there were, and how many
/// recoveries said that they went on.
fn crash_everywhere(
    world: &World,
    options: &RecoveryOptions,
    may_change_way: bool,
) -> (usize, usize) {
    let expected = Came::of(&world.copy().recover(options.clone()).unwrap());
    let folders = InTurn::on(&[&world.checkpoints, &world.records]);
    let places = Places {
        journal: Arc::new(world.journal.clone()),
        checkpoints: Some(folders.folder(0)),
        records: Some(folders.folder(1)),
    };
    let first = RecoveryManager::new(places, options.clone()).recover(&mut |_| {});
    assert_eq!(Came::of(&first.unwrap()), expected);
    let (mut dice, mut resumed) = (Dice(1), 0);
    let crashes = folders.crash_everywhere(SEEDS, &mut dice, |done, fate, mut disks| {
        let told = format!("after {done} operations, {fate:?}");
        let records = disks.pop().unwrap();
        let checkpoints = disks.pop().unwrap();
        let world = World { checkpoints, records, ..world.clone() };
        let recovered = world.recover(options.clone()).expect(&told);
        let mut came = Came::of(&recovered);
        if may_change_way {
            came.way = expected.way;
        }
        assert_eq!(came, expected, "{told}");
        let record = &recovered.recovery().record;
        resumed += usize::from(record.resumed);
        let history = world.manager(options.clone()).history().unwrap();
        assert_eq!(history.last(), Some(record), "{told}");
        let left = vexfs_replay::storage::Folder::list(&world.records).unwrap();
        let work =
            left.iter().filter(|name| name.starts_with("checkpoint-") || *name == "attempt.json");
        assert_eq!(work.count(), 0, "{told}: {left:?}");
    });
    (crashes, resumed)
}

fn often() -> RecoveryOptions {
    let policy = CheckpointPolicy { every_events: Some(1), ..AT_END };
    let accept = Accept { suffix: true, holes: true, undo: false };
    RecoveryOptions { checkpoint_policy: policy, accept, ..options() }
}

#[test]
fn a_crash_of_a_full_replay_loses_neither_what_it_did_nor_what_was_broken() {
    let world = World::closed(1, 120).with_checkpoints(&[20]);
    let name = files_of(&world.checkpoints).into_keys().next().unwrap();
    change(&world.checkpoints, &name, |content| content.truncate(200));
    let broken = world.checkpoints.get(&name).unwrap();
    let folders = InTurn::on(&[&world.checkpoints, &world.records]);
    let places = Places {
        journal: Arc::new(world.journal.clone()),
        checkpoints: Some(folders.folder(0)),
        records: Some(folders.folder(1)),
    };
    RecoveryManager::new(places, often()).recover(&mut |_| {}).unwrap();
    folders.crash_everywhere(SEEDS, &mut Dice(2), |done, fate, disks| {
        let copies = disks.iter().filter(|disk| {
            files_of(disk)
                .iter()
                .any(|(name, content)| *content == broken && !name.ends_with(".unfinished"))
        });
        assert!(copies.count() > 0, "gone after {done} operations, {fate:?}");
    });
    // Once it is aside, the way that is chosen is another one.
    let (crashes, resumed) = crash_everywhere(&world, &often(), true);
    println!("{crashes} crashes, {resumed} resumed");
    assert!(crashes >= FEWEST_CRASHES && resumed >= FEWEST_RESUMED);
}

#[test]
fn a_crash_of_each_way_leads_to_the_same_state_and_the_same_losses() {
    let damaged = World::closed(1, 120).with_checkpoints(&[20]);
    damaged.flip(damaged.segments().len() - 2, 0);
    let intact = World::open(2, 120).with_checkpoints(&[20]);
    let cases = [
        (&intact, Way::Full),
        (&intact, Way::Partial),
        (&intact, Way::Incremental),
        (&damaged, Way::BeforeDamage),
        (&damaged, Way::Emergency),
    ];
    for (world, way) in cases {
        let only = RecoveryOptions { only: Some(way), ..often() };
        let (crashes, resumed) = crash_everywhere(world, &only, false);
        println!("{way:?}: {crashes} crashes, {resumed} resumed");
        assert!(
            crashes >= FEWEST_CRASHES && resumed >= FEWEST_RESUMED,
            "{way:?}: {crashes}, {resumed}"
        );
    }
}

/// A chain of fallbacks that is killed anywhere goes down the same chain.
#[test]
fn a_crash_on_the_way_down_a_chain_leads_down_the_same_chain() {
    let world = World::closed(3, 120);
    world.flip(1, 0);
    let accept = Accept { holes: true, ..Accept::default() };
    let options = RecoveryOptions { accept, ..often() };
    let ways = |recovered: &Recovered| -> Vec<Way> {
        recovered.recovery().record.path.iter().map(|it| it.way).collect()
    };
    assert_eq!(ways(&world.copy().recover(options.clone()).unwrap()), [Way::Full, Way::Emergency]);
    let (crashes, resumed) = crash_everywhere(&world, &options, false);
    println!("{crashes} crashes, {resumed} resumed");
}
