//! Participants in the same process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never};
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Answer, Call, Clock, Event, Local, Mail, Participant, Plan, Proof, Reply, Report, Request,
    Routed, Threads, Transport as _, Vote, Work,
};

use crate::log_model::{Honesty, LogModel};

/// A clock that is turned by hand.
#[derive(Debug, Default)]
struct Turned(AtomicU64);

impl Clock for Turned {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn alarm(&self, _: Option<Duration>) -> Receiver<Instant> {
        never()
    }
}

/// Does in `assess` what it is told, and panics in `execute`.
#[derive(Debug)]
struct Odd {
    clock: Arc<Turned>,
    begun: Sender<()>,
    go_on: Receiver<()>,
    dropped: Arc<Mutex<bool>>,
}

impl Participant for Odd {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        for _ in 0..1000 {
            self.clock.0.fetch_add(1, Ordering::SeqCst);
            (work.alive)();
        }
        let _ = self.begun.send(());
        let _ = self.go_on.recv();
        Ok(Report::default())
    }

    fn prepare(&mut self, _: &Plan, _: &Work<'_>) -> Result<Vote, Error> {
        Ok(Vote::No("no".to_owned()))
    }

    fn execute(&mut self, _: &Plan, _: &Work<'_>) -> Result<(), Error> {
        panic!("the sky fell")
    }

    fn validate(&mut self, _: &Plan, _: &Work<'_>) -> Result<Proof, Error> {
        Err(Error::Cancelled)
    }

    fn roll_back(&mut self, _: &Work<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn clean_up(&mut self, _: &Work<'_>) -> Result<(), Error> {
        Ok(())
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        *self.dropped.lock().unwrap() = true;
    }
}

#[test]
fn the_newest_call_counts_a_panic_is_an_answer_and_all_are_joined() {
    let clock = Arc::new(Turned::default());
    let ((begun, begins), (go_on, goes_on)) = (bounded(0), bounded(0));
    let dropped = Arc::new(Mutex::new(false));
    let odd = Odd { clock: clock.clone(), begun, go_on: goes_on, dropped: dropped.clone() };
    let fence = LogModel::new(Vec::new(), Honesty::Honest).local().fence;
    let locals = [("odd".to_owned(), Local { participant: Box::new(odd), fence })].into();
    let mail = Mail::default();
    let events = mail.events();
    let clock: Arc<dyn Clock> = clock;
    let mut threads = Threads::start(locals, &clock, Duration::from_millis(100), mail).unwrap();
    let mut send = |round, request| {
        threads.send(&"odd".to_owned(), Call { epoch: 3, round, request });
    };
    send(1, Request::Assess);
    begins.recv().unwrap();
    // A thousand times alive within a second, one sign of life every 100 ms.
    let alive: Vec<Event> = events.try_iter().collect();
    assert!(alive.iter().all(|it| matches!(it, Event::Alive(name, 3) if name == "odd")));
    assert_eq!(alive.len(), 10);
    // While it is busy only the newest call waits.
    for round in 2..50 {
        send(round, Request::RollBack);
    }
    send(50, Request::Execute(Plan::default()));
    go_on.send(()).unwrap();
    let answer = || loop {
        if let Event::Answered(_, Answer { round, reply, .. }) = events.recv().unwrap() {
            return (round, reply);
        }
    };
    assert_eq!(answer(), (1, Reply::Report(Report::default())));
    let (round, reply) = answer();
    assert!(matches!(&reply, Reply::Failed(text) if text.contains("the sky fell")), "{reply:?}");
    assert_eq!(round, 50);
    send(51, Request::RollBack);
    assert_eq!(answer(), (51, Reply::Done));
    threads.send(&"odd".to_owned(), Call { epoch: 2, round: 52, request: Request::CleanUp });
    assert_eq!(answer(), (52, Reply::Superseded(3)));
    drop(threads);
    assert!(*dropped.lock().unwrap());
}

#[test]
fn each_name_has_its_way() {
    let clock: Arc<dyn Clock> = Arc::new(Turned::default());
    let mail = Mail::default();
    let events = mail.events();
    let mut routed = Routed::new(mail.clone());
    for name in ["a", "b"] {
        let local = LogModel::new(Vec::new(), Honesty::Honest).local();
        let locals = BTreeMap::from([(name.to_owned(), local)]);
        let threads = Threads::start(locals, &clock, Duration::ZERO, mail.clone()).unwrap();
        routed = routed.with([name.to_owned()], Box::new(threads));
    }
    for (name, is_there) in [("b", true), ("a", true), ("c", false)] {
        routed.send(&name.to_owned(), Call { epoch: 1, round: 1, request: Request::RollBack });
        let Event::Answered(from, answer) = events.recv().unwrap() else { panic!() };
        assert_eq!((from.as_str(), answer.reply == Reply::Done), (name, is_there));
    }
}
