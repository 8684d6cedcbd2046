//! How far a whole scan has come, out of how far it is in one journal.

use super::verdict::{Finding, Verdict};
use crate::replay::{Meter, Progress};

/// The progress of a scan, over the files of all journals that were found.
pub(super) struct Whole<'p> {
    meter: Meter,
    /// What the journals come to that are done.
    done: Progress,
    /// How many bytes were told last. What is looked at a second time doesn't take progress back.
    told_bytes: u64,
    progress: &'p mut dyn FnMut(&Progress),
}

impl<'p> Whole<'p> {
    pub(super) fn of(total_bytes: u64, progress: &'p mut dyn FnMut(&Progress)) -> Self {
        let done = Progress { total_bytes, ..Progress::default() };
        Self { meter: Meter::start(), done, told_bytes: 0, progress }
    }

    /// Tells how far it is, in the midst of a journal whose files have so many bytes.
    pub(super) fn show(&mut self, file_bytes: u64, within: &Progress) {
        let Progress { events, bytes, damaged_ranges, total_bytes, .. } = self.done;
        self.told_bytes = self.told_bytes.max(bytes.saturating_add(within.bytes.min(file_bytes)));
        let mut now = Progress {
            events: events + within.events,
            bytes: self.told_bytes,
            total_bytes,
            damaged_ranges: damaged_ranges + within.damaged_ranges,
            ..*within
        };
        self.meter.measure((0, 0), &mut now);
        (self.progress)(&now);
    }

    /// A journal is done, whatever was found.
    pub(super) fn end_journal(&mut self, file_bytes: u64, finding: &Finding) {
        let ranges = if let Verdict::Damaged { ranges, .. } = finding.verdict { ranges } else { 0 };
        self.done.events += finding.counts.as_ref().map_or(0, |counts| counts.events);
        self.done.bytes = self.done.bytes.saturating_add(file_bytes);
        self.done.damaged_ranges += ranges;
        self.show(0, &Progress::default());
    }
}
