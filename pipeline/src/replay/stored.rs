//! Replays a journal into a store: on top of what it holds, or into a new one beside its place that
//! takes it when all is well.

use std::path::PathBuf;

use super::anchor::find_anchor;
use super::options::{DamagePolicy, ReplayOptions};
use super::outcome::{Outcome, StartedFrom};
use super::progress::Progress;
use super::request::{Request, damaged_below, refuse_damage, stopped_at};
use super::shared::Shared;
use super::{Cut, Findings};
use crate::checkpoint::{CheckpointFault, JournalSync, Offered, Report, Wanted, check_wanted};
use crate::error::Error;
use crate::flow;
use crate::journal::{Journal, Validation};
use crate::store::{Held, Moment, Place, Store, StoredState};

/// A store, and how it is written.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Where it is. A new one is made beside it, in a file whose name has `.partial` at its end.
    pub path: PathBuf,
    /// How much memory the records may take that are not written yet, in bytes. They are written and
    /// dropped at the next cut when they take more.
    pub cache_bytes: u64,
    /// After how many bytes of the journal what changed is written in any case.
    pub every_bytes: u64,
}

impl StoreOptions {
    /// The usual options, for a store at this path.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path, cache_bytes: 96 * 1024 * 1024, every_bytes: 512 * 1024 * 1024 }
    }
}

/// Replays a journal into a store, on all workers. The state is the one that
/// [`replay`](super::replay) gives; it need not fit into memory.
///
/// A replay that was killed goes on from what the store, or the one beside it, holds. Under a policy
/// that refuses, a store shows what it held before until all that follows in the journal is verified.
///
/// # Errors
/// As [`replay`](super::replay); [`Error::BadStore`] when the store is none of this journal, and
/// [`Error::Store`] when it fails.
pub fn replay_into_store(
    journal: &Journal,
    options: &ReplayOptions,
    store: &StoreOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(StoredState, Outcome), Error> {
    let _span = options.span("replay into store", journal).entered();
    if options.checkpoints.is_some() || options.selection.is_some() {
        let reason = "a store holds the state of all events, and needs no checkpoints".to_owned();
        return Err(Error::InvalidOption { option: "store", reason });
    }
    let place = Place::take(&store.path)?;
    let request = Request::new(journal, options)?;
    let crew = request.crew()?;
    let job = Job { request: &request, crew: &crew, place: &place, store };
    let outcome = match job.on_top(progress)? {
        Some(outcome) => outcome,
        None => job.beside(progress)?,
    };
    Ok((StoredState::of_replay(place.path())?, outcome))
}

/// What is asked for.
struct Job<'j> {
    request: &'j Request<'j>,
    crew: &'j Shared,
    place: &'j Place,
    store: &'j StoreOptions,
}

/// What a pass into a store came to.
struct Done {
    findings: Findings,
    start: Option<Cut>,
    checkpoints: Report,
    memory_bytes_max: u64,
}

impl Job<'_> {
    /// What a store holds that is new.
    fn nothing(&self) -> Held {
        let (journal, options) = (self.request.journal, self.request.options);
        let (journal_id, validation) = (journal.journal_id, options.validation);
        Held { journal_id, validation, moment: Moment::Start }
    }

    fn bad(&self, fault: CheckpointFault) -> Error {
        Error::BadStore { path: self.place.path().to_owned(), fault }
    }

    /// Goes on in the store that is there. `None` where a new one has to be made.
    fn on_top(&self, progress: &mut dyn FnMut(&Progress)) -> Result<Option<Outcome>, Error> {
        if !self.place.is_taken() {
            return Ok(None);
        }
        let damage = self.request.options.damage;
        let held = self.place.held()?;
        match self.check(&held)? {
            // Salvaging again finds all damage again.
            Err(CheckpointFault::BehindDamage { .. }) if damage == DamagePolicy::Salvage => {
                return Ok(None);
            }
            fits => fits.map_err(|fault| self.bad(fault))?,
        }
        if !self.foresee(held.moment.cut(), progress)? {
            return Ok(None);
        }
        let store = self.place.open(&held)?;
        let (done, store) = self.pass(store, self.request.until_lsn, false, progress)?;
        if let Some(lsn) = done.start.as_ref().and_then(|cut| damaged_below(cut, &done.findings)) {
            let watermark = done.start.map_or(0, |cut| cut.lsn);
            return Err(self.bad(CheckpointFault::DamagedBelow { watermark, lsn }));
        }
        store.close()?;
        if damage == DamagePolicy::Salvage && !done.findings.damages.is_empty() {
            // It wasn't there when it was looked for: the store ends at the last cut before it.
            return Ok(None);
        }
        self.conclude(done, progress).map(|(outcome, _)| Some(outcome))
    }

    /// Looks through what follows before anything of it gets into a store that others see. False where
    /// there is damage that a replay on top of the store would leave no cut behind.
    fn foresee(
        &self,
        start: Option<&Cut>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<bool, Error> {
        let Request { journal, options, .. } = *self.request;
        if options.damage == DamagePolicy::Prefix {
            return Ok(true);
        }
        let flow_options = self.request.for_looking(start);
        let pass = flow::run(journal, None, &flow_options, self.crew, None, progress)?;
        let findings = pass.findings?;
        if options.damage == DamagePolicy::Salvage {
            return Ok(findings.damages.is_empty());
        }
        let unread_lsn = start.map_or(0, |cut| cut.lsn);
        find_anchor(options.anchor, journal, &findings, unread_lsn, options.validation)?;
        refuse_damage(options, &findings).map(|()| true)
    }

    /// Makes a new store beside the place, going on with one that an earlier replay left there, and
    /// publishes it.
    fn beside(&self, progress: &mut dyn FnMut(&Progress)) -> Result<Outcome, Error> {
        let made = self.make_beside(progress);
        if let Err(Error::Damaged { .. } | Error::Inconsistent { .. } | Error::BelowAnchor { .. }) =
            made
        {
            // What is refused leaves nothing behind.
            self.place.clear_beside()?;
        }
        made
    }

    fn make_beside(&self, progress: &mut dyn FnMut(&Progress)) -> Result<Outcome, Error> {
        let until_lsn = self.request.until_lsn;
        let (mut done, mut store) = self.pass(self.begin_beside()?, until_lsn, true, progress)?;
        let damaged = done.start.as_ref().and_then(|cut| damaged_below(cut, &done.findings));
        if damaged.is_some() {
            drop(store);
            self.place.clear_beside()?;
            let fresh = self.place.open_beside(&self.nothing())?;
            (done, store) = self.pass(fresh, until_lsn, true, progress)?;
        }
        store.close()?;
        let (outcome, is_published) = self.conclude(done, progress)?;
        if !is_published {
            self.place.publish(&self.nothing())?;
        }
        Ok(outcome)
    }

    fn begin_beside(&self) -> Result<Box<dyn Store>, Error> {
        if let Ok(store) = self.place.open_beside(&self.nothing())
            && self.check(store.held())?.is_ok()
        {
            return Ok(store);
        }
        self.place.clear_beside()?;
        self.place.open_beside(&self.nothing())
    }

    /// Whether a replay can go on from what a store holds.
    fn check(&self, held: &Held) -> Result<Result<(), CheckpointFault>, Error> {
        let Request { journal, options, until_lsn, .. } = *self.request;
        let (expected, found) = (journal.journal_id, held.journal_id);
        if expected != found {
            let [expected, found] = [expected, found].map(hex::encode);
            return Ok(Err(CheckpointFault::Foreign { expected, found }));
        }
        let validation = options.validation;
        let wanted = Wanted { journal, validation, until_lsn, memory_limit: None };
        match &held.moment {
            Moment::Start => Ok(Ok(())),
            // It stays where it is.
            Moment::Cut(cut) => {
                check_wanted(&Offered { cut, proven: held.validation, needed: 0 }, wanted)
            }
            Moment::NoCut(lsn) => Ok(Err(CheckpointFault::BehindDamage { lsn: *lsn })),
        }
    }

    /// Replays into a store, from what it holds on.
    fn pass(
        &self,
        store: Box<dyn Store>,
        until_lsn: u64,
        is_beside: bool,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<(Done, Box<dyn Store>), Error> {
        let Request { journal, options, .. } = *self.request;
        let start = store.held().moment.cut().cloned();
        let flow_options = self.request.for_flow(until_lsn, start.as_ref());
        let mut backed = flow::Backed {
            store,
            cache_bytes: self.store.cache_bytes,
            every_bytes: self.store.every_bytes,
            is_beside,
            refuses: options.refuses() && options.validation >= Validation::Full,
            journal: JournalSync::of(journal.clone()),
            validation: options.validation,
        };
        let pass = flow::run_into_store(journal, &mut backed, &flow_options, self.crew, progress)?;
        let watermark = pass.checkpoints.watermark;
        let findings = pass.findings.map_err(|why| stopped_at(watermark, why))?;
        let (checkpoints, memory_bytes_max) = (pass.checkpoints, pass.memory_bytes_max);
        Ok((Done { findings, start, checkpoints, memory_bytes_max }, backed.store))
    }

    /// Does what the policy says. True where that has published another state, one that ends before
    /// the first contradiction.
    fn conclude(
        &self,
        done: Done,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<(Outcome, bool), Error> {
        let Done { findings, start, checkpoints, memory_bytes_max } = done;
        let mut again = |until_lsn: u64| {
            self.place.clear_beside()?;
            let fresh = self.place.open_beside(&self.nothing())?;
            let (done, store) = self.pass(fresh, until_lsn, true, progress)?;
            store.close()?;
            self.place.publish(&self.nothing())?;
            Ok((true, done.findings))
        };
        let known = (false, None);
        let (is_published, outcome) =
            self.request.conclude(known, findings, start.as_ref(), &mut again)?;
        let started_from = start.as_ref().map(|cut| StartedFrom::of_store(self.place.path(), cut));
        Ok((Outcome { started_from, checkpoints, memory_bytes_max, ..outcome }, is_published))
    }
}
