//! The thinnest path: what is written comes back, and only what was committed takes effect.

use std::sync::Arc;

use vexfs_replay::event::{Body, NewEntry, Property};
use vexfs_replay::journal::{EndKind, Journal, NewEvent, Writer, WriterOptions};
use vexfs_replay::replay::{ReplayOptions, StopPoint, replay, replay_serially};
use vexfs_replay::state::{Key, KeyKind};
use vexfs_replay::storage::MemoryFolder;

fn property<'a>(node: u64, name: &'a [u8], value: &'a [u8]) -> NewEvent<'a> {
    NewEvent::new(1, Body::PropertySet(Property { node, name, value }))
}

#[test]
fn what_was_committed_comes_back_and_nothing_else() {
    let folder = MemoryFolder::default();
    let writer = Writer::create(Arc::new(folder.clone()), WriterOptions::default()).unwrap();
    let entry = NewEntry { parent: 1, inode: 2, mode: 0o100_644, uid: 0, gid: 0, name: b"a" };
    writer.append(&NewEvent::new(1, Body::FileCreate(entry))).unwrap();
    let mut committed = writer.begin(2, 0).unwrap();
    let mut aborted = writer.begin(2, 0).unwrap();
    let mut unfinished = writer.begin(2, 0).unwrap();
    let left_open = unfinished.id();
    committed.append(&property(7, b"name", b"committed")).unwrap();
    aborted.append(&property(7, b"name", b"aborted")).unwrap();
    writer.append(&property(7, b"name", b"before the commit")).unwrap();
    unfinished.append(&property(7, b"name", b"unfinished")).unwrap();
    let end = committed.commit(3).unwrap();
    aborted.abort(3).unwrap();
    let head = writer.close().unwrap();

    let journal = Journal::open(Arc::new(folder)).unwrap();
    let options = ReplayOptions { anchor: Some(head), ..ReplayOptions::default() };
    let (state, outcome) = replay(&journal, &options, &mut |_| {}).unwrap();
    assert_eq!(outcome.findings.end.kind, EndKind::Sealed);
    assert!(outcome.anchored);
    assert_eq!((outcome.head, outcome.last_lsn), (head, head.lsn));
    let transactions = &outcome.findings.transactions;
    assert_eq!((transactions.committed, transactions.aborted), (1, 1));
    assert_eq!(transactions.discarded.ids, [left_open]);
    let key = Key::named(KeyKind::Property, 7, b"name");
    assert!(state.get(&key).is_some_and(|record| record.ends_with(b"committed")));
    assert!(state.get(&Key::named(KeyKind::Entry, 1, b"a")).is_some());

    let (serial, _) = replay_serially(&journal, &options).unwrap();
    assert_eq!(serial.digest(), state.digest());

    let options =
        ReplayOptions { until: Some(StopPoint::Lsn(end - 1)), ..ReplayOptions::default() };
    let (earlier, outcome) = replay(&journal, &options, &mut |_| {}).unwrap();
    assert_eq!(outcome.findings.end.kind, EndKind::Until);
    assert!(earlier.get(&key).is_some_and(|record| record.ends_with(b"before the commit")));
}
