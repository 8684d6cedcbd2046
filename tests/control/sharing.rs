//! Ten replays at once that share workers: each has a state, a progress and an end of its own.

use std::num::NonZero;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::journal::segment;
use vexfs_replay::replay::{Control, DamagePolicy, ReplayOptions, Running, Shared, start};
use vexfs_replay::storage::Folder as _;

use crate::journals::{EPOCH_BYTES, Made, alone, wait_until};

const REPLAYS: u64 = 10;
const DAMAGED: usize = 3;
const SALVAGED: usize = 5;
const CANCELLED: usize = 7;

fn damage(made: &Made) {
    let names = made.folder.list().unwrap();
    let name = names.iter().find(|name| segment::number_of(name).is_some()).unwrap();
    let mut content = made.folder.get(name).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    made.folder.put(name, content);
}

#[test]
fn ten_replays_that_share_workers_end_as_if_each_had_been_alone() {
    let _alone = alone();
    let made: Vec<Made> = (0..REPLAYS).map(|seed| Made::of(seed, 3_000 + 700 * seed)).collect();
    damage(&made[DAMAGED]);
    damage(&made[SALVAGED]);
    for threads in [1, 2, 4].map(|threads| NonZero::new(threads).unwrap()) {
        let shared = Arc::new(Shared::new(threads, None).unwrap());
        let mut running: Vec<(usize, Running)> = Vec::new();
        for (number, it) in made.iter().enumerate() {
            let control = Control::default();
            let at = if number == CANCELLED { EPOCH_BYTES } else { u64::MAX };
            let (journal, _) = it.pausing_at(at, &control);
            let salvaged = number == SALVAGED;
            let damage = if salvaged { DamagePolicy::Salvage } else { DamagePolicy::Tail };
            let shared = Some(Arc::clone(&shared));
            let options = ReplayOptions { shared, damage, control, ..ReplayOptions::default() };
            running.push((number, start(journal, options).unwrap()));
        }
        for (number, it) in running {
            if number == CANCELLED {
                wait_until(|| it.progress().events > 0);
                it.control().cancel();
            }
            wait_until(|| it.is_finished());
            let progress = it.progress();
            match (number, it.wait()) {
                (DAMAGED, Err(Error::Damaged { .. })) | (CANCELLED, Err(Error::Cancelled)) => {
                    assert!(progress.events < made[number].events);
                }
                (SALVAGED, Ok((_, outcome))) => {
                    assert_eq!(outcome.findings.damages.len(), 1);
                    assert_eq!((progress.damaged_ranges, outcome.has_loss()), (1, true));
                }
                (DAMAGED | CANCELLED, other) => panic!("{number}: {other:?}"),
                (_, result) => {
                    let (state, outcome) = result.unwrap();
                    assert_eq!(state.digest(), made[number].digest, "{number} on {threads}");
                    assert_eq!(outcome.last_lsn, made[number].events);
                    assert_eq!(
                        (progress.events, progress.damaged_ranges),
                        (made[number].events, 0)
                    );
                }
            }
        }
    }
}
