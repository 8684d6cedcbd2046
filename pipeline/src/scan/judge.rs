//! What is the matter with one journal: opens and verifies it, and asks who holds its lock where that
//! matters. Knows nothing of other journals.

use std::sync::Arc;

use super::verdict::{Counts, Finding, Verdict};
use crate::error::Error;
use crate::journal::{EndKind, Journal};
use crate::replay::{Outcome, Progress, ReplayOptions, verify};
use crate::storage::Folder;

/// Verifies one journal and says what is the matter with it.
///
/// Of a journal that its writer didn't close it is asked who holds the lock: while a writer lives, what
/// looks torn is being written. Damage stays damage; it is looked at a second time then, since what is
/// being written may look damaged once.
///
/// # Errors
/// As [`Journal::open`] and [`verify`]; [`Finding::of_error`] says what each means to a scan.
pub fn examine(
    folder: &Arc<dyn Folder>,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Finding, Error> {
    let (outcome, holder) = look(folder, options, progress)?;
    if holder.is_none() || !outcome.has_loss() {
        return Ok(finding(&outcome, holder));
    }
    let (outcome, _) = look(folder, options, progress)?;
    Ok(finding(&outcome, holder))
}

/// Verifies it, and tells who held its lock meanwhile.
fn look(
    folder: &Arc<dyn Folder>,
    options: &ReplayOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<(Outcome, Option<String>), Error> {
    let journal = Journal::open(Arc::clone(folder))?;
    let is_sealed = journal.segments.last().is_some_and(|newest| newest.trailer.is_some());
    let before = if is_sealed { None } else { journal.holder()? };
    let outcome = verify(&journal, options, progress)?;
    // A writer may have come meanwhile.
    let is_settled = outcome.findings.end.kind == EndKind::Sealed && !outcome.has_loss();
    let holder = match before {
        None if !is_settled => journal.holder()?,
        before => before,
    };
    Ok((outcome, holder))
}

fn finding(outcome: &Outcome, holder: Option<String>) -> Finding {
    let findings = &outcome.findings;
    let verdict = if outcome.has_loss() {
        damaged(outcome)
    } else if holder.is_some() {
        Verdict::Locked
    } else if findings.end.kind == EndKind::TornTail {
        let tail = findings.end.tail.as_ref().map(ToString::to_string);
        Verdict::TornTail { tail: tail.unwrap_or_default() }
    } else {
        Verdict::Clean
    };
    let counts = Counts {
        head_lsn: outcome.head.lsn,
        head_digest: outcome.head.digest,
        events: findings.tally.events,
        blocks: findings.blocks,
        bytes: findings.bytes,
    };
    Finding { verdict, holder, counts: Some(counts) }
}

fn damaged(outcome: &Outcome) -> Verdict {
    let findings = &outcome.findings;
    let (damages, told) = (&findings.damages, &findings.inconsistencies);
    let broken = findings.transactions.broken.count;
    let damage = damages.first().map(ToString::to_string);
    let first = damage
        .or_else(|| told.first.first().map(|it| format!("LSN {}: {}", it.lsn, it.cause)))
        .unwrap_or_else(|| format!("{broken} transactions are not whole"));
    Verdict::Damaged { ranges: damages.len() as u64, contradictions: told.count.max(broken), first }
}
