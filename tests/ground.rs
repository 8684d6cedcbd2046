//! The grounds that a coordination stands on, on one machine: they keep the laws of their traits.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking")]

#[path = "support/ground_laws.rs"]
mod ground_laws;

use std::sync::Arc;

use vexfs_replay::coordination::{DecisionRecord, FileRecord};
use vexfs_replay::storage::DiskFolder;

fn in_a_folder(check: impl FnOnce(ground_laws::Coordinators<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    check(&|| {
        let disk = DiskFolder::open(folder.path()).unwrap();
        Box::new(FileRecord::new(Arc::new(disk))) as Box<dyn DecisionRecord>
    });
}

#[test]
fn every_life_finds_what_was_appended() {
    for seed in 0..20 {
        in_a_folder(|coordinators| {
            ground_laws::every_life_finds_what_was_appended(coordinators, seed);
        });
    }
}

#[test]
fn one_leads() {
    in_a_folder(ground_laws::one_leads);
}

#[test]
fn who_does_not_lead_appends_nothing() {
    in_a_folder(ground_laws::who_does_not_lead_appends_nothing);
}
