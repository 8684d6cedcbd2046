//! There and back, both ways.

use std::sync::Arc;

use proptest::prelude::*;
use vexfs_datasets::Recipe;
use vexfs_replay::event::EventType;
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::{EndKind, Journal, Writer};
use vexfs_replay::replay::{ReplayOptions, replay};
use vexfs_replay::storage::MemoryFolder;

use crate::dice::Dice;
use crate::events;
use crate::kernel::{self, Kernel};
use crate::place::{events_of, export, import, journal_of, numbered};

fn same(found: &[Vec<u8>], expected: &[Vec<u8>]) {
    assert_eq!(found.len(), expected.len());
    for (lsn, (found, expected)) in (1..).zip(found.iter().zip(expected)) {
        assert!(found == expected, "LSN {lsn}:\n{found:?}\n{expected:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Every type, and those that nobody knows, with whatever a header, a payload and a tail can hold.
    #[test]
    fn native_events_come_back(seed: u64) {
        let mut dice = Dice(seed);
        let types = EventType::ALL.iter().copied().map(Some).chain([None; 6]);
        let mut events: Vec<_> = types.map(|it| events::random(it, &mut dice)).collect();
        for at in (1..events.len()).rev() {
            events.swap(at, dice.below(at + 1));
        }
        let (file, exported) = export(&journal_of(&events)).unwrap();
        prop_assert_eq!(exported.events, events.len() as u64);
        let (back, _) = import(&file).unwrap();
        same(&events_of(&back), &numbered(&events));
        let (again, _) = export(&back).unwrap();
        prop_assert!(again == file);
    }

    /// Whatever a kernel's event holds that no native writer made.
    #[test]
    fn kernel_events_come_back(seed: u64) {
        let mut dice = Dice(seed);
        let mut id = 0;
        let events: Vec<_> = (0..30).map(|_| {
            id += 1 + dice.roll() % (1 << 40);
            let mut event = Kernel::random(id, &mut dice);
            let marked = dice.below(3);
            if marked == 1 {
                let known = EventType::ALL[dice.below(EventType::ALL.len())];
                event.event_type = u32::from(known.code());
                event.payload = events::payload(known, &mut dice);
            }
            if marked == 2 {
                // A type that nobody knows; outside of transactions that is a kernel's own.
                event.event_type = 0x8000 | (event.event_type & 0xFFFF);
                event.context[..8].copy_from_slice(&(dice.roll() | 1).to_le_bytes());
            }
            if marked > 0 {
                event.metadata.splice(..0, kernel::marker(1, event.payload.len()));
            }
            event.encode()
        }).collect();
        let file = kernel::file(&events);
        let (journal, imported) = import(&file).unwrap();
        prop_assert_eq!(imported.events, 30);
        let (again, exported) = export(&journal).unwrap();
        prop_assert_eq!(exported.foreign, imported.foreign);
        prop_assert!(again == file);
    }
}

/// Each workload leads to the same state, and its events come back byte for byte.
#[test]
fn workloads_come_back_and_lead_to_the_same_state() {
    let names =
        ["1k", "hot-key", "huge-transaction", "tiny", "tiny-blocks", "unique-keys", "vectors-384"];
    for name in names {
        let named = Recipe::named(name).unwrap();
        let recipe = Recipe { events: 1_500, live_keys: named.live_keys.min(1_500), ..named };
        let folder = MemoryFolder::default();
        let writer = Writer::create(Arc::new(folder.clone()), writer_options(&recipe, 1)).unwrap();
        generate(&writer, &recipe, 1, &mut |_| {}).unwrap();
        writer.close().unwrap();
        let (file, exported) = export(&folder).unwrap();
        assert_eq!((exported.foreign, exported.verbatim), (0, 0), "{name}");
        let (back, imported) = import(&file).unwrap();
        assert_eq!(imported.events, exported.events);
        same(&events_of(&back), &events_of(&folder));
        let [(left, _), (right, outcome)] = [folder, back].map(|folder| {
            let journal = Journal::open(Arc::new(folder)).unwrap();
            replay(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap()
        });
        assert_eq!(left.digest(), right.digest(), "{name}");
        assert_eq!(outcome.findings.end.kind, EndKind::Sealed);
        assert_eq!((outcome.findings.inconsistencies.count, outcome.head), (0, imported.head));
    }
}

/// A journal without an event is a header.
#[test]
fn an_empty_journal_comes_back() {
    let file = kernel::file(&[]);
    let (journal, imported) = import(&file).unwrap();
    assert_eq!((imported.events, imported.bytes), (0, 52));
    assert_eq!(export(&journal).unwrap().0, file);
}
