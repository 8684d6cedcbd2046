//! Sound checkpoints that don't fit: of another journal, of one that was longer, of another past, made
//! with less proof, or without those that they build on.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::checkpoint::{CheckpointFault, CheckpointPolicy};
use vexfs_replay::journal::{Validation, WriterOptions};
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, DamagePolicy, ReplayOptions, StopPoint, replay,
};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::came::{came, checkpoints_in};
use crate::chain::*;
use crate::check::open;
use crate::scribe::Step;
use crate::small_journal::{
    Digest, OPTIONS, THREE_SEGMENTS, blocks_of, chain_anew, change, copy_of, journal_of, names_of,
    rebuild, text_byte,
};

const POLICIES: [DamagePolicy; 4] =
    [DamagePolicy::Strict, DamagePolicy::Tail, DamagePolicy::Prefix, DamagePolicy::Salvage];

/// Every damage policy, in every mode.
fn every_way() -> impl Iterator<Item = ReplayOptions> {
    let ways = POLICIES.into_iter().flat_map(|it| Validation::ALL.map(|mode| (it, mode)));
    ways.map(|(damage, validation)| options(damage, validation))
}

/// Checks, in every way, that these are passed over for these faults, newest first, and that the
/// replay starts from what is left.
fn check_everywhere(chain: &Chain, checkpoints: &MemoryFolder, faults: &[&str]) {
    for options in every_way() {
        let at = format!("{:?}, {:?}", options.damage, options.validation);
        let expected = chain.expected(&options);
        let outcome = chain.check(&copy_of(checkpoints), &options, &expected, None, &at);
        let found = passed_over(&outcome);
        let found: Vec<&str> = found.iter().map(|it| it.1.as_str()).collect();
        assert_eq!(found, faults, "{at}: {:?}", outcome.passed_over);
        let left = checkpoints.list().unwrap().len() - faults.len();
        assert_eq!(outcome.started_from.is_some(), left > 0, "{at}");
        // Going on in that folder, and starting from what that adds, comes to the same.
        let checkpoints = copy_of(checkpoints);
        for _ in 0..2 {
            chain.check(&checkpoints, &options, &expected, Some(KEEP_ALL), &at);
        }
    }
}

#[test]
fn fault_25_checkpoints_of_another_journal_are_foreign() {
    let other = WriterOptions { journal_id: Some(*b"another-testvexf"), ..OPTIONS };
    let (journal, history) = journal_of(THREE_SEGMENTS, other);
    let last = history.last_lsn();
    let other = Chain::of(journal, &[last / 2, last], Validation::Cryptographic);
    check_everywhere(&Chain::new(), &other.checkpoints, &["foreign"; 2]);
}

/// The same id and the same lengths, and another history: the journal was put back to an earlier
/// moment, and went on from there.
#[test]
fn fault_25_checkpoints_of_another_past_have_diverged() {
    let chain = Chain::new();
    let mut steps = THREE_SEGMENTS.to_vec();
    steps[0] = Step::Set(701);
    let (journal, _) = journal_of(&steps, OPTIONS);
    let other = Chain { journal, ..Chain::new() };
    check_everywhere(&other, &chain.checkpoints, &["diverged"; 3]);
}

#[test]
fn fault_24_a_changed_block_at_the_watermark_is_found() {
    let mut chain = Chain::new();
    let last = *chain.watermarks.last().unwrap();
    let names = names_of(&chain.journal);
    let name = names.last().unwrap();
    let blocks = blocks_of(&chain.journal.get(name).unwrap());
    let block = blocks.iter().find(|it| (it.header.first_lsn..=it.last_lsn()).contains(&last));
    let block = block.unwrap();
    // Every checksum of the journal is right afterwards.
    change(&chain.journal, name, |content| {
        let at = text_byte(content, block);
        content[at] ^= 1;
        rebuild(content, block.at, Digest::MadeRight, |_, _| {});
        chain_anew(content);
    });
    check_everywhere(&chain, &chain.checkpoints, &["diverged"]);
    // Only the block's own digest tells where nothing else is made right.
    chain = Chain::new();
    change(&chain.journal, name, |content| {
        let at = text_byte(content, block);
        content[at] ^= 1;
    });
    for damage in POLICIES {
        let options = options(damage, Validation::Cryptographic);
        let checkpoints = checkpoints_in(copy_of(&chain.checkpoints), None);
        let expected = chain.expected(&options);
        let replayed =
            replay(&open(&chain.journal), &ReplayOptions { checkpoints, ..options }, &mut |_| {});
        assert_eq!(came(&replayed), expected, "{damage:?}");
        assert_eq!(
            expected.is_err(),
            damage == DamagePolicy::Strict || damage == DamagePolicy::Tail
        );
    }
}

/// The journal is cut off below the watermarks of one, two and all three: strict and tail refuse,
/// since that is no torn tail; the others go back to an older one.
#[test]
fn fault_23_a_checkpoint_ahead_of_the_journal_refuses_or_falls_back() {
    let mut cuts = 0;
    let names = names_of(&Chain::new().journal);
    let places = names.iter().enumerate().flat_map(|(number, name)| {
        let blocks = blocks_of(&Chain::new().journal.get(name).unwrap());
        blocks.into_iter().map(move |block| (number, block))
    });
    for (number, block) in places {
        let chain = Chain::new();
        change(&chain.journal, &names[number], |content| content.truncate(block.at));
        for name in &names[number + 1..] {
            chain.journal.remove(name).unwrap();
        }
        let last_lsn = block.header.first_lsn - 1;
        let ahead = chain.watermarks.iter().filter(|&&it| it > last_lsn).count();
        for options in every_way() {
            let at = format!("cut to {last_lsn}, {:?}, {:?}", options.damage, options.validation);
            let expected = chain.expected(&options);
            if !matches!(options.damage, DamagePolicy::Strict | DamagePolicy::Tail) {
                let outcome = chain.check(&chain.checkpoints, &options, &expected, None, &at);
                let found = passed_over(&outcome);
                assert_eq!(found.len(), ahead, "{at}: {found:?}");
                assert!(found.iter().all(|it| it.1 == "ahead"), "{at}: {found:?}");
                let left = chain.names[..chain.names.len() - ahead].last();
                assert_eq!(outcome.started_from.map(|it| it.checkpoint).as_ref(), left, "{at}");
                continue;
            }
            let checkpoints = checkpoints_in(chain.checkpoints.clone(), None);
            let options = ReplayOptions { checkpoints, ..options };
            match replay(&open(&chain.journal), &options, &mut |_| {}) {
                Err(Error::BadCheckpoint { fault: CheckpointFault::Ahead { watermark }, path }) => {
                    assert_eq!(Some(&watermark), chain.watermarks.last(), "{at}");
                    assert!(path.ends_with(chain.names.last().unwrap()), "{at}: {path:?}");
                    assert!(ahead > 0, "{at}");
                }
                other => panic!("{at}: {:?}, {ahead} ahead", other.map(|it| it.1)),
            }
        }
        cuts += 1;
    }
    println!("{cuts} cuts below watermarks");
}

#[test]
fn deltas_without_their_parents_are_passed_over() {
    for gone in [&[0][..], &[1], &[0, 1], &[2], &[0, 2]] {
        let chain = Chain::new();
        let checkpoints = copy_of(&chain.checkpoints);
        gone.iter().for_each(|&which| checkpoints.remove(&chain.names[which]).unwrap());
        let usable = gone[0];
        let left = (0..chain.names.len()).filter(|which| !gone.contains(which));
        let faults = left.filter(|&which| which > usable).map(|_| "no_parent");
        check_everywhere(&chain, &checkpoints, &faults.collect::<Vec<_>>());
    }
}

/// A parent that is another file with the same name and watermark is no parent.
#[test]
fn deltas_of_another_parent_are_passed_over() {
    let (chain, other) = (Chain::new(), Chain::new());
    // Files differ in the time at which they were made.
    assert_ne!(chain.content(0), other.content(0));
    check_everywhere(&chain, &chain.with(0, other.content(0)), &["no_parent"; 2]);
}

#[test]
fn weaker_proof_is_not_enough() {
    for made in Validation::ALL {
        let chain = Chain::under(made);
        for asked in Validation::ALL {
            let options = options(DamagePolicy::Tail, asked);
            let expected = chain.expected(&options);
            let outcome = chain.check(&chain.checkpoints, &options, &expected, None, "");
            let faults = vec!["weaker_validation".to_owned(); if made < asked { 3 } else { 0 }];
            let found = passed_over(&outcome).into_iter().map(|it| it.1);
            assert_eq!(found.collect::<Vec<_>>(), faults, "made {made:?}, asked {asked:?}");
            // What is added is as proven as asked; deltas of the old ones aren't among it.
            chain.check(&copy_of(&chain.checkpoints), &options, &expected, Some(KEEP_ALL), "");
        }
    }
}

#[test]
fn a_checkpoint_later_than_the_end_is_passed_over_and_stays() {
    let chain = Chain::new();
    let mut options = options(DamagePolicy::Tail, Validation::Cryptographic);
    options.until = Some(StopPoint::Lsn(chain.watermarks[0] + 1));
    let expected = chain.expected(&options);
    let checkpoints = copy_of(&chain.checkpoints);
    let policy = CheckpointPolicy { keep: 1, deltas_max: 0, ..KEEP_ALL };
    let outcome = chain.check(&checkpoints, &options, &expected, Some(policy), "");
    let faults = passed_over(&outcome);
    assert_eq!(faults.iter().map(|it| it.1.as_str()).collect::<Vec<_>>(), ["too_late"; 2]);
    let newest = outcome.checkpoints.newest.unwrap();
    assert!(is_usable(&checkpoints, &newest) && is_usable(&checkpoints, &chain.names[2]));
}

/// Where a checkpoint is required and none can be used, all of them are named.
#[test]
fn fault_22_where_one_is_required_each_is_told_of() {
    let chain = Chain::new();
    let broken = chain.with(0, Vec::new());
    let mut options = options(DamagePolicy::Tail, Validation::Cryptographic);
    let folder = Arc::new(broken);
    let start = CheckpointStart::Required;
    options.checkpoints = Some(Checkpoints { folder, start, policy: None });
    match replay(&open(&chain.journal), &options, &mut |_| {}) {
        Err(Error::NoCheckpoint { passed_over, .. }) => {
            let names = passed_over.into_iter().map(|it| it.checkpoint);
            assert!(names.eq(chain.names.iter().rev().cloned()));
        }
        other => panic!("{:?}", other.map(|it| it.1)),
    }
}
