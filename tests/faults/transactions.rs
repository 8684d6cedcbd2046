//! Transactions that are not whole, and state that stops early.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::event::{
    Body, Measure, Property, PropertyRef, TransactionBegin, TransactionEnd, transaction_outcome,
};
use vexfs_replay::journal::layout::BlockHeader;
use vexfs_replay::journal::{NewEvent, TransactionDigest, Validation, Writer, WriterOptions};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions};
use vexfs_replay::state::{Key, KeyKind};
use vexfs_replay::storage::MemoryFolder;

use crate::harness::{CHAINED, CHECKED, Made, POLICIES, options, replay_both};
use crate::scribe::Step;
use crate::small_journal::{OPTIONS, blocks_of, change, names_of};

#[test]
fn fault_26_a_transaction_without_a_commit_is_discarded_and_listed() {
    let steps = &[
        Step::Set(10),
        Step::Unfinished(3),
        Step::Transaction(2, 10),
        Step::Unfinished(1),
        Step::Commit,
        Step::Set(9),
        Step::Commit,
    ];
    let made = Made::by(steps, OPTIONS);
    for damage in POLICIES {
        for validation in Validation::ALL {
            let (state, outcome) = replay_both(&made.folder, &options(damage, validation)).unwrap();
            let transactions = &outcome.findings.transactions;
            // Begun at LSN 2 after one set, and after the 7 events of that one and 6 of the next.
            assert_eq!(transactions.discarded.ids, [2, 15]);
            assert_eq!((transactions.committed, transactions.broken.count), (1, 0));
            assert!(!outcome.has_loss());
            made.history.check_state(&state, made.history.last_lsn());
        }
    }
}

/// The number of the metrics' event type, which is part of their keys.
const METRIC: u64 = 0x0801;

fn metric(name: &[u8], value: f64) -> NewEvent<'_> {
    NewEvent::new(1, Body::Metric(Measure { value, name, text: b"" }))
}

#[test]
fn fault_27_a_transaction_id_used_again_after_a_crash() {
    let folder = MemoryFolder::default();
    let writer = Writer::create(Arc::new(folder.clone()), OPTIONS).unwrap();
    let mut old = writer.begin(1, 0).unwrap();
    let id = old.id();
    old.append(&metric(b"old", 1.0)).unwrap();
    drop(old);
    writer.commit().unwrap();
    drop(writer);
    // The next life goes on with the id, as if its begin were its own, and ends it.
    let writer = Writer::open(Arc::new(folder.clone()), OPTIONS).unwrap();
    writer.append(&NewEvent { transaction: id, ..metric(b"new", 2.0) }).unwrap();
    let (outcome, events) = (transaction_outcome::COMMIT, 1);
    let digest = TransactionDigest::default().finish();
    let end = NewEvent::new(1, Body::TransactionEnd(TransactionEnd { outcome, events, digest }));
    writer.append(&NewEvent { transaction: id, ..end }).unwrap();
    writer.append(&metric(b"outside", 3.0)).unwrap();
    writer.close().unwrap();

    for &validation in CHAINED {
        for damage in [DamagePolicy::Strict, DamagePolicy::Tail] {
            let result = replay_both(&folder, &options(damage, validation));
            assert!(matches!(result, Err(Error::Inconsistent { lsn: 3, .. })), "{result:?}");
        }
    }
    for validation in Validation::ALL {
        let options = options(DamagePolicy::Salvage, validation);
        let (state, outcome) = replay_both(&folder, &options).unwrap();
        assert_eq!(outcome.findings.transactions.discarded.ids, [id]);
        assert_eq!(outcome.findings.transactions.committed, 0);
        let there = |name: &[u8]| state.get(&Key::named(KeyKind::Metric, METRIC, name)).is_some();
        assert_eq!([there(b"old"), there(b"new"), there(b"outside")], [false, false, true]);
    }
}

/// The id of an aborted transaction is used again within the same life of the writer, and the end
/// comes so late that the events are read again: from a block that holds those of both.
#[test]
fn fault_27_an_id_used_again_takes_nothing_of_the_transaction_before() {
    let folder = MemoryFolder::default();
    let long = WriterOptions { block_bytes: 64 * 1024, segment_bytes: 1 << 30, ..OPTIONS };
    let writer = Writer::create(Arc::new(folder.clone()), long).unwrap();
    let id = 1;
    let append =
        |event: NewEvent<'_>| writer.append(&NewEvent { transaction: id, ..event }).unwrap();
    let begin =
        || append(NewEvent::new(1, Body::TransactionBegin(TransactionBegin { session: 0 })));
    let end = |outcome, name: &[u8]| {
        let mut digest = TransactionDigest::default();
        let member = append(metric(name, 1.0));
        digest.add(member.lsn, member.crc);
        if outcome == transaction_outcome::COMMIT {
            let text = vec![b'.'; 60_000];
            let filler = Body::Metric(Measure { value: 0.0, name: b"filler", text: &text });
            for _ in 0..90 {
                writer.append(&NewEvent::new(1, filler)).unwrap();
            }
        }
        let (events, digest) = (digest.events(), digest.finish());
        append(NewEvent::new(1, Body::TransactionEnd(TransactionEnd { outcome, events, digest })));
    };
    append(metric(b"stray", 1.0));
    begin();
    end(transaction_outcome::ABORT, b"aborted");
    begin();
    append(metric(b"unended", 1.0));
    begin();
    end(transaction_outcome::COMMIT, b"committed");
    writer.close().unwrap();
    let salvage = options(DamagePolicy::Salvage, Validation::Cryptographic);
    let (state, outcome) = replay_both(&folder, &salvage).unwrap();
    let transactions = &outcome.findings.transactions;
    assert_eq!((transactions.committed, transactions.aborted), (1, 1));
    let there = |name: &[u8]| state.get(&Key::named(KeyKind::Metric, METRIC, name)).is_some();
    let names: [&[u8]; 4] = [b"stray", b"aborted", b"unended", b"committed"];
    assert_eq!(names.map(there), [false, false, false, true]);
}

#[test]
fn fault_28_commit_there_and_one_block_of_its_transaction_damaged() {
    let steps = &[
        Step::Set(10),
        Step::Commit,
        Step::Transaction(5, 2_500),
        Step::Set(20),
        Step::Commit,
        Step::Close,
    ];
    let long = WriterOptions { segment_bytes: 1024 * 1024, ..OPTIONS };
    let blocks = Made::by(steps, long).blocks(0);
    // All blocks but the first and the last hold nothing but the middle of the transaction.
    assert!(blocks.len() > 3);
    for block in &blocks[1..blocks.len() - 1] {
        let made = Made::by(steps, long);
        made.change(0, |content| content[block.at + BlockHeader::BYTES + 9] ^= 1);
        for &validation in CHECKED {
            for damage in POLICIES {
                let result = replay_both(&made.folder, &options(damage, validation));
                if matches!(damage, DamagePolicy::Strict | DamagePolicy::Tail) {
                    assert!(matches!(result, Err(Error::Damaged { .. })), "{result:?}");
                    continue;
                }
                let (state, outcome) = result.unwrap();
                let transactions = &outcome.findings.transactions;
                assert_eq!(transactions.committed, 0);
                if damage == DamagePolicy::Prefix {
                    made.history.check_state(&state, block.header.first_lsn - 1);
                    continue;
                }
                let lost = block.header.first_lsn..block.last_lsn() + 1;
                let begun_there = lost.contains(&2);
                assert_eq!(transactions.broken.ids, if begun_there { vec![] } else { vec![2] });
                assert!(outcome.findings.inconsistencies.count > 0);
                made.history.check_state_without(&state, made.history.last_lsn(), &lost);
            }
        }
    }
}

/// Nodes get a property, lose it again, and get another value: a block each.
#[test]
fn fault_29_prefix_stops_at_a_point_consistent_for_all_keys() {
    const NODES: u64 = 40;
    let folder = MemoryFolder::default();
    let writer = Writer::create(Arc::new(folder.clone()), OPTIONS).unwrap();
    let append = |body| writer.append(&NewEvent::new(1, body)).map(drop).unwrap();
    for round in 0..4 {
        for node in 0..NODES {
            let value: &[u8] = if round == 0 { b"first" } else { b"second" };
            if round % 2 == 0 {
                append(Body::PropertySet(Property { node, name: b"name", value }));
            } else {
                append(Body::PropertyDelete(PropertyRef { node, name: b"name" }));
            }
            if node % 8 == 7 {
                writer.commit().unwrap();
            }
        }
    }
    writer.close().unwrap();
    let names = names_of(&folder);
    for name in &names {
        let intact = folder.get(name).unwrap();
        for block in blocks_of(&intact) {
            change(&folder, name, |content| content[block.at + BlockHeader::BYTES] ^= 1);
            let last_lsn = block.header.first_lsn - 1;
            let options = options(DamagePolicy::Prefix, Validation::Cryptographic);
            let (state, outcome) = replay_both(&folder, &options).unwrap();
            assert_eq!(outcome.last_lsn, last_lsn);
            for node in 0..NODES {
                let rounds = (last_lsn + NODES - 1 - node) / NODES;
                let found = state.get(&Key::named(KeyKind::Property, node, b"name"));
                let value: Option<&[u8]> = match rounds {
                    1 => Some(b"first"),
                    3 => Some(b"second"),
                    _ => None,
                };
                let same = match (found, value) {
                    (Some(found), Some(value)) => found.ends_with(value),
                    (found, value) => found.is_none() && value.is_none(),
                };
                assert!(same, "node {node} after LSN {last_lsn}");
            }
            folder.put(name, intact.clone());
        }
    }
    assert!(replay_both(&folder, &ReplayOptions::default()).is_ok());
}
