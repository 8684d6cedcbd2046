//! A GPU in place of a fake; one made of software will do.

use std::sync::Arc;

use vexfs_replay::journal::Journal;
use vexfs_replay::offload::{Adapters, OffloadPolicy, gpu};
use vexfs_replay::replay::{ReplayOptions, replay, verify};

use crate::scribe::Step;
use crate::small_journal::{OPTIONS, THREE_SEGMENTS, journal_of};

#[test]
fn a_gpu_comes_to_what_the_workers_come_to() {
    let long: Vec<Step> = (0..400).flat_map(|_| [Step::Set(3_000), Step::Commit]).collect();
    for steps in [THREE_SEGMENTS, &long] {
        let (folder, _) = journal_of(steps, OPTIONS);
        let journal = Journal::open(Arc::new(folder)).unwrap();
        let alone = replay(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap();
        let offload = gpu::offload(OffloadPolicy::Always, Adapters::Any);
        let options = ReplayOptions { offload: Some(offload.clone()), ..ReplayOptions::default() };
        let (state, outcome) = replay(&journal, &options, &mut |_| {}).unwrap();
        assert_eq!(state.digest(), alone.0.digest());
        let verified = verify(&journal, &options, &mut |_| {}).unwrap();
        assert_eq!(verified.findings.blocks, outcome.findings.blocks);
        let report = offload.report();
        assert_eq!(report.ended, None, "a GPU is needed here, if only one made of software");
        assert_eq!(report.offloaded.blocks, 2 * outcome.findings.blocks);
        assert_eq!((report.workers.blocks, report.wrong_blocks), (0, 0));
    }
}
