//! What checkpoints cost a replay, for how long applying stands still for one, and what a replay that
//! goes on from one reads.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, Outcome, ReplayOptions, StopPoint, replay,
};
use vexfs_replay::storage::DiskFolder;

use crate::rows::Rows;

type Measured<T> = Result<T, Box<dyn std::error::Error>>;

/// Measures a round; `rate` is that of a replay without checkpoints, in events per second.
pub(crate) fn measure(journal: &Path, events: u64, rate: f64, rows: &mut Rows) -> Measured<()> {
    let default = CheckpointPolicy::default();
    // The one at the end is the same whatever was taken on the way.
    let policy = CheckpointPolicy { every_events: Some(events), at_end: false, ..default };
    let unbounded = CheckpointPolicy { time_share_max: f64::INFINITY, ..policy };
    for (what, policy) in [("in their share", policy), ("as due", unbounded)] {
        let folder = tempfile::tempdir()?;
        let (took, outcome) = run(journal, folder.path(), policy, None)?;
        let share = outcome.findings.tally.events as f64 / took / rate;
        let taken = &outcome.checkpoints;
        rows.record(format!("checkpoints {what}, share of the rate without"), share);
        rows.record(format!("checkpoints {what}, written"), taken.written as f64);
        rows.record(format!("checkpoints {what}, MB"), taken.bytes as f64 / 1e6);
        rows.record(format!("checkpoints {what}, stall p50, ms"), taken.stalls.p50_seconds * 1e3);
        rows.record(format!("checkpoints {what}, stall p99, ms"), taken.stalls.p99_seconds * 1e3);
    }
    resume(journal, rows)
}

/// Replays half of a journal, and measures what the other half takes from there.
fn resume(journal: &Path, rows: &mut Rows) -> Measured<()> {
    let folder = tempfile::tempdir()?;
    let last_lsn = last_lsn(journal)?;
    let policy = CheckpointPolicy { every_bytes: u64::MAX, ..CheckpointPolicy::default() };
    run(journal, folder.path(), policy, Some(StopPoint::Lsn(last_lsn / 2)))?;
    let (took, outcome) = run(journal, folder.path(), policy, None)?;
    let from = outcome.started_from.ok_or("the second half started from nothing")?;
    let left = outcome.findings.tally.events - from.events;
    let read = outcome.last_lsn + 1 - from.restart_lsn;
    rows.record("resume at half, M events/s of the rest", left as f64 / took / 1e6);
    rows.record("resume at half, events read per event left", read as f64 / left as f64);
    Ok(())
}

fn last_lsn(journal: &Path) -> Measured<u64> {
    let journal = Journal::open_path(journal)?;
    let newest = journal.segments.len() - 1;
    let blocks = journal.segment_index(newest)?.blocks;
    Ok(blocks.last().ok_or("the journal's last segment has no block")?.next_lsn - 1)
}

/// One replay with checkpoints, from opening the journal to the state's digest: its seconds.
fn run(
    journal: &Path,
    folder: &Path,
    policy: CheckpointPolicy,
    until: Option<StopPoint>,
) -> Measured<(f64, Outcome)> {
    let started = Instant::now();
    let journal = Journal::open_path(journal)?;
    let checkpoints = Some(Checkpoints {
        folder: Arc::new(DiskFolder::open(folder)?),
        start: CheckpointStart::Newest,
        policy: Some(policy),
    });
    let options = ReplayOptions { checkpoints, until, ..ReplayOptions::default() };
    let (state, outcome) = replay(&journal, &options, &mut |_| {})?;
    black_box(outcome.state_digest.unwrap_or_else(|| state.digest()));
    Ok((started.elapsed().as_secs_f64(), outcome))
}
