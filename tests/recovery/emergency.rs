//! Emergency recovery: past damage, with every lost range, and all that depended on what is lost.

use std::collections::BTreeSet;

use vexfs_replay::recovery::{Accept, LostRange, Record, RecoveryOptions, Way};
use vexfs_replay::replay::SkippedBecause;

use crate::crashing::Dice;
use crate::story::Story;
use crate::world::{ALL, World, options, with_loss};

const CASES: u64 = if cfg!(debug_assertions) { 20 } else { 150 };

/// A damaged range, as blocks tell it.
#[derive(Debug, PartialEq, Eq)]
struct Hole {
    segment: u64,
    offset: u64,
    end: u64,
    first_lsn: u64,
    last_lsn: Option<u64>,
}

impl Hole {
    fn of(range: &LostRange) -> Self {
        let LostRange { segment, offset, end, first_lsn, last_lsn, .. } = *range;
        Self { segment, offset, end, first_lsn, last_lsn }
    }
}

/// Damages some blocks, but not the last one; gives the holes, those that touch as one, and all LSNs
/// that are in them.
fn damage(world: &World, dice: &mut Dice) -> (Vec<Hole>, BTreeSet<u64>) {
    let (mut holes, mut lost) = (Vec::<Hole>::new(), BTreeSet::new());
    let segments = world.segments().len();
    let count = 1 + dice.below(4);
    let mut chosen = BTreeSet::new();
    for _ in 0..count {
        let segment = dice.below(segments);
        let blocks = world.blocks(segment).len();
        let last = usize::from(segment + 1 == segments);
        if blocks > last {
            chosen.insert((segment, dice.below(blocks - last)));
        }
    }
    // Last first, so that the blocks before can still be told.
    for (segment, block) in chosen.into_iter().rev() {
        let at = world.flip(segment, block);
        let (first, last) = (at.header.first_lsn, at.last_lsn());
        lost.extend(first..=last);
        let (segment, offset) = (segment as u64, at.at as u64);
        match holes.last_mut() {
            Some(next) if next.segment == segment && next.offset == at.end() as u64 => {
                (next.offset, next.first_lsn) = (offset, first);
            }
            _ => holes.push(Hole {
                segment,
                offset,
                end: at.end() as u64,
                first_lsn: first,
                last_lsn: Some(last),
            }),
        }
    }
    holes.reverse();
    (holes, lost)
}

fn dependents(record: &Record) -> BTreeSet<u64> {
    let told = record.lost.dependents.iter();
    told.flat_map(|it| it.lsns.iter().flat_map(|&(first, last)| first..=last)).collect()
}

#[test]
fn emergency_recovery_tells_each_lost_range_and_all_that_depended_on_it() {
    let accept = Accept { holes: true, ..Accept::default() };
    let (mut depended, mut contradicted, mut broken, mut several) = (0, 0, 0, 0);
    for seed in 0..CASES {
        let world = World::closed(seed, 300);
        let (holes, lost) = damage(&world, &mut Dice(seed));
        let last = world.last_lsn();
        let expected = world.story.judge(last, &lost);
        if holes.is_empty() {
            continue;
        }
        let before = world.copy();
        let only = RecoveryOptions { only: Some(Way::Emergency), accept, ..options() };
        let recovery = with_loss(world.recover(only));
        let record = &recovery.record;
        let found: Vec<Hole> = record.lost.ranges.iter().map(Hole::of).collect();
        assert_eq!(found, holes, "seed {seed}");
        assert!(record.lost.ranges.iter().all(|it| it.kind == "crc_mismatch"), "{record:?}");
        assert_eq!(dependents(record), expected.dependents, "seed {seed}");
        let contradicting = record.lost.contradicting.iter().map(|it| (it.lsn, it.position));
        assert_eq!(contradicting.collect::<BTreeSet<_>>(), expected.contradicting, "seed {seed}");
        assert_eq!(record.lost.contradictions, expected.contradicting.len() as u64);
        let ids: BTreeSet<u64> = record.transactions.broken.ids.iter().copied().collect();
        assert_eq!(ids, expected.broken, "seed {seed}");
        Story::check_state(&expected, &recovery.state);
        assert_eq!(record.last_lsn, last);
        depended += expected.dependents.len();
        contradicted += expected.contradicting.len();
        broken += expected.broken.len();
        several += usize::from(holes.len() > 1);
        if seed < 6 {
            // Whatever else may be lost, it comes to another state, or refuses.
            let all = RecoveryOptions { accept: ALL, ..options() };
            before.check_others(&[Way::Emergency], record.state_digest, &all);
        }
    }
    println!(
        "{CASES} journals, {several} with several holes: {depended} events depended on lost ones, \
         {contradicted} contradict, {broken} transactions are broken"
    );
    assert!(depended > 20 && contradicted > 20 && broken > 5 && several > 5);
}

/// Falling back to it, where it is allowed, tells the same, and says what was tried before.
#[test]
fn emergency_recovery_is_fallen_back_to_when_the_damage_shows_only_on_the_way() {
    let world = World::closed(1, 300);
    world.flip(1, 0);
    let survey = world.manager(options()).survey().unwrap();
    assert!(!survey.facts.ending.is_damage(), "it lies too far from the end to be seen");
    let holes = Accept { holes: true, ..Accept::default() };
    let recovery = with_loss(world.recover(RecoveryOptions { accept: holes, ..options() }));
    let ways: Vec<Way> = recovery.record.path.iter().map(|it| it.way).collect();
    assert_eq!(ways, [Way::Full, Way::Emergency]);
    assert!(recovery.record.path[0].failed.as_ref().unwrap().contains("damaged"));
    let because = recovery.record.lost.dependents.iter().map(|it| it.because);
    assert!(
        because.clone().all(|it| matches!(it, SkippedBecause::Broken | SkippedBecause::NotOpen))
    );
}
