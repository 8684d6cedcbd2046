//! Random journals, replayed into memory and into stores whose caches are as small as can be.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use tempfile::tempdir;
use vexfs_replay::event::{Body, Node, NodeRef};
use vexfs_replay::journal::{Journal, NewEvent, Validation, Writer};
use vexfs_replay::replay::{
    Cause, DamagePolicy, Outcome, ReplayOptions, StopPoint, StoreOptions, replay, replay_into_store,
};
use vexfs_replay::state::{Contradiction, Key, KeyKind, MemoryState, View};
use vexfs_replay::storage::MemoryFolder;
use vexfs_replay::store::StoredState;

use crate::check::{failure, hold, open, options, runner, same};
use crate::play::play;
use crate::script::{SMALL, scripts};
use crate::small_journal::OPTIONS;

/// A store that keeps nothing in memory behind a cut, and one that keeps all of a small journal.
const CACHES: [u64; 2] = [0, 64 * 1024 * 1024];

fn store_at(folder: &Path, cache_bytes: u64) -> StoreOptions {
    StoreOptions { cache_bytes, ..StoreOptions::at(folder.join("store")) }
}

type Replayed<S> = (S, Outcome);

/// Compares a store with memory: every record, in order; counts; digest; what was found.
fn check_same(
    (memory, expected): &Replayed<MemoryState>,
    (stored, found): &Replayed<StoredState>,
) -> Result<(), String> {
    let told = |error: vexfs_replay::Error| error.to_string();
    for kind in KeyKind::ALL {
        let [mut wanted, mut in_order, mut some] = [Vec::new(), Vec::new(), Vec::new()];
        let add = |all: &mut Vec<_>, key: &Key<'_>, value: &[u8]| {
            all.push((key.id, key.second, key.name.to_vec(), value.to_vec()));
            Ok(())
        };
        memory
            .visit_in_order(kind, &mut |key, value| add(&mut wanted, key, value))
            .map_err(told)?;
        stored
            .visit_in_order(kind, &mut |key, value| add(&mut in_order, key, value))
            .map_err(told)?;
        stored.visit(kind, &mut |key, value| add(&mut some, key, value)).map_err(told)?;
        some.sort();
        same(kind.name(), &wanted, &in_order)?;
        same(kind.name(), &wanted, &some)?;
        if let Some((id, second, name, value)) = wanted.last() {
            let key = Key { kind, id: *id, second: *second, name };
            same("record", &Some(value.clone()), &stored.record(&key).map_err(told)?)?;
        }
    }
    same("sum", &memory.sum_up().map_err(told)?, &stored.sum_up().map_err(told)?)?;
    let [expected, found] = [expected, found].map(|it| {
        let it = &it.findings;
        let inconsistencies = (it.inconsistencies.count, it.inconsistencies.first.clone());
        let end = (it.end.kind, it.end.position.next_lsn, it.end.position.offset);
        (it.tally, it.blocks, it.bytes, it.transactions.clone(), inconsistencies, end)
    });
    same("findings", &expected, &found)
}

/// In one go and in two, the second of which finds the first one's state in the store alone.
#[test]
fn a_store_holds_what_memory_does() {
    let drawn =
        (scripts(SMALL), any::<Index>(), select(&CACHES[..]), select(&CACHES[..]), 1..4_usize);
    hold(runner(120).run(&drawn, |(script, stop, first, second, threads)| {
        let story = play(&script);
        let journal = open(&story.folder);
        let options = ReplayOptions {
            threads: NonZero::new(threads).unwrap(),
            ..options(DamagePolicy::Salvage, Validation::Cryptographic)
        };
        let failed = |what: &str| failure(&story, &format!("{threads} threads"), what);
        let memory = replay(&journal, &options, &mut |_| {}).unwrap();
        let folder = tempdir().unwrap();
        let until = stop.index(story.lines.len() + 1) as u64;
        let part = ReplayOptions { until: Some(StopPoint::Lsn(until)), ..options.clone() };
        let memory_part = replay(&journal, &part, &mut |_| {}).unwrap();
        let store = store_at(folder.path(), first);
        let stored = replay_into_store(&journal, &part, &store, &mut |_| {}).unwrap();
        check_same(&memory_part, &stored).map_err(|it| failed(&format!("up to {until}: {it}")))?;
        let store = store_at(folder.path(), second);
        let stored = replay_into_store(&journal, &options, &store, &mut |_| {}).unwrap();
        check_same(&memory, &stored).map_err(|it| failed(&format!("after {until}: {it}")))
    }));
}

/// A journal of these nodes, created, removed or changed, each in a segment and so behind a cut of its
/// own.
fn nodes(acts: &[fn(Node<'static>) -> Body<'static>]) -> (MemoryFolder, Journal) {
    let folder = MemoryFolder::default();
    let node = Node { node: 7, kind: 1, data: b"data" };
    for (number, act) in (0..).zip(acts) {
        let storage = Arc::new(folder.clone());
        let writer = match number {
            0 => Writer::create(storage, OPTIONS),
            _ => Writer::open(storage, OPTIONS),
        };
        let writer = writer.unwrap();
        writer.append(&NewEvent::new(number, act(node))).unwrap();
        writer.close().unwrap();
    }
    let journal = open(&folder);
    (folder, journal)
}

/// What went since the store was written is still in it, and must not come back.
#[test]
fn what_is_gone_is_not_fetched_again() {
    let (_folder, journal) = nodes(&[
        Body::NodeCreate,
        |node| Body::NodeDelete(NodeRef { node: node.node }),
        Body::NodeUpdate,
    ]);
    let options = options(DamagePolicy::Salvage, Validation::Full);
    let folder = tempdir().unwrap();
    let store = store_at(folder.path(), CACHES[1]);
    let key = Key::numbered(KeyKind::Node, 7);
    let first = ReplayOptions { until: Some(StopPoint::Lsn(1)), ..options.clone() };
    let (state, _) = replay_into_store(&journal, &first, &store, &mut |_| {}).unwrap();
    assert!(state.record(&key).unwrap().is_some());
    let (state, outcome) = replay_into_store(&journal, &options, &store, &mut |_| {}).unwrap();
    assert_eq!(state.record(&key).unwrap(), None);
    assert_eq!(outcome.checkpoints.written, 1, "nothing was written between");
    let found = outcome.findings.inconsistencies;
    let missing = Cause::Effect(Contradiction::Missing(KeyKind::Node));
    assert_eq!((found.count, found.first[0].lsn, found.first[0].cause), (1, 3, missing));
}

/// What went and came again between two writes is there.
#[test]
fn what_goes_and_comes_again_is_there() {
    let (_folder, journal) = nodes(&[
        Body::NodeCreate,
        |node| Body::NodeDelete(NodeRef { node: node.node }),
        |node| Body::NodeCreate(Node { data: b"other", ..node }),
    ]);
    let options = options(DamagePolicy::Tail, Validation::Full);
    let folder = tempdir().unwrap();
    let store = store_at(folder.path(), CACHES[1]);
    let first = ReplayOptions { until: Some(StopPoint::Lsn(1)), ..options.clone() };
    replay_into_store(&journal, &first, &store, &mut |_| {}).unwrap();
    let stored = replay_into_store(&journal, &options, &store, &mut |_| {}).unwrap();
    let record = stored.0.record(&Key::numbered(KeyKind::Node, 7)).unwrap().unwrap();
    assert!(record.ends_with(b"other"));
    check_same(&replay(&journal, &options, &mut |_| {}).unwrap(), &stored).unwrap();
}
