//! A semantic journal that is brought to the cut through the recovery manager. What it had after the cut is kept
//! aside, as with every rollback.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sessions::{Shared, shared_transactions};
use super::staged::Staged;
use crate::coordination::participant::{Participant, Vote, Work};
use crate::coordination::plan::Plan;
use crate::coordination::report::{Proof, Report, Role, Said, Standing, Stream};
use crate::coordination::terms::Sharing;
use crate::error::Error;
use crate::journal::Journal;
use crate::recovery::{
    Accept, Agreement, Coordinator, LocalReport, Places, RecoveryManager, RecoveryOptions, Way,
};
use crate::replay::{DamagePolicy, ReplayOptions, StopPoint};
use crate::storage::Folder;

/// A semantic journal.
#[derive(Debug)]
pub struct UserspaceJournal {
    /// What others call its sequence of events; positions are LSNs.
    pub stream: Stream,
    /// Which of its transactions span several participants.
    pub sharing: Sharing,
    /// The journal, its checkpoints and its records. It needs all three.
    pub places: Places,
    /// A folder of this participant alone, where a state is made that nobody else sees yet.
    pub staging: Arc<dyn Folder>,
    /// How it is recovered. What it says of loss, ways and stops doesn't count: that is for the plan to say.
    pub options: RecoveryOptions,
}

/// The cut, as the recovery manager asks for it.
#[derive(Debug)]
struct Agreed(u64);

impl Coordinator for Agreed {
    fn agree(&mut self, _: &LocalReport) -> Result<Agreement, Error> {
        Ok(Agreement { cut_lsn: self.0, in_doubt: Vec::new() })
    }
}

impl UserspaceJournal {
    fn staged(&self) -> Staged {
        Staged { folder: Arc::clone(&self.staging) }
    }

    fn manager(&self, places: Places, options: RecoveryOptions) -> RecoveryManager {
        RecoveryManager::new(places, options)
    }

    /// The LSN behind which all was undone before, where something was.
    fn undone_after(&self) -> Result<Option<u64>, Error> {
        let manager = self.manager(self.places.clone(), self.options.clone());
        Ok(manager.rollback()?.map(|rollback| rollback.watermark))
    }

    /// What is intact of the journal, from its front.
    fn intact(&self, until: Option<u64>, alive: &dyn Fn()) -> Result<Shared, Error> {
        let journal = Journal::open(Arc::clone(&self.places.journal))?;
        let (until, damage) = (until.map(StopPoint::Lsn), DamagePolicy::Prefix);
        let options = ReplayOptions { until, damage, ..self.options.replay.clone() };
        shared_transactions(&journal, &options, &self.sharing, &self.stream, alive)
    }

    /// What it says of the transactions that it shares: those that were undone took place nowhere.
    pub(in crate::coordination) fn shared(
        &self,
        alive: &dyn Fn(),
    ) -> Result<BTreeMap<u64, Said>, Error> {
        Ok(self.intact(self.undone_after()?, alive)?.transactions)
    }
}

impl Participant for UserspaceJournal {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        self.staged().clear()?;
        (work.alive)();
        let undone_after = self.undone_after()?;
        let Shared { transactions, last_lsn } = self.intact(undone_after, work.alive)?;
        let survey = self.manager(self.places.clone(), self.options.clone()).survey()?;
        let proven = survey.proven_lsn().min(undone_after.unwrap_or(u64::MAX));
        // Checkpoints were made of what is missing now: it has been farther than it can be brought to.
        let at = last_lsn.max(proven);
        // A state before all events would leave nothing to go on from.
        let floor = last_lsn.min(1);
        let standing = Standing { role: Role::Source, floor, at, reach: last_lsn };
        let standings = BTreeMap::from([(self.stream.clone(), standing)]);
        Ok(Report { standings, transactions, ..Report::default() })
    }

    fn prepare(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Vote, Error> {
        let cut = plan.cut_of(&self.stream)?;
        let reach = self.intact(self.undone_after()?, work.alive)?.last_lsn;
        Ok(match cut {
            ..=0 if reach > 0 => Vote::No("nothing of it would be left".to_owned()),
            _ if cut > reach => Vote::No(format!("it is intact up to LSN {reach}, not {cut}")),
            // What the state will be, replaying alone tells.
            _ => Vote::Yes(Proof::new()),
        })
    }

    fn execute(&mut self, plan: &Plan, work: &Work<'_>) -> Result<(), Error> {
        let cut = plan.cut_of(&self.stream)?;
        let staged = self.staged();
        if cut == 0 || staged.at(cut)?.is_some() {
            return Ok(());
        }
        staged.clear()?;
        let places = Places {
            journal: Arc::clone(&self.places.journal),
            checkpoints: Some(Arc::clone(&self.staging)),
            records: None,
        };
        let options = RecoveryOptions { only: Some(Way::Coordinated), ..self.options.clone() };
        let mut manager = self.manager(places, options).with_coordinator(Box::new(Agreed(cut)));
        manager.recover(&mut |_| (work.alive)())?;
        staged.check_is_at(cut)
    }

    fn validate(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Proof, Error> {
        (work.alive)();
        self.staged().prove(plan, &self.stream)
    }

    fn roll_back(&mut self, _: &Work<'_>) -> Result<(), Error> {
        self.staged().clear()
    }

    fn clean_up(&mut self, work: &Work<'_>) -> Result<(), Error> {
        let checkpoints = self.places.checkpoints.as_ref();
        let published = match checkpoints {
            Some(checkpoints) => self.staged().publish(checkpoints)?,
            None => None,
        };
        if let Some(cut) = published {
            let last_lsn = self.intact(None, work.alive)?.last_lsn;
            let stands = self.undone_after()?.is_some_and(|watermark| watermark <= cut);
            if cut < last_lsn && !stands {
                let options = RecoveryOptions {
                    only: Some(Way::Rollback),
                    rollback_to: Some(cut),
                    accept: Accept { undo: true, ..Accept::default() },
                    ..self.options.clone()
                };
                let mut manager = self.manager(self.places.clone(), options);
                manager.recover(&mut |_| (work.alive)())?;
            }
            // What was killed on the way here before has left something.
            self.manager(self.places.clone(), self.options.clone()).clean_unfinished()?;
        }
        self.staged().clear()
    }
}
