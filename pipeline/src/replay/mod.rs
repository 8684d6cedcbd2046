//! The replay engine: makes a pass over a journal under a policy, and says what came of it.

mod anchor;
mod beginning;
mod control;
mod cut;
mod findings;
mod follow;
mod namespace;
mod options;
mod outcome;
mod progress;
mod running;
mod selection;
mod shared;
mod shelf;
mod stop;
mod stored;

pub use control::Control;
pub use cut::{Cut, CutBlock, SoFar};
pub use findings::{Cause, Findings, Inconsistencies, Inconsistency};
pub(crate) use findings::{INCONSISTENCIES_MAX, digest_at};
pub use follow::{FollowOptions, Following, follow};
pub use options::{CheckpointStart, Checkpoints, DamagePolicy, ReplayOptions, THREADS_MAX};
pub use outcome::{Outcome, StartedFrom};
pub(crate) use progress::Meter;
pub use progress::Progress;
pub use running::{Running, start};
pub(crate) use selection::{All, Choice, Filter};
pub use selection::{OwnedKey, Selection};
pub(crate) use shared::Charge;
pub use shared::{Shared, resident_bytes};
pub use stop::StopPoint;
pub use stored::{StoreOptions, replay_into_store};

pub use crate::stages::decode::Tally;
pub use crate::stages::ledger::{
    OPEN_TRANSACTIONS_MAX, TransactionFault, TransactionIds, TransactionSummary,
};
pub use crate::stages::skipped::{SkippedBecause, SkippedEvents};

use std::sync::Arc;
use std::time::{Duration, Instant};

use vexfs_kernels::Digest;

use self::anchor::find_anchor;
use self::beginning::Beginning;
use self::namespace::Namespace;
use self::options::PassChoice;
use self::selection::UnderPaths;
use self::shelf::Shelf;
use crate::checkpoint::{CheckpointFault, PassedOver};
use crate::error::Error;
use crate::event::Body;
use crate::flow;
use crate::journal::{EndKind, Journal, Plan, PlanSummary, Validation};
use crate::receipt::{FileTimes, ProvenBy, Receipt};
use crate::state::MemoryState;

/// Replays a journal into memory, on all workers.
///
/// Where there are checkpoints it starts from one of them, and adds to them as it goes; what it finds
/// is the same as if it had started from the journal's first event.
///
/// # Errors
/// [`Error::Damaged`] and [`Error::Inconsistent`] when the policy refuses, and all that can go
/// wrong on the way. No state is published then.
pub fn replay(
    journal: &Journal,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(MemoryState, Outcome), Error> {
    let _span = options.span("replay", journal).entered();
    let shelf = Shelf::open(options)?;
    let request = Request::new(journal, options)?;
    let crew = request.crew()?;
    let mut passed_over = Vec::new();
    loop {
        let loaded = match &shelf {
            Some(shelf) => shelf.load(journal, options, request.until_lsn, &mut passed_over)?,
            None => None,
        };
        let beginning = Beginning::of(loaded);
        let checkpoint = beginning.name();
        match request.replay_from(&crew, beginning, shelf.as_ref(), progress)? {
            Attempt::Done(state, mut outcome) => {
                outcome.passed_over = passed_over;
                return Ok((state, *outcome));
            }
            Attempt::DamagedBelow(fault) => {
                passed_over.push(PassedOver { checkpoint, fault });
            }
        }
    }
}

/// Replays a journal into memory, one event after the other, from the first one on. This is the
/// definition of what [`replay`] must produce; it keeps the events of open transactions in memory.
///
/// # Errors
/// As [`replay`].
pub fn replay_serially(
    journal: &Journal,
    options: &ReplayOptions,
) -> Result<(MemoryState, Outcome), Error> {
    let request = Request::new(journal, options)?;
    let mut pass = |until_lsn: u64| {
        let mut state = MemoryState::default();
        let options = request.for_flow(until_lsn, None);
        let options = flow::FlowOptions { plan: None, ..options };
        let sink = flow::Sink::State(&mut state);
        let findings = flow::run_serial(journal, sink, &options, &mut |_| {})?;
        Ok((state, findings))
    };
    let (state, findings) = pass(request.until_lsn)?;
    request.conclude((state, None), findings, None, &mut pass)
}

/// Replays a journal into memory on all workers, and proves the result: its digest is `expected`, or,
/// where none is given, that of the serial replay. What was proven is in the receipt.
///
/// It starts from the journal's first event, whatever checkpoints there are.
///
/// # Errors
/// [`Error::DigestDiffers`] when it isn't proven, and as [`replay`].
pub fn replay_validated(
    journal: &Journal,
    options: &ReplayOptions,
    expected: Option<Digest>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(MemoryState, Outcome, Receipt), Error> {
    let from_front =
        |checkpoints: Checkpoints| Checkpoints { start: CheckpointStart::Nothing, ..checkpoints };
    let checkpoints = options.checkpoints.clone().map(from_front);
    let options = ReplayOptions { checkpoints, list_skipped: true, ..options.clone() };
    let times = FileTimes::of(journal)?;
    let (state, outcome) = replay(journal, &options, progress)?;
    let found = outcome.state_digest.unwrap_or_else(|| state.digest());
    let (expected, proven_by) = match expected {
        Some(expected) => (expected, ProvenBy::GivenDigest),
        None => {
            let serial = ReplayOptions { checkpoints: None, ..options.clone() };
            (replay_serially(journal, &serial)?.0.digest(), ProvenBy::SerialReplay)
        }
    };
    if expected != found {
        return Err(Error::DigestDiffers { expected, found });
    }
    let receipt = Receipt::of(journal, &options, &times, &outcome, found, proven_by)?;
    Ok((state, Outcome { state_digest: Some(found), ..outcome }, receipt))
}

/// Looks through the whole journal, past all damage, and applies nothing. What it finds is in the
/// outcome, whatever the policy.
///
/// # Errors
/// [`Error::BelowAnchor`] when an anchor is not found, and what storage says.
pub fn verify(
    journal: &Journal,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Outcome, Error> {
    let _span = options.span("verify", journal).entered();
    let request = Request::new(journal, options)?;
    let until_lsn = request.until_lsn;
    let choice = PassChoice {
        stop_at_fault: false,
        route: false,
        until_lsn,
        start: None,
        filter: None,
        plan: None,
    };
    let flow_options = options.for_flow(choice, request.deadline);
    let crew = request.crew()?;
    let findings = flow::run(journal, None, &flow_options, &crew, None, progress)?.findings?;
    let anchored = find_anchor(options.anchor, journal, &findings, 0, options.validation)?;
    Ok(Outcome::of(findings, until_lsn, anchored))
}

/// Which blocks a selective replay with these options would read, and which it would step over;
/// `None` where it reads all.
///
/// # Errors
/// [`Error::Io`] when storage fails, and what a pass over the names of files meets.
pub fn explain(journal: &Journal, options: &ReplayOptions) -> Result<Option<PlanSummary>, Error> {
    let request = Request::new(journal, options)?;
    Ok(request.plan.map(|plan| plan.summary))
}

/// What is asked for, with all that is looked up once.
struct Request<'r> {
    journal: &'r Journal,
    options: &'r ReplayOptions,
    until_lsn: u64,
    deadline: Option<(Instant, Duration)>,
    filter: Option<Filter>,
    plan: Option<Plan>,
}

/// What a replay from a checkpoint comes to.
enum Attempt {
    Done(MemoryState, Box<Outcome>),
    /// The checkpoint is sound, and what must be read again before its watermark is not.
    DamagedBelow(CheckpointFault),
}

/// Makes a pass from the journal's first event up to an LSN.
type Again<'a, S> = &'a mut dyn FnMut(u64) -> Result<(S, Findings), Error>;

impl<'r> Request<'r> {
    fn new(journal: &'r Journal, options: &'r ReplayOptions) -> Result<Self, Error> {
        let until_lsn =
            options.until.map_or(Ok(u64::MAX), |stop| stop.resolve(journal, options))?;
        let deadline = options.deadline();
        let mut request = Self { journal, options, until_lsn, deadline, filter: None, plan: None };
        if let Some(selection) = &options.selection {
            if options.checkpoints.is_some() {
                let reason = "the state of some events is none to go on from".to_owned();
                return Err(Error::InvalidOption { option: "checkpoints", reason });
            }
            let (under, whole) = request.under(selection)?;
            let filter = request.filter.insert(Filter::new(selection, under));
            // Who salvages wants to know of all that is damaged. And where names are lost, what a path
            // means is known up to the damage alone: then the replay must come to it, too.
            if options.damage != DamagePolicy::Salvage && whole {
                request.plan = Some(Plan::make(journal, |block| filter.skips(block))?);
            }
        }
        Ok(request)
    }

    /// What lies under the paths of a selection, by the whole history up to the stop; and whether that
    /// history is whole.
    fn under(&self, selection: &Selection) -> Result<(Option<UnderPaths>, bool), Error> {
        if selection.paths.is_empty() {
            return Ok((None, true));
        }
        let mut namespace = Namespace::new(selection.paths.iter());
        let options = self.for_flow(self.until_lsn, None);
        let mut take = |body: &Body<'_>| namespace.take(body);
        let sink = flow::Sink::Events(&mut take);
        let findings = flow::run_serial(self.journal, sink, &options, &mut |_| {})?;
        Ok((Some(namespace.into_under()), findings.damages.is_empty()))
    }

    fn for_flow<'a>(&'a self, until_lsn: u64, start: Option<&'a Cut>) -> flow::FlowOptions<'a> {
        let stop_at_fault = self.options.damage != DamagePolicy::Salvage;
        let (filter, plan) = (self.filter.as_ref(), self.plan.as_ref());
        let choice = PassChoice { stop_at_fault, route: true, until_lsn, start, filter, plan };
        self.options.for_flow(choice, self.deadline)
    }

    /// The workers and the memory limit that are to be used.
    fn crew(&self) -> Result<Arc<Shared>, Error> {
        let options = self.options;
        match &options.shared {
            Some(shared) => Ok(Arc::clone(shared)),
            None => Shared::new(options.threads, options.memory_limit).map(Arc::new),
        }
    }

    fn replay_from(
        &self,
        crew: &Shared,
        beginning: Beginning,
        shelf: Option<&Shelf<'_>>,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Attempt, Error> {
        let journal = self.journal;
        let Beginning { mut state, cut: start, parent, started_from } = beginning;
        let saver = shelf.and_then(|it| it.saver(journal, self.options, parent.as_ref()));
        if saver.is_some() {
            state.track();
        }
        let flow_options = self.for_flow(self.until_lsn, start.as_ref());
        let pass = flow::run(journal, Some(&mut state), &flow_options, crew, saver, progress)?;
        let watermark = pass.checkpoints.watermark;
        let findings = match pass.findings {
            Err(why @ (Error::Cancelled | Error::TimedOut { .. })) if watermark > 0 => {
                return Err(Error::Stopped { why: Box::new(why), watermark });
            }
            findings => findings?,
        };
        if let Some(lsn) = start.as_ref().and_then(|cut| damaged_below(cut, &findings)) {
            let watermark = start.map_or(0, |cut| cut.lsn);
            return Ok(Attempt::DamagedBelow(CheckpointFault::DamagedBelow { watermark, lsn }));
        }
        let mut again = |until_lsn: u64| {
            let mut state = MemoryState::default();
            let options = self.for_flow(until_lsn, None);
            let pass = flow::run(journal, Some(&mut state), &options, crew, None, progress)?;
            Ok((state, pass.findings?))
        };
        let known = (state, pass.state_digest);
        let (state, outcome) = self.conclude(known, findings, start.as_ref(), &mut again)?;
        let outcome = Outcome {
            started_from,
            checkpoints: pass.checkpoints,
            memory_bytes_max: pass.memory_bytes_max,
            plan: self.plan.as_ref().map(|plan| plan.summary.clone()),
            // Another pass may have gone less far.
            cut: pass.cut.filter(|cut| cut.lsn <= outcome.last_lsn),
            ..outcome
        };
        Ok(Attempt::Done(state, Box::new(outcome)))
    }

    /// Does what the policy says about damage and contradictions. The state comes with its digest,
    /// where that is known.
    fn conclude<S>(
        &self,
        (mut state, mut state_digest): (S, Option<Digest>),
        mut findings: Findings,
        start: Option<&Cut>,
        again: Again<'_, S>,
    ) -> Result<(S, Outcome), Error> {
        let options = self.options;
        let mut until_lsn = self.until_lsn;
        // Looked for as far as the journal was read, which may be farther than it is applied.
        let gaps = self.plan.as_ref().is_some_and(Plan::has_gaps);
        let unread = if gaps { u64::MAX } else { start.map_or(0, |cut| cut.lsn) };
        let anchored =
            find_anchor(options.anchor, self.journal, &findings, unread, options.validation);
        let checks = options.validation >= Validation::Full;
        let contradiction = findings.inconsistencies.first.first().filter(|_| checks).copied();
        match (options.damage, contradiction) {
            (DamagePolicy::Strict | DamagePolicy::Tail, Some(it)) => {
                return Err(Error::Inconsistent { lsn: it.lsn, reason: it.cause.to_string() });
            }
            (DamagePolicy::Prefix, Some(it)) => {
                // All that was applied before it is consistent: stop there, in a second pass.
                let (inconsistencies, damages) = (findings.inconsistencies, findings.damages);
                until_lsn = it.position - 1;
                (state, findings) = again(until_lsn)?;
                state_digest = None;
                (findings.inconsistencies, findings.damages) = (inconsistencies, damages);
            }
            _ => {}
        }
        refuse_damage(options, &findings)?;
        let outcome = Outcome::of(findings, until_lsn, anchored?);
        Ok((state, Outcome { state_digest, ..outcome }))
    }
}

/// Where the journal is damaged between the restart of a pass and the cut that it started from.
fn damaged_below(cut: &Cut, findings: &Findings) -> Option<u64> {
    let ended = Some(findings.end.position.next_lsn).filter(|&lsn| lsn <= cut.lsn);
    ended.or_else(|| findings.damages.iter().map(|it| it.lsn).find(|&lsn| lsn <= cut.lsn))
}

fn refuse_damage(options: &ReplayOptions, findings: &Findings) -> Result<(), Error> {
    let torn = options.damage == DamagePolicy::Strict && findings.end.kind == EndKind::TornTail;
    let torn = findings.end.tail.as_ref().filter(|_| torn);
    let first = findings.damages.first().filter(|_| options.refuses()).or(torn);
    match first {
        Some(first) => Err(Error::Damaged {
            first: Box::new(first.clone()),
            others: findings.damages.len().saturating_sub(1),
        }),
        None => Ok(()),
    }
}
