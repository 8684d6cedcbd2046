//! What others decide of transactions, and where a redo stops.

use std::sync::Arc;

use vexfs_replay::block_journal::{Decision, RedoOptions, TransactionOutcome, redo, survey};
use vexfs_replay::error::Error;
use vexfs_replay::storage::MemoryFolder;

use crate::model::{Done, image_after};
use crate::world::{Act, IMAGE, JOURNAL, Scribe, place, shared, with_image};

/// Commits 1 and 2 that overlap, an abort, a revocation, and a commit 4.
fn written() -> (MemoryFolder, Vec<Done>) {
    let memory = with_image();
    let mut scribe = Scribe::new(shared(&memory), 30);
    let acts = [
        Act::Commit(vec![(0, 1), (1, 2)]),
        Act::Commit(vec![(1, 4), (2, 5)]),
        Act::Abort(vec![(3, 7)]),
        Act::Revoke(vec![2]),
        Act::Commit(vec![(4, 8)]),
    ];
    assert!(acts.iter().all(|act| scribe.act(act)));
    (memory, scribe.done)
}

fn options(decisions: &[(u64, Decision)], until_sequence: Option<u64>) -> RedoOptions {
    let decisions = decisions.iter().copied().collect();
    RedoOptions { decisions, until_sequence, ..RedoOptions::default() }
}

#[test]
fn every_set_of_discarded_transactions_gives_what_the_model_gives() {
    for set in 0..16_u64 {
        let (memory, done) = written();
        let discarded: Vec<u64> = (1..=4).filter(|id| set & (1 << (id - 1)) != 0).collect();
        // Those that the log doesn't hold are passed over, as they are in a second redo.
        let mut decisions: Vec<(u64, Decision)> = vec![(77, Decision::Discard)];
        decisions.extend(discarded.iter().map(|&id| (id, Decision::Discard)));
        let after = image_after(&memory.get(IMAGE).unwrap(), &done, &discarded);
        let folder = shared(&memory);
        for _ in 0..2 {
            let options = options(&decisions, None);
            redo(&place(&folder, JOURNAL), &place(&folder, IMAGE), &options).unwrap();
            assert!(memory.get(IMAGE).unwrap() == after, "{discarded:?}");
        }
        let journal = survey(&place(&folder, JOURNAL)).unwrap().superblock;
        let committed = discarded.iter().filter(|&&id| id != 3).count() as u64;
        assert_eq!((journal.total_commits, journal.total_aborts), (3, 1 + committed));
    }
}

#[test]
fn what_must_be_committed_and_is_not_ends_a_redo_before_it_writes() {
    let (memory, done) = written();
    let before = memory.get(IMAGE).unwrap();
    let folder = shared(&memory);
    let (journal, image) = (place(&folder, JOURNAL), place(&folder, IMAGE));
    let first = done[0].sequence();
    // The aborted one; one that lies behind the cut.
    for (id, until) in [(3, None), (4, Some(first)), (2, Some(first))] {
        let refused = redo(&journal, &image, &options(&[(id, Decision::Commit)], until));
        assert!(matches!(refused, Err(Error::InconsistentRecovery { .. })), "{id}: {refused:?}");
    }
    // One that isn't finished.
    let mut log = memory.get(JOURNAL).unwrap();
    let seen = survey(&journal).unwrap();
    let commit = seen.transactions.last().unwrap().commit.unwrap();
    log[usize::try_from(commit.position).unwrap() * 4096 + 100] ^= 1;
    memory.put(JOURNAL, log);
    let seen = survey(&journal).unwrap();
    assert_eq!(seen.transactions.last().unwrap().outcome, TransactionOutcome::Unfinished);
    let refused = redo(&journal, &image, &options(&[(4, Decision::Commit)], None));
    assert!(matches!(refused, Err(Error::InconsistentRecovery { .. })), "{refused:?}");
    assert!(memory.get(IMAGE).unwrap() == before);

    let decided = [(1, Decision::Commit), (2, Decision::Commit), (4, Decision::Discard)];
    let redone = redo(&journal, &image, &options(&decided, None)).unwrap();
    assert_eq!((redone.plan.redone, redone.plan.unfinished), (vec![1, 2], Some(4)));
    assert!(redone.torn.is_some());
    assert!(memory.get(IMAGE).unwrap() == image_after(&before, &done[..4], &[]));
}

#[test]
fn a_folder_that_is_locked_is_left_alone() {
    let (memory, _) = written();
    let before = memory.get(IMAGE).unwrap();
    let folder = shared(&memory);
    let held = folder.lock().unwrap();
    let refused = redo(&place(&folder, JOURNAL), &place(&folder, IMAGE), &RedoOptions::default());
    assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
    assert!(memory.get(IMAGE).unwrap() == before);
    survey(&place(&folder, JOURNAL)).unwrap();
    drop((held, Arc::clone(&folder)));
}
