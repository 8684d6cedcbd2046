//! Files that someone made by hand: lengths and counts that are impossible, with right checksums,
//! and places that point back at themselves. The work is bounded by what is stored.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::event::{Body, EntryRef, MAX_EVENT_BYTES};
use vexfs_replay::journal::damage::{Fault, Verdict};
use vexfs_replay::journal::layout::{
    BlockHeader, MAX_BLOCK_BYTES, PAGE_BYTES, SealEntry, SealHeader, SealTrailer,
};
use vexfs_replay::journal::{
    Durability, EndKind, Journal, NewEvent, Validation, Writer, WriterOptions,
};
use vexfs_replay::replay::{DamagePolicy, replay_serially};
use vexfs_replay::storage::MemoryFolder;

use crate::failing::FailingFolder;
use crate::harness::{Corruption, Made, POLICIES, check_tail, options, replay_both};
use crate::scribe::Step;
use crate::small_journal::{Digest, OPTIONS, chain_anew, names_of, rebuild, rebuild_seal_header};

/// How often a journal's bytes may be read at most, all policies and modes alike.
const READINGS_MAX: u64 = 8;

/// Replays on storage that counts, and checks that not much more is read than there is.
fn check_bounded(folder: &MemoryFolder) {
    let stored: u64 =
        names_of(folder).iter().map(|name| folder.get(name).unwrap().len() as u64).sum();
    for damage in POLICIES {
        for validation in Validation::ALL {
            let counting = FailingFolder::over(Arc::new(folder.clone()), None);
            let journal = Journal::open(Arc::new(counting.clone())).unwrap();
            let replayed = replay_serially(&journal, &options(damage, validation));
            drop(replayed);
            let read = counting.bytes_read();
            let at = format!("{damage:?}, {validation:?}");
            assert!(read <= READINGS_MAX * stored, "{read} of {stored} bytes, {at}");
        }
    }
}

/// A claim in a block's header, and the most that is possible.
type Claim = (fn(&mut BlockHeader), u64, u64);

#[test]
fn fault_03_a_huge_length_or_count_with_a_valid_crc() {
    let most_block = MAX_BLOCK_BYTES as u64;
    let claims: [Claim; 5] = [
        (|header| header.block_bytes = 0xFFFF_F000, 0xFFFF_F000, most_block),
        (|header| header.block_bytes = 0, 0, most_block),
        (|header| header.block_bytes = 5000, 5000, most_block),
        (|header| header.payload_bytes = u32::MAX, u64::from(u32::MAX), 0),
        (|header| header.event_count = u32::MAX, u64::from(u32::MAX), 0),
    ];
    for (claim, expected, most) in claims {
        let made = Made::closed();
        let block = &made.blocks(1)[0];
        made.change(1, |content| {
            rebuild(content, block.at, Digest::MadeRight, |header, _| claim(header));
        });
        let corruption = Corruption::of_block("limit_exceeded", 1, block);
        corruption.check(&made, &Validation::ALL);
        check_bounded(&made.folder);
        let refused = replay_both(&made.folder, &options(DamagePolicy::Tail, Validation::Full));
        let Err(Error::Damaged { first, .. }) = refused else { panic!("{refused:?}") };
        let Fault::LimitExceeded { claimed, limit, remaining, .. } = first.fault else { panic!() };
        assert_eq!(claimed, expected);
        assert!(limit == most || (most == 0 && limit < block.header.block_bytes.into()));
        assert!(remaining > 0 && remaining < made.content(1).len() as u64);
    }
}

#[test]
fn fault_03_a_huge_event_with_a_valid_crc() {
    for claimed in [u32::MAX, 0, 8, u32::try_from(MAX_EVENT_BYTES).unwrap() + 8] {
        for at in [0, 4] {
            let made = Made::closed();
            let block = &made.blocks(made.newest())[0];
            made.change(made.newest(), |content| {
                rebuild(content, block.at, Digest::MadeRight, |_, payload| {
                    payload[at..at + 4].copy_from_slice(&claimed.to_le_bytes());
                });
                chain_anew(content);
            });
            let corruption = Corruption::of_block("malformed_event", made.newest(), block);
            corruption.check(&made, &Validation::ALL);
        }
    }
}

#[test]
fn fault_03_a_huge_count_in_a_seal_with_a_valid_crc() {
    let (page, huge) = (PAGE_BYTES as u64, 1 << 40);
    let fixed = (SealHeader::BYTES + SealTrailer::BYTES) as u64;
    let that_fits = (huge * SealEntry::BYTES as u64 + fixed).next_multiple_of(page);
    for (blocks, seal_bytes) in [(u64::MAX, page), (huge, that_fits), (3, u64::MAX - page + 1)] {
        let made = Made::closed();
        let last = made.blocks(0).pop().unwrap();
        made.change(0, |content| {
            rebuild_seal_header(content, |header| {
                (header.blocks, header.seal_bytes) = (blocks, seal_bytes);
            });
        });
        let (fault, verdict, lost) = ("limit_exceeded", Verdict::Corruption, 0..0);
        let (segment, offset, lsn) = (0, last.end(), last.last_lsn() + 1);
        let corruption = Corruption { fault, segment, offset, lsn, lost, verdict };
        corruption.check(&made, &Validation::ALL);
        check_bounded(&made.folder);
    }
}

#[test]
fn fault_39_a_block_that_says_it_lies_where_another_does() {
    let made = Made::closed();
    let blocks = made.blocks(1);
    made.change(1, |content| {
        let back = blocks[0].at as u64;
        rebuild(content, blocks[1].at, Digest::MadeRight, |header, _| header.file_offset = back);
    });
    Corruption::of_block("misplaced", 1, &blocks[1]).check(&made, &Validation::ALL);
    check_bounded(&made.folder);
}

#[test]
fn fault_39_a_seal_that_points_back_into_the_blocks() {
    let made = Made::closed();
    let last = made.last_block();
    for back in [0, PAGE_BYTES as u64, last.at as u64] {
        let made = Made::closed();
        made.change(made.newest(), |content| {
            rebuild_seal_header(content, |header| header.file_offset = back);
        });
        let (fault, verdict, lost) = ("misplaced", Verdict::Corruption, 0..0);
        let (segment, offset, lsn) = (made.newest(), last.end(), last.last_lsn() + 1);
        Corruption { fault, segment, offset, lsn, lost, verdict }.check(&made, &Validation::ALL);
        check_bounded(&made.folder);
    }
}

#[test]
fn fault_39_a_run_of_bad_blocks_is_searched_once() {
    const BLOCKS: usize = 500;
    let options = WriterOptions {
        durability: Durability::MetadataOnly,
        segment_bytes: 2 * (BLOCKS * PAGE_BYTES) as u64,
        ..OPTIONS
    };
    let steps = [Step::Set(3_000), Step::Commit].repeat(BLOCKS);
    for closed in [false, true] {
        let end: &[Step] = if closed { &[Step::Close] } else { &[] };
        let made = Made::by(&[&steps, end].concat(), options);
        let blocks = made.blocks(0);
        assert_eq!(blocks.len(), BLOCKS);
        made.change(0, |content| {
            for block in &blocks[3..] {
                content[block.at + BlockHeader::BYTES + 9] ^= 1;
            }
        });
        check_bounded(&made.folder);
        if closed {
            let lost = blocks[3].header.first_lsn..made.history.last_lsn() + 1;
            let corruption = Corruption::of_block("crc_mismatch", 0, &blocks[3]);
            Corruption { lost, ..corruption }.check(&made, &[Validation::Cryptographic]);
        } else {
            check_tail(&made, EndKind::TornTail, 3, &[Validation::Cryptographic]);
        }
    }
}

/// An event that contradicts the state in several partitions: whose word comes first must not
/// depend on which of them was done first.
#[test]
fn fault_44_what_one_event_contradicts_comes_in_one_order() {
    const EVENTS: u64 = 150;
    let folder = MemoryFolder::default();
    let writer = Writer::create(Arc::new(folder.clone()), OPTIONS).unwrap();
    for inode in 1..=EVENTS {
        let name = inode.to_le_bytes();
        let missing = Body::FileDelete(EntryRef { parent: 1, inode, name: &name });
        writer.append(&NewEvent::new(inode, missing)).unwrap();
    }
    writer.close().unwrap();
    let options = options(DamagePolicy::Salvage, Validation::Full);
    let (_, outcome) = replay_both(&folder, &options).unwrap();
    let found = outcome.findings.inconsistencies;
    assert_eq!((found.count, found.first.len()), (2 * EVENTS, 100));
}
