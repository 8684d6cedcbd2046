//! What each way would keep, lose and cost, by what a survey saw. Damage that it didn't see, in the
//! middle of the journal, shows only when that is read.

use serde::Serialize;

use super::aside::Rollback;
use super::foresee::Asking;
use super::loss::LsnRange;
use super::strategy::{Loss, Way};
use super::survey::Survey;
use crate::journal::EndKind;

/// What a way would come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The way.
    pub way: Way,
    /// The last LSN whose effects would be there; none where somebody else decides that, or only reading
    /// tells.
    pub keeps_to: Option<u64>,
    /// What would be lost or undone of what is known to have been there. Past damage, the most that would.
    pub loses: Option<LsnRange>,
    /// How many bytes of the journal's blocks it would read.
    pub journal_bytes: u64,
    /// How many bytes of checkpoints it would read.
    pub checkpoint_bytes: u64,
    /// How long it would take, in seconds, at the rate of the last recovery; none where there was none.
    pub seconds: Option<f64>,
}

/// What a way would come to, while a rollback stands or none does. It is told in `bytes_per_second` how
/// much of a journal the last recovery took in.
pub(super) fn estimate(
    way: Way,
    survey: &Survey,
    asking: Asking<'_>,
    standing: Option<&Rollback>,
    bytes_per_second: Option<f64>,
) -> Estimate {
    let target = survey.rollback_target(asking.rollback_to);
    let keeps_to = keeps_to(way, survey, asking);
    let from = match way {
        Way::Full | Way::Coordinated => None,
        Way::Rollback => target,
        _ => survey.usable(),
    };
    let spared = from.map_or(0, |it| it.spared_bytes);
    let journal_bytes = match way.loss() {
        Loss::Undone => 0,
        _ => survey.journal_bytes().saturating_sub(spared),
    };
    let checkpoint_bytes = from.map_or(0, |it| it.bytes);
    // What files claim may be any number.
    let bytes = journal_bytes as f64 + checkpoint_bytes as f64;
    let seconds = bytes_per_second.filter(|&rate| rate > 0.0).map(|rate| bytes / rate);
    let loses = loses(way, survey, keeps_to);
    let undone = standing.filter(|_| way != Way::Rollback).map(|it| LsnRange {
        first: it.watermark.saturating_add(1),
        last: Some(it.undone_last.max(survey.last_lsn())),
    });
    let loses = match (loses, undone) {
        (Some(lost), Some(undone)) => {
            Some(LsnRange { first: lost.first.min(undone.first), ..undone })
        }
        (lost, undone) => lost.or(undone),
    };
    Estimate { way, keeps_to, loses, journal_bytes, checkpoint_bytes, seconds }
}

/// The last LSN whose effects would be there.
pub(super) fn keeps_to(way: Way, survey: &Survey, asking: Asking<'_>) -> Option<u64> {
    let to_the_end = survey.last_lsn().min(survey.until_lsn);
    let is_hurt = survey.end.as_ref().is_none_or(|end| end.kind == EndKind::Damaged);
    match way {
        Way::Coordinated => asking.agreed.map(|it| it.cut_lsn),
        Way::Rollback => survey.rollback_target(asking.rollback_to).map(|it| it.watermark),
        Way::BeforeDamage => {
            let damage = survey.first_met().map(|it| it.from_lsn.saturating_sub(1));
            Some(damage.map_or(to_the_end, |lsn| lsn.min(survey.until_lsn)))
        }
        // It goes on behind that.
        Way::Emergency if is_hurt && survey.until_lsn > survey.last_lsn() => None,
        Way::Emergency if survey.no_such_transaction.is_some() || survey.stop_may_differ() => None,
        _ => Some(to_the_end),
    }
}

/// What would be lost by going so far.
fn loses(way: Way, survey: &Survey, keeps_to: Option<u64>) -> Option<LsnRange> {
    // The survey's last LSN is the one before the first damage that it saw at the end.
    let known = survey.last_lsn().max(survey.proven_lsn());
    match way {
        Way::Coordinated => None,
        Way::Rollback => keeps_to.and_then(|to| undone_behind(to, known, survey)),
        Way::Emergency => survey.all_met().or_else(|| cut_off(keeps_to?, known, survey)),
        Way::BeforeDamage if survey.first_met().is_some() => {
            let to = keeps_to?;
            Some(LsnRange { first: to.saturating_add(1), last: Some(known).filter(|it| *it > to) })
        }
        _ => cut_off(keeps_to?, known, survey),
    }
}

/// What is proven to have been there and is there no more, where it is asked for.
fn cut_off(keeps_to: u64, known: u64, survey: &Survey) -> Option<LsnRange> {
    let wanted = survey.proven_lsn().min(survey.until_lsn);
    (wanted > keeps_to).then_some(LsnRange { first: keeps_to.saturating_add(1), last: Some(known) })
}

fn undone_behind(to: u64, known: u64, survey: &Survey) -> Option<LsnRange> {
    let hurt = survey.damages.iter().filter(|it| it.from_lsn > to);
    let hurt = hurt.map(|it| it.from_lsn.saturating_sub(1)).min();
    // Nothing tells how far what is damaged went.
    let last = Some(known).filter(|&last| last > hurt.unwrap_or(to).max(to));
    (hurt.is_some() || last.is_some()).then_some(LsnRange { first: to.saturating_add(1), last })
}
