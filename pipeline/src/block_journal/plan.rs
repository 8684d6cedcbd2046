//! What a redo is to do: a pure choice from what a survey saw and what was asked for.

use std::collections::BTreeMap;

use super::fault::{Damage, Fault};
use super::layout::{Superblock, block_flags};
use super::place::Place;
use super::survey::{Ending, Survey};
use super::transaction::{DataBlock, Transaction, TransactionOutcome};
use crate::error::Error;

/// What others decided of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It takes effect: it must be committed in the journal.
    Commit,
    /// It takes no effect, committed or not.
    Discard,
}

/// What becomes of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JournalAfter {
    /// Its tail goes behind what was redone, once that is durable.
    #[default]
    Advanced,
    /// It stays as it is.
    Untouched,
}

/// What a redo is to do.
#[derive(Clone, Debug, Default)]
pub struct RedoOptions {
    /// The last sequence that takes effect: of commits, and of revocations. All, where it isn't told.
    pub until_sequence: Option<u64>,
    /// What was decided of transactions, by id. Those that the log doesn't hold (any more) are passed over.
    pub decisions: BTreeMap<u64, Decision>,
    /// What becomes of the journal.
    pub journal: JournalAfter,
    /// Where the earlier content of what is overwritten is kept, so that it can be rolled back.
    pub aside: Option<Place>,
}

/// What a redo will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What is written: for each block of the image, the data block that it gets.
    pub writes: BTreeMap<u64, DataBlock>,
    /// The ids of the transactions that take effect, in order.
    pub redone: Vec<u64>,
    /// The ids of those that are committed and were decided to be discarded, in order.
    pub discarded: Vec<u64>,
    /// The ids of those that were aborted, in order.
    pub aborted: Vec<u64>,
    /// The id of the one that isn't finished, where there is one.
    pub unfinished: Option<u64>,
    /// The ids of those behind the last sequence that was asked for, in order.
    pub not_reached: Vec<u64>,
    /// How many data blocks are not written since they are revoked.
    pub blocks_revoked: u64,
    /// The superblock that the journal has then, where it changes.
    pub superblock: Option<Superblock>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.superblock.is_none()
    }
}

/// Decides what a redo will do to an image of so many blocks.
///
/// # Errors
/// [`Error::BlockJournalDamaged`] when the journal is damaged within what is asked for, or writes to blocks
/// that the image doesn't have; [`Error::InconsistentRecovery`] when a transaction was decided to be
/// committed that isn't in the journal.
pub fn plan(survey: &Survey, image_blocks: u64, options: &RedoOptions) -> Result<Plan, Error> {
    let until = options.until_sequence.unwrap_or(u64::MAX);
    if let Ending::Damaged(damage) = survey.ending
        && until > survey.proven_sequence
    {
        return Err(damaged(survey, damage));
    }
    let mut plan = Plan {
        writes: BTreeMap::new(),
        redone: Vec::new(),
        discarded: Vec::new(),
        aborted: Vec::new(),
        unfinished: None,
        not_reached: Vec::new(),
        blocks_revoked: 0,
        superblock: None,
    };
    let revoked = revoked_until(survey, until);
    for transaction in &survey.transactions {
        let decision = options.decisions.get(&transaction.id).copied();
        let Some(sequence) = transaction.commit.map(|commit| commit.sequence) else {
            hold(decision, transaction, "isn't in the journal")?;
            plan.unfinished = Some(transaction.id);
            continue;
        };
        if sequence > until {
            hold(decision, transaction, "lies behind the last sequence that is asked for")?;
            plan.not_reached.push(transaction.id);
        } else if transaction.outcome == TransactionOutcome::Aborted {
            hold(decision, transaction, "is the journal's end of an aborted one")?;
            plan.aborted.push(transaction.id);
        } else if decision == Some(Decision::Discard) {
            plan.discarded.push(transaction.id);
        } else {
            plan.redo(survey, transaction, image_blocks, |number| {
                revoked.get(&number).is_some_and(|&revocation| revocation > sequence)
            })?;
        }
    }
    if options.journal == JournalAfter::Advanced {
        plan.superblock = advanced(survey, until, plan.discarded.len());
    }
    Ok(plan)
}

impl Plan {
    fn redo(
        &mut self,
        survey: &Survey,
        transaction: &Transaction,
        image_blocks: u64,
        is_revoked: impl Fn(u64) -> bool,
    ) -> Result<(), Error> {
        self.redone.push(transaction.id);
        for data in &transaction.data {
            let block = data.number;
            if block >= image_blocks {
                let fault = Fault::BeyondImage { block, image_blocks };
                let position = transaction.position;
                return Err(damaged(survey, Damage { position, fault }));
            }
            match is_revoked(block) {
                true => self.blocks_revoked += 1,
                false => _ = self.writes.insert(block, *data),
            }
        }
        Ok(())
    }
}

/// The sequence of the last revocation of each block that is revoked.
fn revoked_until(survey: &Survey, until: u64) -> BTreeMap<u64, u64> {
    let within = survey.revocations.iter().filter(|it| it.sequence <= until);
    within.flat_map(|it| it.blocks.iter().map(|&block| (block, it.sequence))).collect()
}

fn hold(
    decision: Option<Decision>,
    transaction: &Transaction,
    what: &'static str,
) -> Result<(), Error> {
    if decision != Some(Decision::Commit) {
        return Ok(());
    }
    let id = transaction.id;
    let reason = format!("transaction {id} was decided to be committed, and its commit {what}");
    Err(Error::InconsistentRecovery { reason })
}

fn damaged(survey: &Survey, damage: Damage) -> Error {
    Error::BlockJournalDamaged { path: survey.path.clone(), damage }
}

impl Survey {
    /// The superblock that tells where the log ends. Damage behind that stays where it is seen.
    pub(super) fn superblock_at_end(&self) -> Superblock {
        let old = self.superblock;
        let damaged = matches!(self.ending, Ending::Damaged(_));
        if damaged && self.blocks_used() < old.distance(old.tail, old.head) {
            return old;
        }
        let behind_head = self
            .transactions
            .iter()
            .filter(|it| it.commit.is_some_and(|commit| commit.sequence >= old.sequence));
        let (mut commits, mut aborts) = (0, 0);
        for transaction in behind_head {
            match transaction.outcome {
                TransactionOutcome::Aborted => aborts += 1,
                _ => commits += 1,
            }
        }
        let last = self.transactions.iter().rev().find_map(|it| it.commit);
        // What isn't whole must not be met again as if it came next; what is damaged must.
        let newest = if damaged { self.proven_sequence } else { self.newest_sequence };
        Superblock {
            head: self.end,
            sequence: newest.saturating_add(1).max(old.sequence),
            commit_sequence: last.map_or(old.commit_sequence, |commit| commit.sequence),
            total_commits: old.total_commits.saturating_add(commits),
            total_aborts: old.total_aborts.saturating_add(aborts),
            ..old
        }
    }
}

/// The superblock behind what is redone, where it isn't the one that is there.
fn advanced(survey: &Survey, until: u64, discarded: usize) -> Option<Superblock> {
    let old = survey.superblock;
    let mut new = survey.superblock_at_end();
    let stands = survey.stands();
    let redone = stands.iter().rev().find(|(sequence, _)| *sequence <= until);
    new.tail = redone.map_or(old.tail, |(_, behind)| *behind);
    new.flags &= !(block_flags::ACTIVE | block_flags::RECOVERING);
    new.total_aborts = new.total_aborts.saturating_add(discarded as u64);
    (new != old).then_some(new)
}
