//! What a replay came to, so that two can be compared; and replays with checkpoints.

use std::sync::Arc;

use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, Findings, ReplayOptions, replay, replay_serially,
};
use vexfs_replay::storage::Folder;

use crate::check::Replayed;

/// The digest of the state and all that was found; or why there is no state.
pub(crate) type Came = Result<([u8; 32], String), String>;

/// What a replay came to, apart from what it says of its checkpoints.
pub(crate) fn came(replayed: &Replayed) -> Came {
    let (state, outcome) = replayed.as_ref().map_err(ToString::to_string)?;
    let digest = state.digest();
    assert!(outcome.state_digest.is_none_or(|told| told == digest), "it tells its own digest");
    // Whether the anchor is found is told by the outcome; where, depends on what is read.
    let findings = Findings { anchored: None, ..outcome.findings.clone() };
    let (last, head, anchored) = (outcome.last_lsn, outcome.head, outcome.anchored);
    Ok((digest, format!("up to {last}, {head:?}, anchored {anchored}\n{findings:#?}")))
}

/// What a replay without checkpoints comes to, in parallel and serially alike.
pub(crate) fn came_directly(journal: &Journal, options: &ReplayOptions) -> Came {
    let options = ReplayOptions { checkpoints: None, ..options.clone() };
    let directly = came(&replay(journal, &options, &mut |_| {}));
    let serially = came(&replay_serially(journal, &options));
    assert_eq!(directly, serially, "in parallel as serially");
    directly
}

/// The checkpoints of a folder, to start from the newest one.
pub(crate) fn checkpoints_in(
    folder: impl Folder + 'static,
    policy: Option<CheckpointPolicy>,
) -> Option<Checkpoints> {
    Some(Checkpoints { folder: Arc::new(folder), start: CheckpointStart::Newest, policy })
}

/// A checkpoint at every cut at which the one before is written, and a new base now and then.
pub(crate) const EVERY_CUT: CheckpointPolicy = CheckpointPolicy {
    every_events: Some(1),
    every_bytes: u64::MAX,
    every: None,
    time_share_max: f64::INFINITY,
    at_end: true,
    deltas_max: 3,
    keep: 1,
    compression_level: 1,
};
