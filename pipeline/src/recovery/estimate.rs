//! What each way would keep, lose and cost, by what a survey saw. Damage that it didn't see, in the
//! middle of the journal, shows only when that is read.

use serde::Serialize;

use super::loss::LsnRange;
use super::strategy::{Loss, Way};
use super::survey::Survey;

/// What a way would come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The way.
    pub way: Way,
    /// The last LSN whose effects would be there; none where somebody else decides that.
    pub keeps_to: Option<u64>,
    /// What would be lost or undone of what is known to have been there.
    pub loses: Option<LsnRange>,
    /// How many bytes of the journal's blocks it would read.
    pub journal_bytes: u64,
    /// How many bytes of checkpoints it would read.
    pub checkpoint_bytes: u64,
    /// How long it would take, in seconds, at the rate of the last recovery; none where there was none.
    pub seconds: Option<f64>,
}

/// What a way would come to. It is told the watermark that a rollback is to go back to, the last LSN that
/// is wanted, and in `bytes_per_second` how much of a journal the last recovery took in.
#[must_use]
pub fn estimate(
    way: Way,
    survey: &Survey,
    (rollback_to, until_lsn): (Option<u64>, u64),
    bytes_per_second: Option<f64>,
) -> Estimate {
    let last_lsn = survey.last_lsn();
    let usable = survey.usable();
    let target = survey.checkpoints.iter().filter(|it| it.fault.is_none());
    let target = target.clone().find(|it| rollback_to.is_none_or(|lsn| lsn == it.watermark));
    let (keeps_to, loses) = match way {
        Way::Coordinated => (None, None),
        Way::Rollback => {
            let to = target.map(|it| it.watermark);
            (to, to.and_then(|to| behind(to, last_lsn.max(survey.proven_lsn()))))
        }
        // The survey's last LSN is the one before the first damage that it saw, at the end.
        _ => {
            let wanted = survey.proven_lsn().min(until_lsn);
            (Some(last_lsn.min(until_lsn)), behind(last_lsn, wanted))
        }
    };
    let from = match way {
        Way::Full | Way::Coordinated => None,
        Way::Rollback => target,
        _ => usable,
    };
    let spared = from.map_or(0, |it| it.spared_bytes);
    let whole = survey.journal_bytes();
    let journal_bytes = match way.loss() {
        Loss::Undone => 0,
        _ => whole.saturating_sub(spared),
    };
    let checkpoint_bytes = from.map_or(0, |it| it.bytes);
    // What files claim may be any number.
    let bytes = journal_bytes as f64 + checkpoint_bytes as f64;
    let seconds = bytes_per_second.filter(|&rate| rate > 0.0).map(|rate| bytes / rate);
    Estimate { way, keeps_to, loses, journal_bytes, checkpoint_bytes, seconds }
}

fn behind(lsn: u64, last: u64) -> Option<LsnRange> {
    (last > lsn).then_some(LsnRange { first: lsn + 1, last: Some(last) })
}
