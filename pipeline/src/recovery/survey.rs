//! Looks at a journal and its checkpoints after a crash, and changes nothing. Reads headers, trailers,
//! the blocks near the end and the two ends of each checkpoint: never the whole journal.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::facts::{Checkpoint, Ending, Facts};
use super::loss::LsnRange;
use super::seen::{SeenDamage, bad_segments, damage_at};
use super::survey_checkpoints::{SurveyedCheckpoint, is_ahead, is_bad, look_at_checkpoints};
use crate::checkpoint::{Catalogue, CheckpointFault};
use crate::error::{Error, IoContext as _};
use crate::event::{Body, EventIter};
use crate::journal::layout::BlockHeader;
use crate::journal::{End, EndKind, Head, Journal, Validation, block};
use crate::replay::{ReplayOptions, SeenAnchor, StopPoint, TransactionIds, look_for_anchor};
use crate::storage::Folder;
use crate::time::now_ns;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looking<'l> {
    pub(super) journal: &'l Arc<dyn Folder>,
    pub(super) checkpoints: Option<&'l Arc<dyn Folder>>,
    /// How old a checkpoint is at most that counts as recent.
    pub(super) recent: Duration,
    /// Where recovery is to stop.
    pub(super) until: Option<StopPoint>,
    /// What a replay will be asked for: how much must have been proven, and which head, kept outside of
    /// the journal, it must reach.
    pub(super) replay: &'l ReplayOptions,
}

impl Looking<'_> {
    pub(super) fn validation(&self) -> Validation {
        self.replay.validation
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Survey {
    /// What decisions are made of.
    pub facts: Facts,
    /// The journal, opened; none where its format is unknown.
    pub journal: Option<Journal>,
    /// Where the journal seems to end, and why; none where that couldn't be read.
    pub end: Option<End>,
    /// Who holds the journal's lock.
    pub holder: Option<String>,
    /// The checkpoints, newest first.
    pub checkpoints: Vec<SurveyedCheckpoint>,
    /// The damage in plain sight, in the journal's order.
    pub damages: Vec<SeenDamage>,
    /// Where the head is that was kept outside; none where there is none, or storage failed.
    pub anchor: Option<SeenAnchor>,
    /// Where recovery is to stop, as it was asked for.
    pub until: Option<StopPoint>,
    /// The last LSN that is wanted: the stop, wherever it was said to be. The highest number where the
    /// journal ends before it, or it can't be told.
    pub until_lsn: u64,
    /// The transaction at which to stop, where no seal and no header leads to its end.
    pub no_such_transaction: Option<u64>,
    /// Transactions that begin near the end and don't end there.
    pub unfinished: TransactionIds,
    /// What storage said, where it failed.
    pub failure: Option<String>,
    /// How long looking took, in seconds.
    pub seconds: f64,
}

impl Survey {
    /// The last LSN that is there, 0 for none.
    #[must_use]
    pub fn last_lsn(&self) -> u64 {
        self.end.as_ref().map_or(0, |end| end.position.next_lsn.saturating_sub(1))
    }

    /// The last LSN that the journal is proven to have reached once, by checkpoints that were made of
    /// it, whether it still reaches them or not; 0 where there are none.
    #[must_use]
    pub fn proven_lsn(&self) -> u64 {
        let proving = self.checkpoints.iter().filter(|it| it.proves);
        proving.map(|it| it.watermark).max().unwrap_or(0)
    }

    /// How long the journal's blocks are, in bytes.
    #[must_use]
    pub fn journal_bytes(&self) -> u64 {
        self.journal.as_ref().map_or(0, Journal::block_bytes)
    }

    /// The newest checkpoint against which nothing was seen.
    #[must_use]
    pub fn usable(&self) -> Option<&SurveyedCheckpoint> {
        self.checkpoints.iter().find(|it| it.fault.is_none())
    }

    /// The checkpoint that a rollback to this watermark goes back to, or one to the newest usable. One above
    /// damage that must be read again is not passed over for an older one: who wants to undo more says so.
    #[must_use]
    pub fn rollback_target(&self, watermark: Option<u64>) -> Option<&SurveyedCheckpoint> {
        let mut usable = self
            .checkpoints
            .iter()
            .filter(|it| matches!(it.fault, None | Some(CheckpointFault::DamagedBelow { .. })));
        usable.find(|it| watermark.is_none_or(|lsn| lsn == it.watermark))
    }

    /// Where reading restarts from the newest usable checkpoint, 0 where there is none.
    fn restart_lsn(&self) -> u64 {
        self.usable().map_or(0, |it| it.restart_lsn)
    }

    /// A checkpoint before whose watermark something is damaged that must be read again is of no use.
    fn pass_over_damaged(&mut self) {
        for it in self.checkpoints.iter_mut().filter(|it| it.fault.is_none()) {
            let (restart_lsn, watermark) = (it.restart_lsn, it.watermark);
            let met = self.damages.iter().find(|damage| damage.is_met(restart_lsn, watermark));
            it.fault =
                met.map(|damage| CheckpointFault::DamagedBelow { watermark, lsn: damage.from_lsn });
        }
    }

    fn met(&self) -> impl Iterator<Item = &SeenDamage> {
        let (restart_lsn, until_lsn) = (self.restart_lsn(), self.until_lsn);
        self.damages.iter().filter(move |it| it.is_met(restart_lsn, until_lsn))
    }

    /// Whether who goes past damage may find the stop elsewhere than headers and seals tell of it.
    pub(super) fn stop_may_differ(&self) -> bool {
        let by_what_happened =
            matches!(self.until, Some(StopPoint::Time(_) | StopPoint::Transaction(_)));
        by_what_happened && self.damages.iter().any(|it| it.from_lsn <= self.until_lsn)
    }

    /// The first damage that a replay from the newest usable checkpoint to the stop comes to.
    pub(super) fn first_met(&self) -> Option<&SeenDamage> {
        self.met().next()
    }

    /// From the first to the last damage that a replay from the newest usable checkpoint comes to.
    pub(super) fn all_met(&self) -> Option<LsnRange> {
        let first = self.first_met()?.from_lsn;
        let last = self.met().last().and_then(|it| it.next_lsn).map(|it| it.saturating_sub(1));
        Some(LsnRange { first, last })
    }
}

/// Looks.
///
/// # Errors
/// [`Error::NotAJournal`] where there is none; [`Error::Io`] when a folder or a header can't be read.
pub(super) fn look(looking: &Looking<'_>) -> Result<Survey, Error> {
    let started = Instant::now();
    let folder = looking.journal;
    let holder = folder.lock_holder().context("look who locks", folder.path(""), None)?;
    let journal = match Journal::open(Arc::clone(folder)) {
        Ok(journal) => journal,
        Err(error @ Error::UnknownFormat { .. }) => {
            let failure = Some(error.to_string());
            return Ok(unknown(holder, failure, started));
        }
        Err(error) => return Err(error),
    };
    let mut open = BTreeSet::new();
    let looked = journal.look_at_end(&mut |frame, bytes| {
        note_transactions(&frame.header, bytes, &mut open);
    });
    let (end, failure) = match looked {
        Ok(end) => (Some(end), None),
        Err(error @ (Error::Io { .. } | Error::ChangedWhileRead { .. })) => {
            (None, Some(with_cause(&error)))
        }
        Err(error) => return Err(error),
    };
    let (until_lsn, no_such_transaction, unresolved) = stop_of(&journal, looking);
    let (checkpoints, unreadable) = match looking.checkpoints {
        Some(folder) => match Catalogue::open(Arc::clone(folder)) {
            Ok(catalogue) => {
                let found = look_at_checkpoints(&catalogue, &journal, (looking, until_lsn))?;
                (found, None)
            }
            // The journal may still tell all that they would.
            Err(error @ Error::Io { .. }) => (Vec::new(), Some(with_cause(&error))),
            Err(error) => return Err(error),
        },
        None => (Vec::new(), None),
    };
    let unread = checkpoints.iter().find_map(|it| match &it.fault {
        Some(CheckpointFault::Unreadable { reason }) => Some(format!("{}: {reason}", it.name)),
        _ => None,
    });
    // Who closed a journal left open on purpose what is open there.
    if end.as_ref().is_some_and(|end| end.kind == EndKind::Sealed) {
        open.clear();
    }
    let mut unfinished = TransactionIds::default();
    open.iter().for_each(|&id| unfinished.add(id));
    let mut survey = Survey {
        facts: Facts {
            held: holder.is_some(),
            bad_checkpoints: unreadable.is_some() || checkpoints.iter().any(is_bad),
            unfinished: !open.is_empty(),
            ..NOTHING_SEEN
        },
        journal: Some(journal),
        end,
        holder,
        checkpoints,
        damages: Vec::new(),
        anchor: None,
        until: looking.until,
        until_lsn,
        no_such_transaction,
        unfinished,
        failure: failure.or(unreadable).or(unread).or(unresolved),
        seconds: 0.0,
    };
    survey.damages = damages_of(&survey);
    survey.pass_over_damaged();
    survey.damages.extend(damage_below_checkpoint(&survey));
    survey.damages.sort_by_key(|it| it.from_lsn);
    survey.pass_over_damaged();
    survey.facts.checkpoint = age_of(survey.usable(), looking.recent);
    match anchor_of(&survey, looking) {
        Ok(anchor) => survey.anchor = anchor,
        Err(error) => survey.failure = survey.failure.or(Some(with_cause(&error))),
    }
    survey.facts.ending = ending_of(&survey, looking.replay.anchor);
    survey.facts.anchor_differs = survey.facts.ending != Ending::Truncated
        && matches!(survey.anchor, Some(SeenAnchor::Missing { .. }));
    let (restart_lsn, until_lsn) = (survey.restart_lsn(), survey.until_lsn);
    let is_met = |from: u64| survey.damages.iter().any(|it| it.is_met(from, until_lsn));
    survey.facts.damage_is_covered = !survey.damages.is_empty() && !is_met(restart_lsn);
    survey.facts.damage_is_behind = !survey.damages.is_empty() && !is_met(0);
    survey.seconds = started.elapsed().as_secs_f64();
    Ok(survey)
}

/// The facts before anything was seen.
const NOTHING_SEEN: Facts = Facts {
    ending: Ending::Open,
    held: false,
    checkpoint: Checkpoint::None,
    bad_checkpoints: false,
    damage_is_covered: false,
    damage_is_behind: false,
    anchor_differs: false,
    unfinished: false,
};

/// Where recovery is to stop: at which LSN; at a transaction whose end isn't found; or what storage said.
fn stop_of(journal: &Journal, looking: &Looking<'_>) -> (u64, Option<u64>, Option<String>) {
    match looking.until.map_or(Ok(u64::MAX), |stop| stop.resolve(journal, looking.replay)) {
        Ok(lsn) => (lsn, None, None),
        Err(Error::NoSuchTransaction { id }) => (u64::MAX, Some(id), None),
        // Who replays up to there will meet it, too.
        Err(error) => (u64::MAX, None, Some(with_cause(&error))),
    }
}

/// Where the head is that was kept outside.
fn anchor_of(survey: &Survey, looking: &Looking<'_>) -> Result<Option<SeenAnchor>, Error> {
    let (Some(anchor), Some(journal), Some(end)) =
        (looking.replay.anchor, &survey.journal, &survey.end)
    else {
        return Ok(None);
    };
    let seen = look_for_anchor(anchor, journal, looking.validation())?;
    let is_hurt = end.kind == EndKind::Damaged || anchor.lsn <= survey.last_lsn();
    Ok(Some(match seen {
        SeenAnchor::Unknown if !is_hurt => {
            SeenAnchor::Missing { reason: format!("it ends at LSN {}", survey.last_lsn()) }
        }
        seen => seen,
    }))
}

fn unknown(holder: Option<String>, failure: Option<String>, started: Instant) -> Survey {
    let facts = Facts { ending: Ending::NewerFormat, held: holder.is_some(), ..NOTHING_SEEN };
    Survey {
        facts,
        journal: None,
        end: None,
        holder,
        checkpoints: Vec::new(),
        damages: Vec::new(),
        anchor: None,
        until: None,
        until_lsn: u64::MAX,
        no_such_transaction: None,
        unfinished: TransactionIds::default(),
        failure,
        seconds: started.elapsed().as_secs_f64(),
    }
}

/// An error and what caused it, in one line.
pub(super) fn with_cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Notes which transactions begin and end in a block.
fn note_transactions(header: &BlockHeader, bytes: &[u8], open: &mut BTreeSet<u64>) {
    let payload = block::payload(header, bytes);
    let events = EventIter::new(payload, header.first_lsn, header.event_count);
    for event in events.map_while(Result::ok) {
        let id = event.header.transaction;
        match event.body() {
            Ok(Some(Body::TransactionBegin(_))) => {
                open.insert(id);
            }
            Ok(Some(Body::TransactionEnd(_))) => {
                open.remove(&id);
            }
            _ => {}
        }
    }
}

/// The damage in plain sight.
fn damages_of(survey: &Survey) -> Vec<SeenDamage> {
    let mut damages = survey.journal.as_ref().map(bad_segments).unwrap_or_default();
    // Who walked from the front came to the first of those segments, of which their headers tell more.
    let is_known = |it: &SeenDamage| damages.iter().any(|bad| bad.from_lsn == it.from_lsn);
    let at_end = survey.end.as_ref().and_then(damage_at).filter(|it| !is_known(it));
    damages.extend(at_end);
    damages
}

/// A checkpoint is made of what is synced: what is bad before its watermark wasn't torn.
fn damage_below_checkpoint(survey: &Survey) -> Option<SeenDamage> {
    let (end, usable) = (survey.end.as_ref()?, survey.usable()?);
    let is_end_of_log = matches!(end.kind, EndKind::TornTail | EndKind::Unwritten | EndKind::Stale);
    let from_lsn = end.position.next_lsn;
    // The checkpoint's own block is there.
    let next_lsn = Some(usable.restart_lsn).filter(|&restart| from_lsn < restart);
    let damage = SeenDamage { ending: Ending::Corrupt, from_lsn, next_lsn };
    (is_end_of_log && survey.last_lsn() < usable.watermark).then_some(damage)
}

/// How the journal ends.
fn ending_of(survey: &Survey, anchor: Option<Head>) -> Ending {
    let Some(end) = &survey.end else { return Ending::Unreadable };
    if let Some(bad) = survey.journal.as_ref().and_then(|it| bad_segments(it).pop()) {
        return bad.ending;
    }
    // An older one than what can be used proves nothing: the journal reaches farther.
    let reached = survey.usable().map_or(0, |it| it.watermark);
    let ahead = survey.checkpoints.iter().filter(|it| is_ahead(it));
    let ahead = ahead.map(|it| it.watermark).max().unwrap_or(0);
    // What is missing behind the stop is not asked for.
    let is_short = ahead > reached && ahead.min(survey.until_lsn) > survey.last_lsn();
    let below_anchor = anchor.is_some_and(|anchor| anchor.lsn > survey.last_lsn());
    if end.kind != EndKind::Damaged && (below_anchor || is_short) {
        return Ending::Truncated;
    }
    if let Some(damage) = survey.damages.last() {
        return damage.ending;
    }
    match end.kind {
        EndKind::Sealed | EndKind::Until => Ending::Closed,
        EndKind::TornTail => Ending::Torn,
        _ => Ending::Open,
    }
}

fn age_of(usable: Option<&SurveyedCheckpoint>, recent: Duration) -> Checkpoint {
    let Some(usable) = usable else { return Checkpoint::None };
    // A clock that went back makes it no older.
    let age_ns = u128::from(now_ns().saturating_sub(usable.created_ns));
    if age_ns <= recent.as_nanos() { Checkpoint::Recent } else { Checkpoint::Old }
}
