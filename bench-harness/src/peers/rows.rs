//! What came of everybody, put as the report has it.

use super::program::About;
use crate::measuring::{Better, Quantiles};
use crate::report::{PeerFigures, PeerRow, PeerRun};

/// What came of one who was measured.
pub(super) struct Row {
    pub(super) about: About,
    pub(super) load_seconds: Vec<f64>,
    pub(super) recover_seconds: Vec<f64>,
    pub(super) log_bytes: u64,
    pub(super) memory_peak_bytes: Option<u64>,
    /// Why it has no result, where it has none.
    pub(super) failed: Option<String>,
}

impl Row {
    pub(super) fn of(about: About) -> Self {
        Self {
            about,
            load_seconds: Vec::new(),
            recover_seconds: Vec::new(),
            log_bytes: 0,
            memory_peak_bytes: None,
            failed: None,
        }
    }

    /// What came of it, beside what came of us.
    fn run(&self, own: &Self, records: u64) -> PeerRun {
        if let Some(why) = &self.failed {
            return PeerRun::NotRun(why.clone());
        }
        let rates = |seconds: &[f64]| {
            let rates = seconds.iter().map(|seconds| records as f64 / seconds);
            Quantiles::of(&rates.collect::<Vec<_>>(), Better::More)
        };
        let rounds = self.recover_seconds.iter().zip(&own.recover_seconds);
        let times: Vec<f64> = rounds.map(|(theirs, ours)| theirs / ours).collect();
        let About { kind, loads, verifies, applies, .. } = self.about.clone();
        PeerRun::Measured(PeerFigures {
            kind,
            load_events_per_second: rates(&self.load_seconds),
            recovery_events_per_second: rates(&self.recover_seconds),
            log_bytes: self.log_bytes,
            peak_bytes: self.memory_peak_bytes.unwrap_or_default(),
            verifies,
            applies,
            loads,
            ours_times: Quantiles::of(&times, Better::More).p50,
        })
    }
}

/// A row of the report for everybody, of whom the first are we; and for those who could not be had.
pub(super) fn of(
    rows: &[Row],
    absent: &[(String, String)],
    records: u64,
    dataset: &str,
) -> Vec<PeerRow> {
    let Some(own) = rows.first() else { return Vec::new() };
    let measured = rows.iter().map(|row| PeerRow {
        name: row.about.title(),
        version: row.about.version.clone(),
        dataset: dataset.to_owned(),
        run: row.run(own, records),
    });
    let absent = absent.iter().map(|(name, reason)| PeerRow {
        name: name.clone(),
        version: String::new(),
        dataset: dataset.to_owned(),
        run: PeerRun::NotRun(reason.clone()),
    });
    measured.chain(absent).collect()
}
