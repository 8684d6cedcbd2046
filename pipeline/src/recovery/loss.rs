//! What a recovery lost, as a report tells it: ranges, reasons, and what depended on them.

use serde::{Deserialize, Serialize};

use super::aside::Rollback;
use super::strategy::{Loss, Way};
use crate::journal::EndKind;
use crate::journal::damage::Damage;
use crate::replay::{Findings, Inconsistency, ListedBlock, Outcome, SkippedBecause, SkippedEvents};

/// A damaged range that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostRange {
    /// The number of the segment.
    pub segment: u64,
    /// Where it starts, in bytes from the segment's start.
    pub offset: u64,
    /// Where it ends, in bytes from the segment's start.
    pub end: u64,
    /// The first LSN in it.
    pub first_lsn: u64,
    /// The last LSN in it, where what follows tells; one less than the first where no event is lost.
    pub last_lsn: Option<u64>,
    /// What is wrong, by name.
    pub kind: String,
    /// What is wrong, in a sentence.
    pub detail: String,
}

impl LostRange {
    /// The range of a damage. Where no header tells which LSN follows it, the next of the blocks that were
    /// accepted does.
    fn of(damage: &Damage, accepted: &[ListedBlock]) -> Self {
        let place = (damage.segment, damage.offset);
        let behind = accepted.partition_point(|block| (block.segment, block.offset) <= place);
        let next_lsn = accepted.get(behind).map(|block| block.first_lsn);
        let next_lsn = damage.next_lsn.or(next_lsn).map(|next| next.max(damage.lsn));
        Self {
            segment: damage.segment,
            offset: damage.offset,
            end: damage.end,
            first_lsn: damage.lsn,
            last_lsn: next_lsn.map(|next| next.saturating_sub(1)),
            kind: damage.fault.name().to_owned(),
            detail: damage.to_string(),
        }
    }
}

/// LSNs, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LsnRange {
    /// The first one.
    pub first: u64,
    /// The last one, where it is known.
    pub last: Option<u64>,
}

/// What is lost, or was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Damaged ranges.
    pub ranges: Vec<LostRange>,
    /// What came with the first damage and after it was left out, whether damaged or not; or what was
    /// cut off.
    pub after_damage: Option<LsnRange>,
    /// What was undone, and is kept aside.
    pub undone: Option<LsnRange>,
    /// What lies behind the cut that was agreed on, or behind the stop that was asked for. It isn't
    /// lost.
    pub behind_stop: Option<LsnRange>,
    /// Events that are there, and took no effect since what they belong to is lost.
    pub dependents: Vec<SkippedEvents>,
    /// How many events contradict what is there, since what they build on is lost.
    pub contradictions: u64,
    /// The first of them.
    pub contradicting: Vec<Inconsistency>,
    /// The torn end of the log, which was never acknowledged.
    pub torn_tail: Option<LostRange>,
}

impl Lost {
    /// Whether anything is lost that the writer may have finished.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        !self.ranges.is_empty()
            || self.after_damage.is_some()
            || self.undone.is_some()
            || self.contradictions > 0
            || !self.dependents.is_empty()
    }

    /// Tells what a rollback that stands keeps from coming back, of a journal that ends at this LSN.
    pub(super) fn tell_standing(&mut self, rollback: &Rollback, last_lsn: u64) {
        let last = Some(rollback.undone_last.max(last_lsn));
        self.undone = Some(LsnRange { first: rollback.watermark.saturating_add(1), last });
        // Behind an earlier stop there is more that isn't wanted, up to the watermark.
        self.behind_stop = self.behind_stop.and_then(|it| {
            let last = Some(rollback.watermark);
            (it.first <= rollback.watermark).then_some(LsnRange { last, ..it })
        });
    }

    /// What a replay in this way lost of a journal whose last event seems to be of `last_lsn`, and which
    /// is proven to have reached `proven_lsn` once.
    pub(super) fn of(way: Way, outcome: &Outcome, last_lsn: u64, proven_lsn: u64) -> Self {
        let Findings { end, damages, skipped, inconsistencies, listed, .. } = &outcome.findings;
        let torn = end.tail.as_ref().filter(|_| end.kind == EndKind::TornTail);
        let known = Some(last_lsn.max(proven_lsn)).filter(|&lsn| lsn > outcome.last_lsn);
        let behind = LsnRange { first: outcome.last_lsn.saturating_add(1), last: known };
        let stopped_by_damage =
            way.loss() == Loss::Suffix && (!damages.is_empty() || inconsistencies.count > 0);
        let cut_off = proven_lsn > outcome.last_lsn && end.kind != EndKind::Until;
        let for_loss = |it: &&SkippedEvents| {
            matches!(it.because, SkippedBecause::Broken | SkippedBecause::NotOpen)
        };
        Self {
            ranges: damages.iter().map(|it| LostRange::of(it, listed)).collect(),
            after_damage: (stopped_by_damage || cut_off).then_some(behind),
            undone: None,
            behind_stop: (end.kind == EndKind::Until && known.is_some()).then_some(behind),
            dependents: skipped.iter().filter(for_loss).cloned().collect(),
            contradictions: inconsistencies.count,
            contradicting: inconsistencies.first.clone(),
            torn_tail: torn.map(|it| LostRange::of(it, listed)),
        }
    }
}
