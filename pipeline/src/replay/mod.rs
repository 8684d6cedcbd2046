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
mod request;
mod running;
mod selection;
mod shared;
mod shelf;
mod stop;
mod stored;

pub use anchor::SeenAnchor;
pub(crate) use anchor::look_for_anchor;
pub use control::Control;
pub use cut::{Cut, CutBlock, SoFar};
pub use findings::{Cause, Findings, Inconsistencies, Inconsistency, ListedBlock};
pub(crate) use findings::{INCONSISTENCIES_MAX, digest_at};
pub use follow::{FollowOptions, Following, follow};
pub(crate) use options::cores;
pub use options::{CheckpointStart, Checkpoints, DamagePolicy, ReplayOptions, THREADS_MAX};
pub use outcome::{Outcome, StartedFrom};
pub(crate) use progress::Meter;
pub use progress::Progress;
pub(crate) use request::refuse_damage;
pub use running::{Running, start};
pub use selection::Selection;
pub(crate) use selection::{All, Choice, Filter};
pub(crate) use shared::Charge;
pub use shared::{Shared, peak_resident_bytes, resident_bytes};
pub use stop::StopPoint;
pub use stored::{StoreOptions, replay_into_store};

pub use crate::stages::decode::Tally;
pub use crate::stages::ledger::{
    OPEN_TRANSACTIONS_MAX, TransactionFault, TransactionIds, TransactionSummary,
};
pub use crate::stages::skipped::{SkippedBecause, SkippedEvents};

use vexfs_kernels::Digest;

use self::anchor::find_anchor;
use self::beginning::Beginning;
use self::request::{Attempt, Request};
use self::shelf::Shelf;
use crate::checkpoint::PassedOver;
use crate::error::Error;
use crate::event::{Event, EventIter};
use crate::flow;
use crate::journal::{Journal, PlanSummary, block};
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

/// Visits all events of a journal in order, whether or not they take place, up to the stop of the options; and
/// up to its first damage, unless they go past it. Serially, and from the journal's first event on.
///
/// # Errors
/// What storage says and `visit` gives; [`Error::Cancelled`] and [`Error::TimedOut`] by the options.
pub(crate) fn visit_events(
    journal: &Journal,
    options: &ReplayOptions,
    visit: &mut dyn FnMut(&Event<'_>) -> Result<(), Error>,
) -> Result<Findings, Error> {
    let request = Request::new(journal, options)?;
    let options = request.for_flow(request.until_lsn, None);
    let mut blocks = |accepted: &flow::Accepted<'_>| {
        let payload = block::payload(&accepted.header, accepted.bytes);
        let header = &accepted.header;
        let events = EventIter::new(payload, header.first_lsn, header.event_count);
        let wanted = events.map_while(Result::ok).take_while(|it| it.lsn <= request.until_lsn);
        wanted.into_iter().try_for_each(|event| visit(&event))
    };
    flow::run_serial(journal, flow::Sink::Blocks(&mut blocks), &options, &mut |_| {})
}

/// Replays a journal into memory on all workers, and proves the result: its digest is `expected`, or,
/// where none is given, that of the serial replay. What was proven is in the receipt.
///
/// It starts from the journal's first event, whatever checkpoints there are, and takes none.
///
/// # Errors
/// [`Error::DigestDiffers`] when it isn't proven, and as [`replay`].
pub fn replay_validated(
    journal: &Journal,
    options: &ReplayOptions,
    expected: Option<Digest>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(MemoryState, Outcome, Receipt), Error> {
    if options.selection.is_some() {
        let reason = "what is proven is the state of all events, not of a selection".to_owned();
        return Err(Error::InvalidOption { option: "selection", reason });
    }
    // A state that isn't proven yet is none to go on from.
    let checkpoints = None;
    let options = ReplayOptions { checkpoints, list_skipped: true, ..options.clone() };
    let times = FileTimes::of(journal)?;
    let (state, outcome) = replay(journal, &options, progress)?;
    let found = outcome.state_digest.unwrap_or_else(|| state.digest());
    let (expected, proven_by) = match expected {
        Some(expected) => (expected, ProvenBy::GivenDigest),
        None => (replay_serially(journal, &options)?.0.digest(), ProvenBy::SerialReplay),
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
    let flow_options = request.for_looking(None);
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
