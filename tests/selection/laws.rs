//! What a selection means, held against the plain loop and against the replay of all events.

use std::cell::Cell;
use std::num::NonZero;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use vexfs_replay::event::{Body, EventType, transaction_outcome};
use vexfs_replay::journal::Validation;
use vexfs_replay::replay::{
    DamagePolicy, ReplayOptions, Selection, StopPoint, replay, replay_serially,
};
use vexfs_replay::state::{KeyKind, MemoryState, OwnedKey};

use crate::inspected::records;
use crate::journals::{Made, Strays, hold, play, recipes, runner};
use crate::selections::selections;

/// The numbers of threads that are compared; each case takes one of them.
const THREADS: [usize; 4] = [1, 2, 3, 8];

pub(crate) fn options(selection: &Selection, validation: Validation) -> ReplayOptions {
    let selection = Some(selection.clone());
    // What is left out of a selection may be what an event presupposes; all else is intact.
    ReplayOptions { selection, validation, ..ReplayOptions::default() }
}

/// The state of all events, whatever contradicts itself in them.
fn all_of(made: &Made) -> MemoryState {
    let damage = DamagePolicy::Salvage;
    replay(&made.journal, &ReplayOptions { damage, ..ReplayOptions::default() }, &mut |_| {})
        .unwrap()
        .0
}

fn selected_of(made: &Made, selection: &Selection) -> MemoryState {
    replay(&made.journal, &options(selection, Validation::Full), &mut |_| {}).unwrap().0
}

pub(crate) fn fail(made: &Made, selection: &Selection, what: &str) -> TestCaseError {
    let told = made.inspected.told();
    TestCaseError::fail(format!("{what}\nby {selection:?}\nthe journal says\n{told}"))
}

/// Checks that the parallel replay, the serial one and the plain loop come to the same.
fn check_all(
    made: &Made,
    selection: &Selection,
    threads: usize,
    until: Option<u64>,
) -> TestCaseResult {
    let last_lsn = until.unwrap_or(u64::MAX);
    let expected = made.inspected.state(selection, None, last_lsn).digest();
    let selected = made.inspected.selected(selection, None);
    let selected = selected.iter().filter(|line| line.lsn <= last_lsn).count() as u64;
    for validation in Validation::ALL {
        let threads = NonZero::new(threads).unwrap();
        let until = until.map(StopPoint::Lsn);
        let options = ReplayOptions { threads, until, ..options(selection, validation) };
        let parallel = replay(&made.journal, &options, &mut |_| {});
        let serial = replay_serially(&made.journal, &options);
        for (way, result) in [("in parallel", parallel), ("serially", serial)] {
            let at = format!("{way}, {validation:?}, until {last_lsn}");
            let (state, outcome) =
                result.map_err(|error| fail(made, selection, &format!("{at}: {error}")))?;
            let found = outcome.findings.tally.selected;
            if found != selected {
                let what = format!("{at}: {found} events selected, not {selected}");
                return Err(fail(made, selection, &what));
            }
            if state.digest() != expected {
                let all = made.inspected.state(selection, None, last_lsn);
                let (wanted, found) = (records(&all, |_| true), records(&state, |_| true));
                let what = format!("{at}: the state is\n{found:02x?}, not\n{wanted:02x?}");
                return Err(fail(made, selection, &what));
            }
        }
    }
    Ok(())
}

#[test]
fn parallel_serial_and_a_plain_loop_agree() {
    let (skipped, whole) = (Cell::new(0), Cell::new(0));
    let inputs = (recipes(Strays::LeftOut), selections(), 0..THREADS.len());
    hold(runner("parallel_serial_and_a_plain_loop_agree", 400).run(
        &inputs,
        |(recipe, drawn, turn)| {
            let made = play(&recipe);
            let selection = drawn.of(&made.inspected);
            let options = options(&selection, Validation::Basic);
            let plan = vexfs_replay::replay::explain(&made.journal, &options).unwrap().unwrap();
            skipped.set(skipped.get() + u64::from(!plan.skipped.is_empty()));
            whole.set(whole.get() + u64::from(plan.skipped.is_empty()));
            check_all(&made, &selection, THREADS[turn], None)
        },
    ));
    println!("{} journals with blocks stepped over, {} read whole", skipped.get(), whole.get());
    assert!(skipped.get() > 0 && whole.get() > 0);
}

#[test]
fn a_selection_up_to_an_lsn_is_that_of_the_events_up_to_it() {
    let inputs = (recipes(Strays::LeftOut), selections(), any::<Index>(), 0..THREADS.len());
    hold(runner("a_selection_up_to_an_lsn", 150).run(&inputs, |(recipe, drawn, until, turn)| {
        let made = play(&recipe);
        let until = until.index(made.inspected.lines.len() + 2) as u64;
        check_all(&made, &drawn.of(&made.inspected), THREADS[turn], Some(until))
    }));
}

/// What no writer of ours does is met by both in the same way. Where contradictions end a replay,
/// those in blocks that are stepped over don't end the parallel one: so there all is read.
#[test]
fn transactions_that_are_not_whole_lead_to_the_same_serially_and_in_parallel() {
    let inputs = (recipes(Strays::Kept), selections(), 0..THREADS.len());
    hold(runner("transactions_that_are_not_whole", 150).run(&inputs, |(recipe, drawn, turn)| {
        let made = play(&recipe);
        let selection = drawn.of(&made.inspected);
        for validation in Validation::ALL {
            let ends = validation >= Validation::Full;
            let steps_over = (!ends).then_some(DamagePolicy::Prefix);
            for damage in steps_over.into_iter().chain([DamagePolicy::Salvage]) {
                let threads = NonZero::new(THREADS[turn]).unwrap();
                let options = ReplayOptions { threads, damage, ..options(&selection, validation) };
                let parallel = replay(&made.journal, &options, &mut |_| {});
                let serial = replay_serially(&made.journal, &options);
                let (parallel, serial) = match (parallel, serial) {
                    (Ok(parallel), Ok(serial)) => (parallel, serial),
                    others => return Err(fail(&made, &selection, &format!("{others:?}"))),
                };
                if parallel.0.digest() != serial.0.digest() {
                    let what = format!("{validation:?}, {damage:?}: two states");
                    return Err(fail(&made, &selection, &what));
                }
            }
        }
        Ok(())
    }));
}

/// The kinds of keys that a family has to itself, or two families share.
const FAMILIES: [(&[u8], &[KeyKind]); 6] = [
    (&[1], &[KeyKind::Inode, KeyKind::Entry]),
    (&[2], &[KeyKind::Node, KeyKind::Edge, KeyKind::Property]),
    (&[3], &[KeyKind::Vector]),
    (&[4, 6], &[KeyKind::Agent, KeyKind::Link]),
    (&[5], &[KeyKind::Mount]),
    (&[8], &[KeyKind::Metric]),
];

#[test]
fn a_whole_family_leads_to_exactly_its_records_of_the_full_state() {
    hold(runner("a_whole_family", 150).run(&recipes(Strays::LeftOut), |recipe| {
        let made = play(&recipe);
        let all = all_of(&made);
        for (families, kinds) in FAMILIES {
            let types = EventType::ALL.iter().copied();
            let types = types.filter(|it| families.contains(&it.family())).collect();
            let selection = Selection { types, ..Selection::default() };
            let found = records(&selected_of(&made, &selection), |_| true);
            let expected = records(&all, |key| kinds.contains(&key.kind));
            if found != expected {
                return Err(fail(&made, &selection, "other records"));
            }
        }
        Ok(())
    }));
}

#[test]
fn one_key_leads_to_exactly_its_record_of_the_full_state() {
    let inputs = (recipes(Strays::LeftOut), proptest::collection::vec(any::<Index>(), 3));
    hold(runner("one_key", 150).run(&inputs, |(recipe, picks)| {
        let made = play(&recipe);
        let (all, mut keys) = (all_of(&made), made.inspected.keys());
        keys.push(OwnedKey { kind: KeyKind::Node, id: 77, second: 0, name: Vec::new() });
        for wanted in picks.iter().map(|pick| pick.get(&keys).clone()) {
            let expected = records(&all, |key| *key == wanted);
            let selection = Selection { keys: [wanted].into(), ..Selection::default() };
            let found = records(&selected_of(&made, &selection), |_| true);
            if found != expected {
                let what = format!("{found:02x?}, not {expected:02x?}");
                return Err(fail(&made, &selection, &what));
            }
        }
        Ok(())
    }));
}

#[test]
fn all_types_lead_to_the_full_state() {
    hold(runner("all_types", 100).run(&recipes(Strays::LeftOut), |recipe| {
        let made = play(&recipe);
        let types = EventType::ALL.iter().copied().collect();
        for selection in [Selection::default(), Selection { types, ..Selection::default() }] {
            let options = options(&selection, Validation::Full);
            let (state, outcome) = replay(&made.journal, &options, &mut |_| {}).unwrap();
            let tally = outcome.findings.tally;
            if state.digest() != all_of(&made).digest()
                || tally.selected != tally.mutations + tally.observations
            {
                return Err(fail(&made, &selection, &format!("{tally:?}")));
            }
        }
        Ok(())
    }));
}

#[test]
fn a_transaction_leads_to_its_own_effects_where_it_committed_and_to_none_elsewhere() {
    let (committed, others) = (Cell::new(0), Cell::new(0));
    hold(runner("a_transaction", 150).run(&recipes(Strays::LeftOut), |recipe| {
        let made = play(&recipe);
        let lines = &made.inspected.lines;
        for id in made.inspected.transactions().into_iter().take(4) {
            let selection = Selection { transactions: [id].into(), ..Selection::default() };
            let commits = lines.iter().any(|line| {
                let end = match line.body() {
                    Body::TransactionEnd(end) => end.outcome,
                    _ => 0,
                };
                line.transaction() == id && end == transaction_outcome::COMMIT
            });
            let found = selected_of(&made, &selection);
            if commits {
                committed.set(committed.get() + 1);
            } else {
                others.set(others.get() + 1);
                prop_assert_eq!(records(&found, |_| true).len(), 0, "{} never committed", id);
            }
            check_all(&made, &selection, 2, None)?;
        }
        Ok(())
    }));
    println!("{} committed, {} others", committed.get(), others.get());
    assert!(committed.get() > 0 && others.get() > 0);
}
