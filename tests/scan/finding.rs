//! What is taken for a journal, what is not, and what is told that it was not looked into.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::journal::{Head, Journal, Validation};
use vexfs_replay::replay::{ReplayOptions, StopPoint};
use vexfs_replay::salvage::{SalvageOptions, salvage};
use vexfs_replay::scan::{Gravity, LeftOutBecause, ScanOptions, scan};
use vexfs_replay::storage::{DiskFolder, MemoryFolder};

use crate::injury::{Injury, make};
use crate::small_journal::names_of;
use crate::tree::{Tree, options, paths};

/// A small journal of one segment, or of several.
fn journal(events: usize) -> MemoryFolder {
    make(&vec![3_000; events], true, &Injury::Nothing).folder
}

fn segment_of(journal: &MemoryFolder) -> Vec<u8> {
    journal.get(&names_of(journal)[0]).unwrap()
}

#[test]
fn paths_are_in_the_order_of_a_tree_and_the_root_may_be_a_journal() {
    let tree = Tree::new();
    for path in ["b/a", "b-a", "a/b/c", "a.b", "B"] {
        tree.journal(path, &journal(1));
    }
    assert_eq!(paths(&tree.scan()), ["B", "a/b/c", "a.b", "b/a", "b-a"]);
    let own = scan(&tree.place("b/a"), &options(Validation::Basic), &mut |_| {}).unwrap();
    assert_eq!(paths(&own), ["."]);
    let file = tree.place("b-a").join(&names_of(&journal(1))[0]);
    let own = scan(&file, &options(Validation::Basic), &mut |_| {}).unwrap();
    assert_eq!((paths(&own), own.gravest()), (vec!["segment-0000000000.vexj"], Gravity::Clean));
}

#[test]
fn a_file_is_a_journal_where_it_begins_or_is_named_as_a_segment() {
    let tree = Tree::new();
    let segment = segment_of(&journal(2));
    tree.file("copy", &segment);
    tree.file("deep/er/copy.bak", &segment);
    let mut hurt = segment.clone();
    hurt[0] ^= 1;
    tree.file("hurt.vexj", &hurt);
    tree.file("short.vexj", b"");
    // None of these is one.
    tree.file("hurt", &hurt);
    tree.file("text", b"JMESPath");
    tree.file("magic", &segment[..4]);
    tree.file("new/segment.unfinished", &segment);
    tree.file("new/LOCK", b"process 1");
    let report = tree.scan();
    assert_eq!(paths(&report), ["copy", "deep/er/copy.bak", "hurt.vexj", "short.vexj"]);
    let found: Vec<_> = report.journals.iter().map(|it| it.finding.verdict.gravity()).collect();
    let no = Gravity::NoJournal;
    assert_eq!(found, [Gravity::Clean, Gravity::Clean, no, no]);
}

#[test]
fn links_and_pipes_are_not_followed() {
    let tree = Tree::new();
    tree.journal("real", &journal(1));
    let linked = tree.folder("linked");
    symlink("..", linked.join("up")).unwrap();
    symlink(tree.root(), linked.join("round")).unwrap();
    symlink("../real", linked.join("there")).unwrap();
    symlink("nowhere", linked.join("dangling")).unwrap();
    let file = tree.place("real").join(&names_of(&journal(1))[0]);
    symlink(&file, linked.join("segment-0000000000.vexj")).unwrap();
    let pipe = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, linked.join("pipe.vexj"), pipe.0, pipe.1, 0).unwrap();
    assert_eq!(paths(&tree.scan()), ["real"]);
    // Whoever names a link means what it leads to.
    let through = scan(&linked.join("there"), &options(Validation::Full), &mut |_| {}).unwrap();
    assert_eq!((paths(&through), through.gravest()), (vec!["."], Gravity::Clean));
}

#[test]
fn what_is_inside_a_journal_is_told_and_left_alone() {
    let tree = Tree::new();
    let several = journal(12);
    assert!(names_of(&several).len() > 2);
    tree.journal("outer", &several);
    tree.journal("outer/inner", &several);
    tree.file("outer/copy", &segment_of(&several));
    let report = tree.scan();
    assert_eq!(paths(&report), ["outer"]);
    let [left_out] = &report.left_out[..] else { panic!("{:?}", report.left_out) };
    assert_eq!(left_out.path, "outer/inner");
    assert_eq!(left_out.because, LeftOutBecause::InsideJournal);
}

#[test]
fn what_a_rollback_put_aside_is_no_journal() {
    let tree = Tree::new();
    let segment = segment_of(&journal(2));
    let aside = "j.recovery/undone-00000000000000000007-segment-0000000003.vexj";
    tree.file(aside, &segment);
    tree.file(&format!("{aside}.unfinished"), &segment);
    tree.file("j.recovery/undone-7-segment-0000000003.vexj", &segment);
    let report = tree.scan();
    assert_eq!(paths(&report), ["j.recovery/undone-7-segment-0000000003.vexj"]);
    let left_out: Vec<_> = report.left_out.iter().map(|it| (it.because, &*it.path)).collect();
    let second = format!("{aside}.unfinished");
    assert_eq!(left_out, [aside, &second].map(|path| (LeftOutBecause::PutAside, path)));
}

#[test]
fn a_salvage_that_was_not_finished_is_no_journal_yet() {
    let tree = Tree::new();
    tree.journal("old", &journal(12));
    let place = tree.folder("new");
    let opened = Journal::open_path(&tree.place("old")).unwrap();
    let folder = Arc::new(DiskFolder::open(&place).unwrap());
    salvage(&opened, folder, &SalvageOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(paths(&tree.scan()), ["new", "old"]);
    // As if it had been killed before its last step.
    let first = "segment-0000000000.vexj";
    let staged = format!("salvage-of-{}-{first}", hex::encode(opened.journal_id));
    fs::rename(place.join(first), place.join(staged)).unwrap();
    let report = tree.scan();
    assert_eq!(paths(&report), ["old"]);
    assert_eq!(report.left_out[0].because, LeftOutBecause::UnfinishedSalvage);
    // A file of that name takes no journal away.
    fs::copy(tree.place("old").join(first), place.join(first)).unwrap();
    assert_eq!(paths(&tree.scan()), ["new", "old"]);
}

#[test]
fn where_no_journal_is_that_is_an_error() {
    let tree = Tree::new();
    tree.file("a/text", b"text");
    let none = scan(tree.root(), &ScanOptions::default(), &mut |_| {});
    assert!(matches!(none, Err(Error::NoJournals { .. })), "{none:?}");
    let nowhere = scan(&tree.place("nowhere"), &ScanOptions::default(), &mut |_| {});
    assert!(matches!(nowhere, Err(Error::Io { .. })), "{nowhere:?}");
}

#[test]
fn options_that_speak_of_one_journal_are_refused() {
    let tree = Tree::new();
    tree.journal("a", &journal(1));
    let usual = ReplayOptions::default();
    let head = Head { lsn: 1, digest: [0; 32] };
    for (option, replay) in [
        ("until", ReplayOptions { until: Some(StopPoint::Lsn(1)), ..usual.clone() }),
        ("anchor", ReplayOptions { anchor: Some(head), ..usual.clone() }),
    ] {
        match scan(tree.root(), &ScanOptions { replay }, &mut |_| {}) {
            Err(Error::InvalidOption { option: told, .. }) => assert_eq!(told, option),
            other => panic!("{other:?}"),
        }
    }
}
