//! A replay engine: follows a journal, keeps its state as checkpoints, and brings it to the cut.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::sessions::ALIVE_EVENTS;
use super::staged::Staged;
use crate::checkpoint::{Catalogue, CheckpointPolicy};
use crate::coordination::participant::{Participant, Vote, Work};
use crate::coordination::plan::Plan;
use crate::coordination::report::{Proof, Report, Role, Standing, Stream};
use crate::error::{Error, IoContext as _};
use crate::journal::Journal;
use crate::replay::{
    CheckpointStart, Checkpoints, DamagePolicy, ReplayOptions, StopPoint, replay, visit_events,
};
use crate::storage::Folder;

/// A state that follows a journal.
#[derive(Debug)]
pub struct ReplayEngine {
    /// What others call the journal's sequence of events; positions are LSNs.
    pub stream: Stream,
    /// The journal, which it only reads.
    pub journal: Arc<dyn Folder>,
    /// Its state, as checkpoints.
    pub state: Arc<dyn Folder>,
    /// A folder of this participant alone, where a state is made that nobody else sees yet.
    pub staging: Arc<dyn Folder>,
    /// How it replays.
    pub options: ReplayOptions,
}

impl ReplayEngine {
    fn staged(&self) -> Staged {
        Staged { folder: Arc::clone(&self.staging) }
    }

    /// How far the journal can be replayed.
    fn reach(&self, work: &Work<'_>) -> Result<u64, Error> {
        let journal = Journal::open(Arc::clone(&self.journal))?;
        let options = ReplayOptions { damage: DamagePolicy::Prefix, ..self.options.clone() };
        let findings = visit_events(&journal, &options, &mut |event| {
            if event.lsn.is_multiple_of(ALIVE_EVENTS) {
                (work.alive)();
            }
            Ok(())
        })?;
        Ok(findings.end.position.next_lsn.saturating_sub(1))
    }
}

impl Participant for ReplayEngine {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        self.staged().clear()?;
        (work.alive)();
        let catalogue = Catalogue::open(Arc::clone(&self.state))?;
        let at = catalogue.find(None).map_or(0, |newest| newest.header.watermark_lsn);
        let standing = Standing { role: Role::Follower, floor: 0, at, reach: self.reach(work)? };
        let standings = BTreeMap::from([(self.stream.clone(), standing)]);
        Ok(Report { standings, ..Report::default() })
    }

    fn prepare(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Vote, Error> {
        let (cut, reach) = (plan.cut_of(&self.stream)?, self.reach(work)?);
        Ok(match cut > reach {
            true => Vote::No(format!("its journal can be replayed up to LSN {reach}, not {cut}")),
            false => Vote::Yes(Proof::new()),
        })
    }

    fn execute(&mut self, plan: &Plan, work: &Work<'_>) -> Result<(), Error> {
        let cut = plan.cut_of(&self.stream)?;
        let staged = self.staged();
        if cut == 0 || staged.at(cut)?.is_some() {
            return Ok(());
        }
        staged.clear()?;
        let journal = Journal::open(Arc::clone(&self.journal))?;
        let checkpoints = Checkpoints {
            folder: Arc::clone(&self.staging),
            start: CheckpointStart::Newest,
            policy: Some(CheckpointPolicy::default()),
        };
        let options = ReplayOptions {
            until: Some(StopPoint::Lsn(cut)),
            damage: DamagePolicy::Prefix,
            checkpoints: Some(checkpoints),
            ..self.options.clone()
        };
        replay(&journal, &options, &mut |_| (work.alive)())?;
        staged.check_is_at(cut)
    }

    fn validate(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Proof, Error> {
        (work.alive)();
        self.staged().prove(plan, &self.stream)
    }

    fn roll_back(&mut self, _: &Work<'_>) -> Result<(), Error> {
        self.staged().clear()
    }

    fn clean_up(&mut self, _: &Work<'_>) -> Result<(), Error> {
        if let Some(cut) = self.staged().publish(&self.state)? {
            // What is of after the cut took place nowhere. Nothing builds on it that is of before.
            let all = Catalogue::open(Arc::clone(&self.state))?;
            for ahead in all.entries.iter().filter(|it| it.watermark > cut) {
                let path = self.state.path(&ahead.name);
                self.state.remove(&ahead.name).context("remove", path, None)?;
            }
            self.state.sync_folder().context("sync", self.state.path(""), None)?;
        }
        self.staged().clear()
    }
}
