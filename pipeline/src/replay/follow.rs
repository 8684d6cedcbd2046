//! Following a journal that another process writes: a hot standby, which applies what is known to be
//! durable as soon as it is there.
//!
//! Each turn opens the journal anew and replays from the last cut to the durable LSN. What was written
//! behind it may still be lost in a crash, and a standby must not be ahead of its primary.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::beginning::Beginning;
use super::cut::Cut;
use super::options::ReplayOptions;
use super::outcome::Outcome;
use super::progress::Progress;
use super::request::{Attempt, Request};
use super::shelf::Shelf;
use crate::checkpoint::check_fits;
use crate::error::Error;
use crate::journal::layout::{BLOCK_MAGIC, BlockHeader, PAGE_BYTES};
use crate::journal::{EndKind, Journal, Segment, Validation};
use crate::state::MemoryState;
use crate::storage::Folder;

/// How far a follower is, and how far it could be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Following {
    /// The last LSN that it applied.
    pub applied_lsn: u64,
    /// The last LSN that is known to be durable.
    pub durable_lsn: u64,
    /// The last LSN that is there.
    pub newest_lsn: u64,
    /// How many events are there that it has not applied.
    pub lag_events: u64,
    /// How much later the newest event happened than the last one applied, in milliseconds.
    pub lag_milliseconds: f64,
    /// The journal was closed by its writer: when all is applied, following ends.
    pub sealed: bool,
    /// How far the last turn came.
    pub progress: Progress,
}

/// How a journal is followed.
#[derive(Clone, Debug)]
pub struct FollowOptions {
    /// How what is there is replayed. A stop point ends the following; a selection can't be followed.
    pub replay: ReplayOptions,
    /// How long to wait before looking again when there is nothing new.
    pub look_again: Duration,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self { replay: ReplayOptions::default(), look_again: Duration::from_millis(10) }
    }
}

/// Follows the journal in `folder` until its writer closes it, and gives the state at the end. `told`
/// hears after each turn how far it is.
///
/// # Errors
/// [`Error::Stopped`] or [`Error::Cancelled`] when it was cancelled or out of time, and as
/// [`replay`](super::replay).
pub fn follow(
    folder: &Arc<dyn Folder>,
    options: &FollowOptions,
    told: &mut dyn FnMut(&Following),
) -> Result<(MemoryState, Outcome), Error> {
    let replay = &options.replay;
    if replay.selection.is_some() {
        let reason = "a selection can't be followed".to_owned();
        return Err(Error::InvalidOption { option: "selection", reason });
    }
    let shelf = Shelf::open(replay)?;
    let mut journal = Journal::open(Arc::clone(folder))?;
    let journal_id = journal.journal_id;
    // The stop may not be there yet, and so is looked for at every turn.
    let last = ReplayOptions { until: None, ..replay.clone() };
    // An anchor may not have been read yet.
    let endless = ReplayOptions { anchor: None, ..last.clone() };
    let crew = Request::new(&journal, &endless)?.crew()?;
    let deadline = replay.deadline();
    let mut passed_over = Vec::new();
    let loaded = match &shelf {
        Some(shelf) => {
            let wanted = find_stop(&journal, replay, false)?;
            shelf.load(&journal, replay, wanted, &mut passed_over)?
        }
        None => None,
    };
    let mut at = Beginning::of(loaded);
    if shelf.as_ref().is_some_and(Shelf::saves) {
        // From now on, so that what is saved at the end is all that changed.
        at.state.track();
    }
    loop {
        let (parent, started_from) = (at.parent.clone(), at.started_from.clone());
        let applied_lsn = at.cut.as_ref().map_or(0, |cut| cut.lsn);
        let reached = Reached::of(&journal, at.cut.as_ref())?;
        let wanted = find_stop(&journal, replay, reached.sealed)?;
        let over = reached.sealed
            || reached.durable_lsn >= wanted
            || replay.control.check(deadline).is_err();
        let until_lsn = if reached.sealed { wanted } else { reached.durable_lsn.min(wanted) };
        if until_lsn <= applied_lsn && !over {
            told(&reached.following(applied_lsn, Progress::default()));
            replay.control.wait(options.look_again, deadline.map(|(deadline, _)| deadline));
        } else {
            let mut request = Request::new(&journal, if over { &last } else { &endless })?;
            (request.until_lsn, request.deadline) = (until_lsn, deadline);
            // The last turn leaves a checkpoint behind, where there is a place for it.
            let saving = shelf.as_ref().filter(|_| over);
            let mut progress = Progress::default();
            let turn = request.replay_from(&crew, at, saving, &mut |now| progress = *now)?;
            let Attempt::Done(state, outcome) = turn else {
                let reason = "the journal changed below what was applied".to_owned();
                return Err(Error::Inconsistent { lsn: applied_lsn, reason });
            };
            told(&reached.following(outcome.last_lsn, progress));
            let damaged = outcome.findings.end.kind == EndKind::Damaged;
            match outcome.cut {
                Some(cut) if !over && !damaged => {
                    at = Beginning { state, cut: Some(cut), parent, started_from };
                }
                _ => return Ok((state, Outcome { passed_over, ..*outcome })),
            }
        }
        journal = Journal::open(Arc::clone(folder))?;
        if journal.journal_id != journal_id {
            let reason = "another journal has taken its place".to_owned();
            return Err(Error::Inconsistent { lsn: applied_lsn, reason });
        }
        if let Some(cut) = &at.cut
            && let Err(fault) = check_fits(cut, &journal, Validation::Basic)?
        {
            return Err(Error::Inconsistent { lsn: applied_lsn, reason: fault.to_string() });
        }
    }
}

/// The LSN at which following is to end, `u64::MAX` where that isn't there or isn't there yet.
fn find_stop(journal: &Journal, options: &ReplayOptions, sealed: bool) -> Result<u64, Error> {
    match options.until.map(|stop| stop.resolve(journal, options)) {
        None => Ok(u64::MAX),
        Some(Err(Error::NoSuchTransaction { .. })) if !sealed => Ok(u64::MAX),
        Some(found) => found,
    }
}

/// How far a journal is at the moment.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    durable_lsn: u64,
    newest_lsn: u64,
    newest_time_ns: u64,
    applied_time_ns: u64,
    sealed: bool,
}

impl Reached {
    /// Looks at the blocks behind a cut, by their headers.
    fn of(journal: &Journal, cut: Option<&Cut>) -> Result<Self, Error> {
        let mut reached = Self::default();
        if cut.is_none() {
            let first = journal.segments.first();
            let first = first.map(|segment| block_at(segment, PAGE_BYTES as u64)).transpose()?;
            reached.applied_time_ns = first.flatten().map_or(0, |header| header.min_time_ns);
        }
        if let Some(cut) = cut {
            (reached.newest_lsn, reached.durable_lsn) = (cut.lsn, cut.lsn);
            let segment = journal.segments.iter().find(|it| it.number == cut.block.segment);
            let header = segment.map(|segment| block_at(segment, cut.block.offset)).transpose()?;
            if let Some(header) = header.flatten() {
                reached.newest_lsn = header.first_lsn + u64::from(header.event_count) - 1;
                reached.applied_time_ns = header.max_time_ns;
                reached.newest_time_ns = header.max_time_ns;
            }
        }
        for (index, segment) in journal.segments.iter().enumerate() {
            if cut.is_some_and(|cut| segment.number < cut.block.segment) {
                continue;
            }
            if let Ok((header, _)) = segment.header {
                // A writer syncs a segment before it makes the next one.
                reached.durable_lsn = reached.durable_lsn.max(header.first_lsn - 1);
            }
            let from = cut.filter(|cut| cut.block.segment == segment.number);
            let last = journal.last_header_from(index, from.map(|cut| cut.block.offset))?;
            if let Some(last) = last {
                reached.newest_lsn = last.first_lsn + u64::from(last.event_count) - 1;
                reached.newest_time_ns = last.max_time_ns;
                reached.durable_lsn = reached.durable_lsn.max(last.durable_lsn);
            }
        }
        reached.sealed = journal.is_closed()?;
        if reached.sealed {
            reached.durable_lsn = reached.newest_lsn;
        }
        Ok(reached)
    }

    fn following(&self, applied_lsn: u64, progress: Progress) -> Following {
        let newest_lsn = self.newest_lsn.max(applied_lsn);
        let lag_events = newest_lsn - applied_lsn;
        let lag_ns = self.newest_time_ns.saturating_sub(self.applied_time_ns);
        Following {
            applied_lsn,
            durable_lsn: self.durable_lsn.max(applied_lsn),
            newest_lsn,
            lag_events,
            lag_milliseconds: if lag_events == 0 { 0.0 } else { lag_ns as f64 / 1e6 },
            sealed: self.sealed,
            progress,
        }
    }
}

/// The header of the block at an offset, where the segment has one there.
fn block_at(segment: &Segment, offset: u64) -> Result<Option<BlockHeader>, Error> {
    if offset.saturating_add(BlockHeader::BYTES as u64) > segment.file_bytes {
        return Ok(None);
    }
    let mut bytes = vec![0; BlockHeader::BYTES];
    segment.read(&mut bytes, offset)?;
    Ok(Some(BlockHeader::read(&bytes)).filter(|header| header.magic == BLOCK_MAGIC))
}
