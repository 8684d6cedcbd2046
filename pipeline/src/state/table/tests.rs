//! A table against a plain map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::state::Home;

/// A key and what becomes of it.
#[derive(Clone, Debug)]
enum Step {
    Put(usize, usize),
    Change(usize),
    Remove(usize),
}

const NAMES: [&[u8]; 4] = [b"", b"a", b"a name", &[7; 300]];
const KEYS: usize = 40;

fn key(number: usize) -> Key<'static> {
    let id = number as u64 % 5;
    let kind = KeyKind::ALL[number % KeyKind::ALL.len()];
    Key { kind, id, second: number as u64 / 13, name: NAMES[number % NAMES.len()] }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Lengths around what a place and a chunk hold.
    let length = prop_oneof![8 => 0..400_usize, 2 => 400..5_000_usize, 1 => 32_000..140_000_usize];
    let step = prop_oneof![
        3 => (0..KEYS, length).prop_map(|(key, length)| Step::Put(key, length)),
        1 => (0..KEYS).prop_map(Step::Change),
        2 => (0..KEYS).prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 0..600)
}

fn step(table: &mut Table, model: &mut BTreeMap<Key<'static>, Vec<u8>>, number: u8, step: &Step) {
    let (Step::Put(which, _) | Step::Change(which) | Step::Remove(which)) = *step;
    let key = key(which);
    let Home { tag, .. } = key.home();
    let found = table.find(tag, &key);
    assert_eq!(found.map(|found| table.value(found)), model.get(&key).map(Vec::as_slice));
    match (step, found) {
        (&Step::Put(_, length), found) => {
            let value = vec![number; length];
            table.put(found, tag, &key, length).copy_from_slice(&value);
            model.insert(key, value);
        }
        (Step::Change(_), Some(found)) => {
            table.value_mut(found).fill(number);
            model.entry(key).or_default().fill(number);
        }
        (Step::Remove(_), Some(found)) => {
            table.remove(found);
            model.remove(&key);
        }
        (_, None) => {}
    }
}

proptest! {
    #[test]
    fn it_behaves_as_a_map(steps in steps()) {
        let (mut table, mut model) = (Table::default(), BTreeMap::new());
        for (number, it) in (0..=255).cycle().zip(&steps) {
            step(&mut table, &mut model, number, it);
        }
        let mut all = BTreeMap::new();
        table.for_each(&mut |key, value| assert!(all.insert(key, value.to_vec()).is_none()));
        prop_assert_eq!(all, model);
    }
}

/// Records that grow and go must not leave memory behind that nobody uses again.
#[test]
fn memory_is_bounded_by_what_is_alive() {
    let mut table = Table::default();
    let key = |id| Key::numbered(KeyKind::Node, id);
    let mut alive = 0;
    for round in 0..200_u64 {
        for id in 0..100 {
            let (key, length) = (key(id), (round * 97 + id * 31) % 3_000);
            let value = vec![1; usize::try_from(length).unwrap()];
            let Home { tag, .. } = key.home();
            table.put(table.find(tag, &key), tag, &key, value.len()).copy_from_slice(&value);
        }
        let mut bytes = 0;
        table.for_each(&mut |_, value| bytes += value.len() as u64);
        alive = alive.max(bytes);
    }
    assert!(table.memory_bytes() < 3 * alive, "{} for {alive}", table.memory_bytes());
}

/// Records of a little more than half a chunk would leave the rest of each chunk unused.
#[test]
fn records_of_any_length_take_little_more_than_their_own() {
    for length in [100, 3_900, 4_000, 16_480, 20_000, 33_000] {
        let mut table = Table::default();
        let (value, count) = (vec![1; length], 400);
        for id in 0..count {
            let key = Key::numbered(KeyKind::Vector, id);
            let Home { tag, .. } = key.home();
            table.put(None, tag, &key, value.len()).copy_from_slice(&value);
        }
        let bytes = count * length as u64;
        let most = bytes * 5 / 4 + 128 * 1024;
        assert!(table.memory_bytes() < most, "{} for {bytes}", table.memory_bytes());
    }
}

/// The partition that all keys of the tests below are in.
const PARTITION: usize = 7;
/// No record is shorter than this.
const SHORTEST: usize = 100;

/// Keys of every kind, all of one partition.
fn keys_of_one_partition() -> Vec<Key<'static>> {
    let at_home = |key: &Key<'static>| key.home().partition == PARTITION;
    let with_ids = |number| (0..).map(move |id| Key { id, ..key(number) });
    // One more than there are steps for.
    (0..=KEYS).map(|number| with_ids(number).filter(at_home).nth(number).unwrap()).collect()
}

/// What becomes of a table that is tracked.
#[derive(Clone, Debug)]
enum Tracked {
    Step(Step),
    /// What changed is taken.
    Take,
    /// The same, and then another table takes its place: what was loaded from all that was taken.
    Resume,
}

fn tracked_steps() -> impl Strategy<Value = Vec<Tracked>> {
    let length = prop_oneof![6 => 0..400_usize, 3 => 400..5_000_usize, 1 => 32_000..140_000_usize];
    let step = prop_oneof![
        60 => (0..KEYS, length).prop_map(|(key, length)| Tracked::Step(Step::Put(key, length))),
        30 => (0..KEYS).prop_map(|key| Tracked::Step(Step::Change(key))),
        30 => (0..KEYS).prop_map(|key| Tracked::Step(Step::Remove(key))),
        6 => Just(Tracked::Take),
        1 => Just(Tracked::Resume),
    ];
    prop::collection::vec(step, 0..600)
}

type Model = BTreeMap<Key<'static>, Vec<u8>>;

/// A table that is tracked, and one that only knows what was taken from it.
struct Pair {
    keys: Vec<Key<'static>>,
    table: Table,
    loaded: Table,
    model: Model,
    /// What the model was when changes were taken last, and which keys were touched since.
    taken: Model,
    touched: Vec<Key<'static>>,
}

impl Pair {
    fn new(keys: Vec<Key<'static>>) -> Self {
        let (mut table, loaded) = Default::default();
        Table::track(&mut table);
        let (model, taken, touched) = Default::default();
        Self { keys, table, loaded, model, taken, touched }
    }

    fn step(&mut self, number: u8, step: &Step) {
        let (Step::Put(which, _) | Step::Change(which) | Step::Remove(which)) = *step;
        let key = self.keys[which];
        let Home { tag, .. } = key.home();
        let found = self.table.find(tag, &key);
        match (step, found) {
            (&Step::Put(_, length), found) => {
                let value = vec![number; SHORTEST + length];
                self.table.put(found, tag, &key, value.len()).copy_from_slice(&value);
                self.model.insert(key, value);
            }
            (Step::Change(_), Some(found)) => {
                self.table.value_mut(found).fill(number);
                self.model.entry(key).or_default().fill(number);
            }
            (Step::Remove(_), Some(found)) => {
                self.table.remove(found);
                self.model.remove(&key);
            }
            (_, None) => return,
        }
        self.touched.push(key);
    }

    fn take(&mut self) {
        let section = self.table.take_changes(vec![1; 20]);
        let (count, bytes) = (section.count(), section.into_bytes());
        self.check_section(count, &bytes);
        self.loaded.load(PARTITION, &bytes).unwrap();
        assert_eq!(all_of(&self.loaded), self.model);
        self.taken = self.model.clone();
        self.touched.clear();
    }

    /// A section holds each key that was touched once at most, and no other; and says of no key that
    /// it went which was not there before.
    fn check_section(&self, count: u64, bytes: &[u8]) {
        let mut reader = SectionReader::new(bytes).unwrap();
        let (mut gone, mut records) = (Vec::new(), Model::new());
        while let Some(key) = reader.next_gone().unwrap() {
            assert!(self.taken.contains_key(&key) && self.touched.contains(&key), "{key:?}");
            assert!(!gone.contains(&key), "{key:?} went twice");
            gone.push(key);
        }
        while let Some((key, value)) = reader.next_record().unwrap() {
            assert!(self.touched.contains(&key), "{key:?} has not changed");
            let key = *self.keys.iter().find(|it| **it == key).unwrap();
            assert!(records.insert(key, value.to_vec()).is_none(), "{key:?} is there twice");
        }
        assert_eq!(count, (gone.len() + records.len()) as u64);
        for key in &self.touched {
            assert_eq!(records.get(key), self.model.get(key));
        }
    }

    fn resume(&mut self) {
        self.take();
        self.table = self.loaded.clone();
        self.table.track();
    }
}

fn all_of(table: &Table) -> BTreeMap<Key<'_>, Vec<u8>> {
    let mut all = BTreeMap::new();
    table.for_each(&mut |key, value| assert!(all.insert(key, value.to_vec()).is_none()));
    all
}

/// What is taken from a table in turn, loaded in turn, gives the same records; and nothing is taken
/// that did not change.
#[test]
fn what_changed_is_taken_and_nothing_else() {
    let keys = keys_of_one_partition();
    let (sweeps, sections) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let run = proptest::test_runner::TestRunner::new(config).run(&tracked_steps(), |steps| {
        let mut pair = Pair::new(keys.clone());
        // One that no step touches, so that it moves only when all do.
        let (still, Home { tag, .. }) = (keys[KEYS], keys[KEYS].home());
        pair.table.put(None, tag, &still, SHORTEST).fill(1);
        pair.model.insert(still, vec![1; SHORTEST]);
        pair.touched.push(still);
        for (number, it) in (0..=255).cycle().zip(&steps) {
            let place = pair.table.find(tag, &still).unwrap().place;
            match it {
                Tracked::Step(step) => {
                    pair.step(number, step);
                    let moved = pair.table.find(tag, &still).unwrap().place != place;
                    sweeps.set(sweeps.get() + u64::from(moved));
                }
                Tracked::Take => pair.take(),
                Tracked::Resume => pair.resume(),
            }
            sections.set(sections.get() + u64::from(!matches!(it, Tracked::Step(_))));
        }
        pair.take();
        let all = pair.table.all();
        assert_eq!(all.count(), pair.model.len() as u64);
        let mut fresh = Table::default();
        fresh.load(PARTITION, &all.into_bytes()).unwrap();
        prop_assert_eq!(all_of(&fresh), pair.model);
        Ok(())
    });
    println!("{} sections taken, records moved together {} times", sections.get(), sweeps.get());
    run.unwrap();
    assert!(sweeps.get() > 0, "they moved together now and then");
}
