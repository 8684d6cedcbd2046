//! Journals that a writer has, and that are written while they are scanned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vexfs_replay::journal::{Validation, WriterOptions};
use vexfs_replay::scan::{Gravity, Verdict, examine, scan};
use vexfs_replay::storage::{DiskFolder, Folder};

use crate::injury::{At, Injury, make};
use crate::scribe::{Scribe, Step};
use crate::small_journal::{OPTIONS, blocks_of, names_of, text_byte};
use crate::tree::{Tree, options};
use crate::watched::{Call, WatchedFolder};

fn gravity(tree: &Tree) -> (Gravity, Option<String>) {
    let report = tree.scan();
    let [only] = &report.journals[..] else { panic!("{report:?}") };
    (only.finding.verdict.gravity(), only.finding.holder.clone())
}

#[test]
fn a_writer_is_told_as_long_as_it_lives() {
    let tree = Tree::new();
    let folder = Arc::new(DiskFolder::open(&tree.folder("living")).unwrap());
    let mut scribe = Scribe::create(folder, OPTIONS).unwrap();
    for step in [Step::Set(3_000), Step::Commit, Step::Set(6_000), Step::Commit] {
        scribe.step(step).unwrap();
    }
    let own = format!("process {}", std::process::id());
    assert_eq!(gravity(&tree), (Gravity::Locked, Some(own.clone())));

    // Damage stays damage.
    let place = tree.place("living/segment-0000000000.vexj");
    let mut content = std::fs::read(&place).unwrap();
    let sound = content.clone();
    let at = text_byte(&content, &blocks_of(&content)[0]);
    content[at] ^= 1;
    std::fs::write(&place, content).unwrap();
    assert_eq!(gravity(&tree), (Gravity::Damaged, Some(own)));
    std::fs::write(&place, sound).unwrap();

    scribe.step(Step::Close).unwrap();
    assert_eq!(gravity(&tree), (Gravity::Clean, None));
}

#[test]
fn a_writer_that_goes_on_is_never_taken_for_damage_or_a_torn_tail() {
    let tree = Tree::new();
    let others = make(&[3_000; 4], true, &Injury::Nothing);
    tree.journal("a", &others.folder);
    let folder = Arc::new(DiskFolder::open(&tree.folder("b")).unwrap());
    let larger = WriterOptions { segment_bytes: 128 * 1024, ..OPTIONS };
    let mut scribe = Scribe::create(folder, larger).unwrap();
    let mut told = 0;
    for round in 0..30 {
        let mut left = 12;
        // It goes on in the midst of the scan, whenever that tells how far it is.
        let report = scan(tree.root(), &options(Validation::Cryptographic), &mut |_| {
            if left > 0 {
                scribe.step(Step::Set(500 + 97 * round)).unwrap();
                scribe.step(Step::Commit).unwrap();
                left -= 1;
            }
        });
        let report = report.unwrap();
        let living = &report.journals[1].finding;
        assert_eq!(living.verdict, Verdict::Locked, "{round}");
        let head_lsn = living.counts.as_ref().unwrap().head_lsn;
        assert!(told <= head_lsn && head_lsn <= scribe.history.last_lsn(), "{round}");
        told = head_lsn;
    }
    assert!(told > 60, "{told}");
}

/// What was just being written may look damaged once: then it isn't.
#[test]
fn what_a_writer_has_is_looked_at_twice_before_it_is_damaged() {
    for (is_held, expected) in [(true, Gravity::Locked), (false, Gravity::Damaged)] {
        let sound = make(&[3_000; 9], false, &Injury::Nothing).folder;
        let hurt = make(&[3_000; 9], false, &Injury::Flip(vec![At(0)])).folder;
        let lock = is_held.then(|| hurt.lock().unwrap());
        let lists = AtomicUsize::new(0);
        let changing = hurt.clone();
        let folder = WatchedFolder::over(hurt, move |call| {
            if call == Call::List && lists.fetch_add(1, Ordering::Relaxed) == 1 {
                for name in names_of(&sound) {
                    changing.put(&name, sound.get(&name).unwrap());
                }
            }
            Ok(())
        });
        let folder: Arc<dyn Folder> = Arc::new(folder);
        let options = options(Validation::Cryptographic).replay;
        let finding = examine(&folder, &options, &mut |_| {}).unwrap();
        assert_eq!(finding.verdict.gravity(), expected, "{finding:?}");
        drop(lock);
    }
}

#[test]
fn a_broken_transaction_is_a_contradiction() {
    let tree = Tree::new();
    let steps = [Step::Set(3_000), Step::Commit, Step::Transaction(3, 3_000), Step::Commit];
    let steps = [&steps[..], &[Step::Set(3_000), Step::Close]].concat();
    let (folder, _) = crate::small_journal::journal_of(&steps, OPTIONS);
    tree.journal("a", &folder);
    assert_eq!(gravity(&tree), (Gravity::Clean, None));
    let place = tree.place("a/segment-0000000000.vexj");
    let mut content = std::fs::read(&place).unwrap();
    let block = blocks_of(&content)[1].clone();
    content[block.at + 200] ^= 1;
    std::fs::write(&place, content).unwrap();
    let report = tree.scan();
    let Verdict::Damaged { ranges, contradictions, first } = &report.journals[0].finding.verdict
    else {
        panic!("{report:?}")
    };
    assert!(*ranges == 1 && *contradictions > 0, "{first}");
    assert!(first.contains("segment 0, bytes"), "{first}");
}
