//! Every bit of a small journal flipped, one at a time: never a panic, never a wrong image, and nothing that
//! was acknowledged goes unnoticed but what can't be told from a torn commit.

use vexfs_replay::error::Error;
use vexfs_replay::storage::MemoryFolder;

use crate::model::{BLOCK, Done, image_after};
use crate::world::{Act, IMAGE, JOURNAL, Scribe, redo_only, shared, with_image};

/// Every how many bits one is flipped: all, in a release build.
const STEP: usize = if cfg!(debug_assertions) { 61 } else { 1 };

/// Where its blocks are.
const FIRST: std::ops::Range<usize> = 1..4;
const REVOCATION: usize = 4;
const SECOND: std::ops::Range<usize> = 5..8;
const LAST_COMMIT: usize = 7;

fn written() -> (MemoryFolder, Scribe) {
    let memory = with_image();
    let mut scribe = Scribe::new(shared(&memory), 9);
    let acts = [Act::Commit(vec![(0, 1)]), Act::Revoke(vec![0]), Act::Commit(vec![(1, 3)])];
    assert!(acts.iter().all(|act| scribe.act(act)));
    (memory, scribe)
}

/// Flips each bit, and tells of each block in which one went unnoticed, and how much of it was redone then.
fn flip_each(memory: &MemoryFolder, done: &[Done], mut noticed: impl FnMut(usize, Option<usize>)) {
    let folder = shared(memory);
    let before = memory.get(IMAGE).unwrap();
    let images: Vec<Vec<u8>> =
        (0..=done.len()).map(|count| image_after(&before, &done[..count], &[])).collect();
    let journal = memory.get(JOURNAL).unwrap();
    let file = folder.open_to_change(JOURNAL).unwrap();
    for bit in (0..journal.len() * 8).step_by(STEP) {
        let at = bit / 8;
        file.write_all_at(&[journal[at] ^ (1 << (bit % 8))], at as u64).unwrap();
        let redone = redo_only(&folder);
        file.write_all_at(&journal[at..=at], at as u64).unwrap();
        let changed = match redone {
            Ok(redone) => redone.blocks_written > 0,
            Err(Error::BlockJournalDamaged { .. } | Error::NotAJournal { .. }) => {
                noticed(at / BLOCK, None);
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let image = memory.get(IMAGE).unwrap();
        let count = images.iter().rposition(|it| *it == image);
        noticed(at / BLOCK, Some(count.unwrap_or_else(|| panic!("a wrong image, bit {bit}"))));
        if changed {
            let whole = folder.open_to_change(IMAGE).unwrap();
            whole.write_all_at(&before, 0).unwrap();
        }
    }
}

#[test]
fn no_flipped_bit_before_the_head_goes_unnoticed() {
    let (memory, scribe) = written();
    let Scribe { done, writer, .. } = scribe;
    writer.close().unwrap();
    flip_each(&memory, &done, |block, count| match count {
        None => assert!(block < SECOND.end, "damage in a free block"),
        Some(count) => assert!(block >= SECOND.end && count == done.len(), "in block {block}"),
    });
}

#[test]
fn behind_the_head_only_the_last_commit_may_seem_torn() {
    let (memory, scribe) = written();
    let Scribe { done, writer, .. } = scribe;
    drop(writer);
    flip_each(&memory, &done, |block, count| match count {
        None => assert!(block < LAST_COMMIT, "in block {block}"),
        Some(count) if count == done.len() => assert!(block > LAST_COMMIT, "in block {block}"),
        Some(_) => {
            let known = FIRST.contains(&block) || block == REVOCATION || block == 0;
            assert!(!known && block == LAST_COMMIT, "dropped silently, in block {block}");
        }
    });
}

#[test]
fn every_length_of_a_journal_is_refused() {
    let (memory, scribe) = written();
    drop(scribe.writer);
    let journal = memory.get(JOURNAL).unwrap();
    for length in (0..journal.len()).step_by(if cfg!(debug_assertions) { 509 } else { 17 }) {
        memory.put(JOURNAL, journal[..length].to_vec());
        let refused = redo_only(&shared(&memory));
        assert!(matches!(refused, Err(Error::BlockJournalDamaged { .. })), "{length}: {refused:?}");
    }
}
