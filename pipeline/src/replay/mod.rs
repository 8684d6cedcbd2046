//! The replay engine: makes a pass over a journal under a policy, and says what came of it.

mod findings;

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use vexfs_kernels::Digest;

pub use findings::{Cause, Findings, Inconsistencies, Inconsistency};
pub(crate) use findings::{INCONSISTENCIES_MAX, digest_at};

pub use crate::stages::decode::Tally;
pub use crate::stages::ledger::{
    OPEN_TRANSACTIONS_MAX, TransactionFault, TransactionIds, TransactionSummary,
};

use crate::error::Error;
use crate::flow::{self, FlowOptions};
use crate::journal::{EndKind, Head, Journal, Validation};
use crate::stages::decode::Reading;
use crate::state::{MemoryState, PARTITIONS};

/// What is done about damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DamagePolicy {
    /// Any damage refuses, a torn tail too.
    Strict,
    /// A proven torn tail is dropped; all other damage refuses.
    #[default]
    Tail,
    /// Replay stops before the first damage, and the loss is reported.
    Prefix,
    /// Replay goes past damage, and every hole is reported.
    Salvage,
}

/// How many workers may be asked for: as many as there are partitions to share.
pub const THREADS_MAX: usize = PARTITIONS;

/// How a journal is replayed or verified.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// How much is proven before it is believed.
    pub validation: Validation,
    /// What is done about damage.
    pub damage: DamagePolicy,
    /// How many workers share the work, [`THREADS_MAX`] at most.
    pub threads: NonZero<usize>,
    /// Events after this LSN are left out.
    pub until_lsn: Option<u64>,
    /// How much memory state and pipeline may take together, in bytes.
    pub memory_limit: Option<u64>,
    /// A head that was kept outside of the journal and must be found in it.
    pub anchor: Option<Head>,
    /// Set by anyone to end the replay; it then fails with [`Error::Cancelled`].
    pub cancel: Arc<AtomicBool>,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            validation: Validation::Cryptographic,
            damage: DamagePolicy::default(),
            threads: cores().min(NonZero::new(THREADS_MAX).unwrap_or(NonZero::<usize>::MIN)),
            until_lsn: None,
            memory_limit: None,
            anchor: None,
            cancel: Arc::default(),
        }
    }
}

fn cores() -> NonZero<usize> {
    std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

/// How far a pass has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events done.
    pub events: u64,
    /// Bytes of the journal done.
    pub bytes: u64,
    /// Bytes of the journal in all.
    pub total_bytes: u64,
}

/// What came of a replay.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was found on the way.
    pub findings: Findings,
    /// The last LSN that was taken in, 0 for none.
    pub last_lsn: u64,
    /// The head that the journal has now; see [`Head`].
    pub head: Head,
    /// Whether a head that was kept outside of the journal was found in it. Only then, and only
    /// under [`Validation::Cryptographic`], is it proven that nothing before the head was changed
    /// or cut off.
    pub anchored: bool,
}

impl Outcome {
    /// Whether something was lost that the writer may have finished: damage, or contradictions.
    #[must_use]
    pub fn has_loss(&self) -> bool {
        !self.findings.damages.is_empty()
            || self.findings.inconsistencies.count > 0
            || self.findings.transactions.broken.count > 0
    }
}

/// One of [`flow::run`] and [`flow::run_serial`].
type Pass = fn(
    &Journal,
    Option<&mut MemoryState>,
    &FlowOptions<'_>,
    &mut dyn FnMut(&Progress),
) -> Result<Findings, Error>;

/// Replays a journal into memory, on all workers.
///
/// # Errors
/// [`Error::Damaged`] and [`Error::Inconsistent`] when the policy refuses, and all that can go
/// wrong on the way. No state is published then.
pub fn replay(
    journal: &Journal,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(MemoryState, Outcome), Error> {
    replay_by(flow::run, journal, options, progress)
}

/// Replays a journal into memory, one event after the other. This is the definition of what
/// [`replay`] must produce; it keeps the events of open transactions in memory.
///
/// # Errors
/// As [`replay`].
pub fn replay_serially(
    journal: &Journal,
    options: &ReplayOptions,
) -> Result<(MemoryState, Outcome), Error> {
    replay_by(flow::run_serial, journal, options, &mut |_| {})
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
    let flow_options = options.for_flow(false, false, options.until());
    let findings = flow::run(journal, None, &flow_options, progress)?;
    let anchored = options.find_anchor(journal, &findings)?;
    Ok(conclude(findings, options.until(), anchored))
}

fn replay_by(
    pass: Pass,
    journal: &Journal,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(MemoryState, Outcome), Error> {
    let salvage = options.damage == DamagePolicy::Salvage;
    let mut state = MemoryState::default();
    let mut until = options.until();
    let flow_options = options.for_flow(!salvage, true, until);
    let mut findings = pass(journal, Some(&mut state), &flow_options, progress)?;
    // Looked for as far as the journal was read, which may be farther than it is applied.
    let anchored = options.find_anchor(journal, &findings);
    let checks = options.validation >= Validation::Full;
    let contradiction = findings.inconsistencies.first.first().filter(|_| checks).copied();
    match (options.damage, contradiction) {
        (DamagePolicy::Strict | DamagePolicy::Tail, Some(it)) => {
            return Err(Error::Inconsistent { lsn: it.lsn, reason: it.cause.to_string() });
        }
        (DamagePolicy::Prefix, Some(it)) => {
            // All that was applied before it is consistent: stop there, in a second pass.
            let (inconsistencies, damages) = (findings.inconsistencies, findings.damages);
            state = MemoryState::default();
            until = it.position - 1;
            let flow_options = options.for_flow(true, true, until);
            findings = pass(journal, Some(&mut state), &flow_options, progress)?;
            (findings.inconsistencies, findings.damages) = (inconsistencies, damages);
        }
        _ => {}
    }
    options.refuse_damage(&findings)?;
    Ok((state, conclude(findings, until, anchored?)))
}

impl ReplayOptions {
    fn until(&self) -> u64 {
        self.until_lsn.unwrap_or(u64::MAX)
    }

    fn for_flow(&self, stop_at_fault: bool, route: bool, until_lsn: u64) -> FlowOptions<'_> {
        let reading = Reading { validation: self.validation, until_lsn, stop_at_fault, route };
        let threads = self.threads.get();
        let anchor_lsn = self.anchor.map(|anchor| anchor.lsn);
        let (memory_limit, cancel) = (self.memory_limit, &*self.cancel);
        FlowOptions { reading, threads, memory_limit, anchor_lsn, cancel }
    }

    fn refuse_damage(&self, findings: &Findings) -> Result<(), Error> {
        let refuses = matches!(self.damage, DamagePolicy::Strict | DamagePolicy::Tail);
        let torn = self.damage == DamagePolicy::Strict && findings.end.kind == EndKind::TornTail;
        let torn = findings.end.tail.as_ref().filter(|_| torn);
        let first = findings.damages.first().filter(|_| refuses).or(torn);
        match first {
            Some(first) => Err(Error::Damaged {
                first: Box::new(first.clone()),
                others: findings.damages.len().saturating_sub(1),
            }),
            None => Ok(()),
        }
    }

    /// Whether there is an anchor, which then was found.
    fn find_anchor(&self, journal: &Journal, findings: &Findings) -> Result<bool, Error> {
        let Some(anchor) = self.anchor else { return Ok(false) };
        let position = &findings.end.position;
        let read = journal.segments.iter().filter(|segment| segment.number <= position.segment);
        let pages = read.filter_map(|segment| segment.header.ok());
        // The head that a writer leaves which appended nothing is the header page of its segment.
        let mut heads =
            pages.map(|(header, digest)| Head { lsn: header.first_lsn.wrapping_sub(1), digest });
        let lsn = anchor.lsn;
        let reason = match findings.anchored {
            Some(digest) if digest == anchor.digest => return Ok(true),
            _ if heads.any(|head| head == anchor) => return Ok(true),
            Some(digest) => {
                format!("LSN {lsn} is in a block of digest {}", hex::encode::<Digest>(digest))
            }
            None if findings.end.kind == EndKind::Until => {
                format!("it was read up to LSN {} alone, as asked", position.next_lsn - 1)
            }
            None => format!("it ends at LSN {}", position.next_lsn - 1),
        };
        Err(Error::BelowAnchor { lsn, reason })
    }
}

fn conclude(findings: Findings, until: u64, anchored: bool) -> Outcome {
    let position = findings.end.position;
    let head = Head { lsn: position.next_lsn - 1, digest: position.digest };
    let last_lsn = findings.last_lsn(until);
    Outcome { findings, last_lsn, head, anchored }
}
