//! What a journal holds: looks, changes nothing, and needs no lock.
//!
//! The superblock's head was durable when it was written, and so was all before it: whatever is wrong
//! there is damage. Behind it the walk goes on by sequence. What isn't whole there is a torn tail, unless
//! something stands behind it that proves more ([`super::behind`]).

use std::path::PathBuf;

use serde::Serialize;

use super::behind::written_behind;
use super::fault::{Damage, Fault};
use super::layout::Superblock;
use super::place::{Blocks, Place};
use super::superblock;
use super::transaction::{Revocation, Transaction, TransactionOutcome};
use super::walk::{End, Step, Walk, Why};
use super::warning::Warning;
use crate::error::Error;

/// How a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Behind a whole transaction or revocation, or where the log is empty.
    Clean,
    /// In something that isn't whole, and behind which nothing stands: its writer died.
    Torn(Damage),
    /// In damage.
    Damaged(Damage),
}

/// What a journal holds.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The journal's file, for messages.
    pub path: PathBuf,
    /// Its superblock.
    pub superblock: Superblock,
    /// The transactions, in their order; only the last can be unfinished or damaged.
    pub transactions: Vec<Transaction>,
    /// The revocations, in their order.
    pub revocations: Vec<Revocation>,
    /// The block behind all that stands and is whole.
    pub end: u64,
    /// The last sequence that is proven; 0 in an empty log.
    pub proven_sequence: u64,
    /// The highest sequence that was seen anywhere in the log, or that the superblock tells.
    pub newest_sequence: u64,
    /// How the log ends.
    pub ending: Ending,
    /// What is odd, and no damage.
    pub warnings: Vec<Warning>,
}

impl Survey {
    /// The first sequence in the log.
    #[must_use]
    pub fn first_sequence(&self) -> Option<u64> {
        let transaction = self.transactions.first().map(|it| it.sequence);
        transaction.into_iter().chain(self.revocations.first().map(|it| it.sequence)).min()
    }

    /// The transactions whose commit stands and proves them.
    pub fn committed(&self) -> impl Iterator<Item = &Transaction> {
        self.transactions.iter().filter(|it| it.outcome == TransactionOutcome::Committed)
    }

    /// The last sequence of all that stands whole, and the block behind each, in order.
    pub(super) fn stands(&self) -> Vec<(u64, u64)> {
        let ended = |it: &Transaction| it.commit.map(|commit| (commit.sequence, it.behind));
        let transactions = self.transactions.iter().filter_map(ended);
        let revocations = self.revocations.iter().map(|it| (it.sequence, it.behind));
        let mut stands: Vec<(u64, u64)> = transactions.chain(revocations).collect();
        stands.sort_unstable();
        stands
    }

    /// How many blocks of the log are needed, from the tail to the end.
    #[must_use]
    pub fn blocks_used(&self) -> u64 {
        self.superblock.distance(self.superblock.tail, self.end)
    }
}

/// Looks at a journal.
///
/// # Errors
/// [`Error::NotAJournal`], [`Error::UnknownFormat`], and [`Error::BlockJournalDamaged`] when the
/// superblock can't be used; [`Error::Io`] when storage fails. Damage in the log is no error here.
pub fn survey(journal: &Place) -> Result<Survey, Error> {
    let blocks = journal.open()?;
    let (superblock, _) = superblock::read(&blocks)?;
    survey_of(&blocks, superblock)
}

pub(super) fn survey_of(blocks: &Blocks, superblock: Superblock) -> Result<Survey, Error> {
    let mut walk = Walk::new(blocks, superblock);
    let mut survey = Survey {
        path: blocks.path.clone(),
        superblock,
        transactions: Vec::new(),
        revocations: Vec::new(),
        end: superblock.tail,
        proven_sequence: 0,
        newest_sequence: superblock.sequence.saturating_sub(1),
        ending: Ending::Clean,
        warnings: Vec::new(),
    };
    let to_head = superblock.distance(superblock.tail, superblock.head);
    let ending = loop {
        let begins = (walk.at, walk.passed);
        if walk.passed == to_head {
            if walk.sequence >= superblock.sequence && walk.sequence > 0 {
                let (expected, found) = (superblock.sequence, walk.sequence);
                break Ending::Damaged(Damage {
                    position: 0,
                    fault: Fault::Field { field: "sequence", expected, found },
                });
            }
            walk.sequence = superblock.sequence.saturating_sub(1);
        }
        let step = walk.step()?;
        if begins.1 < to_head && walk.passed > to_head {
            let fault = Fault::HeadWithin { head: superblock.head };
            break Ending::Damaged(Damage { position: begins.0, fault });
        }
        match step {
            Step::Transaction(transaction) => survey.transactions.push(transaction),
            Step::Revocation(revocation) => survey.revocations.push(revocation),
            Step::End(end) => break ending_of(blocks, &walk, end, to_head, &mut survey)?,
        }
        survey.end = walk.at;
        survey.proven_sequence = walk.sequence;
        survey.newest_sequence = survey.newest_sequence.max(walk.sequence);
    };
    survey.ending = ending;
    survey.warnings = Warning::of(&survey, walk.passed.saturating_sub(to_head));
    Ok(survey)
}

/// What the walk's end means.
fn ending_of(
    blocks: &Blocks,
    walk: &Walk<'_>,
    end: End,
    to_head: u64,
    survey: &mut Survey,
) -> Result<Ending, Error> {
    let ending = if walk.passed < to_head {
        Ending::Damaged(match end.why {
            Why::NothingWritten => {
                let fault = Fault::EndsBeforeHead { head: walk.superblock.head };
                Damage { position: walk.at, fault }
            }
            Why::NotWhole(damage) | Why::Wrong(damage) => damage,
        })
    } else {
        match (end.why, written_behind(blocks, walk, end.blocks)?) {
            (Why::Wrong(damage), _) => Ending::Damaged(damage),
            (Why::NothingWritten, None) => Ending::Clean,
            (Why::NotWhole(damage), None) => Ending::Torn(damage),
            (Why::NotWhole(damage), Some(_)) => Ending::Damaged(damage),
            (Why::NothingWritten, Some(fault)) => {
                Ending::Damaged(Damage { position: walk.at, fault })
            }
        }
    };
    if let Some(mut partial) = end.partial {
        survey.newest_sequence = survey.newest_sequence.max(partial.sequence);
        if let Ending::Damaged(damage) = ending {
            partial.outcome = TransactionOutcome::Damaged(damage);
        }
        survey.transactions.push(partial);
    }
    Ok(ending)
}
