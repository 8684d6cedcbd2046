//! What isn't sound is refused, and where it isn't is told.

use vexfs_replay::Error;
use vexfs_replay::semj::SemjFault;

use crate::dice::Dice;
use crate::events;
use crate::kernel::{
    self, FILE_HEADER_BYTES, HEADER_BYTES, Kernel, make_header_right, make_right, marker,
};
use crate::place::{events_of, export, import, journal_of};

/// A file with a kernel's own event, and one of ours in each form.
fn small_file() -> Vec<u8> {
    let mut dice = Dice(11);
    let mut own = Kernel::random(3, &mut dice);
    own.links = dice.exactly(160);
    let (journal, _) = import(&kernel::file(&[own.encode()])).unwrap();
    let mut all = events_of(&journal);
    all.push(events::event(0x0202, &[1; 8], &[], &mut dice));
    let tail = [7; 16];
    all.push(events::event(0x0202, &[1; 8], &tail, &mut dice));
    export(&journal_of(&all)).unwrap().0
}

fn refusal(file: &[u8]) -> (u64, Option<u64>, SemjFault) {
    match import(file) {
        Err(Error::BadSemj { offset, event, fault, .. }) => (offset, event, fault),
        other => panic!("{other:?}"),
    }
}

/// Every byte, every bit of some of them.
#[test]
fn every_flipped_byte_is_refused() {
    let mut file = small_file();
    import(&file).unwrap();
    let mut dice = Dice(12);
    for at in 0..file.len() {
        let flipped = [1, 0xFF, 1 << dice.below(8)];
        for flip in &flipped[..if at < 500 { 3 } else { 1 }] {
            file[at] ^= flip;
            let (offset, _, _) = refusal(&file);
            assert!(offset <= file.len() as u64, "{offset}");
            file[at] ^= flip;
        }
    }
}

/// Every length that is shorter, with a header that tells the old one and with one that tells the new.
#[test]
fn every_shorter_file_is_refused() {
    let file = small_file();
    for length in 0..file.len() {
        let mut cut = file[..length].to_vec();
        let (offset, event, _) = refusal(&cut);
        let field = if length < FILE_HEADER_BYTES { 0 } else { 28 };
        assert_eq!((offset, event), (field, None), "{length} bytes");
        if length >= FILE_HEADER_BYTES {
            cut[28..36].copy_from_slice(&(length as u64).to_le_bytes());
            make_header_right(&mut cut);
            let (offset, event, fault) = refusal(&cut);
            assert!(offset <= length as u64 && event.is_some());
            assert!(matches!(fault, SemjFault::CutShort { .. }), "{length} bytes: {fault}");
        }
    }
    let mut longer = file;
    longer.push(0);
    assert_eq!(refusal(&longer).0, 28);
}

/// Each claim of the file's header, with the checksum made right.
#[test]
fn what_the_header_says_is_held_to_the_file() {
    let file = small_file();
    let changed = |at: usize, bytes: &[u8]| {
        let mut changed = file.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        make_header_right(&mut changed);
        refusal(&changed).0
    };
    let end = file.len() as u64;
    let long = |number: u64| number.to_le_bytes();
    assert_eq!(changed(0, &[0]), 0);
    assert_eq!(changed(4, &[2]), 4);
    assert_eq!(changed(8, &[1]), 8);
    assert_eq!(changed(12, &long(10_000_001)), 12);
    assert_eq!(changed(12, &long(u64::MAX)), 12);
    assert_eq!(changed(12, &long(4)), end, "an event more than there are");
    assert!(changed(12, &long(2)) < end, "an event less than there are");
    assert_eq!(changed(20, &long(7)), 20);
    assert_eq!(changed(28, &long(end - 1)), 28);
    assert_eq!(changed(36, &long(51)), 36);
    assert_eq!(changed(36, &long(end + 1)), 36);
    assert_eq!(
        changed(36, &long(end - 1)),
        changed(36, &long(end - 2)),
        "the last event is cut off"
    );
    assert_eq!(changed(44, &[1]), 44);
}

/// Where the lengths of an event don't add up or are over a limit, that field is named, whatever the checksum.
#[test]
fn lengths_of_an_event_are_held_to_each_other() {
    let own = || Kernel::plain(1, 1, 0x0701, 1, 0);
    let with = |at: usize, value: u32| {
        let mut event = own().encode();
        event[at..at + 4].copy_from_slice(&value.to_le_bytes());
        make_right(&mut event);
        let (offset, number, fault) = refusal(&kernel::file(&[event]));
        assert_eq!(number, Some(1));
        (offset - FILE_HEADER_BYTES as u64, fault)
    };
    let differs = |found: (u64, SemjFault), at: u64| {
        assert!(found.0 == at && matches!(found.1, SemjFault::Differs { .. }), "{found:?}");
    };
    let over = |found: (u64, SemjFault), at: u64| {
        assert!(found.0 == at && matches!(found.1, SemjFault::OverLimit { .. }), "{found:?}");
    };
    differs(with(64, 5_411), 64);
    over(with(64, 65_537), 64);
    over(with(64, u32::MAX), 64);
    differs(with(68, 0), 68);
    differs(with(68, u32::MAX), 68);
    differs(with(72, 1), 64);
    differs(with(72, u32::MAX), 64);
    differs(with(76, 2_048), 64);
    over(with(76, 2_049), 76);
    differs(with(96, 256), 64);
    over(with(96, 257), 96);
    let mut most = own();
    most.metadata = vec![1; 2_048];
    most.links = vec![2; 256 * 160];
    most.payload = vec![3; 65_536 - HEADER_BYTES - 5_280 - 2_048 - 256 * 160];
    let file = kernel::file(&[most.encode()]);
    let (journal, _) = import(&file).unwrap();
    assert!(export(&journal).unwrap().0 == file);
}

/// Ids ascend, and no storage block stands between events.
#[test]
fn order_and_storage_blocks() {
    let event = |id: u64| Kernel::plain(id, id, 0x0701, 1, 0).encode();
    for ids in [[5, 5], [5, 4], [0, 1]] {
        let (offset, _, fault) = refusal(&kernel::file(&ids.map(event)));
        let at = if ids[0] == 0 { 52 } else { 52 + 5_412 };
        assert!(offset == at && matches!(fault, SemjFault::IdOrder { .. }), "{fault}");
    }
    import(&kernel::file(&[5, 9].map(event))).unwrap();
    let mut block = event(0x1_5345_4D4A);
    make_right(&mut block);
    assert_eq!(refusal(&kernel::file(&[block])), (52, Some(1), SemjFault::StorageBlock));
}

type Change<'c> = &'c dyn Fn(&mut Kernel);

/// What says that it was written natively, and would be written in another way, contradicts itself.
#[test]
fn what_contradicts_its_marker_is_refused() {
    let ours = |change: &dyn Fn(&mut Kernel)| {
        let mut event = Kernel::plain(1, 1, 0x0202, 1, 0);
        event.payload = vec![1; 8];
        event.metadata = marker(0, 8);
        change(&mut event);
        kernel::file(&[event.encode()])
    };
    import(&ours(&|_| {})).unwrap();
    let fault = |change: &dyn Fn(&mut Kernel)| refusal(&ours(change));
    let fields: [(Change<'_>, &str, u64); 12] = [
        (&|it| it.subtype = 1, "subtype", 12),
        (&|it| it.time_sequence = 1, "timestamp_sequence", 24),
        (&|it| it.flags = 0x100, "flags", 57),
        (&|it| it.priority = 256, "priority", 60),
        (&|it| it.version = 2, "version", 80),
        (&|it| it.parent = 1, "parent_event", 100),
        (&|it| it.root = 0, "root_cause_event", 108),
        (&|it| it.replay_priority = 9, "replay_priority", 128),
        (&|it| it.context[24] = b'/', "path", 132 + 24),
        (&|it| it.context[5_279] = 1, "semantic_confidence", 132 + 5_279),
        (&|it| it.metadata.push(1), "event_bytes", 64),
        (&|it| it.links = vec![0; 160], "event_bytes", 64),
    ];
    for (change, field, at) in fields {
        let (offset, event, fault) = fault(change);
        assert_eq!((offset - 52, event), (at, Some(1)), "{field}: {fault}");
        assert_eq!(fault, SemjFault::NotCanonical { field });
    }
    let unknown: [Change<'_>; 4] = [
        &|it| it.metadata[8] = 2,
        &|it| it.metadata[10] = 3,
        &|it| it.metadata.truncate(15),
        &|it| it.metadata.truncate(8),
    ];
    for change in unknown {
        assert_eq!(fault(change).2, SemjFault::Marker);
    }
    assert!(matches!(fault(&|it| it.metadata[12] = 7).2, SemjFault::Differs { .. }));
    assert!(matches!(fault(&|it| it.payload.push(7)).2, SemjFault::Differs { .. }));
    let malformed = fault(&|it| {
        it.payload.push(7);
        it.metadata = marker(0, 9);
    });
    assert!(
        malformed.0 == 52 + 5_412 && matches!(malformed.2, SemjFault::Native(_)),
        "{malformed:?}"
    );
    let unknown_type = fault(&|it| it.event_type = 0x0701);
    assert!(matches!(unknown_type.2, SemjFault::Native(_)), "{unknown_type:?}");
}

/// An index is left out, and told.
#[test]
fn an_index_is_left_out() {
    let events = [Kernel::plain(1, 1, 0x0701, 1, 0).encode()];
    let (journal, imported) = import(&kernel::file_with_index(&events, &[9; 33])).unwrap();
    assert_eq!((imported.index_bytes, imported.events), (33, 1));
    assert!(export(&journal).unwrap().0 == kernel::file(&events));
}

/// A change whose checksum is made right is refused, or comes back: nothing of it is lost on the way.
#[test]
fn a_change_with_a_right_checksum_is_refused_or_comes_back() {
    let file = small_file();
    let mut starts = Vec::new();
    let mut at = FILE_HEADER_BYTES;
    while at < file.len() {
        let length = u32::from_le_bytes(file[at + 64..at + 68].try_into().unwrap()) as usize;
        starts.push((at, length));
        at += length;
    }
    let (mut refused, mut back) = (0, 0);
    for (event, &(start, length)) in starts.iter().enumerate() {
        for at in start..start + length {
            let within = at - start;
            if (84..88).contains(&within) || (within > 200 && within % 3 != event) {
                continue;
            }
            let mut changed = file.clone();
            changed[at] ^= 0x55;
            make_right(&mut changed[start..start + length]);
            match import(&changed) {
                Ok((journal, _)) => {
                    assert!(export(&journal).unwrap().0 == changed, "event {event}, byte {within}");
                    back += 1;
                }
                Err(Error::BadSemj { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(refused > 1_000 && back > 1_000, "{refused} refused, {back} came back");
}
