//! What came of a pass: its exit code, its fields in a JSON result, and its rows for people.

use serde_json::{Value, json};
use vexfs_replay::checkpoint::Stalls;
use vexfs_replay::journal::{Amount, EndKind, PlanSummary, SkipReason, Validation};
use vexfs_replay::replay::{Findings, Outcome, ReplayOptions, StartedFrom};

use super::exit::Exit;
use super::output::grouped;

/// The exit code that an outcome deserves.
pub(crate) fn exit_of(outcome: &Outcome, with_loss: Exit) -> Exit {
    if outcome.has_loss() {
        with_loss
    } else if outcome.findings.end.kind == EndKind::TornTail {
        Exit::TornTail
    } else {
        Exit::Clean
    }
}

/// An outcome as fields of a JSON result.
pub(crate) fn outcome_json(outcome: &Outcome) -> Value {
    let findings = &outcome.findings;
    let transactions = &findings.transactions;
    let selects = outcome.plan.is_some() || findings.tally.selected > 0;
    json!({
        "events": findings.tally.events,
        "mutations": findings.tally.mutations,
        "observations": findings.tally.observations,
        "unknown": findings.tally.unknown,
        "blocks": findings.blocks,
        "bytes": findings.bytes,
        "end": {
            "kind": findings.end.kind,
            "lsn": outcome.last_lsn,
            "segment": findings.end.position.segment,
            "offset": findings.end.position.offset,
            "tail": findings.end.tail,
        },
        "head": format!("{}:{}", outcome.head.lsn, hex::encode(outcome.head.digest)),
        "anchored": outcome.anchored,
        "transactions": {
            "committed": transactions.committed,
            "aborted": transactions.aborted,
            "discarded": transactions.discarded.count,
            "discarded_ids": transactions.discarded.ids,
            "broken": transactions.broken.count,
            "broken_ids": transactions.broken.ids,
        },
        "damages": findings.damages,
        "inconsistencies": findings.inconsistencies,
        "started_from": outcome.started_from,
        "passed_over": outcome.passed_over,
        "checkpoints": outcome.checkpoints,
        "selected": selects.then_some(findings.tally.selected),
        "plan": outcome.plan,
    })
}

/// An outcome in words.
pub(crate) fn outcome_rows(
    outcome: &Outcome,
    options: &ReplayOptions,
) -> Vec<(&'static str, String)> {
    let findings = &outcome.findings;
    let position = &findings.end.position;
    let kind = match findings.end.kind {
        EndKind::Sealed => "sealed by its writer",
        EndKind::Unsealed => "without a seal: the writer died, or still writes",
        EndKind::Unwritten => "in space that was never written",
        EndKind::Stale => "in what an earlier file or life left behind",
        EndKind::TornTail => "in a torn write, which is left out",
        EndKind::Damaged => "in damage",
        EndKind::Until => "where it was asked to",
    };
    let transactions = &findings.transactions;
    let ended = format!(
        "{} committed, {} aborted, {} discarded, {} broken",
        grouped(transactions.committed),
        grouped(transactions.aborted),
        grouped(transactions.discarded.count),
        grouped(transactions.broken.count),
    );
    let place = format!("segment {}, byte {}", position.segment, position.offset);
    let proven = match (options.anchor.filter(|_| outcome.anchored), options.validation) {
        (None, _) => "unanchored".to_owned(),
        (Some(anchor), Validation::Cryptographic)
            if outcome.started_from.is_some() || outcome.plan.is_some() =>
        {
            format!(
                "the anchor at LSN {} is there; not all before it was read this time",
                anchor.lsn
            )
        }
        (Some(anchor), Validation::Cryptographic) => {
            format!("verified against the anchor up to LSN {}, unanchored behind it", anchor.lsn)
        }
        (Some(_), _) => {
            "the anchor is there; no digest was computed anew, so nothing is verified".to_owned()
        }
    };
    let mut rows = vec![
        ("events", grouped(findings.tally.events)),
        ("transactions", ended),
        ("ends", format!("{kind}, after LSN {} ({place})", outcome.last_lsn)),
        ("head", format!("{}:{}", outcome.head.lsn, hex::encode(outcome.head.digest))),
        ("proof", proven),
    ];
    rows.extend(findings.end.tail.as_ref().map(|tail| ("left out", tail.to_string())));
    rows.extend(loss_rows(outcome));
    rows.extend(checkpoint_rows(outcome));
    if let Some(plan) = &outcome.plan {
        rows.push(("selected", format!("{} events", grouped(findings.tally.selected))));
        rows.extend(plan_rows(plan));
    }
    rows
}

/// What a selective replay reads and steps over, in words.
pub(crate) fn plan_rows(plan: &PlanSummary) -> Vec<(&'static str, String)> {
    let amount =
        |it: &Amount| format!("{} blocks, {} bytes", grouped(it.blocks), grouped(it.bytes));
    let mut rows = vec![
        ("planned by", format!("the seals of {} of {} segments", plan.sealed, plan.segments)),
        ("read, at most", amount(&plan.read)),
    ];
    rows.extend(plan.skipped.iter().map(|(reason, skipped)| {
        let reason = match reason {
            SkipReason::Lsn => "no LSN in them is selected",
            SkipReason::Time => "no time in them is selected",
            SkipReason::Family => "no family in them is selected",
        };
        ("stepped over", format!("{}: {reason}", amount(skipped)))
    }));
    rows
}

/// What the replay had to do with checkpoints, in words.
fn checkpoint_rows(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let passed_over = outcome.passed_over.iter();
    let passed_over =
        passed_over.map(|it| ("passed over", format!("{}: {}", it.checkpoint, it.fault)));
    let mut rows: Vec<_> = passed_over.collect();
    rows.extend(outcome.started_from.as_ref().map(|from| {
        let StartedFrom { checkpoint, watermark, restart_lsn, .. } = from;
        (
            "started from",
            format!("{checkpoint}, at LSN {watermark}, reading from LSN {restart_lsn}"),
        )
    }));
    let taken = &outcome.checkpoints;
    if taken.written > 0 {
        let Stalls { p50_seconds, p99_seconds, .. } = taken.stalls;
        let text = format!(
            "{} written, {} put off, {} merged, {:.1} MB; applying stood still for {:.2} ms \
             (median) to {:.2} ms (99 %)",
            taken.written,
            taken.put_off,
            taken.merged,
            taken.bytes as f64 / 1e6,
            p50_seconds * 1e3,
            p99_seconds * 1e3,
        );
        rows.push(("checkpoints", text));
    }
    rows
}

/// What is lost or contradicts itself, in words.
pub(crate) fn loss_rows(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let Findings { damages, inconsistencies, .. } = &outcome.findings;
    let damages = damages.iter().map(|damage| ("damage", damage.to_string()));
    let told = inconsistencies.first.iter();
    let told = told.map(|it| ("inconsistent", format!("LSN {}: {}", it.lsn, it.cause)));
    let untold = inconsistencies.count - inconsistencies.first.len() as u64;
    let untold = (untold > 0).then(|| ("inconsistent", format!("and {} more", grouped(untold))));
    damages.chain(told).chain(untold).collect()
}
