//! Times by a clock that is turned: signs of life every 5 s, silence after 30 s, or as is set.

use std::time::Duration;

use vexfs_replay::coordination::{
    Action, Answer, End, Engine, Entry, Event, Input, Machine, Memory, Place, Refusal, Reply,
    Report, Role, Ruling, SHARED_FROM, Said, Standing, Times,
};

use crate::entries::{began, terms};

fn seconds(it: u64) -> Duration {
    Duration::from_secs(it)
}

/// An engine that has asked `p` and `q` how far they come, at 0 s.
fn asking(times: Times) -> Engine {
    let mut engine = Engine::new(Machine::new(terms(), Memory::default()), times);
    assert_eq!(engine.handle(seconds(0), Event::Begun), [Action::Record(began(1))]);
    let asked = engine.handle(seconds(0), Event::Came(Input::Recorded));
    assert_eq!(sent(&asked), ["p", "q"]);
    engine
}

fn sent(actions: &[Action]) -> Vec<&str> {
    let names = actions.iter().filter_map(|it| match it {
        Action::Send(name, _) => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

fn alive(engine: &mut Engine, at: Duration, name: &str, epoch: u64) -> Vec<Action> {
    engine.handle(at, Event::Alive(name.to_owned(), epoch))
}

fn answered(engine: &mut Engine, at: Duration, name: &str, reply: Reply) -> Vec<Action> {
    let (epoch, round) = (engine.machine().epoch(), engine.machine().round());
    engine.handle(at, Event::Answered(name.to_owned(), Answer { epoch, round, reply }))
}

fn recorded(engine: &mut Engine, at: Duration) -> Vec<Action> {
    engine.handle(at, Event::Came(Input::Recorded))
}

#[test]
fn the_defaults_are_5_and_30_seconds() {
    assert_eq!((Times::default().heartbeat_ms, Times::default().silent_ms), (5_000, 30_000));
    assert_eq!(asking(Times::default()).wakes_at(), Some(seconds(30)));
}

#[test]
fn who_gives_signs_of_life_is_waited_for_and_who_does_not_is_asked_again() {
    let mut engine = asking(Times::default());
    for at in (5..60).step_by(5) {
        alive(&mut engine, seconds(at), "p", 1);
        // One of an earlier life counts for nothing.
        alive(&mut engine, seconds(at), "q", 0);
    }
    let found: Vec<_> = engine.machine().found().iter().map(|it| it.conflict.key()).collect();
    assert_eq!(found, ["unreachable:q"]);
    assert_eq!(engine.handle(Duration::from_millis(29_999), Event::TimePassed), []);
}

#[test]
fn silence_is_as_long_as_is_set() {
    let times = Times { silent_ms: 7_000, again_ms: 1_000, ..Times::default() };
    let mut engine = asking(times);
    assert_eq!(engine.handle(Duration::from_millis(6_999), Event::TimePassed), []);
    assert_eq!(engine.handle(seconds(7), Event::TimePassed), []);
    assert_eq!(sent(&engine.handle(seconds(8), Event::TimePassed)), ["p", "q"]);
    assert_eq!(engine.handle(seconds(15), Event::TimePassed), []);
    // The second time it waits twice as long.
    assert_eq!(engine.handle(seconds(16), Event::TimePassed), []);
    assert_eq!(sent(&engine.handle(seconds(17), Event::TimePassed)), ["p", "q"]);
}

#[test]
fn a_clock_that_is_turned_back_stands_still() {
    let mut engine = asking(Times::default());
    engine.handle(seconds(20), Event::TimePassed);
    assert_eq!(engine.handle(seconds(1), Event::TimePassed), []);
    assert_eq!(engine.wakes_at(), Some(seconds(30)));
    alive(&mut engine, seconds(2), "p", 1);
    alive(&mut engine, seconds(2), "q", 1);
    assert_eq!(engine.wakes_at(), Some(seconds(50)), "at 20 s it heard of both");
}

#[test]
fn the_end_of_time_is_no_panic_and_no_wait_at_all_comes_to_an_end() {
    let mut engine = asking(Times::default());
    engine.handle(Duration::MAX, Event::TimePassed);
    let nothing =
        Times { silent_ms: 0, again_ms: 0, again_ms_max: 0, whole_ms: 0, heartbeat_ms: 0 };
    let mut engine = Engine::new(Machine::new(terms(), Memory::default()), nothing);
    engine.handle(seconds(0), Event::Begun);
    engine.handle(seconds(1), Event::Came(Input::Recorded));
}

#[test]
fn it_turns_back_when_its_time_is_up_and_leaves_the_rest_for_later() {
    let times = Times { silent_ms: 10_000_000, ..Times::default() };
    let mut engine = asking(times);
    let late = engine.handle(seconds(600), Event::TimePassed);
    let reason = Refusal::TimedOut;
    assert!(
        matches!(&late[..], [Action::Record(Entry::TurnedBack { reason: it, .. })] if *it == reason)
    );
    recorded(&mut engine, seconds(700));
    assert_eq!(engine.handle(seconds(1_299), Event::TimePassed), []);
    let participants = vec!["p".to_owned(), "q".to_owned()];
    let left = engine.handle(seconds(1_300), Event::TimePassed);
    assert_eq!(left, [Action::End(End::Pending { participants })]);
}

/// Somebody may take as long as it takes; after that time counts again.
#[test]
fn time_stands_still_while_somebody_has_to_say_something() {
    let mut engine = asking(Times { silent_ms: 10_000_000, ..Times::default() });
    for name in ["p", "q"] {
        let standing = Standing { role: Role::Source, floor: 0, at: 1, reach: 1 };
        let prepared = Said::Prepared(Place { stream: name.to_owned(), at: 1 });
        let mut report = Report::default();
        report.standings.insert(name.to_owned(), standing);
        report.transactions.insert(SHARED_FROM, prepared);
        answered(&mut engine, seconds(1), name, Reply::Report(report));
    }
    assert_eq!(engine.wakes_at(), None);
    assert_eq!(engine.handle(seconds(100_000), Event::TimePassed), []);
    let key = format!("in-doubt:{SHARED_FROM}");
    let ruled = Event::Came(Input::Ruled(key, Ruling::Commit));
    assert!(matches!(engine.handle(seconds(100_000), ruled)[..], [Action::Record(_)]));
    assert_eq!(sent(&recorded(&mut engine, seconds(100_000))), ["p", "q"]);
    assert_eq!(engine.wakes_at(), Some(seconds(100_600)));
}
