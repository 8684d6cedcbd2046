//! Saves the checkpoints of one replay: each one a delta of the one before, merged and pruned as the
//! policy says.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use vexfs_kernels::Digest;

use super::catalogue::Catalogue;
use super::file::Kind;
use super::merge::merge;
use super::policy::CheckpointPolicy;
use super::prune::prune_from;
use super::sync::JournalSync;
use super::write::{CheckpointWriter, Heading, file_name};
use crate::error::Error;
use crate::journal::{Journal, Validation};
use crate::replay::Cut;
use crate::storage::Folder;

/// The encoded records of one partition, and how many there are.
pub(crate) type EncodedSection = (Vec<u8>, u64);

/// What changed up to a cut, taken out of the state.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) cut: Cut,
    /// One a partition.
    pub(crate) sections: Vec<EncodedSection>,
    pub(crate) state_digest: Option<Digest>,
}

/// How long applying stood still for checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Stalls {
    /// The median, in seconds.
    pub p50_seconds: f64,
    /// 99 of 100 were no longer, in seconds.
    pub p99_seconds: f64,
    /// The longest, in seconds.
    pub max_seconds: f64,
}

impl Report {
    /// Together with what the applying side knows.
    pub(crate) fn with_stalls_of(&self, applying: &Self) -> Self {
        Self { put_off: applying.put_off, stalls: applying.stalls, ..self.clone() }
    }
}

impl Stalls {
    pub(crate) fn of(microseconds: &Histogram<u64>) -> Self {
        let seconds = |microseconds: u64| microseconds as f64 / 1e6;
        Self {
            p50_seconds: seconds(microseconds.value_at_quantile(0.5)),
            p99_seconds: seconds(microseconds.value_at_quantile(0.99)),
            max_seconds: seconds(microseconds.max()),
        }
    }
}

/// What came of a replay's checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// How many were written, merged ones not counted.
    pub written: u64,
    /// How many ends of epochs passed at which one was due and put off.
    pub put_off: u64,
    /// How many were merged into a new base.
    pub merged: u64,
    /// How many bytes were written.
    pub bytes: u64,
    /// How long writing took, in seconds; applying went on meanwhile.
    pub seconds: f64,
    /// How long applying stood still for them.
    pub stalls: Stalls,
    /// The watermark of the newest one, 0 for none.
    pub watermark: u64,
    /// The name of its file.
    pub newest: Option<String>,
}

/// The checkpoint that the next one builds on.
#[derive(Clone, Debug)]
pub(crate) struct Parent {
    pub(crate) name: String,
    pub(crate) watermark: u64,
    /// Its seal.
    pub(crate) digest: Digest,
    /// How many deltas it is made of.
    pub(crate) deltas: usize,
}

/// The saver.
#[derive(Debug)]
pub(crate) struct Saver {
    folder: Arc<dyn Folder>,
    policy: CheckpointPolicy,
    journal: JournalSync,
    validation: Validation,
    /// The newest checkpoint: its watermark and its seal.
    newest: Option<(u64, Digest)>,
    /// How many deltas it is made of.
    deltas: usize,
    pub(crate) report: Report,
    _lock: Arc<dyn Debug + Send + Sync>,
}

impl Saver {
    /// A saver whose first checkpoint builds on `parent`, or is a base. The caller holds the folder's lock.
    pub(crate) fn new(
        folder: Arc<dyn Folder>,
        lock: Arc<dyn Debug + Send + Sync>,
        policy: CheckpointPolicy,
        journal: Journal,
        validation: Validation,
        parent: Option<&Parent>,
    ) -> Self {
        let newest = parent.map(|it| (it.watermark, it.digest));
        let watermark = parent.map_or(0, |it| it.watermark);
        let name = parent.map(|it| it.name.clone());
        let report = Report { watermark, newest: name, ..Report::default() };
        Self {
            folder,
            policy,
            journal: JournalSync::of(journal),
            validation,
            newest,
            deltas: parent.map_or(0, |it| it.deltas),
            report,
            _lock: lock,
        }
    }

    pub(crate) fn policy(&self) -> &CheckpointPolicy {
        &self.policy
    }

    /// The watermark of the newest checkpoint, 0 for none.
    pub(crate) fn watermark(&self) -> u64 {
        self.report.watermark
    }

    /// Writes a snapshot as the next checkpoint; gives back the memory of its sections.
    pub(crate) fn save(&mut self, snapshot: Snapshot) -> Result<Vec<EncodedSection>, Error> {
        let _span = tracing::info_span!("checkpoint", lsn = snapshot.cut.lsn).entered();
        let started = Instant::now();
        self.journal.up_to(snapshot.cut.block.segment)?;
        let Snapshot { cut, sections, state_digest } = snapshot;
        let kind = if self.newest.is_some() { Kind::Delta } else { Kind::Base };
        let heading = Heading {
            kind,
            validation: self.validation,
            journal_id: self.journal.journal.journal_id,
            manifest: &cut,
            parent: self.newest,
        };
        if let Some(adopted) = self.find_same(&cut, kind)? {
            self.newest = Some((cut.lsn, adopted.digest));
            self.deltas = adopted.deltas;
            (self.report.watermark, self.report.newest) = (cut.lsn, Some(adopted.name));
            return Ok(sections);
        }
        let level = self.policy.compression_level;
        let mut writer = CheckpointWriter::create(self.folder.as_ref(), &heading, level)?;
        for (section, records) in &sections {
            writer.section(section, *records)?;
        }
        let written = writer.finish(state_digest)?;
        self.newest = Some((cut.lsn, written.digest));
        self.deltas = if kind == Kind::Base { 0 } else { self.deltas + 1 };
        let report = &mut self.report;
        report.written += 1;
        report.bytes += written.bytes;
        (report.watermark, report.newest) = (cut.lsn, Some(written.name));
        self.tidy(cut.lsn)?;
        self.report.seconds += started.elapsed().as_secs_f64();
        Ok(sections)
    }

    /// A checkpoint of this very cut that is there already, from an earlier replay. Others may build on
    /// it, so it is not written over; the state that it leads to is the same.
    fn find_same(&self, cut: &Cut, kind: Kind) -> Result<Option<Parent>, Error> {
        let catalogue = Catalogue::open(Arc::clone(&self.folder))?;
        let name = file_name(cut.lsn, kind);
        let entry = catalogue.entries.iter().find(|entry| entry.name == name);
        let Some(Ok(file)) = entry.map(|entry| &entry.file) else { return Ok(None) };
        let same = file.header.journal_id == self.journal.journal.journal_id
            && file.validation == self.validation
            && file.manifest == *cut;
        if !same {
            return Ok(None);
        }
        match catalogue.load(file) {
            Ok(loaded) => Ok(Some(loaded.newest)),
            Err(Error::BadCheckpoint { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Merges and prunes where it is time.
    fn tidy(&mut self, watermark: u64) -> Result<(), Error> {
        let mut catalogue = Catalogue::open(Arc::clone(&self.folder))?;
        if self.deltas > self.policy.deltas_max {
            let name = file_name(watermark, Kind::Delta);
            let entry = catalogue.entries.iter().find(|entry| entry.name == name);
            if let Some(Ok(newest)) = entry.map(|entry| &entry.file) {
                if let Some(same) = self.find_same(&newest.manifest, Kind::Base)? {
                    self.newest = Some((watermark, same.digest));
                    self.deltas = 0;
                    self.report.newest = Some(same.name);
                    return prune_from(&catalogue, self.policy.keep, self.report.newest.as_deref())
                        .map(|_| ());
                }
                let written =
                    merge(&catalogue, newest, self.folder.as_ref(), self.policy.compression_level)?;
                self.newest = Some((watermark, written.digest));
                self.deltas = 0;
                self.report.merged += 1;
                self.report.bytes += written.bytes;
                self.report.newest = Some(written.name);
                catalogue = Catalogue::open(Arc::clone(&self.folder))?;
            }
        }
        prune_from(&catalogue, self.policy.keep, self.report.newest.as_deref()).map(|_| ())
    }

    /// How long checkpoints took so far.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_secs_f64(self.report.seconds)
    }
}
