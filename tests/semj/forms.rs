//! What an export writes, byte for byte, against the kernel's layout as the document has it; and what an import
//! makes of what a kernel wrote.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::event::{Event, EventType, TailField, tail_tag};
use vexfs_replay::journal::Journal;
use vexfs_replay::replay::{ReplayOptions, replay};
use vexfs_replay::semj::SemjFault;

use crate::dice::Dice;
use crate::events;
use crate::kernel::{self, Kernel, marker};
use crate::place::{events_of, export, header_of, import, journal_of, numbered};

/// The kernel's event for a native one that the kernel knows no more of.
fn plain(event: &[u8], id: u64, lsn: u64) -> Kernel {
    let header = header_of(event);
    let length = header.payload_bytes as usize;
    let plain = Kernel::plain(id, lsn, header.event_type, header.timestamp_ns, header.transaction);
    let priority = u32::from(header.priority);
    Kernel {
        flags: u32::from(header.flags),
        priority,
        replay_priority: priority,
        payload: event[32..32 + length].to_vec(),
        metadata: marker(0, length),
        ..plain
    }
}

/// Each type without a tail, at the ends of each field's range.
#[test]
fn an_event_without_a_tail_is_written_in_the_plain_form() {
    let mut dice = Dice(1);
    let payloads: Vec<_> =
        EventType::ALL.iter().map(|it| (it.code(), events::payload(*it, &mut dice))).collect();
    let mut native: Vec<_> = payloads
        .iter()
        .map(|(code, payload)| events::event(*code, payload, &[], &mut dice))
        .collect();
    for event in &mut native {
        let length = header_of(event).payload_bytes as usize;
        event[32 + length..].fill(0);
    }
    let expected: Vec<_> =
        (1..).zip(&native).map(|(lsn, event)| plain(event, lsn, lsn).encode()).collect();
    let (file, _) = export(&journal_of(&native)).unwrap();
    assert!(file == kernel::file(&expected));
}

/// What the kernel's layout has no field for follows the payload.
#[test]
fn an_event_with_another_tail_is_written_verbatim() {
    let mut dice = Dice(2);
    let mut tail = Vec::new();
    TailField { tag: 77, value: b"of another program" }.encode(&mut tail);
    let native = events::event(0x0202, &[1; 8], &tail, &mut dice);
    let expected =
        Kernel { payload: native[32..].to_vec(), metadata: marker(2, 8), ..plain(&native, 1, 1) };
    let (file, exported) = export(&journal_of(&[native])).unwrap();
    assert!(file == kernel::file(&[expected.encode()]));
    assert_eq!(exported.verbatim, 1);
}

/// A kernel's own event is kept whole and takes no effect, in no transaction either.
#[test]
fn a_kernels_own_event_is_kept_and_passed_over() {
    let mut dice = Dice(3);
    let mut own = Kernel::random(40, &mut dice);
    own.event_type = 0x0701;
    own.context[..8].copy_from_slice(&9_u64.to_le_bytes());
    own.payload = b"of a kernel".to_vec();
    own.metadata = b"{}".to_vec();
    own.links = dice.exactly(320);
    own.priority = 1_000;
    own.flags = 0x1_0242;
    let (journal, imported) = import(&kernel::file(&[own.encode()])).unwrap();
    assert_eq!((imported.events, imported.foreign), (1, 1));
    let bytes = events_of(&journal).remove(0);
    let event = Event::read(1, &bytes).unwrap();
    assert_eq!((event.header.event_type, event.header.transaction), (0x8701, 0));
    assert_eq!((event.header.flags, event.header.priority), (0x42, 255));
    assert_eq!((event.header.timestamp_ns, event.payload()), (own.time_ns, &own.payload[..]));
    let tail: Vec<_> = event.tail().map(|field| field.unwrap()).collect();
    let tags = [
        tail_tag::KERNEL_HEADER,
        tail_tag::KERNEL_CONTEXT_RUNS,
        tail_tag::KERNEL_METADATA,
        tail_tag::KERNEL_CAUSALITY_LINKS,
    ];
    assert_eq!(tail.iter().map(|it| it.tag).collect::<Vec<_>>(), tags);
    assert_eq!((tail[2].value, tail[3].value), (&own.metadata[..], &own.links[..]));
    let journal = Journal::open(Arc::new(journal)).unwrap();
    let (state, outcome) = replay(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((outcome.findings.tally.unknown, outcome.findings.inconsistencies.count), (1, 0));
    assert!(state.counts().iter().all(|(_, count)| *count == 0));
}

/// Behind a kernel's own ids ours ascend, and a kernel's that don't are in the tail alone.
#[test]
fn ids_ascend_whatever_lies_before_them() {
    let mut dice = Dice(4);
    let own = Kernel::random(1_000, &mut dice).encode();
    let (journal, _) = import(&kernel::file(&[own])).unwrap();
    let foreign = events_of(&journal).remove(0);
    let native = events::event(0x0202, &[1; 8], &[], &mut dice);
    let events = [foreign.clone(), native.clone(), foreign, native];
    let (file, exported) = export(&journal_of(&events)).unwrap();
    assert_eq!((exported.foreign, exported.verbatim), (1, 1));
    let mut ids = Vec::new();
    let mut at = kernel::FILE_HEADER_BYTES;
    while at < file.len() {
        ids.push(u64::from_le_bytes(file[at..at + 8].try_into().unwrap()));
        at += u32::from_le_bytes(file[at + 64..at + 68].try_into().unwrap()) as usize;
    }
    assert_eq!(ids, [1_000, 1_001, 1_002, 1_003]);
    let (back, _) = import(&file).unwrap();
    assert_eq!(events_of(&back), numbered(&events));
}

/// What has no place in the kernel's layout is refused, with the event and what is too long.
#[test]
fn what_is_over_a_limit_is_refused_and_named() {
    let mut dice = Dice(5);
    let small = events::event(0x0202, &[1; 8], &[], &mut dice);
    let property = |length: u32| {
        let mut payload = 7_u64.to_le_bytes().to_vec();
        payload.extend(0_u32.to_le_bytes());
        payload.extend(length.to_le_bytes());
        payload.resize(payload.len() + length as usize, 5);
        payload
    };
    let room = 65_536 - 132 - 5_280 - 16 - 16;
    let fits = events::event(0x0207, &property(room), &[], &mut Dice(6));
    let (file, _) = export(&journal_of(&[small.clone(), fits])).unwrap();
    import(&file).unwrap();
    let over = events::event(0x0207, &property(room + 1), &[], &mut Dice(6));
    match export(&journal_of(&[small, over])) {
        Err(Error::LimitExceeded { lsn: 2, what, claimed, limit: 65_536 }) => {
            assert!(what.contains("length in bytes") && claimed > 65_536, "{what} {claimed}");
        }
        other => panic!("{other:?}"),
    }
}

/// The kernel has room for 64 agents.
#[test]
fn too_many_agents_are_refused_both_ways() {
    let event = |number: u64| {
        let mut event = Kernel::plain(number, number, 0x0701, 1, 0);
        event.context[4_168..4_176].copy_from_slice(&number.to_le_bytes());
        event.encode()
    };
    let most: Vec<_> = (1..=64).map(event).collect();
    let (journal, _) = import(&kernel::file(&most)).unwrap();
    let over: Vec<_> = (1..=65).map(event).collect();
    let refused = import(&kernel::file(&over)).unwrap_err();
    let Error::BadSemj { offset, event: Some(65), fault, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(offset, 52 + 64 * (132 + 5_280) + 132 + 4_168);
    assert!(matches!(fault, SemjFault::OverLimit { claimed: 65, limit: 64, .. }), "{fault}");
    // A native journal, whose events are a kernel's, may name more.
    let mut events = events_of(&journal);
    let (another, _) = import(&kernel::file(&[event(65)])).unwrap();
    events.extend(events_of(&another));
    let refused = export(&journal_of(&events)).unwrap_err();
    assert!(
        matches!(refused, Error::LimitExceeded { lsn: 65, claimed: 65, limit: 64, .. }),
        "{refused}"
    );
}

/// A transaction that its writer left open stays open; one that a later life would go on with means something
/// else where lives aren't told.
#[test]
fn a_transaction_does_not_outlive_its_writer() {
    use vexfs_replay::event::{Body, Traversal};
    use vexfs_replay::journal::{NewEvent, Writer, WriterOptions};
    use vexfs_replay::storage::MemoryFolder;

    let journal = |goes_on: bool| {
        let folder = MemoryFolder::default();
        let event =
            NewEvent::new(1, Body::GraphTraverse(Traversal { start: 7, depth: 1, visited: 1 }));
        let first = Writer::create(Arc::new(folder.clone()), WriterOptions::default()).unwrap();
        let mut left_open = first.begin(1, 0).unwrap();
        left_open.append(&event).unwrap();
        let transaction = if goes_on { left_open.id() } else { 0 };
        first.commit().unwrap();
        drop(first);
        let second = Writer::open(Arc::new(folder.clone()), WriterOptions::default()).unwrap();
        second.append(&NewEvent { transaction, ..event }).unwrap();
        second.close().unwrap();
        folder
    };
    let folder = journal(false);
    let (back, _) = import(&export(&folder).unwrap().0).unwrap();
    assert_eq!(events_of(&back), events_of(&folder));
    let discarded = [folder, back].map(|folder| {
        let journal = Journal::open(Arc::new(folder)).unwrap();
        let (state, outcome) = replay(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap();
        (state.digest(), outcome.findings.transactions.discarded.count)
    });
    assert_eq!(discarded[0], discarded[1]);
    assert_eq!(discarded[0].1, 1);
    let refused = export(&journal(true)).unwrap_err();
    assert!(matches!(refused, Error::Inconsistent { lsn: 3, .. }), "{refused}");
}
