//! The cross-layer manager: reads what each side says of shared transactions by itself, and says no to a plan by
//! which one is in at one side and out at another. It has no state of its own to bring anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::coordination::cut::Verdict;
use crate::coordination::participant::{Participant, Vote, Work};
use crate::coordination::plan::Plan;
use crate::coordination::report::{Name, Proof, Report, Said};
use crate::error::Error;

/// One side: another participant, as the manager sees it.
pub trait Side: Debug + Send {
    /// What it says of the transactions that it shares; calls `alive` now and then.
    ///
    /// # Errors
    /// When it can't be read.
    fn said(&self, alive: &dyn Fn()) -> Result<BTreeMap<u64, Said>, Error>;
}

/// Compares what both sides say was committed.
#[derive(Debug)]
pub struct CrossLayer {
    /// The sides, by the names of the participants.
    pub sides: BTreeMap<Name, Box<dyn Side>>,
}

impl CrossLayer {
    fn seen(&self, work: &Work<'_>) -> Result<BTreeMap<Name, BTreeMap<u64, Said>>, Error> {
        let each = self.sides.iter().map(|(name, side)| Ok((name.clone(), side.said(work.alive)?)));
        each.collect()
    }
}

impl Participant for CrossLayer {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        Ok(Report { observed: self.seen(work)?, ..Report::default() })
    }

    fn prepare(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Vote, Error> {
        let seen = self.seen(work)?;
        let ids: BTreeSet<u64> = seen.values().flat_map(BTreeMap::keys).copied().collect();
        for id in ids {
            let is_in = |said: &BTreeMap<u64, Said>| match said.get(&id) {
                Some(Said::Committed(place)) => {
                    plan.cut.get(&place.stream).is_some_and(|&cut| place.at <= cut)
                }
                Some(Said::Prepared(place)) => {
                    let cut = plan.cut.get(&place.stream).copied().unwrap_or(0);
                    let verdict = plan.verdicts.get(&id);
                    place.at <= cut && verdict == Some(&Verdict::Commit)
                }
                Some(Said::Aborted | Said::Unfinished) | None => false,
            };
            let (ins, outs): (Vec<_>, Vec<_>) = seen.iter().partition(|(_, said)| is_in(said));
            if let ([(at, _), ..], [(not_at, _), ..]) = (ins.as_slice(), outs.as_slice()) {
                let reason =
                    format!("transaction {id} would take place at {at} and not at {not_at}");
                return Ok(Vote::No(reason));
            }
        }
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
