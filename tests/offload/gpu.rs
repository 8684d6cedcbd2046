//! A GPU in place of a fake; one made of software will do.

use std::process::Command;
use std::sync::Arc;

use serde_json::Value;

use vexfs_kernels::gpu::{Fault, Gpu, GpuOptions};
use vexfs_replay::journal::Journal;
use vexfs_replay::offload::{Accelerator, Adapters, Offload, OffloadPolicy, gpu};
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

/// At each load of an epoch: the workers do what it left, and the report says why.
#[test]
fn a_gpu_that_fails_is_taken_over_by_the_workers() {
    let (folder, _) = journal_of(THREE_SEGMENTS, OPTIONS);
    let journal = Journal::open(Arc::new(folder)).unwrap();
    let alone = verify(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap().findings;
    let faults = [
        Fault::LostBeforeFilling,
        Fault::LostBeforeSubmitting,
        Fault::LostAfterSubmitting,
        Fault::OutOfMemory,
        Fault::Refused,
        Fault::Panic,
        Fault::Wrong,
    ];
    for fault in faults {
        for step in 0..4 {
            let options = GpuOptions { slot_bytes: 4096, ..GpuOptions::default() };
            let opener = move |_| {
                let mut gpu = Gpu::open(&options).map_err(|error| error.to_string())?;
                gpu.break_at(fault, step);
                Ok(Box::new(gpu) as Box<dyn Accelerator>)
            };
            let offload = Offload::new(OffloadPolicy::Always, Box::new(opener));
            let options =
                ReplayOptions { offload: Some(offload.clone()), ..ReplayOptions::default() };
            let found = verify(&journal, &options, &mut |_| {}).unwrap().findings;
            assert_eq!(format!("{found:?}"), format!("{alone:?}"));
            let report = offload.report();
            assert!(report.accelerator.is_some(), "{report:?}");
            assert!(
                report.ended.is_some() && report.wrong_blocks == 0,
                "{fault:?} {step} {report:?}"
            );
            assert_eq!(report.offloaded.blocks + report.workers.blocks, alone.blocks);
            assert!(report.workers.blocks > 0);
        }
    }
}

/// The program, on a journal on disk: a GPU by its name, one that isn't there, and `auto`.
#[test]
fn the_program_tells_who_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let run = |arguments: &[&str]| -> Value {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vexfs-replay-pipe"));
        let output = program.args(arguments).arg(&journal).arg("--json").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    run(&["generate", "--recipe", "1k"]);
    let blocks = |result: &Value, who: &str| result["offload"][who]["blocks"].as_u64().unwrap();
    // Whatever there is has a name.
    let named = run(&["verify", "--backend", "gpu:"]);
    assert_eq!((blocks(&named, "offloaded"), blocks(&named, "workers")), (4, 0), "{named}");
    let missing = run(&["verify", "--backend", "gpu:no such adapter"]);
    assert_eq!((blocks(&missing, "offloaded"), blocks(&missing, "workers")), (0, 4));
    let why = missing["offload"]["ended"].as_str().unwrap();
    assert!(why.contains("no such adapter"), "{why}");
    let little = run(&["verify"]);
    assert_eq!(blocks(&little, "offloaded"), 0);
    assert!(little["offload"]["ended"].as_str().unwrap().contains("too little"), "{little}");
    assert_eq!(named["head"], little["head"]);
}
