//! What a replay tells while it runs.

use std::sync::Arc;

use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::segment;
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, DamagePolicy, Progress, ReplayOptions, replay,
};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::journals::{Made, alone};

/// All that a replay with these options tells, checked to go forward.
fn told(made: &Made, options: &ReplayOptions) -> Vec<Progress> {
    let mut told: Vec<Progress> = Vec::new();
    replay(&made.open(), options, &mut |now| told.push(*now)).unwrap();
    assert!(told.len() > 3, "{told:?}");
    for pair in told.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert!(before.events <= after.events && before.bytes <= after.bytes, "{pair:?}");
        assert!(before.seconds <= after.seconds, "{pair:?}");
        assert!(before.checkpoint_lsn <= after.checkpoint_lsn, "{pair:?}");
        assert!(before.damaged_ranges <= after.damaged_ranges, "{pair:?}");
        assert_eq!(before.total_bytes, after.total_bytes);
    }
    let first = &told[0];
    assert!(
        first.events_per_second == 0.0 && first.memory_bytes > 0,
        "nothing is done yet: {first:?}"
    );
    for now in &told[1..] {
        assert!(now.events_per_second > 0.0 && now.events_per_second.is_finite(), "{now:?}");
        let rate_now = now.events_per_second_now;
        assert!(rate_now > 0.0 && rate_now.is_finite(), "{now:?}");
        assert!(now.memory_bytes > 0 && now.bytes <= now.total_bytes, "{now:?}");
        assert!(now.seconds > 0.0 && now.seconds_left >= 0.0, "{now:?}");
    }
    told
}

#[test]
fn progress_goes_forward_to_all_events_and_no_time_left() {
    let _alone = alone();
    let made = Made::of(1, 12_000);
    let told = told(&made, &ReplayOptions::default());
    let last = told.last().unwrap();
    assert_eq!(last.events, made.events);
    assert_eq!(last.bytes, last.total_bytes);
    assert!(told[1].seconds_left > 0.0, "{told:?}");
    assert_eq!(last.seconds_left, 0.0, "{last:?}");
    assert_eq!((last.damaged_ranges, last.checkpoint_lsn), (0, 0));
}

#[test]
fn progress_counts_what_is_damaged() {
    let _alone = alone();
    let made = Made::of(1, 12_000);
    let mut names = made.folder.list().unwrap().into_iter();
    let name = names.find(|name| segment::number_of(name).is_some()).unwrap();
    let mut content = made.folder.get(&name).unwrap();
    for part in [3, 5, 8] {
        let at = content.len() / 10 * part;
        content[at] ^= 1;
    }
    made.folder.put(&name, content);
    let damage = DamagePolicy::Salvage;
    let told = told(&made, &ReplayOptions { damage, ..ReplayOptions::default() });
    assert_eq!((told[0].damaged_ranges, told.last().unwrap().damaged_ranges), (0, 3));
}

#[test]
fn progress_tells_of_checkpoints_and_counts_what_one_spares() {
    let _alone = alone();
    let made = Made::of(1, 12_000);
    let (folder, start) = (Arc::new(MemoryFolder::default()), CheckpointStart::Newest);
    let policy = CheckpointPolicy {
        every_events: Some(1_000),
        time_share_max: f64::INFINITY,
        ..CheckpointPolicy::default()
    };
    let checkpoints = Some(Checkpoints { folder, start, policy: Some(policy) });
    let until = Some(vexfs_replay::replay::StopPoint::Lsn(9_000));
    let first = ReplayOptions { checkpoints, until, ..ReplayOptions::default() };
    let last_lsn = told(&made, &first).last().unwrap().checkpoint_lsn;
    assert!(last_lsn > 0 && last_lsn <= 9_000, "{last_lsn}");
    let mut told: Vec<Progress> = Vec::new();
    let rest = ReplayOptions { until: None, ..first };
    replay(&made.open(), &rest, &mut |now| told.push(*now)).unwrap();
    assert!(told[0].events == 9_000 && told[1].events > 9_000, "{told:?}");
    let last = told.last().unwrap();
    assert_eq!(last.events, made.events);
    // Rates are of what was done, not of what was spared.
    assert!(last.events_per_second * last.seconds < 3_100.0, "{last:?}");
}
