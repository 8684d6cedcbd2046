//! Boundary sync: a copy of a journal on the far side of a boundary. It tells what was sent and what arrived, sends
//! again what is missing, and takes back what the source doesn't have any more.
//!
//! A copy at the cut is written beside the one that is there, under names that no reader knows, and takes its place
//! in one step that is gone on with after a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vexfs_kernels::{Digest, Sha256Stream};

use super::sessions::ALIVE_EVENTS;
use crate::coordination::participant::{Participant, Vote, Work};
use crate::coordination::plan::Plan;
use crate::coordination::report::{CutDigest, Proof, Report, Role, Standing, Stream};
use crate::error::{Error, IoContext as _};
use crate::event::Event;
use crate::journal::{Durability, Journal, Writer, WriterOptions, segment};
use crate::replay::{DamagePolicy, ReplayOptions, StopPoint, visit_events};
use crate::storage::renamed::{Names, renamed};
use crate::storage::{self, Folder};

/// What the names of what is on its way end with.
const ARRIVING: &str = ".arriving";
/// What the names of what is taken out of its place end with.
const LEAVING: &str = ".leaving";
/// Says that the copy that arrived takes its place now, and which files it replaces.
const SWITCH: &str = "switch.json";
/// No such file is longer, in bytes.
const SWITCH_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A copy of a journal on the far side of a boundary.
#[derive(Debug)]
pub struct BoundarySync {
    /// What others call the source's sequence of events; positions are LSNs.
    pub stream: Stream,
    /// The source, which it only reads.
    pub source: Arc<dyn Folder>,
    /// The copy. Nobody else writes to it.
    pub copy: Arc<dyn Folder>,
    /// How both are read.
    pub options: ReplayOptions,
}

/// The files that are replaced.
#[derive(Debug, Serialize, Deserialize)]
struct Switch {
    old: Vec<String>,
}

#[derive(Debug)]
struct Arriving;

impl Names for Arriving {
    fn stored(&self, name: &str) -> String {
        format!("{name}{ARRIVING}")
    }

    fn shown(&self, stored: &str) -> Option<String> {
        stored.strip_suffix(ARRIVING).map(str::to_owned)
    }
}

/// The digest over the bytes of all events up to a position, and that position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Content {
    last_lsn: u64,
    digest: Digest,
}

impl BoundarySync {
    fn arriving(&self) -> Arc<dyn Folder> {
        renamed(Arc::clone(&self.copy), Arriving)
    }

    /// Visits the intact events of a journal from its front up to an LSN.
    fn visit(
        &self,
        journal: &Journal,
        until: u64,
        work: &Work<'_>,
        visit: &mut dyn FnMut(&Event<'_>) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        let (until, damage) = (Some(StopPoint::Lsn(until)), DamagePolicy::Prefix);
        let options = ReplayOptions { until, damage, ..self.options.clone() };
        let mut last_lsn = 0;
        visit_events(journal, &options, &mut |event| {
            if event.lsn.is_multiple_of(ALIVE_EVENTS) {
                (work.alive)();
            }
            last_lsn = event.lsn;
            visit(event)
        })?;
        Ok(last_lsn)
    }

    /// What a journal in this folder holds up to an LSN; nothing where there is none.
    fn content(
        &self,
        folder: &Arc<dyn Folder>,
        until: u64,
        work: &Work<'_>,
    ) -> Result<Content, Error> {
        let mut stream = Sha256Stream::default();
        let last_lsn = match Journal::open(Arc::clone(folder)) {
            Ok(journal) => self.visit(&journal, until, work, &mut |event| {
                stream.update(event.bytes());
                Ok(())
            })?,
            // Nothing arrived yet.
            Err(Error::NotAJournal { fault: None, .. }) => 0,
            Err(error) => return Err(error),
        };
        Ok(Content { last_lsn, digest: stream.finish() })
    }

    /// Takes away what is on its way.
    fn clear_arriving(&self) -> Result<(), Error> {
        self.remove_ending(ARRIVING)
    }

    fn remove_ending(&self, end: &str) -> Result<(), Error> {
        storage::remove_where(self.copy.as_ref(), |name| name.ends_with(end))
    }

    /// What takes its place now, where something does.
    fn switch(&self) -> Result<Option<Switch>, Error> {
        let path = self.copy.path(SWITCH);
        let read = storage::read_whole(self.copy.as_ref(), SWITCH, SWITCH_BYTES_MAX)?;
        let Some(bytes) = read else { return Ok(None) };
        let switch: Switch = serde_json::from_slice(&bytes).map_err(|error| {
            Error::InconsistentRecovery { reason: format!("{}: {error}", path.display()) }
        })?;
        match switch.old.iter().all(|name| segment::number_of(name).is_some()) {
            true => Ok(Some(switch)),
            false => Err(Error::InconsistentRecovery {
                reason: format!("{} names files that are no segments", path.display()),
            }),
        }
    }

    /// Lets the copy that arrived take its place: done again after a crash it comes to the same.
    fn carry_out(&self, switch: &Switch) -> Result<(), Error> {
        let folder = &self.copy;
        let rename = |from: &str, to: &str| {
            folder.rename(from, to).context("rename", folder.path(from), None)
        };
        let names = folder.list().context("list", folder.path(""), None)?;
        let there = |name: &str| names.iter().any(|it| it == name);
        for name in &switch.old {
            let leaving = format!("{name}{LEAVING}");
            if !there(&leaving) && there(name) {
                rename(name, &leaving)?;
            }
        }
        folder.sync_folder().context("sync", folder.path(""), None)?;
        for arriving in names.iter().filter(|name| name.ends_with(ARRIVING)) {
            rename(arriving, arriving.trim_end_matches(ARRIVING))?;
        }
        folder.sync_folder().context("sync", folder.path(""), None)?;
        folder.remove(SWITCH).context("remove", folder.path(SWITCH), None)?;
        folder.sync_folder().context("sync", folder.path(""), None)?;
        self.remove_ending(LEAVING)
    }
}

impl Participant for BoundarySync {
    fn assess(&mut self, work: &Work<'_>) -> Result<Report, Error> {
        self.clear_arriving()?;
        let at = self.content(&self.copy, u64::MAX, work)?.last_lsn;
        let reach = self.content(&self.source, u64::MAX, work)?.last_lsn;
        let standing = Standing { role: Role::Follower, floor: 0, at, reach };
        let standings = BTreeMap::from([(self.stream.clone(), standing)]);
        Ok(Report { standings, ..Report::default() })
    }

    fn prepare(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Vote, Error> {
        let cut = plan.cut_of(&self.stream)?;
        let at = self.content(&self.copy, cut, work)?;
        let same = self.content(&self.source, at.last_lsn, work)?;
        let reach = self.content(&self.source, cut, work)?.last_lsn;
        Ok(match cut {
            _ if at != same => Vote::No(format!(
                "of the first {} events some are others than at the source, so it was not copied from there",
                at.last_lsn
            )),
            _ if reach < cut => {
                Vote::No(format!("its source has what was sent up to LSN {reach}, not {cut}"))
            }
            _ => Vote::Yes(Proof::new()),
        })
    }

    fn execute(&mut self, plan: &Plan, work: &Work<'_>) -> Result<(), Error> {
        let cut = plan.cut_of(&self.stream)?;
        self.clear_arriving()?;
        let source = Journal::open(Arc::clone(&self.source))?;
        let options = WriterOptions {
            durability: Durability::MetadataOnly,
            journal_id: Some(source.journal_id),
            ..WriterOptions::default()
        };
        let writer = Writer::create(self.arriving(), options)?;
        let arrived = self.visit(&source, cut, work, &mut |event| writer.append_as_is(event))?;
        writer.close()?;
        match arrived {
            _ if arrived == cut => Ok(()),
            _ => Err(not_what_was_sent(arrived)),
        }
    }

    fn validate(&mut self, plan: &Plan, work: &Work<'_>) -> Result<Proof, Error> {
        let cut = plan.cut_of(&self.stream)?;
        let arrived = self.content(&self.arriving(), cut, work)?;
        let sent = self.content(&self.source, cut, work)?;
        if arrived != sent || arrived.last_lsn != cut {
            return Err(not_what_was_sent(arrived.last_lsn));
        }
        Ok(Proof::from([(format!("{}, events", self.stream), CutDigest(arrived.digest))]))
    }

    fn roll_back(&mut self, _: &Work<'_>) -> Result<(), Error> {
        self.clear_arriving()
    }

    fn clean_up(&mut self, _: &Work<'_>) -> Result<(), Error> {
        let names = self.copy.list().context("list", self.copy.path(""), None)?;
        let switch = match self.switch()? {
            None if names.iter().any(|name| name.ends_with(ARRIVING)) => {
                let old = names.into_iter().filter(|name| segment::number_of(name).is_some());
                let switch = Switch { old: old.collect() };
                let bytes = serde_json::to_vec(&switch)
                    .map_err(|error| Error::InconsistentRecovery { reason: error.to_string() })?;
                storage::write_whole(self.copy.as_ref(), SWITCH, &bytes)?;
                Some(switch)
            }
            under_way => under_way,
        };
        match switch {
            Some(switch) => self.carry_out(&switch),
            None => self.remove_ending(LEAVING),
        }
    }
}

fn not_what_was_sent(last_lsn: u64) -> Error {
    let reason = format!("what arrived up to LSN {last_lsn} isn't what was sent");
    Error::InconsistentRecovery { reason }
}
