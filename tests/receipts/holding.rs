//! What a receipt says, and when it still holds.

use std::path::Path;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::event::{Body, Property};
use vexfs_replay::journal::{Journal, NewEvent, Writer, WriterOptions};
use vexfs_replay::receipt::{Depth, ProvenBy, Receipt, SegmentVerdict, check};
use vexfs_replay::replay::{ReplayOptions, SkippedBecause, SkippedEvents, replay_validated};
use vexfs_replay::storage::DiskFolder;

fn event(node: u64) -> NewEvent<'static> {
    NewEvent::new(node, Body::PropertySet(Property { node, name: b"name", value: &[7; 300] }))
}

fn options() -> WriterOptions {
    WriterOptions { block_bytes: 4096, segment_bytes: 32 * 1024, ..WriterOptions::default() }
}

fn write(path: &Path) -> Writer {
    let writer = Writer::create(Arc::new(DiskFolder::create(path).unwrap()), options()).unwrap();
    (0..400).for_each(|node| _ = writer.append(&event(node)).unwrap());
    writer
}

fn validate(path: &Path) -> Receipt {
    let journal = Journal::open_path(path).unwrap();
    let options = ReplayOptions::default();
    let (state, outcome, receipt) =
        replay_validated(&journal, &options, None, &mut |_| {}).unwrap();
    assert_eq!(receipt.state_digest, state.digest());
    assert_eq!(receipt.last_lsn, outcome.last_lsn);
    assert_eq!(receipt.proven_by, ProvenBy::SerialReplay);
    receipt
}

/// What a check says of each segment, and how many bytes it read.
fn verdicts(receipt: &Receipt, path: &Path, depth: Depth) -> (bool, Vec<SegmentVerdict>, u64) {
    let checked = check(receipt, &Journal::open_path(path).unwrap(), depth).unwrap();
    (checked.holds, checked.segments.into_iter().map(|it| it.verdict).collect(), checked.bytes_read)
}

#[test]
fn a_receipt_holds_and_reads_only_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let writer = write(path);
    writer.commit().unwrap();
    let receipt = validate(path);
    let segments = receipt.segments.len();
    assert!(segments > 3, "{segments} segments");
    let (holds, told, read) = verdicts(&receipt, path, Depth::Changed);
    assert!(holds && told.iter().all(|it| *it == SegmentVerdict::Unchanged), "{told:?}");
    assert_eq!(read, 0);
    // The journal goes on in its newest segment and in others: the first ones stay unread.
    (0..200).for_each(|node| _ = writer.append(&event(node)).unwrap());
    writer.close().unwrap();
    let (holds, told, read) = verdicts(&receipt, path, Depth::Changed);
    assert!(holds, "{told:?}");
    let (newest, others) = told.split_last().unwrap();
    assert_eq!(*newest, SegmentVerdict::Same);
    assert!(others.iter().all(|it| *it == SegmentVerdict::Unchanged), "{others:?}");
    assert!(0 < read && read <= 32 * 1024, "{read} bytes");
    let (holds, told, all) = verdicts(&receipt, path, Depth::All);
    assert!(holds && told.iter().all(|it| *it == SegmentVerdict::Same), "{told:?}");
    assert!(all > read);
    // And what was appended is not the receipt's.
    assert!(validate(path).last_lsn > receipt.last_lsn);
}

#[test]
fn every_segment_that_changes_is_named() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path()).close().unwrap();
    let receipt = validate(folder.path());
    for told in &receipt.segments {
        let number = told.segment;
        let name = vexfs_replay::journal::segment::file_name(number);
        let file = folder.path().join(name);
        let content = std::fs::read(&file).unwrap();
        // In the header page, in the first block's events, and in the last block's.
        let last_block = usize::try_from(told.bytes).unwrap() - 2 * 4096;
        for at in [100, 4096 + 300, last_block - 4096 + 300] {
            let mut changed = content.clone();
            changed[at] ^= 1;
            std::fs::write(&file, &changed).unwrap();
            let (holds, verdicts, _) = verdicts(&receipt, folder.path(), Depth::Changed);
            let differs = |it: &&SegmentVerdict| matches!(it, SegmentVerdict::Differs { .. });
            assert!(!holds, "byte {at} of segment {number}");
            let index = usize::try_from(number).unwrap();
            assert!(differs(&&verdicts[index]), "byte {at} of segment {number}: {verdicts:?}");
            assert_eq!(verdicts.iter().filter(differs).count(), 1, "{verdicts:?}");
        }
        std::fs::remove_file(&file).unwrap();
        assert!(
            !verdicts(&receipt, folder.path(), Depth::Changed).0 || receipt.segments.len() == 1
        );
        std::fs::write(&file, &content).unwrap();
        assert!(verdicts(&receipt, folder.path(), Depth::Changed).0);
    }
}

#[test]
fn a_receipt_that_was_changed_is_none() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path()).close().unwrap();
    let receipt = validate(folder.path());
    let json = serde_json::to_string(&receipt).unwrap();
    assert_eq!(Receipt::parse(json.as_bytes()).unwrap(), receipt);
    let last = receipt.last_lsn.to_string();
    let forged = json.replace(&format!("\"last_lsn\":{last}"), "\"last_lsn\":399");
    assert_ne!(forged, json);
    assert!(matches!(Receipt::parse(forged.as_bytes()), Err(Error::BadReceipt { .. })));
    for length in 0..json.len() {
        assert!(Receipt::parse(&json.as_bytes()[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn another_digest_is_an_error_and_leaves_no_receipt() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path()).close().unwrap();
    let journal = Journal::open_path(folder.path()).unwrap();
    let right = validate(folder.path()).state_digest;
    let options = ReplayOptions::default();
    let result = replay_validated(&journal, &options, Some(right), &mut |_| {});
    assert_eq!(result.unwrap().2.proven_by, ProvenBy::GivenDigest);
    let wrong = replay_validated(&journal, &options, Some([7; 32]), &mut |_| {});
    let Err(Error::DigestDiffers { expected, found }) = wrong else { panic!("{wrong:?}") };
    assert_eq!((expected, found), ([7; 32], right));
}

#[test]
fn every_event_that_took_no_effect_is_listed_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let writer =
        Writer::create(Arc::new(DiskFolder::create(folder.path()).unwrap()), options()).unwrap();
    let lsns = |writes: &mut dyn FnMut() -> u64, count: u64| -> Vec<u64> {
        (0..count).map(|_| writes()).collect()
    };
    let mut aborted = writer.begin(1, 0).unwrap();
    let mut committed = writer.begin(1, 0).unwrap();
    let mut unfinished = writer.begin(1, 0).unwrap();
    let [aborted_id, unfinished_id] = [aborted.id(), unfinished.id()];
    let first = lsns(&mut || aborted.append(&event(1)).unwrap().lsn, 2);
    let left = lsns(&mut || unfinished.append(&event(2)).unwrap().lsn, 1);
    lsns(&mut || committed.append(&event(3)).unwrap().lsn, 3);
    let second = lsns(&mut || aborted.append(&event(4)).unwrap().lsn, 40);
    aborted.abort(2).unwrap();
    committed.commit(2).unwrap();
    let last = lsns(&mut || unfinished.append(&event(5)).unwrap().lsn, 40);
    drop(unfinished);
    writer.close().unwrap();
    let range = |lsns: &[u64]| (lsns[0], lsns[lsns.len() - 1]);
    let expected = [
        SkippedEvents {
            because: SkippedBecause::Aborted,
            transaction: aborted_id,
            lsns: vec![range(&first), range(&second)],
        },
        SkippedEvents {
            because: SkippedBecause::Unfinished,
            transaction: unfinished_id,
            lsns: vec![range(&left), range(&last)],
        },
    ];
    assert_eq!(validate(folder.path()).skipped, expected);
}
