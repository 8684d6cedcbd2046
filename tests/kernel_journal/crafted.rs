//! Journals that no sound writer makes, with checksums that fit: each is refused where it is wrong.

use proptest::collection::vec;
use proptest::prelude::*;
use vexfs_replay::block_journal::{Damage, Ending, Fault, survey};
use vexfs_replay::error::Error;
use vexfs_replay::storage::MemoryFolder;

use crate::model::BLOCK;
use crate::reader::{checksum, crc};
use crate::world::{Act, IMAGE, JOURNAL, Scribe, place, redo_only, shared, with_image};

/// A descriptor at 1, data at 2 and 3, a commit at 4, a revocation at 5, and a transaction from 6 to 8.
fn written() -> MemoryFolder {
    let memory = with_image();
    let mut scribe = Scribe::new(shared(&memory), 12);
    let acts = [Act::Commit(vec![(0, 1), (1, 2)]), Act::Revoke(vec![0]), Act::Commit(vec![(1, 4)])];
    assert!(acts.iter().all(|act| scribe.act(act)));
    memory
}

/// Where the checksum of a block lies.
fn field_of(block: usize) -> usize {
    if block == 0 { 120 } else { 16 }
}

fn seal(journal: &mut [u8], block: usize) {
    let (bytes, field) = (&mut journal[block * BLOCK..(block + 1) * BLOCK], field_of(block));
    let checksum = checksum(bytes, field);
    bytes[field..field + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// Puts a value into a block, and the checksum right.
fn crafted(block: usize, at: usize, value: &[u8]) -> MemoryFolder {
    let memory = written();
    let mut journal = memory.get(JOURNAL).unwrap();
    journal[block * BLOCK + at..][..value.len()].copy_from_slice(value);
    seal(&mut journal, block);
    memory.put(JOURNAL, journal);
    memory
}

/// What is wrong with it; the image is as it was.
fn refused(memory: &MemoryFolder) -> Damage {
    let before = memory.get(IMAGE).unwrap();
    let redone = redo_only(&shared(memory));
    assert!(memory.get(IMAGE).unwrap() == before);
    match redone {
        Err(Error::BlockJournalDamaged { damage, .. }) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_superblock_that_says_what_can_not_be_is_refused() {
    let fields = [
        (24, 13_u64, "file"),
        (24, u64::MAX, "count of blocks"),
        (24, 4, "count of blocks"),
        (32, 512, "block size"),
        (40, 0, "head"),
        (40, 12, "head"),
        (48, 0, "tail"),
        (48, u64::MAX, "tail"),
        (80, 2, "checksum type"),
    ];
    for (at, value, told) in fields {
        let bytes = value.to_le_bytes();
        let bytes = if matches!(at, 32 | 80) { &bytes[..4] } else { &bytes };
        let damage = refused(&crafted(0, at, bytes));
        assert_eq!(damage.position, 0);
        let text = damage.to_string();
        assert!(text.contains(told), "{text} at {at}");
    }
    for (at, value) in [(4, 2_u32), (84, 1)] {
        let redone = redo_only(&shared(&crafted(0, at, &value.to_le_bytes())));
        assert!(matches!(redone, Err(Error::UnknownFormat { .. })), "{redone:?}");
    }
    // A head within a transaction, and one where the log doesn't come to.
    let damage = refused(&crafted(0, 40, &3_u64.to_le_bytes()));
    assert_eq!(damage, Damage { position: 1, fault: Fault::HeadWithin { head: 3 } });
    let damage = refused(&crafted(0, 40, &11_u64.to_le_bytes()));
    assert_eq!(damage, Damage { position: 9, fault: Fault::EndsBeforeHead { head: 11 } });
}

#[test]
fn a_block_that_says_what_can_not_be_is_refused_where_it_lies() {
    let cases: [(usize, usize, &[u8], Fault); 6] = [
        (1, 32, &u32::MAX.to_le_bytes(), limit("block count", u32::MAX.into(), 505)),
        (1, 32, &100_u32.to_le_bytes(), Fault::MoreThanALap { blocks: 102, left: 11 }),
        (5, 24, &509_u32.to_le_bytes(), limit("count", 509, 508)),
        (6, 4, &9_u32.to_le_bytes(), Fault::Type { expected: 2, found: 9 }),
        (1, 4, &4_u32.to_le_bytes(), Fault::Type { expected: 2, found: 4 }),
        (4, 40, &1_u32.to_le_bytes(), Fault::Field { field: "block count", expected: 2, found: 1 }),
    ];
    for (block, at, value, fault) in cases {
        assert_eq!(refused(&crafted(block, at, value)), Damage { position: block as u64, fault });
    }
}

fn limit(field: &'static str, claimed: u64, most: u64) -> Fault {
    Fault::Limit { field, claimed, least: 0, most }
}

#[test]
fn blocks_beyond_the_image_and_of_the_journal_itself_are_refused() {
    for number in [12_u64, 1 << 40, u64::MAX] {
        let memory = written();
        let mut journal = memory.get(JOURNAL).unwrap();
        journal[BLOCK + 56..BLOCK + 64].copy_from_slice(&number.to_le_bytes());
        seal(&mut journal, 1);
        let whole = crc(0, &journal[BLOCK..4 * BLOCK]);
        journal[4 * BLOCK + 48..4 * BLOCK + 52].copy_from_slice(&whole.to_le_bytes());
        seal(&mut journal, 4);
        memory.put(JOURNAL, journal);
        let fault = Fault::BeyondImage { block: number, image_blocks: 12 };
        assert_eq!(refused(&memory), Damage { position: 1, fault });
    }
    let memory = crafted(0, 16, &1_u64.to_le_bytes());
    assert_eq!(refused(&memory), Damage { position: 1, fault: Fault::OwnBlock { block: 1 } });
}

/// Makes the checksum of a block one that is right only with its own field included, by its last four bytes.
fn over_itself(block: &mut [u8], field: usize) {
    let wanted = 0x1234_5678_u32;
    block[field..field + 4].copy_from_slice(&wanted.to_le_bytes());
    let last = block.len() - 4;
    let mut state = wanted;
    for _ in 0..32 {
        let carried = state >> 31 == 1;
        state = if carried { ((state ^ 0xEDB8_8320) << 1) | 1 } else { state << 1 };
    }
    let bytes = state ^ crc(0, &block[..last]);
    block[last..].copy_from_slice(&bytes.to_le_bytes());
    assert_eq!(crc(0, block), wanted);
}

#[test]
fn a_checksum_computed_with_its_own_field_is_named() {
    for block in [0, 1, 4, 5] {
        let memory = written();
        let mut journal = memory.get(JOURNAL).unwrap();
        over_itself(&mut journal[block * BLOCK..(block + 1) * BLOCK], field_of(block));
        memory.put(JOURNAL, journal);
        let text = refused(&memory).to_string();
        assert!(text.contains("computed with its own field included"), "{text}");
        let folder = shared(&memory);
        let seen = survey(&place(&folder, JOURNAL));
        let found = match seen {
            Err(Error::BlockJournalDamaged { damage, .. }) => damage,
            Ok(seen) => match seen.ending {
                Ending::Damaged(damage) | Ending::Torn(damage) => damage,
                Ending::Clean => panic!("it went unnoticed in block {block}"),
            },
            Err(error) => panic!("{error}"),
        };
        assert!(matches!(found.fault, Fault::ChecksumOverItself { .. }), "{found}");
        assert_eq!(found.position, block as u64);
    }
}

#[test]
fn a_sequence_that_goes_back_ends_the_log() {
    let damage = refused(&crafted(5, 8, &1_u64.to_le_bytes()));
    assert!(matches!(damage.fault, Fault::WrittenBehind { position: 6, .. }), "{damage}");
    // The head, and a next sequence that is lower than what stands before it.
    let head_and_tail_and_sequence = [9_u64, 1, 3].map(u64::to_le_bytes).concat();
    let damage = refused(&crafted(0, 40, &head_and_tail_and_sequence));
    let fault = Fault::Field { field: "sequence", expected: 3, found: 5 };
    assert_eq!(damage, Damage { position: 0, fault });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 100 } else { 3000 }))]

    #[test]
    fn any_fields_with_sound_checksums_give_a_result_or_a_typed_error(
        changes in vec((0_usize..12, 4_usize..140, any::<[u8; 8]>(), any::<bool>()), 1..6),
    ) {
        let memory = written();
        let mut journal = memory.get(JOURNAL).unwrap();
        for (block, at, value, small) in changes {
            let length = if small { 1 } else { 8 };
            journal[block * BLOCK + at..][..length].copy_from_slice(&value[..length]);
            seal(&mut journal, block);
        }
        memory.put(JOURNAL, journal);
        let before = memory.get(IMAGE).unwrap();
        match redo_only(&shared(&memory)) {
            Ok(_) => {}
            Err(Error::BlockJournalDamaged { .. } | Error::UnknownFormat { .. }) => {
                prop_assert!(memory.get(IMAGE).unwrap() == before);
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
