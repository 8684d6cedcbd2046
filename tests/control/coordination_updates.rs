//! The stream of what a coordination of a service has come to.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_stream::StreamExt as _;
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Clock, DecisionRecord, End, Entry, Fence, Life, Local, Mail, Member, Need, Participant,
    ParticipantKind, Patience, Plan, Proof, Report, Role, Ruling, Service, Setup, Snapshot,
    Standing, State, SystemClock, Terms, Threads, Times, Turn, Vote, Work,
};

/// Stands somewhere, and goes wherever it is told to.
#[derive(Debug)]
struct Stands {
    role: Role,
    at: u64,
    reach: u64,
}

impl Participant for Stands {
    fn assess(&mut self, _: &Work<'_>) -> Result<Report, Error> {
        let &mut Self { role, at, reach } = self;
        let standing = Standing { role, floor: 0, at, reach };
        let standings = BTreeMap::from([("files".to_owned(), standing)]);
        Ok(Report { standings, ..Report::default() })
    }

    fn prepare(&mut self, _: &Plan, _: &Work<'_>) -> Result<Vote, Error> {
        Ok(Vote::Yes(Proof::new()))
    }

    fn execute(&mut self, _: &Plan, _: &Work<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn validate(&mut self, _: &Plan, _: &Work<'_>) -> Result<Proof, Error> {
        Ok(Proof::new())
    }

    fn roll_back(&mut self, _: &Work<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn clean_up(&mut self, _: &Work<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// In memory.
#[derive(Debug, Default)]
struct Kept(Turn, Vec<Entry>);

impl Fence for Kept {
    fn latest(&self) -> Turn {
        self.0
    }

    fn raise(&mut self, turn: Turn) -> Result<(), Error> {
        self.0 = turn;
        Ok(())
    }
}

impl DecisionRecord for Kept {
    fn lead(&mut self) -> Result<Vec<Entry>, Error> {
        Ok(self.1.clone())
    }

    fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        self.1.push(entry.clone());
        Ok(())
    }
}

/// A source at 9, and another one that comes to 5: somebody has to say that the first may go back.
fn setup() -> Setup {
    let clock = Arc::new(SystemClock::default()) as Arc<dyn Clock>;
    let (mail, times) = (Mail::default(), Times::default());
    let local = |at| Local {
        participant: Box::new(Stands { role: Role::Source, at, reach: at }),
        fence: Box::new(Kept::default()),
    };
    let locals = BTreeMap::from([("far".to_owned(), local(9)), ("near".to_owned(), local(5))]);
    let member = Member { kind: ParticipantKind::UserspaceJournal, need: Need::Required };
    let members = locals.keys().map(|name| (name.clone(), member)).collect();
    let every = std::time::Duration::from_millis(times.heartbeat_ms);
    let transport = Box::new(Threads::start(locals, &clock, every, mail).unwrap());
    let terms = Terms { members, ..Terms::default() };
    let record = Box::new(Kept::default());
    Setup { terms, times, patience: Patience::Wait, record, transport, clock }
}

#[test]
fn snapshots_come_until_the_end_which_is_the_last_one() {
    let service = Service::default();
    service.start("one", setup()).unwrap();
    let mut updates = Box::pin(service.updates("one").unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let told: Vec<Snapshot> = runtime.block_on(async {
        let mut told = Vec::new();
        while let Some(now) = updates.next().await {
            // Whoever watches can answer what is asked.
            if let Some(conflict) = now.waiting().next() {
                assert_eq!(conflict.key, "ahead:far:files:9:5");
                service.rule("one", &conflict.key, Ruling::Rollback).unwrap();
            }
            told.push(now);
        }
        told
    });
    assert!(told.iter().any(|it| it.state == State::Waiting), "{told:?}");
    let last = told.last().unwrap();
    assert_eq!(last.state, State::Ended);
    let Some(End::Consistent { plan }) = &last.end else { panic!("{last:?}") };
    assert_eq!(plan.cut["files"], 5);
    let ended = service.wait("one").unwrap();
    assert_eq!(ended, Life::Ended(End::Consistent { plan: plan.clone() }));
    // Who asks afterwards gets the last one, and is not kept waiting.
    let late = service.updates("one").unwrap();
    assert_eq!(runtime.block_on(late.collect::<Vec<_>>()), std::slice::from_ref(last));
    assert!(service.updates("two").is_err());
}

#[test]
fn one_that_is_cancelled_ends_its_updates_too() {
    let service = Service::default();
    service.start("one", setup()).unwrap();
    let updates = service.updates("one").unwrap();
    service.cancel("one").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let told: Vec<Snapshot> = runtime.block_on(updates.collect());
    let last = told.last().unwrap();
    assert!(matches!(last.end, Some(End::Refused { .. })), "{last:?}");
}
