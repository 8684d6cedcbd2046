//! Looks at a journal and its checkpoints after a crash, and changes nothing. Reads headers, trailers,
//! the blocks near the end and the two ends of each checkpoint: never the whole journal.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::facts::{Checkpoint, Ending, Facts};
use super::survey_checkpoints::{SurveyedCheckpoint, is_ahead, is_bad, look_at_checkpoints};
use crate::checkpoint::Catalogue;
use crate::error::{Error, IoContext as _};
use crate::event::{Body, EventIter};
use crate::journal::damage::{Damage, Fault};
use crate::journal::layout::BlockHeader;
use crate::journal::{End, EndKind, Head, Journal, Validation, block};
use crate::replay::TransactionIds;
use crate::storage::Folder;
use crate::time::now_ns;

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looking<'l> {
    pub(super) journal: &'l Arc<dyn Folder>,
    pub(super) checkpoints: Option<&'l Arc<dyn Folder>>,
    /// How old a checkpoint is at most that counts as recent.
    pub(super) recent: Duration,
    /// A head kept outside of the journal, which it must reach.
    pub(super) anchor: Option<Head>,
    /// A later checkpoint is of no use.
    pub(super) until_lsn: u64,
    /// How much must have been proven.
    pub(super) validation: Validation,
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
    let (checkpoints, unreadable) = match looking.checkpoints {
        Some(folder) => match Catalogue::open(Arc::clone(folder)) {
            Ok(catalogue) => (look_at_checkpoints(&catalogue, &journal, looking)?, None),
            // The journal may still tell all that they would.
            Err(error @ Error::Io { .. }) => (Vec::new(), Some(with_cause(&error))),
            Err(error) => return Err(error),
        },
        None => (Vec::new(), None),
    };
    // Who closed a journal left open on purpose what is open there.
    if end.as_ref().is_some_and(|end| end.kind == EndKind::Sealed) {
        open.clear();
    }
    let mut unfinished = TransactionIds::default();
    open.iter().for_each(|&id| unfinished.add(id));
    let mut survey = Survey {
        facts: Facts {
            ending: Ending::Open,
            held: holder.is_some(),
            checkpoint: Checkpoint::None,
            bad_checkpoints: unreadable.is_some() || checkpoints.iter().any(is_bad),
            damage_is_covered: false,
            unfinished: !open.is_empty(),
        },
        journal: Some(journal),
        end,
        holder,
        checkpoints,
        unfinished,
        failure: failure.or(unreadable),
        seconds: 0.0,
    };
    survey.facts.checkpoint = age_of(survey.usable(), looking.recent);
    (survey.facts.ending, survey.facts.damage_is_covered) =
        ending_of(&survey, looking.anchor, looking.until_lsn);
    survey.seconds = started.elapsed().as_secs_f64();
    Ok(survey)
}

fn unknown(holder: Option<String>, failure: Option<String>, started: Instant) -> Survey {
    let facts = Facts {
        ending: Ending::NewerFormat,
        held: holder.is_some(),
        checkpoint: Checkpoint::None,
        bad_checkpoints: false,
        damage_is_covered: false,
        unfinished: false,
    };
    Survey {
        facts,
        journal: None,
        end: None,
        holder,
        checkpoints: Vec::new(),
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

/// How the journal ends, and whether all damage that was seen lies where the newest usable checkpoint
/// spares reading.
fn ending_of(survey: &Survey, anchor: Option<Head>, until_lsn: u64) -> (Ending, bool) {
    let (Some(journal), Some(end)) = (&survey.journal, &survey.end) else {
        return (Ending::Unreadable, false);
    };
    let restart = survey.usable().map_or(0, |it| it.restart_lsn);
    if let Some(bad) = bad_segment(journal) {
        let covered = bad.before_lsn.is_some_and(|lsn| lsn <= restart);
        return (bad.ending, covered);
    }
    // An older one than what can be used proves nothing: the journal reaches farther.
    let reached = survey.usable().map_or(0, |it| it.watermark);
    let ahead = survey.checkpoints.iter().filter(|it| is_ahead(it));
    let ahead = ahead.map(|it| it.watermark).max().unwrap_or(0);
    // What is missing behind the stop is not asked for.
    let is_short = ahead > reached && ahead.min(until_lsn) > survey.last_lsn();
    let below_anchor = anchor.is_some_and(|anchor| anchor.lsn > survey.last_lsn());
    if end.kind != EndKind::Damaged && (below_anchor || is_short) {
        return (Ending::Truncated, false);
    }
    // A checkpoint is made of what is synced: what is bad before its watermark wasn't torn.
    let is_end_of_log = matches!(end.kind, EndKind::TornTail | EndKind::Unwritten | EndKind::Stale);
    if is_end_of_log && survey.last_lsn() < reached {
        return (Ending::Corrupt, end.position.next_lsn < restart);
    }
    let ending = match end.kind {
        EndKind::Sealed | EndKind::Until => Ending::Closed,
        EndKind::Unsealed | EndKind::Unwritten | EndKind::Stale => Ending::Open,
        EndKind::TornTail => Ending::Torn,
        EndKind::Damaged => match end.tail {
            Some(Damage { fault: Fault::SegmentMissing(_), .. }) => Ending::SegmentMissing,
            _ => Ending::Corrupt,
        },
    };
    let next_lsn = end.tail.as_ref().and_then(|damage| damage.next_lsn);
    (ending, next_lsn.is_some_and(|lsn| lsn <= restart))
}

/// A segment that is wrong as a whole.
struct BadSegment {
    ending: Ending,
    /// The LSN at which what follows it begins, where that is known: nothing behind is touched by it.
    before_lsn: Option<u64>,
}

/// The last segment that is missing, foreign or without a header, by headers alone.
fn bad_segment(journal: &Journal) -> Option<BadSegment> {
    let mut bad = None;
    let mut next_number = 0;
    for segment in &journal.segments {
        let first_lsn = segment.header.ok().map(|(header, _)| header.first_lsn);
        if segment.number != next_number {
            bad = Some(BadSegment { ending: Ending::SegmentMissing, before_lsn: first_lsn });
        }
        next_number = segment.number.saturating_add(1);
        let ending = match segment.header {
            Ok((header, _)) if header.journal_id == journal.journal_id => continue,
            Ok(_) => Ending::Foreign,
            Err(_) => Ending::Corrupt,
        };
        let next = journal.segments.iter().find(|it| it.number == next_number);
        let before_lsn = next.and_then(|it| it.header.ok()).map(|(header, _)| header.first_lsn);
        bad = Some(BadSegment { ending, before_lsn });
    }
    bad
}

fn age_of(usable: Option<&SurveyedCheckpoint>, recent: Duration) -> Checkpoint {
    let Some(usable) = usable else { return Checkpoint::None };
    // A clock that went back makes it no older.
    let age_ns = u128::from(now_ns().saturating_sub(usable.created_ns));
    if age_ns <= recent.as_nanos() { Checkpoint::Recent } else { Checkpoint::Old }
}
