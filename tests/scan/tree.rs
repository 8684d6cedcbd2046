//! Trees of folders with journals in them, and pictures of such a tree that tell whether it was changed.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vexfs_replay::journal::Validation;
use vexfs_replay::replay::ReplayOptions;
use vexfs_replay::scan::{ScanOptions, ScanReport, scan};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

/// A tree that goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Tree(TempDir);

/// What lies at a path: its kind, its content or where it leads, its mode and when it was changed.
type Picture = BTreeMap<PathBuf, (Vec<u8>, u32, i64, i64)>;

impl Tree {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn place(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    /// Makes a folder, and those above it.
    pub(crate) fn folder(&self, relative: &str) -> PathBuf {
        let place = self.place(relative);
        fs::create_dir_all(&place).unwrap();
        place
    }

    /// Makes a file, and the folders above it.
    pub(crate) fn file(&self, relative: &str, content: &[u8]) {
        let place = self.place(relative);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
    }

    /// Copies a journal into a folder of its own.
    pub(crate) fn journal(&self, relative: &str, journal: &MemoryFolder) {
        for name in journal.list().unwrap() {
            self.file(&format!("{relative}/{name}"), &journal.get(&name).unwrap());
        }
    }

    /// Scans it, and checks that nothing was changed.
    pub(crate) fn scan(&self) -> ScanReport {
        self.scan_by(Validation::Cryptographic)
    }

    pub(crate) fn scan_by(&self, validation: Validation) -> ScanReport {
        let before = self.picture();
        let report = scan(self.root(), &options(validation), &mut |_| {}).unwrap();
        assert!(before == self.picture(), "the scan changed something");
        report
    }

    pub(crate) fn picture(&self) -> Picture {
        let mut picture = Picture::new();
        let mut places = vec![self.root().to_owned()];
        while let Some(place) = places.pop() {
            let metadata = fs::symlink_metadata(&place).unwrap();
            let content = if metadata.is_symlink() {
                fs::read_link(&place).unwrap().into_os_string().into_encoded_bytes()
            } else if metadata.is_dir() {
                let entries = fs::read_dir(&place).unwrap();
                places.extend(entries.map(|entry| entry.unwrap().path()));
                Vec::new()
            } else if metadata.is_file() {
                fs::read(&place).unwrap()
            } else {
                Vec::new()
            };
            let changed = (metadata.ctime(), metadata.ctime_nsec());
            picture.insert(place, (content, metadata.mode(), changed.0, changed.1));
        }
        picture
    }
}

pub(crate) fn options(validation: Validation) -> ScanOptions {
    let threads = NonZero::new(2).unwrap();
    ScanOptions { replay: ReplayOptions { validation, threads, ..ReplayOptions::default() } }
}

/// The paths of a report's journals.
pub(crate) fn paths(report: &ScanReport) -> Vec<&str> {
    report.journals.iter().map(|it| it.path.as_str()).collect()
}
