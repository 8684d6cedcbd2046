//! Why a way would be refused when it is carried out, as far as a survey and what is asked for tell: by an
//! anchor, the checkpoint that a rollback wants, a stop, a cut. Reads nothing.

use super::choose::Excluded;
use super::coordinated::Agreement;
use super::estimate::keeps_to;
use super::strategy::Way;
use super::survey::Survey;
use crate::journal::Head;
use crate::replay::SeenAnchor;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    /// The watermark that a rollback is to go back to; the newest usable one where it isn't given.
    pub(super) rollback_to: Option<u64>,
    /// A head that was kept outside of the journal.
    pub(super) anchor: Option<Head>,
    /// What all participants have agreed on, where that is known.
    pub(super) agreed: Option<&'a Agreement>,
}

/// Why a way would be refused, where that is known.
pub(super) fn foresee(way: Way, survey: &Survey, asking: Asking<'_>) -> Option<Excluded> {
    let by_itself = match (way, asking.agreed) {
        (Way::Coordinated, Some(agreed)) => is_out_of_reach(agreed, survey),
        (Way::Coordinated, None) => None,
        // Past damage, a transaction is looked for where no header or seal leads to it.
        (Way::Emergency, _) => None,
        _ if survey.no_such_transaction.is_some() => Some(Excluded::NoSuchTransaction),
        (Way::Rollback, _) => {
            let target = survey.rollback_target(asking.rollback_to);
            match target.map(|it| it.fault.is_none()) {
                Some(true) => None,
                Some(false) => Some(Excluded::WouldRefuse),
                None => Some(Excluded::NoSuchCheckpoint),
            }
        }
        _ => None,
    };
    by_itself.or_else(|| misses_anchor(way, survey, asking).then_some(Excluded::AnchorMissing))
}

fn is_out_of_reach(agreed: &Agreement, survey: &Survey) -> Option<Excluded> {
    let reached = survey.until_lsn.min(survey.last_lsn());
    if survey.until_lsn < agreed.cut_lsn {
        return Some(Excluded::BehindCut);
    }
    if !agreed.in_doubt.is_empty() {
        return Some(Excluded::InDoubt);
    }
    if reached < agreed.cut_lsn {
        return Some(Excluded::BehindCut);
    }
    // Whoever agreed on the cut, what lies before it must be whole.
    let restart_lsn = starts_before(agreed.cut_lsn, survey);
    let is_met = survey.damages.iter().any(|it| it.is_met(restart_lsn, agreed.cut_lsn));
    is_met.then_some(Excluded::WouldRefuse)
}

/// Where reading starts from the newest usable checkpoint up to an LSN, 0 where there is none.
fn starts_before(lsn: u64, survey: &Survey) -> u64 {
    let mut usable = survey.checkpoints.iter().filter(|it| it.fault.is_none());
    usable.find(|it| it.watermark <= lsn).map_or(0, |it| it.restart_lsn)
}

/// Where reading starts, 0 for the journal's front.
fn starts_at(way: Way, survey: &Survey, asking: Asking<'_>) -> u64 {
    match way {
        Way::Full => 0,
        Way::Rollback => survey.rollback_target(asking.rollback_to).map_or(0, |it| it.restart_lsn),
        Way::Coordinated => asking.agreed.map_or(0, |it| starts_before(it.cut_lsn, survey)),
        _ => starts_before(survey.until_lsn, survey),
    }
}

/// Whether a replay in this way comes to its end before it finds the anchor, or comes to what isn't it.
fn misses_anchor(way: Way, survey: &Survey, asking: Asking<'_>) -> bool {
    let Some(anchor) = asking.anchor else { return false };
    let from_lsn = match survey.anchor {
        Some(SeenAnchor::Missing { .. }) => return true,
        Some(SeenAnchor::There { from_lsn }) => from_lsn,
        // What isn't read isn't found there.
        _ if anchor.lsn < starts_at(way, survey, asking) => return true,
        // Past damage it may be found.
        _ if way == Way::Emergency => return false,
        _ => anchor.lsn,
    };
    let stop = match way {
        Way::Coordinated => asking.agreed.map_or(u64::MAX, |it| it.cut_lsn),
        // Where it goes on to the end there is no stop.
        Way::BeforeDamage if survey.first_met().is_some() => {
            keeps_to(way, survey, asking).unwrap_or(u64::MAX)
        }
        Way::Rollback => keeps_to(way, survey, asking).unwrap_or(u64::MAX),
        _ => survey.until_lsn,
    };
    from_lsn > stop
}
