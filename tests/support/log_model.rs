//! A participant in memory that holds the same stream as `docs/participant.py`: lines of changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    CutDigest, Fence, Local, Participant, Plan, Proof, Report, Role, Standing, Turn, Vote, Work,
};

pub(crate) const STREAM: &str = "orders";

/// The changes 1 to `count`, a line each.
pub(crate) fn changes(count: u64) -> Vec<u8> {
    let change = |number| format!("{number}\tkey {}\tvalue {}\n", number % 3, number * number);
    (1..=count).map(change).collect::<String>().into_bytes()
}

pub(crate) fn digest(content: &[u8]) -> CutDigest {
    CutDigest(Sha256::digest(content).into())
}

/// What it has, to be looked at from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) log: Vec<u8>,
    pub(crate) executed: Option<Vec<u8>>,
    pub(crate) latest: Turn,
}

#[derive(Clone, Debug)]
pub(crate) struct LogModel {
    pub(crate) shelf: Arc<Mutex<Shelf>>,
    pub(crate) honesty: Honesty,
}

/// Whether it proves what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Honesty {
    Honest,
    /// What it proves isn't what it foretold, so that all go back.
    Wrong,
}

impl LogModel {
    pub(crate) fn new(log: Vec<u8>, honesty: Honesty) -> Self {
        let shelf = Shelf { log, ..Shelf::default() };
        Self { shelf: Arc::new(Mutex::new(shelf)), honesty }
    }

    pub(crate) fn local(&self) -> Local {
        let fence = Remembered(self.shelf.clone());
        Local { participant: Box::new(self.clone()), fence: Box::new(fence) }
    }

    fn lines(&self) -> u64 {
        self.shelf.lock().unwrap().log.iter().filter(|byte| **byte == b'\n').count() as u64
    }

    fn at_cut(&self, plan: &Plan) -> Vec<u8> {
        let count = usize::try_from(plan.cut[STREAM]).unwrap();
        let log = &self.shelf.lock().unwrap().log;
        log.split_inclusive(|byte| *byte == b'\n').take(count).flatten().copied().collect()
    }
}

impl Participant for LogModel {
    fn assess(&mut self, _: &Work<'_>) -> Result<Report, Error> {
        let (at, reach) = (self.lines(), self.lines());
        let standing = Standing { role: Role::Source, floor: 0, at, reach };
        let standings = BTreeMap::from([(STREAM.to_owned(), standing)]);
        Ok(Report { standings, ..Report::default() })
    }

    fn prepare(&mut self, plan: &Plan, _: &Work<'_>) -> Result<Vote, Error> {
        Ok(Vote::Yes(proof(&self.at_cut(plan))))
    }

    fn execute(&mut self, plan: &Plan, _: &Work<'_>) -> Result<(), Error> {
        let content = self.at_cut(plan);
        self.shelf.lock().unwrap().executed = Some(content);
        Ok(())
    }

    fn validate(&mut self, _: &Plan, work: &Work<'_>) -> Result<Proof, Error> {
        (work.alive)();
        match self.honesty {
            Honesty::Honest => Ok(proof(self.shelf.lock().unwrap().executed.as_ref().unwrap())),
            Honesty::Wrong => Ok(proof(b"something else")),
        }
    }

    fn roll_back(&mut self, _: &Work<'_>) -> Result<(), Error> {
        self.shelf.lock().unwrap().executed = None;
        Ok(())
    }

    fn clean_up(&mut self, _: &Work<'_>) -> Result<(), Error> {
        let mut shelf = self.shelf.lock().unwrap();
        if let Some(executed) = shelf.executed.take() {
            shelf.log = executed;
        }
        Ok(())
    }
}

fn proof(content: &[u8]) -> Proof {
    Proof::from([(STREAM.to_owned(), digest(content))])
}

#[derive(Debug)]
struct Remembered(Arc<Mutex<Shelf>>);

impl Fence for Remembered {
    fn latest(&self) -> Turn {
        self.0.lock().unwrap().latest
    }

    fn raise(&mut self, turn: Turn) -> Result<(), Error> {
        self.0.lock().unwrap().latest = turn;
        Ok(())
    }
}
