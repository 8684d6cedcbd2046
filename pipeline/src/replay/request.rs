//! One replay as it is asked for: what is looked up before, the pass, and what the policy makes of its
//! findings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vexfs_kernels::Digest;

use super::anchor::find_anchor;
use super::beginning::Beginning;
use super::cut::Cut;
use super::findings::Findings;
use super::namespace::Namespace;
use super::options::{DamagePolicy, ReplayOptions};
use super::outcome::Outcome;
use super::progress::Progress;
use super::selection::{Filter, Selection, UnderPaths};
use super::shared::Shared;
use super::shelf::Shelf;
use crate::checkpoint::CheckpointFault;
use crate::error::Error;
use crate::event::Body;
use crate::flow::{self, FlowOptions};
use crate::journal::{EndKind, Journal, Plan, Validation};
use crate::offload::Offload;
use crate::stages::decode::Reading;
use crate::state::MemoryState;

/// What is asked for, with all that is looked up once.
pub(super) struct Request<'r> {
    pub(super) journal: &'r Journal,
    pub(super) options: &'r ReplayOptions,
    pub(super) until_lsn: u64,
    pub(super) deadline: Option<(Instant, Duration)>,
    filter: Option<Filter>,
    pub(super) plan: Option<Plan>,
}

/// What a replay from a checkpoint comes to.
pub(super) enum Attempt {
    Done(MemoryState, Box<Outcome>),
    /// The checkpoint is sound, and what must be read again before its watermark is not.
    DamagedBelow(CheckpointFault),
}

/// Makes a pass from the journal's first event up to an LSN.
type Again<'a, S> = &'a mut dyn FnMut(u64) -> Result<(S, Findings), Error>;

impl<'r> Request<'r> {
    pub(super) fn new(journal: &'r Journal, options: &'r ReplayOptions) -> Result<Self, Error> {
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

    /// A pass that applies what is asked for.
    pub(super) fn for_flow<'a>(
        &'a self,
        until_lsn: u64,
        start: Option<&'a Cut>,
    ) -> FlowOptions<'a> {
        let (filter, plan) = (self.filter.as_ref(), self.plan.as_ref());
        let looking = self.for_looking(start);
        FlowOptions {
            reading: Reading {
                until_lsn,
                stop_at_fault: self.options.damage != DamagePolicy::Salvage,
                route: true,
                filter,
                gaps: plan.is_some_and(Plan::has_gaps),
                ..looking.reading
            },
            plan,
            // A state of some events is none to go on from.
            cuts: filter.is_none(),
            ..looking
        }
    }

    /// What may hash beside the workers. Where memory is limited, none that is only tried: how much it
    /// takes isn't known before.
    fn offload(&self) -> Option<&'r Offload> {
        let is_checked = self.options.validation >= Validation::Cryptographic;
        let offload = self.options.offload.as_ref().filter(|_| is_checked);
        offload.filter(|it| !it.is_tried() || self.options.memory_limit().is_none())
    }

    /// A pass over all events, past all damage, that applies nothing.
    pub(super) fn for_looking<'a>(&'a self, start: Option<&'a Cut>) -> FlowOptions<'a> {
        let options = self.options;
        FlowOptions {
            reading: Reading {
                validation: options.validation,
                kernel: options.kernel,
                after_lsn: start.map_or(0, |cut| cut.lsn),
                until_lsn: self.until_lsn,
                stop_at_fault: false,
                route: false,
                filter: None,
                list_skipped: options.list_skipped,
                gaps: false,
                profiler: options.profiler.as_deref(),
            },
            plan: None,
            anchor_lsn: options.anchor.map(|anchor| anchor.lsn),
            list_blocks: options.list_blocks,
            start,
            offload: self.offload(),
            cuts: false,
            control: &options.control,
            deadline: self.deadline,
        }
    }

    /// The workers and the memory limit that are to be used.
    pub(super) fn crew(&self) -> Result<Arc<Shared>, Error> {
        let options = self.options;
        match &options.shared {
            Some(shared) => Ok(Arc::clone(shared)),
            None => Shared::new(options.threads, options.memory_limit).map(Arc::new),
        }
    }

    pub(super) fn replay_from(
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
        let findings = pass.findings.map_err(|why| stopped_at(watermark, why))?;
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
    pub(super) fn conclude<S>(
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

/// Why a pass ended early. Ended from outside, it has left behind what goes on from this watermark; 0 for
/// nothing.
pub(super) fn stopped_at(watermark: u64, why: Error) -> Error {
    match why {
        Error::Cancelled | Error::TimedOut { .. } if watermark > 0 => {
            Error::Stopped { why: Box::new(why), watermark }
        }
        _ => why,
    }
}

/// Where the journal is damaged between the restart of a pass and the cut that it started from.
pub(super) fn damaged_below(cut: &Cut, findings: &Findings) -> Option<u64> {
    let ended = Some(findings.end.position.next_lsn).filter(|&lsn| lsn <= cut.lsn);
    ended.or_else(|| findings.damages.iter().map(|it| it.lsn).find(|&lsn| lsn <= cut.lsn))
}

/// Fails when the policy is to refuse what was found.
pub(crate) fn refuse_damage(options: &ReplayOptions, findings: &Findings) -> Result<(), Error> {
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
