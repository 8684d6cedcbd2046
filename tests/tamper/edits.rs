//! Random journals, and random changes to their events by someone who makes everything else right: the
//! check tells each change by its kind and its LSNs.

use std::ops::Range;

use proptest::prelude::*;
use vexfs_replay::trust::{At, Kind, TrustVerdict, What};

use crate::attacker::{Apart, Piece};
use crate::scribe::Step;
use crate::signed::{Signed, of_what};

/// A time that no event of a scribe has.
const NEW_TIME_NS: u64 = 1 << 50;

/// What is done to a range of events.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Cut,
    Change,
    /// So many events are put in before the range, in the block there or in one of their own.
    PutIn(usize, Own),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Own {
    Block,
    Nothing,
}

/// How the range is chosen.
#[derive(Clone, Copy, Debug)]
enum Grain {
    Events,
    Blocks,
    Segments,
}

/// A deed, and two numbers that say where.
type Attack = (Deed, Grain, usize, usize);

#[derive(Clone, Debug)]
struct Edit {
    deed: Deed,
    range: Range<usize>,
}

/// What is expected to be told: kind, place, signed LSNs, found LSNs.
type Told = (Kind, At, Option<(u64, u64)>, Option<(u64, u64)>);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..3_000_usize).prop_map(Step::Set),
        2 => (1..4_usize, 1..900_usize).prop_map(|(members, bytes)| Step::Transaction(members, bytes)),
        1 => (1..3_usize).prop_map(Step::Aborted),
        1 => (1..3_usize).prop_map(Step::Unfinished),
        4 => Just(Step::Commit),
        1 => Just(Step::Reopen),
    ];
    let ends = prop_oneof![3 => Just(Step::Close), 1 => Just(Step::Commit)];
    (prop::collection::vec(step, 1..40), ends).prop_map(|(steps, end)| {
        // An event at least, and all of them in the file.
        [&[Step::Set(9), Step::Commit], &steps[..], &[Step::Commit, end]].concat()
    })
}

fn attacks() -> impl Strategy<Value = Vec<Attack>> {
    let own = prop_oneof![Just(Own::Block), Just(Own::Nothing)];
    let deed = prop_oneof![
        Just(Deed::Cut),
        Just(Deed::Change),
        (1..5_usize, own).prop_map(|(events, own)| Deed::PutIn(events, own)),
    ];
    let grain = prop_oneof![Just(Grain::Events), Just(Grain::Blocks), Just(Grain::Segments)];
    prop::collection::vec((deed, grain, any::<usize>(), any::<usize>()), 1..4)
}

/// A range in a zone, widened to whole blocks or segments where they lie in the zone.
fn range_in(apart: &Apart, zone: Range<usize>, (_, grain, a, b): Attack) -> Range<usize> {
    let start = zone.start + a % zone.len();
    let end = start + 1 + b % (zone.end - start);
    let of = |event: usize| match grain {
        Grain::Events => event,
        Grain::Blocks => apart.block_of(event),
        Grain::Segments => apart.events[event].segment,
    };
    let (first, last) = (of(start), of(end - 1));
    let wide = (0..apart.events.len()).filter(|&event| (first..=last).contains(&of(event)));
    let wide: Vec<usize> = wide.collect();
    let wide = wide[0]..wide[wide.len() - 1] + 1;
    if zone.start <= wide.start && wide.end <= zone.end { wide } else { start..end }
}

/// Edits in zones with an event between them that stays.
fn edits_of(apart: &Apart, attacks: &[Attack]) -> Vec<Edit> {
    let events = apart.events.len();
    let zones = if events < 3 * attacks.len() { 1 } else { attacks.len() };
    let edit = |(zone, &attack): (usize, &Attack)| {
        let start = zone * events / zones;
        let end = if zone + 1 == zones { events } else { (zone + 1) * events / zones - 1 };
        Edit { deed: attack.0, range: range_in(apart, start..end, attack) }
    };
    attacks.iter().take(zones).enumerate().map(edit).collect()
}

/// Carries edits out; gives the events and what is to be told.
fn carry_out(apart: &Apart, edits: &[Edit]) -> (Vec<Piece>, Vec<Told>) {
    let (old, count) = (&apart.events, apart.events.len());
    let plain = old.iter().find(|event| event.is_plain()).unwrap().clone();
    let (mut events, mut told, mut at, mut time) = (Vec::new(), Vec::new(), 0, NEW_TIME_NS);
    let mut next_time = || {
        time += 1;
        time
    };
    for Edit { deed, range } in edits {
        let from = range.start;
        events.extend_from_slice(&old[at..from]);
        let found = events.len() as u64;
        let lsns = |range: &Range<usize>| Some((range.start as u64 + 1, range.end as u64));
        let place = |end: usize| match (from, end) {
            (_, end) if end == count => At::End,
            (0, _) => At::Start,
            _ => At::Middle,
        };
        at = range.end;
        told.push(match *deed {
            Deed::Cut => (Kind::CutOff, place(range.end), lsns(range), None),
            Deed::Change => {
                events.extend(old[range.clone()].iter().map(|it| it.at_time(next_time())));
                let new = Some((found + 1, found + range.len() as u64));
                (Kind::Changed, place(range.end), lsns(range), new)
            }
            Deed::PutIn(new, own) => {
                // Behind the last event as well as before any.
                let from = if range.end == count { count } else { from };
                events.extend_from_slice(&old[range.start..from]);
                let found = events.len() as u64;
                let near = &old[from.saturating_sub(1)];
                let block = if own == Own::Block { usize::MAX } else { near.block };
                let put = Piece { segment: near.segment, block, ..plain.clone() };
                events.extend((0..new).map(|_| put.at_time(next_time())));
                let (put_at, new) = if from == count { (At::End, new) } else { (place(from), new) };
                at = from;
                (Kind::PutIn, put_at, None, Some((found + 1, found + new as u64)))
            }
        });
    }
    events.extend_from_slice(&old[at..]);
    (events, told)
}

fn check_told(signed: &Signed, expected: &[Told]) {
    let (outcome, trust) = signed.check().unwrap();
    // Nothing but the signature tells.
    assert!(outcome.findings.damages.is_empty(), "{:?}", outcome.findings.damages);
    assert_ne!(trust.verdict, TrustVerdict::Intact);
    let lsns = |side: Option<vexfs_replay::trust::Side>| {
        side.map(|side| (side.first_lsn.unwrap(), side.last_lsn.unwrap()))
    };
    let told = of_what(&trust, What::Events);
    let told = told.iter().map(|it| (it.kind, it.at, lsns(it.signed), lsns(it.found)));
    assert_eq!(told.collect::<Vec<Told>>(), expected, "{trust:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 64 } else { 1_500 }))]

    #[test]
    fn what_is_done_to_events_is_told(steps in steps(), attacks in attacks()) {
        let signed = Signed::by(&steps);
        let apart = Apart::of(&signed.folder);
        // The attacker's hands are good: made anew without a change, the journal is what it was.
        apart.remake(&apart.events, &signed.folder);
        prop_assert!(signed.is_accepted(), "{:?}", signed.check());
        let (events, told) = carry_out(&apart, &edits_of(&apart, &attacks));
        apart.remake(&events, &signed.folder);
        check_told(&signed, &told);
    }

    #[test]
    fn events_that_change_places_are_told_as_moved(steps in steps(), at in any::<[usize; 3]>()) {
        let signed = Signed::by(&steps);
        let apart = Apart::of(&signed.folder);
        let count = apart.events.len();
        prop_assume!(count >= 2);
        let middle = 1 + at[0] % (count - 1);
        let (from, to) = (at[1] % middle, middle + 1 + at[2] % (count - middle));
        let mut events = apart.events.clone();
        events[from..to].rotate_left(middle - from);
        // Blocks and segments stay where they are, with other events in them.
        for (new, old) in events.iter_mut().zip(&apart.events) {
            (new.segment, new.block) = (old.segment, old.block);
        }
        apart.remake(&events, &signed.folder);
        let trust = signed.trust();
        prop_assert_eq!(trust.verdict, TrustVerdict::Differs);
        prop_assert_eq!(&trust.kinds, &[Kind::Moved], "{:#?}", trust);
        // One of the two stays where it was, as it were: the longer one.
        let told = of_what(&trust, What::Events);
        let lsns = told.iter().filter_map(|it| it.signed).map(|it| {
            it.last_lsn.unwrap() - it.first_lsn.unwrap() + 1
        });
        let shorter = (middle - from).min(to - middle) as u64;
        prop_assert_eq!(lsns.sum::<u64>(), shorter, "{:#?}", trust);
    }

    #[test]
    fn the_same_events_in_other_blocks_are_told_as_such(
        steps in steps(), run in 1..6_usize, last in any::<bool>(),
    ) {
        let signed = Signed::by(&steps);
        let apart = Apart::of(&signed.folder);
        let mut events = apart.events.clone();
        let segment = if last { events[events.len() - 1].segment } else { 0 };
        for (index, event) in events.iter_mut().enumerate() {
            event.block = index / run;
            event.segment = if last { event.segment } else { segment };
        }
        let same = events.iter().zip(&apart.events).all(|(new, old)| new.segment == old.segment)
            && events.windows(2).zip(apart.events.windows(2)).all(|(new, old)| {
                (new[0].block == new[1].block) == (old[0].block == old[1].block)
            });
        prop_assume!(!same);
        apart.remake(&events, &signed.folder);
        let (outcome, trust) = signed.check().unwrap();
        prop_assert!(outcome.findings.damages.is_empty());
        prop_assert_eq!(trust.verdict, TrustVerdict::Differs);
        prop_assert!(of_what(&trust, What::Events).is_empty(), "{:#?}", trust);
        prop_assert!(!trust.differences.is_empty());
    }
}
