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
            let (fixed, tail) = value.split_at(length / 3);
            table.put(found, tag, &key, [fixed, tail]);
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
            table.put(table.find(tag, &key), tag, &key, [&value, &[]]);
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
            table.put(None, tag, &key, [&value, &[]]);
        }
        let bytes = count * length as u64;
        let most = bytes * 5 / 4 + 128 * 1024;
        assert!(table.memory_bytes() < most, "{} for {bytes}", table.memory_bytes());
    }
}
