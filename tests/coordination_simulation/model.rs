//! A participant in memory: what it shows, what it keeps to go back, and a fuse that ends a call at any step.

use std::collections::BTreeMap;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::coordination::{
    CutDigest, Fence, Name, Participant, Plan, Proof, Report, Role, Said, Standing, Stream, Turn,
    Verdict, Vote, Work,
};

/// What others see of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) logs: BTreeMap<Stream, Log>,
    pub(crate) parts: BTreeMap<u64, Said>,
    pub(crate) owns: BTreeMap<String, u64>,
}

/// A stream's events. The first is at position 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) role: Role,
    pub(crate) floor: u64,
    pub(crate) at: u64,
    pub(crate) events: Vec<u64>,
}

impl Log {
    pub(crate) fn reach(&self) -> u64 {
        self.events.len() as u64
    }
}

/// In what it isn't honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It says that it comes farther than it does, and says so when it is to go there.
    Reach(u64),
    /// The same, and it votes yes all the same.
    ReachAndVote(u64),
    /// It votes yes, and has something else once it is there.
    Content,
    /// It says that a transaction is committed before all positions.
    Nowhere,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) name: Name,
    pub(crate) shown: Shown,
    pub(crate) observed: BTreeMap<Name, BTreeMap<u64, Said>>,
    /// What it keeps to go where it said it can.
    pub(crate) prepared: Option<Plan>,
    /// What it keeps to go back, since it began to go there.
    pub(crate) undo: Option<(Plan, Shown)>,
    /// Whether it came all the way.
    pub(crate) there: bool,
    pub(crate) lie: Option<Lie>,
    /// What the only source of a stream has.
    pub(crate) sources: Arc<BTreeMap<Stream, Vec<u64>>>,
    /// After how many steps a call ends without an answer.
    pub(crate) fuse: Option<u32>,
    /// What no coordinator may ask.
    pub(crate) outrages: Vec<String>,
}

fn failed(cause: &str) -> Error {
    Error::WriterDead { cause: cause.to_owned() }
}

pub(crate) fn digest(events: &[u64]) -> CutDigest {
    let mut bytes = [0; 32];
    let mix =
        |hash: u64, event: &u64| (hash ^ event).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    bytes[..8].copy_from_slice(&events.iter().fold(events.len() as u64, mix).to_le_bytes());
    CutDigest(bytes)
}

fn prefix(events: &[u64], cut: u64) -> &[u64] {
    &events[..usize::try_from(cut).unwrap().min(events.len())]
}

impl Model {
    fn step(&mut self) -> Result<(), Error> {
        match &mut self.fuse {
            Some(0) => Err(failed("the fuse")),
            Some(steps) => {
                *steps -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn outrage(&mut self, what: &str) {
        self.outrages.push(what.to_owned());
    }

    /// What of a stream it has at a cut.
    fn at(&self, stream: &str, cut: u64, rebuilt: bool) -> Vec<u64> {
        let source = self.sources.get(stream).filter(|it| rebuilt && it.len() as u64 >= cut);
        prefix(source.unwrap_or(&self.shown.logs[stream].events), cut).to_vec()
    }

    fn claims(&self, log: &Log) -> u64 {
        match self.lie {
            Some(Lie::Reach(by) | Lie::ReachAndVote(by)) => log.reach() + by,
            _ => log.reach(),
        }
    }
}

impl Participant for Model {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        (work.alive)();
        if self.undo.is_some() {
            self.outrage("assessed while away");
        }
        self.step()?;
        self.prepared = None;
        self.step()?;
        let standing = |log: &Log| Standing {
            role: log.role,
            floor: log.floor,
            at: log.at,
            reach: self.claims(log),
        };
        let logs = self.shown.logs.iter();
        let mut transactions = self.shown.parts.clone();
        if self.lie == Some(Lie::Nowhere) {
            for said in transactions.values_mut() {
                if let Said::Committed(place) = said {
                    place.at = 0;
                }
            }
        }
        Ok(Report {
            standings: logs.map(|(stream, log)| (stream.clone(), standing(log))).collect(),
            transactions,
            observed: self.observed.clone(),
            owns: self.shown.owns.clone(),
        })
    }

    fn prepare(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Vote, Error> {
        (work.alive)();
        if self.undo.is_some() {
            self.outrage("told to prepare while away");
        }
        self.step()?;
        let rebuilt = plan.rebuild.contains(&self.name);
        for (stream, log) in &self.shown.logs {
            let cut = plan.cut[stream];
            let can = (log.floor..=log.reach()).contains(&cut);
            if !can && !matches!(self.lie, Some(Lie::ReachAndVote(_))) {
                return Ok(Vote::No(format!("{stream} can't come to {cut}")));
            }
        }
        self.prepared = Some(plan.clone());
        self.step()?;
        let streams = self.shown.logs.keys();
        let foreseen = streams
            .map(|stream| (stream.clone(), digest(&self.at(stream, plan.cut[stream], rebuilt))));
        Ok(Vote::Yes(foreseen.collect()))
    }

    fn execute(&mut self, plan: &Plan, work: &Work<'_>) -> Result<(), Error> {
        (work.alive)();
        self.step()?;
        match &self.undo {
            Some((before, _)) if before != plan => self.outrage("told to go to two cuts"),
            Some(_) => {}
            None if self.prepared.as_ref() != Some(plan) => {
                return Err(failed("it isn't prepared"));
            }
            None => self.undo = Some((plan.clone(), self.shown.clone())),
        }
        let rebuilt = plan.rebuild.contains(&self.name);
        for stream in self.shown.logs.keys().cloned().collect::<Vec<_>>() {
            (work.alive)();
            self.step()?;
            let cut = plan.cut[&stream];
            let mut events = self.at(&stream, cut, rebuilt);
            if (events.len() as u64) < cut {
                return Err(failed("it doesn't come that far"));
            }
            if self.lie == Some(Lie::Content) {
                events.iter_mut().take(1).for_each(|it| *it = 7);
            }
            let log = self.shown.logs.get_mut(&stream).unwrap();
            (log.at, log.events) = (cut, events);
        }
        self.step()?;
        let (cut, mut parts) = (&plan.cut, BTreeMap::new());
        for (&id, said) in &self.shown.parts {
            let within = |it: &vexfs_replay::coordination::Place| it.at <= cut[&it.stream];
            let becomes = match (said, plan.verdicts.get(&id)) {
                (Said::Committed(place) | Said::Prepared(place), _) if !within(place) => continue,
                (Said::Prepared(place), Some(Verdict::Commit)) => Said::Committed(place.clone()),
                (Said::Prepared(_) | Said::Unfinished, Some(Verdict::Abort)) => Said::Aborted,
                (said, _) => said.clone(),
            };
            parts.insert(id, becomes);
        }
        self.shown.parts = parts;
        let name = self.name.clone();
        self.shown
            .owns
            .retain(|thing, _| plan.owners.get(thing).is_none_or(|owner| *owner == name));
        self.step()?;
        self.there = true;
        Ok(())
    }

    fn validate(&mut self, plan: &Plan, _work: &Work<'_>) -> Result<Proof, Error> {
        self.step()?;
        if !self.there || self.undo.as_ref().map(|(it, _)| it) != Some(plan) {
            return Err(failed("it isn't there"));
        }
        let logs = self.shown.logs.iter();
        Ok(logs.map(|(stream, log)| (stream.clone(), digest(&log.events))).collect())
    }

    fn roll_back(&mut self, _work: &Work<'_>) -> Result<(), Error> {
        self.step()?;
        let Some((_, before)) = self.undo.clone() else { return Ok(()) };
        self.there = false;
        for (stream, log) in before.logs {
            self.step()?;
            self.shown.logs.insert(stream, log);
        }
        self.step()?;
        (self.shown.parts, self.shown.owns) = (before.parts, before.owns);
        self.step()
    }

    fn clean_up(&mut self, _work: &Work<'_>) -> Result<(), Error> {
        self.step()?;
        self.prepared = None;
        self.step()?;
        (self.undo, self.there) = (None, false);
        self.step()
    }
}

/// The latest question, kept across crashes.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) turn: Turn,
    /// Whether the next one is lost or kept, though it fails.
    pub(crate) fails: Option<bool>,
}

impl Fence for Kept {
    fn latest(&self) -> Turn {
        self.turn
    }

    fn raise(&mut self, turn: Turn) -> Result<(), Error> {
        let fails = self.fails.take();
        if fails != Some(false) {
            self.turn = turn;
        }
        if fails.is_some() { Err(failed("the fence")) } else { Ok(()) }
    }
}
