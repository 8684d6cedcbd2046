//! Random journals, that go round again and again: redo gives what the model gives, and the second reader
//! reads what was written.

use proptest::collection::vec;
use proptest::prelude::*;
use vexfs_replay::block_journal::{
    Ending, JournalAfter, RedoOptions, TransactionOutcome, redo, survey,
};
use vexfs_replay::storage::MemoryFolder;

use crate::model::{Done, IMAGE_BLOCKS, image_after};
use crate::reader::{Read, read};
use crate::world::{
    Act, IMAGE, JOURNAL, Scribe, content, place, redo_all, redo_only, shared, with_image,
};

const CASES: u32 = if cfg!(debug_assertions) { 60 } else { 600 };

fn writes() -> impl Strategy<Value = Vec<(u64, u32)>> {
    vec((0..IMAGE_BLOCKS, any::<u32>()), 0..6)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => writes().prop_map(Act::Commit),
        2 => writes().prop_map(Act::Abort),
        2 => vec(0..IMAGE_BLOCKS, 0..4).prop_map(Act::Revoke),
        1 => Just(Act::Checkpoint),
        2 => (0_usize..4).prop_map(Act::CheckpointBefore),
        1 => Just(Act::Reopen),
    ]
}

/// A journal that all of it was done to, as far as there was room.
fn written(acts: &[Act], total_blocks: u64) -> (MemoryFolder, Scribe) {
    let folder = with_image();
    let mut scribe = Scribe::new(shared(&folder), total_blocks);
    for act in acts {
        if !scribe.act(act) {
            scribe.act(&Act::Checkpoint);
        }
    }
    (folder, scribe)
}

/// A sequence, and what a commit writes.
type Row = (u64, Option<Writes>);
type Writes = Vec<(u64, Vec<u8>)>;

/// What the second reader must read.
fn expected(done: &[Done]) -> Vec<Row> {
    let row = |it: &Done| match it {
        Done::Committed { sequence, writes, .. } => (*sequence, Some(writes.clone())),
        Done::Aborted { sequence } | Done::Revoked { sequence, .. } => (*sequence, None),
    };
    done.iter().map(row).collect()
}

fn rows(read: Vec<Read>) -> Vec<Row> {
    let row = |it| match it {
        Read::Commit { sequence, aborted: false, writes, .. } => (sequence, Some(writes)),
        Read::Commit { sequence, .. } | Read::Revocation { sequence, .. } => (sequence, None),
    };
    read.into_iter().map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn redo_gives_what_the_model_gives(
        acts in vec(act(), 0..30),
        total_blocks in 9_u64..40,
        reused in vec((0..IMAGE_BLOCKS, any::<u32>()), 0..3),
    ) {
        let (folder, mut scribe) = written(&acts, total_blocks);
        // Blocks that are revoked are used for something that no journal knows.
        let blocks: Vec<u64> = reused.iter().map(|(number, _)| *number).collect();
        if scribe.act(&Act::Revoke(blocks)) {
            let image = scribe.folder.open_to_change(IMAGE).unwrap();
            for (number, seed) in &reused {
                image.write_all_at(&content(*seed), number * 4096).unwrap();
            }
        }
        let Scribe { done, given_up, folder: shared, writer, .. } = scribe;
        drop(writer);
        let left = &done[given_up..];
        let journal = folder.get(JOURNAL).unwrap();
        prop_assert_eq!(rows(read(&journal)), expected(left));

        let before = folder.get(IMAGE).unwrap();
        let seen = survey(&place(&shared, JOURNAL)).unwrap();
        prop_assert_eq!(seen.ending, Ending::Clean);
        let committed = left.iter().filter(|it| matches!(it, Done::Committed { .. })).count();
        prop_assert_eq!(seen.committed().count(), committed);
        let ended = [TransactionOutcome::Committed, TransactionOutcome::Aborted];
        let all_ended = seen.transactions.iter().all(|it| ended.contains(&it.outcome));
        prop_assert!(all_ended);
        let after = image_after(&before, left, &[]);
        redo_only(&shared).unwrap();
        prop_assert!(folder.get(IMAGE).unwrap() == after);
        prop_assert!(folder.get(JOURNAL).unwrap() == journal, "the journal was changed");

        redo_all(&shared).unwrap();
        prop_assert!(folder.get(IMAGE).unwrap() == after);
        let journal = folder.get(JOURNAL).unwrap();
        prop_assert_eq!(rows(read(&journal)), vec![]);
        let again = redo_all(&shared).unwrap();
        prop_assert!(again.plan.is_empty(), "{:?}", again.plan);
        prop_assert!(folder.get(IMAGE).unwrap() == after);
        prop_assert!(folder.get(JOURNAL).unwrap() == journal, "a second redo changed the journal");
    }

    #[test]
    fn a_redo_in_parts_gives_each_part(acts in vec(act(), 0..20), total_blocks in 20_u64..60) {
        let (folder, scribe) = written(&acts, total_blocks);
        let Scribe { done, given_up, folder: shared, writer, .. } = scribe;
        drop(writer);
        let before = folder.get(IMAGE).unwrap();
        let left = &done[given_up..];
        for until in 0..=left.len() {
            let sequence = left[..until].last().map_or(0, Done::sequence);
            let options = RedoOptions {
                until_sequence: Some(sequence),
                journal: JournalAfter::Advanced,
                ..RedoOptions::default()
            };
            // A write that is revoked later stands until then.
            let after = (0..=until).fold(before.clone(), |image, part| {
                image_after(&image, &left[part.saturating_sub(1)..part], &[])
            });
            redo(&place(&shared, JOURNAL), &place(&shared, IMAGE), &options).unwrap();
            prop_assert!(folder.get(IMAGE).unwrap() == after, "until {}", sequence);
        }
        prop_assert_eq!(rows(read(&folder.get(JOURNAL).unwrap())), vec![]);
    }
}
