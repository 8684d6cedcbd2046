//! Saves the checkpoints of one replay: each one a delta of the one before, merged and pruned as the
//! policy says.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use vexfs_kernels::Digest;

use super::catalogue::Catalogue;
use super::file::Kind;
use super::merge::merge;
use super::policy::CheckpointPolicy;
use super::prune::prune_from;
use super::stalls::Stalls;
use super::sync::JournalSync;
use super::write::{CheckpointWriter, Heading, Written, file_name};
use crate::error::{Error, IoContext as _};
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

impl Report {
    /// Together with what the applying side knows.
    pub(crate) fn with_stalls_of(&self, applying: &Self) -> Self {
        Self { put_off: applying.put_off, stalls: applying.stalls, ..self.clone() }
    }
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

impl Parent {
    fn of(written: Written, watermark: u64, deltas: usize) -> Self {
        let Written { name, digest, .. } = written;
        Self { name, watermark, digest, deltas }
    }
}

/// The saver.
#[derive(Debug)]
pub(crate) struct Saver {
    folder: Arc<dyn Folder>,
    policy: CheckpointPolicy,
    journal: JournalSync,
    validation: Validation,
    /// The newest checkpoint, on which the next one builds.
    parent: Option<Parent>,
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
        let mut saver = Self {
            folder,
            policy,
            journal: JournalSync::of(journal),
            validation,
            parent: None,
            report: Report::default(),
            _lock: lock,
        };
        parent.cloned().into_iter().for_each(|parent| saver.build_on(parent));
        saver
    }

    /// The next checkpoint builds on this one.
    fn build_on(&mut self, parent: Parent) {
        self.report.watermark = parent.watermark;
        self.report.newest = Some(parent.name.clone());
        self.parent = Some(parent);
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
        let kind = if self.parent.is_some() { Kind::Delta } else { Kind::Base };
        if let Some(same) = self.find_same(&cut, kind)? {
            self.build_on(same);
            return Ok(sections);
        }
        let heading = Heading {
            kind,
            validation: self.validation,
            journal_id: self.journal.journal.journal_id,
            manifest: &cut,
            parent: self.parent.as_ref().map(|it| (it.watermark, it.digest)),
        };
        let level = self.policy.compression_level;
        let mut writer = CheckpointWriter::create(self.folder.as_ref(), &heading, level)?;
        for (section, records) in &sections {
            writer.section(section, *records)?;
        }
        let written = writer.finish(state_digest)?;
        self.report.written += 1;
        self.report.bytes += written.bytes;
        let deltas = self.parent.as_ref().map_or(0, |it| it.deltas + 1);
        self.build_on(Parent::of(written, cut.lsn, deltas));
        if deltas > self.policy.deltas_max {
            self.merge_newest()?;
        }
        let catalogue = Catalogue::open(Arc::clone(&self.folder))?;
        prune_from(&catalogue, self.policy.keep, self.report.newest.as_deref())?;
        self.report.seconds += started.elapsed().as_secs_f64();
        Ok(sections)
    }

    /// A checkpoint of this very cut that is there already, from an earlier replay. Others may build on
    /// it, so it is not written over; the state that it leads to is the same.
    fn find_same(&self, cut: &Cut, kind: Kind) -> Result<Option<Parent>, Error> {
        let name = file_name(cut.lsn, kind);
        let names = self.folder.list().context("list", self.folder.path(""), None)?;
        if !names.contains(&name) {
            return Ok(None);
        }
        let catalogue = Catalogue::open(Arc::clone(&self.folder))?;
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

    /// Merges the newest checkpoint and those that it builds on into a base, on which the next builds.
    fn merge_newest(&mut self) -> Result<(), Error> {
        let catalogue = Catalogue::open(Arc::clone(&self.folder))?;
        let newest = self.report.newest.as_ref();
        let entry = catalogue.entries.iter().find(|entry| Some(&entry.name) == newest);
        let Some(Ok(newest)) = entry.map(|entry| &entry.file) else { return Ok(()) };
        let base = match self.find_same(&newest.manifest, Kind::Base)? {
            Some(same) => same,
            None => {
                let (folder, level) = (self.folder.as_ref(), self.policy.compression_level);
                let written = merge(&catalogue, newest, folder, level)?;
                self.report.merged += 1;
                self.report.bytes += written.bytes;
                Parent::of(written, newest.manifest.lsn, 0)
            }
        };
        self.build_on(base);
        Ok(())
    }

    /// How long checkpoints took so far.
    pub(crate) fn spent(&self) -> Duration {
        Duration::from_secs_f64(self.report.seconds)
    }
}
