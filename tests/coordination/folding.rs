//! What entries come to.

use std::collections::{BTreeMap, BTreeSet};

use vexfs_replay::coordination::{Ends, Entry, Memory, Refusal, Ruling, SHARED_FROM, Verdict};

use crate::entries::{all, began, plan, planned, ruled, terms, turned_back};

#[test]
fn nothing_comes_to_nothing() {
    assert_eq!(Memory::of(&[]), Memory::default());
}

#[test]
fn the_first_terms_count_and_the_last_epoch() {
    let mut later = terms();
    later.members.clear();
    let again = Entry::Began { epoch: 7, terms: later };
    let memory = Memory::of(&[began(6), again]);
    assert_eq!(memory.epoch, 7);
    assert_eq!(memory.under_way.unwrap().terms, terms());
}

#[test]
fn who_is_left_out_at_one_conflict_after_another_stays_so() {
    let without = |name: &str| ruled("digests:s", Ruling::Without(name.to_owned()));
    let under_way = Memory::of(&[began(1), without("p"), without("q")]).under_way.unwrap();
    assert_eq!(under_way.without, BTreeSet::from(["p", "q"].map(str::to_owned)));
    let last = Ruling::Without("q".to_owned());
    assert_eq!(under_way.rulings, BTreeMap::from([("digests:s".to_owned(), last)]));
}

#[test]
fn verdicts_are_kept_once_a_coordination_has_ended_well_and_then_only() {
    let verdict = |memory: &Memory| memory.decided.get(&SHARED_FROM).copied();
    let entries = [began(1), planned(), Entry::Committed, Entry::Ended];
    for count in 0..entries.len() {
        assert_eq!(verdict(&Memory::of(&entries[..count])), None);
    }
    let memory = Memory::of(&entries);
    assert_eq!((verdict(&memory), memory.under_way.clone()), (Some(Verdict::Commit), None));
    let turned = Memory::of(&[began(1), planned(), turned_back(), Entry::Ended]);
    assert_eq!((verdict(&turned), turned.under_way), (None, None));
}

#[test]
fn how_it_ends_is_what_is_written_down() {
    let ends = |entry| Memory::of(&[began(1), planned(), entry]).under_way.unwrap().ends;
    assert_eq!(ends(began(2)), None);
    assert_eq!(ends(Entry::Committed), Some(Ends::Committed));
    let members = terms().members.into_keys().collect();
    assert_eq!(ends(turned_back()), Some(Ends::TurnedBack(Refusal::Cancelled, members)));
    let memory = Memory::of(&all());
    assert_eq!((memory.epoch, memory.under_way), (3, None));
    assert_eq!(memory.decided, plan().verdicts);
}
