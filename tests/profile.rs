//! The timers of a replay: they change nothing, no worker is at two stages at once, and all is counted.

use std::sync::Arc;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use vexfs_datasets::Recipe;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::{Journal, Writer};
use vexfs_replay::profile::{Post, Profiler, Stage};
use vexfs_replay::replay::{CheckpointStart, Checkpoints, ReplayOptions, replay};
use vexfs_replay::storage::MemoryFolder;

#[cfg(test)]
fn journal() -> Journal {
    let folder = MemoryFolder::default();
    let recipe = Recipe { events: 40_000, ..Recipe::named("10k").unwrap() };
    let writer = Writer::create(Arc::new(folder.clone()), writer_options(&recipe, 1)).unwrap();
    generate(&writer, &recipe, 1, &mut |_| {}).unwrap();
    writer.close().unwrap();
    Journal::open(Arc::new(folder)).unwrap()
}

#[test]
fn what_is_timed_is_the_same_and_no_worker_is_at_two_stages_at_once() {
    let journal = journal();
    for threads in [1, 2, 5] {
        let options = ReplayOptions {
            threads: threads.try_into().unwrap(),
            checkpoints: Some(Checkpoints {
                folder: Arc::new(MemoryFolder::default()),
                start: CheckpointStart::Nothing,
                policy: Some(CheckpointPolicy {
                    every_events: Some(1),
                    time_share_max: f64::INFINITY,
                    ..CheckpointPolicy::default()
                }),
            }),
            ..ReplayOptions::default()
        };
        let (expected, _) = replay(&journal, &options, &mut |_| {}).unwrap();
        let profiler = Arc::new(Profiler::default());
        let timed = ReplayOptions { profiler: Some(Arc::clone(&profiler)), ..options };
        let started = Instant::now();
        let (state, outcome) = replay(&journal, &timed, &mut |_| {}).unwrap();
        let took = started.elapsed().as_secs_f64();
        assert_eq!(state.digest(), expected.digest());
        let profile = profiler.profile();
        assert!(profile.seconds > 0.0 && profile.seconds <= took);
        assert_eq!(profile.workers.len(), threads);
        for worker in &profile.workers {
            let busy: f64 = worker.busy.values().sum();
            assert!(busy <= profile.seconds, "{worker:?} in {} s", profile.seconds);
            assert!((busy + worker.idle - profile.seconds).abs() < 1e-6);
        }
        for stage in [Stage::Read, Stage::Verify, Stage::Decode, Stage::Apply, Stage::Take] {
            assert!(profile.busy_seconds(stage) > 0.0, "{stage:?}: {profile:?}");
        }
        assert_eq!(profile.busy_seconds(Stage::Fetch), 0.0);
        let posts: Vec<Post> = profile.posts.keys().copied().collect();
        assert_eq!(posts, [Post::Read, Post::Verify, Post::Apply, Post::Checkpoint]);
        for times in profile.posts.values() {
            let all = times.waiting + times.working + times.alone + times.blocked;
            assert!(all <= profile.seconds, "{times:?}");
        }
        assert_eq!(profile.blocks.count, outcome.findings.blocks);
        assert!(profile.epochs.count > 1);
        let [first, .., last] = profile.epochs.quantiles[..] else { panic!("{profile:?}") };
        assert!(first.1 > 0.0 && first.1 <= last.1 && last.1 < took * 1.001);
    }
}

/// A stage that is burdened takes longer by the share that was asked for, and no other does.
#[test]
fn a_burden_is_on_its_stage_alone() {
    let journal = journal();
    let share_of_apply = |profiler: Profiler| {
        let profiler = Arc::new(profiler);
        for _ in 0..5 {
            let options = ReplayOptions {
                threads: 1.try_into().unwrap(),
                profiler: Some(Arc::clone(&profiler)),
                ..ReplayOptions::default()
            };
            replay(&journal, &options, &mut |_| {}).unwrap();
        }
        let profile = profiler.profile();
        profile.busy_seconds(Stage::Apply) / profile.busy_seconds(Stage::Decode)
    };
    // Ten times as long can't be mistaken for what else the machine does.
    let (plain, burdened) = (
        share_of_apply(Profiler::default()),
        share_of_apply(Profiler::burdened(Stage::Apply, 9.0)),
    );
    assert!(burdened > 4.0 * plain, "{plain} {burdened}");
}

/// Processor time of the process, by the system: workers can't have had more of it.
#[test]
fn processor_time_is_no_more_than_the_process_had() {
    let journal = journal();
    let process = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let profiler = Arc::new(Profiler::default().by_processor_time());
    let options =
        ReplayOptions { profiler: Some(Arc::clone(&profiler)), ..ReplayOptions::default() };
    let before = process();
    for _ in 0..5 {
        replay(&journal, &options, &mut |_| {}).unwrap();
    }
    let had = process() - before;
    let profile = profiler.profile();
    let busy: f64 = Stage::ALL.iter().map(|&stage| profile.busy_seconds(stage)).sum();
    assert!(busy > 0.0 && busy <= had, "{busy} s of {had} s");
}
