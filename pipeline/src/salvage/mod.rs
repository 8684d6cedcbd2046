//! Salvage: a new, valid journal out of a damaged one, and a manifest of what was left out and why.
//! The damaged one is read and never touched. A living writer may have it: that is told, and what it hasn't
//! finished is no loss.
//!
//! Every event that stands is in the new journal byte for byte and under its own LSN; in the place
//! of each one that doesn't stand there is a placeholder, an observation without effect. Records
//! carry the LSNs of their events, transactions are known by LSNs and their digests are over LSNs:
//! with other LSNs none of that would be the same.
//!
//! Four passes: a replay past all damage, which says what the original leads to; the decision which
//! events stand; the copy; and a replay of the copy, which must lead to what was decided before
//! there is a journal at all.
//!
//! Absent on purpose: repair. An event that can't stand is not made to.

mod copy;
mod decide;
mod holes;
mod manifest;
mod reread;
mod stages;
mod trial;

use std::num::NonZero;
use std::sync::Arc;

use vexfs_kernels::{Digest, Kernel};

pub use manifest::{
    Dropped, DroppedBecause, JournalIdentity, MANIFEST_NAME, MANIFEST_SCHEMA, Salvaged,
    write_manifest,
};

use self::copy::{Copied, Copier};
use self::decide::{Contradictions, Decided, Decider};
use self::stages::Stages;
use crate::error::Error;
use crate::event::TransactionEnd;
use crate::flow::{self, Accepted, FlowOptions};
use crate::journal::damage::Fault;
use crate::journal::{Durability, EndKind, Head, Journal, Validation, Writer, WriterOptions};
use crate::replay::{Control, DamagePolicy, Findings, Outcome, Progress, ReplayOptions, replay};
use crate::stages::decode::Reading;
use crate::staging::{Attempt, Staging};
use crate::storage::{self, Folder};

/// How a journal is salvaged.
#[derive(Clone, Debug)]
pub struct SalvageOptions {
    /// How much is proven of an event before it is kept: full or cryptographic.
    pub validation: Validation,
    /// How many workers replay the original and the new journal.
    pub threads: NonZero<usize>,
    /// What the new journal is like. It is made durable before it is there, whatever the policy.
    pub writer: WriterOptions,
    /// How many placeholders there may be. A damaged or crafted header may claim that any number of
    /// events is missing.
    pub placeholders_max: u64,
    /// By which anyone cancels it.
    pub control: Control,
}

impl Default for SalvageOptions {
    fn default() -> Self {
        let ReplayOptions { validation, threads, control, .. } = ReplayOptions::default();
        let writer = WriterOptions::default();
        Self { validation, threads, writer, placeholders_max: 100_000_000, control }
    }
}

/// Salvages a journal into a folder, which is empty or holds what an earlier attempt to salvage the
/// same journal has left.
///
/// # Errors
/// [`Error::AlreadyAJournal`] and [`Error::InvalidOption`] when the folder holds anything else,
/// [`Error::LimitExceeded`] when too many events are missing, [`Error::ChangedWhileRead`] when the
/// journal did, and what storage says. No journal is in the folder then; what is, the next attempt
/// takes away.
pub fn salvage(
    journal: &Journal,
    into: Arc<dyn Folder>,
    options: &SalvageOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Salvaged, Error> {
    check_options(journal, into.as_ref(), options)?;
    let _lock = storage::lock(into.as_ref())?;
    let staging = Staging::of(into, Attempt::Salvage(journal.journal_id));
    staging.clear()?;
    let salvage = Salvage { journal, options, staging };
    let mut stages = Stages::new(journal.block_bytes(), progress);
    let held_before = journal.holder()?;
    let (original_state, outcome) = salvage.replay_original(&mut stages)?;
    // A writer may have come or gone meanwhile.
    let holder = held_before.or(journal.holder()?);
    let (findings, decided) = salvage.decide(&outcome, holder.as_deref(), &mut stages)?;
    let next_lsn = findings.end.position.next_lsn;
    salvage.check_amount(&decided)?;
    let Decided { holes, dropped: unfit, ends, blocks, state_digest } = decided;
    let mut dropped = holes.into_dropped(&findings.damages);
    dropped.extend(torn_tail(&findings, holder.as_deref()));
    dropped.extend(unfit);
    let (head, copied) = salvage.copy(next_lsn, (&dropped, &ends), &mut stages)?;
    salvage.check_unchanged(blocks, copied.blocks)?;
    let expected = state_digest.unwrap_or(original_state);
    let new = salvage.prove(head, expected, &mut stages)?;
    let Head { lsn: head_lsn, digest: head_digest } = outcome.head;
    let original = JournalIdentity {
        journal_id: journal.journal_id,
        head_lsn,
        head_digest,
        state_digest: original_state,
    };
    let salvaged = Salvaged {
        schema: MANIFEST_SCHEMA,
        validation: options.validation,
        same_state: original.state_digest == new.state_digest,
        original,
        original_end: findings.end.kind,
        holder,
        new,
        kept_events: copied.kept_events,
        dropped_events: next_lsn - 1 - copied.kept_events,
        kept: copied.kept,
        ends_made_anew: ends.into_iter().map(|(lsn, _)| lsn).collect(),
        dropped,
    };
    write_manifest(&salvaged, salvage.staging.folder().as_ref(), MANIFEST_NAME)?;
    salvage.staging.finish()?;
    Ok(salvaged)
}

fn check_options(
    journal: &Journal,
    into: &dyn Folder,
    options: &SalvageOptions,
) -> Result<(), Error> {
    let refuse = |option: &'static str, reason: &str| {
        Err(Error::InvalidOption { option, reason: reason.to_owned() })
    };
    if options.validation < Validation::Full {
        return refuse("validation", "what isn't verified can't be kept: full or cryptographic");
    }
    if options.writer.journal_id == Some(journal.journal_id) {
        return refuse("UUID of the new journal", "that is the original's");
    }
    if into.is_one_file() {
        return refuse("folder of the new journal", "a folder is needed, not one file of it");
    }
    Ok(())
}

/// What was left out since the writer died while it wrote, or is writing it.
fn torn_tail(findings: &Findings, holder: Option<&str>) -> Option<Dropped> {
    let end = &findings.end;
    (end.kind == EndKind::TornTail).then(|| Dropped {
        because: match holder {
            Some(_) => DroppedBecause::BeingWritten,
            None => DroppedBecause::TornTail,
        },
        transaction: None,
        lsns: Vec::new(),
        damage: end.tail.clone(),
        inconsistency: None,
    })
}

/// One salvage, as it is asked for.
struct Salvage<'s> {
    journal: &'s Journal,
    options: &'s SalvageOptions,
    staging: Staging,
}

impl Salvage<'_> {
    fn replay_options(&self, validation: Validation, damage: DamagePolicy) -> ReplayOptions {
        let SalvageOptions { threads, control, .. } = self.options.clone();
        ReplayOptions { validation, damage, threads, control, ..ReplayOptions::default() }
    }

    /// What the original leads to, past all damage.
    fn replay_original(&self, stages: &mut Stages<'_>) -> Result<(Digest, Outcome), Error> {
        let options = self.replay_options(self.options.validation, DamagePolicy::Salvage);
        let (state, outcome) = replay(self.journal, &options, &mut stages.next())?;
        Ok((state.digest(), outcome))
    }

    fn decide(
        &self,
        outcome: &Outcome,
        holder: Option<&str>,
        stages: &mut Stages<'_>,
    ) -> Result<(Findings, Decided), Error> {
        let contradictions = match outcome.findings.inconsistencies.count {
            0 => Contradictions::None,
            _ => Contradictions::LookedFor,
        };
        let mut decider = Decider::new(self.journal, &self.reading(u64::MAX), contradictions);
        let findings = self.walk(u64::MAX, stages, &mut |accepted| decider.block(accepted))?;
        let newest = self.journal.segments.last().and_then(|it| it.header.ok());
        let living_epoch = holder.and(newest.map(|(header, _)| header.writer_epoch));
        let decided = decider.finish(findings.end.position.next_lsn, living_epoch);
        Ok((findings, decided))
    }

    /// Refuses to make more placeholders for what is missing than is allowed.
    fn check_amount(&self, decided: &Decided) -> Result<(), Error> {
        let (claimed, limit) = (decided.holes.count(), self.options.placeholders_max);
        match claimed > limit {
            true => {
                let (lsn, what) = (decided.holes.first(), "the number of missing events");
                Err(Error::LimitExceeded { lsn, what, claimed, limit })
            }
            false => Ok(()),
        }
    }

    fn copy(
        &self,
        next_lsn: u64,
        (dropped, ends): (&[Dropped], &[(u64, TransactionEnd)]),
        stages: &mut Stages<'_>,
    ) -> Result<(Head, Copied), Error> {
        // Until there is a journal nobody is promised anything, so nothing waits for a sync but its
        // end. And the folder's lock is held for longer than the writer lives.
        let options = WriterOptions { durability: Durability::None, ..self.options.writer };
        let writer = Writer::create_locked(self.staging.folder(), options, Box::new(()))?;
        let mut copier = Copier::new(&writer, &self.options.control, dropped, ends);
        // No farther than was decided, whatever has come behind that since.
        self.walk(next_lsn - 1, stages, &mut |accepted| copier.block(accepted))?;
        let copied = copier.finish(next_lsn)?;
        Ok((writer.close()?, copied))
    }

    /// What is copied must be what was decided on.
    fn check_unchanged(&self, expected: Digest, found: Digest) -> Result<(), Error> {
        if expected == found {
            return Ok(());
        }
        let path = self.journal.segments.first().map(|it| it.path.clone()).unwrap_or_default();
        let fault = Fault::Digest { part: "intact blocks", expected, found };
        Err(Error::ChangedWhileRead { path, offset: 0, fault })
    }

    /// Replays the new journal under the strictest of policies, as anyone could.
    fn prove(
        &self,
        head: Head,
        expected: Digest,
        stages: &mut Stages<'_>,
    ) -> Result<JournalIdentity, Error> {
        let made = Journal::open(self.staging.folder())?;
        let options = self.replay_options(Validation::Cryptographic, DamagePolicy::Strict);
        let options = ReplayOptions { anchor: Some(head), ..options };
        let (state, _) = replay(&made, &options, &mut stages.next())?;
        let found = state.digest();
        if found != expected {
            return Err(Error::DigestDiffers { expected, found });
        }
        Ok(JournalIdentity {
            journal_id: made.journal_id,
            head_lsn: head.lsn,
            head_digest: head.digest,
            state_digest: found,
        })
    }

    fn reading(&self, until_lsn: u64) -> Reading<'static> {
        Reading {
            validation: self.options.validation,
            kernel: Kernel::quickest(),
            after_lsn: 0,
            until_lsn,
            stop_at_fault: false,
            route: false,
            filter: None,
            list_skipped: false,
            gaps: false,
            profiler: None,
        }
    }

    /// Goes through the intact blocks of the original, in order, up to an LSN.
    fn walk(
        &self,
        until_lsn: u64,
        stages: &mut Stages<'_>,
        visit: &mut dyn FnMut(&Accepted<'_>) -> Result<(), Error>,
    ) -> Result<Findings, Error> {
        let options = FlowOptions {
            reading: self.reading(until_lsn),
            list_blocks: false,
            plan: None,
            anchor_lsn: None,
            start: None,
            offload: None,
            cuts: false,
            control: &self.options.control,
            deadline: None,
        };
        let sink = flow::Sink::Blocks(visit);
        flow::run_serial(self.journal, sink, &options, &mut stages.next())
    }
}
