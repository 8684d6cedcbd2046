//! What is odd about a journal, and no damage.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::layout::block_flags;
use super::survey::Survey;

/// Something odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "warning", rename_all = "snake_case")]
pub enum Warning {
    /// The log goes on behind the superblock's head, as it does after a crash.
    HeadBehind {
        /// The head.
        head: u64,
        /// How many blocks it goes on.
        blocks: u64,
    },
    /// The superblock says that the kernel gave the journal up.
    GivenUp,
    /// The superblock says that a recovery was under way.
    RecoveryUnderWay,
    /// Two transactions have one id.
    TwoOfOneId {
        /// The id.
        id: u64,
    },
}

impl Warning {
    pub(super) fn of(survey: &Survey, blocks_behind_head: u64) -> Vec<Self> {
        let superblock = &survey.superblock;
        let mut warnings = Vec::new();
        if blocks_behind_head > 0 {
            warnings.push(Self::HeadBehind { head: superblock.head, blocks: blocks_behind_head });
        }
        if superblock.has(block_flags::ABORTING) {
            warnings.push(Self::GivenUp);
        }
        if superblock.has(block_flags::RECOVERING) {
            warnings.push(Self::RecoveryUnderWay);
        }
        let mut ids = BTreeSet::new();
        let twice = survey.transactions.iter().filter(|it| !ids.insert(it.id));
        let twice: BTreeSet<u64> = twice.map(|it| it.id).collect();
        warnings.extend(twice.into_iter().map(|id| Self::TwoOfOneId { id }));
        warnings
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadBehind { head, blocks } => write!(
                formatter,
                "the log goes on {blocks} blocks behind the superblock's head, block {head}"
            ),
            Self::GivenUp => formatter.write_str("the kernel gave the journal up"),
            Self::RecoveryUnderWay => formatter.write_str("a recovery of it was under way"),
            Self::TwoOfOneId { id } => write!(formatter, "two transactions have the id {id}"),
        }
    }
}
