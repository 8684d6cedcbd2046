//! Where a replay ends that is to end at a time or behind a transaction, held against all events.

use std::num::NonZero;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;
use vexfs_replay::Error;
use vexfs_replay::event::Body;
use vexfs_replay::journal::{EndKind, Validation};
use vexfs_replay::replay::{
    DamagePolicy, Outcome, ReplayOptions, Selection, StopPoint, replay, replay_serially,
};
use vexfs_replay::state::MemoryState;

use crate::inspected::Inspected;
use crate::journals::{Made, Strays, hold, play, recipes, runner};
use crate::laws::fail;
use crate::small_journal::{change, names_of};

type Replayed = Result<(MemoryState, Outcome), Error>;

/// Replays up to a stop in both ways. Contradictions in random journals are passed over.
fn replay_until(made: &Made, until: StopPoint, turn: usize) -> [Replayed; 2] {
    let options = ReplayOptions {
        until: Some(until),
        threads: NonZero::new(1 + turn).unwrap(),
        validation: [Validation::None, Validation::Basic][turn % 2],
        ..ReplayOptions::default()
    };
    [replay(&made.journal, &options, &mut |_| {}), replay_serially(&made.journal, &options)]
}

/// Checks that a replay up to a stop ends behind this LSN.
fn check(made: &Made, until: StopPoint, last_lsn: u64, turn: usize) -> TestCaseResult {
    let everything = Selection::default();
    let expected = made.inspected.state(&everything, None, last_lsn).digest();
    for result in replay_until(made, until, turn) {
        let what = format!("{until:?}, up to LSN {last_lsn}");
        let (state, outcome) =
            result.map_err(|error| fail(made, &everything, &format!("{what}: {error}")))?;
        let wanted_lsn = last_lsn.min(made.inspected.last_lsn());
        if outcome.last_lsn != wanted_lsn || state.digest() != expected {
            let what = format!("{what}: ends behind LSN {}", outcome.last_lsn);
            return Err(fail(made, &everything, &what));
        }
    }
    Ok(())
}

/// The LSN before the first event that is later than a time.
fn last_until(inspected: &Inspected, time_ns: u64) -> u64 {
    let later = inspected.lines.iter().find(|line| line.time() > time_ns);
    later.map_or(u64::MAX, |line| line.lsn - 1)
}

/// The LSN of the first record that ends a transaction.
fn end_of(inspected: &Inspected, id: u64) -> Option<u64> {
    let ends = |body: Body<'_>| matches!(body, Body::TransactionEnd(_));
    let end = inspected.lines.iter().find(|line| line.transaction() == id && ends(line.body()));
    end.map(|line| line.lsn)
}

/// Checks stops at the times of some events and around them, and behind some transactions.
fn check_stops(made: &Made, picks: &[Index], turn: usize) -> TestCaseResult {
    let inspected = &made.inspected;
    let mut times = vec![0, u64::MAX];
    let ids = inspected.transactions();
    for pick in picks {
        if !inspected.lines.is_empty() {
            let time = pick.get(&inspected.lines).time();
            times.extend([time.saturating_sub(1), time, time + 1]);
        }
        if !ids.is_empty() {
            let id = *pick.get(&ids);
            match end_of(inspected, id) {
                Some(lsn) => check(made, StopPoint::Transaction(id), lsn, turn)?,
                None => check_no_such(made, id, turn)?,
            }
        }
    }
    for time_ns in times {
        check(made, StopPoint::Time(time_ns), last_until(inspected, time_ns), turn)?;
    }
    check_no_such(made, u64::MAX, turn)
}

fn check_no_such(made: &Made, id: u64, turn: usize) -> TestCaseResult {
    for result in replay_until(made, StopPoint::Transaction(id), turn) {
        match result {
            Err(Error::NoSuchTransaction { id: told }) if told == id => {}
            other => {
                let what = format!("up to transaction {id}: {other:?}");
                return Err(fail(made, &Selection::default(), &what));
            }
        }
    }
    Ok(())
}

#[test]
fn a_stop_is_before_the_first_later_event_or_behind_the_end_of_a_transaction() {
    let picks = proptest::collection::vec(any::<Index>(), 3);
    let inputs = (recipes(Strays::LeftOut), picks, 0_usize..4);
    hold(
        runner("a_stop", 250)
            .run(&inputs, |(recipe, picks, turn)| check_stops(&play(&recipe), &picks, turn)),
    );
}

/// The newest segment is cut off within its last block, which then is none.
#[test]
fn a_stop_is_looked_for_in_a_journal_with_a_torn_tail_too() {
    let torn = std::cell::Cell::new(0);
    let picks = proptest::collection::vec(any::<Index>(), 3);
    let inputs = (recipes(Strays::LeftOut), picks, any::<Index>(), 0_usize..4);
    hold(runner("a_stop_with_a_torn_tail", 150).run(&inputs, |(recipe, picks, cut, turn)| {
        let made = play(&recipe);
        let Some(last) = made.inspected.blocks.last().map(|it| it.block.clone()) else {
            return Ok(());
        };
        let newest = names_of(&made.folder).pop().unwrap();
        let holds_last = made.folder.get(&newest).unwrap().len() >= last.end();
        if !holds_last || last.header.segment + 1 != made.inspected.segments.0 {
            return Ok(());
        }
        let keep = last.at + 1 + cut.index(last.end() - last.at - 1);
        change(&made.folder, &newest, |content| content.truncate(keep));
        let mut inspected = made.inspected.clone();
        inspected.blocks.pop();
        let blocks = inspected.blocks.len();
        inspected.lines.retain(|line| line.block < blocks);
        let journal =
            vexfs_replay::journal::Journal::open(std::sync::Arc::new(made.folder.clone()));
        let made = Made { folder: made.folder, journal: journal.unwrap(), inspected };
        torn.set(torn.get() + 1);
        check_stops(&made, &picks, turn)
    }));
    println!("{} torn", torn.get());
    assert!(torn.get() > 0);
}

#[test]
fn before_everything_there_is_nothing() {
    let made = Made::of(crate::plans::journal(300));
    for result in replay_until(&made, StopPoint::Time(999), 1) {
        let (state, outcome) = result.unwrap();
        assert_eq!((outcome.last_lsn, outcome.findings.end.kind), (0, EndKind::Until));
        assert_eq!(state.digest(), MemoryState::default().digest());
    }
    // Nobody's policy refuses what isn't reached.
    let options = ReplayOptions {
        until: Some(StopPoint::Time(1_000)),
        damage: DamagePolicy::Strict,
        ..ReplayOptions::default()
    };
    assert!(matches!(
        replay(&made.journal, &options, &mut |_| {}),
        Err(Error::Inconsistent { .. })
    ));
    let prefix = ReplayOptions { damage: DamagePolicy::Salvage, ..options };
    assert_eq!(replay(&made.journal, &prefix, &mut |_| {}).unwrap().1.last_lsn, 1);
}
