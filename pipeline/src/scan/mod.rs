//! A scan of many journals: finds every journal in a tree of folders, verifies one after the other, and
//! says of each what it found. It changes nothing and keeps no lock, and no journal ends it, whatever
//! is wrong there.
//!
//! Absent on purpose: passes over several journals at once, since one pass keeps all workers busy; and
//! guesses at what a file may have been whose beginning is no journal's.

mod find;
mod judge;
mod report;
mod verdict;
mod whole;

pub use judge::examine;
pub use report::{LeftOut, LeftOutBecause, ScanReport, Scanned, Totals};
pub use verdict::{Counts, Finding, Gravity, Unreadable, Verdict};

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use self::find::{Candidate, Found};
use self::whole::Whole;
use crate::error::Error;
use crate::replay::{Progress, ReplayOptions, Shared};

/// How a scan is made.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// How each journal is verified. What speaks of one journal alone is refused: a stop, a selection,
    /// an anchor, checkpoints. A time limit is for each journal; a cancelled scan reports what it has.
    pub replay: ReplayOptions,
}

impl ScanOptions {
    /// Options for the pass over each journal, which all share the workers.
    fn for_each(&self) -> Result<ReplayOptions, Error> {
        let options = &self.replay;
        let of_one = [
            ("until", options.until.is_some()),
            ("selection", options.selection.is_some()),
            ("anchor", options.anchor.is_some()),
            ("checkpoints", options.checkpoints.is_some()),
        ];
        if let Some((option, _)) = of_one.into_iter().find(|(_, given)| *given) {
            let reason = "it speaks of one journal, and a scan is of many".to_owned();
            return Err(Error::InvalidOption { option, reason });
        }
        let shared = match &options.shared {
            Some(shared) => Arc::clone(shared),
            None => Arc::new(Shared::new(options.threads, options.memory_limit)?.keeping_buffers()),
        };
        let shared = Some(shared);
        Ok(ReplayOptions { shared, list_skipped: false, list_blocks: false, ..options.clone() })
    }
}

/// Finds every journal at or under `root`, verifies each, and reports what it found.
///
/// A journal is a folder that holds segments, or a file elsewhere that begins as a segment does. What
/// is wrong with one is in its row; `progress` is of the whole scan. A scan that is cancelled through
/// its options' control gives the report of what was done so far, which says that it is incomplete.
///
/// # Errors
/// [`Error::NoJournals`] when there is none, [`Error::Io`] when `root` can't be listed, and
/// [`Error::InvalidOption`].
pub fn scan(
    root: &Path,
    options: &ScanOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<ScanReport, Error> {
    let _span =
        tracing::info_span!("operation", operation = "scan", root = %root.display()).entered();
    let started = Instant::now();
    let options = options.for_each()?;
    let Found { candidates, left_out, is_whole } = find::find(root, &options.control)?;
    if candidates.is_empty() && is_whole {
        return Err(Error::NoJournals { path: root.to_owned() });
    }
    let total_bytes = candidates.iter().map(|it| it.file_bytes).fold(0, u64::saturating_add);
    let mut whole = Whole::of(total_bytes, progress);
    let found = candidates.len() as u64;
    let mut journals = Vec::new();
    let mut bytes_left = total_bytes;
    for candidate in candidates {
        if let Some(offload) = &options.offload {
            offload.expect_bytes(bytes_left);
        }
        bytes_left = bytes_left.saturating_sub(candidate.file_bytes);
        let (path, file_bytes) = (candidate.shown(), candidate.file_bytes);
        let Some(finding) = look_at(candidate, &options, &mut whole) else { break };
        whole.end_journal(file_bytes, &finding);
        journals.push(Scanned { path, file_bytes, finding });
    }
    let complete = is_whole && journals.len() as u64 == found;
    let seconds = started.elapsed().as_secs_f64();
    Ok(ScanReport::of(root, options.validation, (journals, found, complete), left_out, seconds))
}

/// What is found of a candidate; `None` when the scan was cancelled before that was known.
fn look_at(
    candidate: Candidate,
    options: &ReplayOptions,
    whole: &mut Whole<'_>,
) -> Option<Finding> {
    if options.control.is_cancelled() {
        return None;
    }
    let file_bytes = candidate.file_bytes;
    let examined = candidate
        .open()
        .and_then(|folder| examine(&folder, options, &mut |now| whole.show(file_bytes, now)));
    match examined {
        Err(Error::Cancelled) => None,
        Err(error) => Some(Finding::of_error(&error)),
        Ok(finding) => Some(finding),
    }
}
