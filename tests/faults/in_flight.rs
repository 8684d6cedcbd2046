//! Blocks that were in flight together when the writer died.

use vexfs_replay::journal::damage::Verdict;
use vexfs_replay::journal::layout::{BlockHeader, PAGE_BYTES};
use vexfs_replay::journal::{Durability, EndKind, Validation, WriterOptions};

use crate::harness::{CHAINED, CHECKED, Corruption, Made, check_tail};
use crate::scribe::Step;
use crate::small_journal::{Digest, OPTIONS, rebuild};

/// Five blocks, written and never synced.
fn in_flight() -> Made {
    let step = [Step::Set(3_000), Step::Commit];
    let options = WriterOptions {
        durability: Durability::MetadataOnly,
        segment_bytes: 64 * PAGE_BYTES as u64,
        ..OPTIONS
    };
    let made = Made::by(&step.repeat(5), options);
    let blocks = made.blocks(0);
    assert_eq!(blocks.len(), 5);
    assert!(blocks.iter().all(|block| block.header.durable_lsn == 0));
    made
}

#[test]
fn fault_09_several_blocks_in_flight_are_one_torn_tail_with_a_count() {
    for torn in [&[1][..], &[1, 3], &[1, 2, 3, 4], &[4]] {
        let made = in_flight();
        let blocks = made.blocks(0);
        made.change(0, |content| {
            for block in torn.iter().map(|&index: &usize| &blocks[index]) {
                content[block.at + 1024..block.at + 1536].fill(0);
            }
        });
        let last_lsn = blocks[torn[0]].header.first_lsn - 1;
        let tail = check_tail(&made, EndKind::TornTail, last_lsn, CHECKED).unwrap();
        assert_eq!(tail.blocks, blocks[torn[0]..].len() as u64);
        assert_eq!(tail.offset, blocks[torn[0]].at as u64);
        assert_eq!(tail.end, made.content(0).len() as u64);
    }
}

#[test]
fn fault_12_zeros_between_blocks_in_flight_are_a_torn_tail() {
    let made = in_flight();
    let block = &made.blocks(0)[2];
    made.change(0, |content| content[block.at..block.end()].fill(0));
    let last_lsn = block.header.first_lsn - 1;
    let tail = check_tail(&made, EndKind::TornTail, last_lsn, &Validation::ALL).unwrap();
    assert_eq!(tail.blocks, 2);
}

#[test]
fn fault_09_without_a_watermark_a_torn_block_before_a_valid_one_is_ambiguous() {
    let made = in_flight();
    let blocks = made.blocks(0);
    made.change(0, |content| {
        let mut previous = blocks[0].header.previous_digest;
        for block in &blocks {
            let rebuilt = rebuild(content, block.at, Digest::MadeRight, |header, _| {
                header.previous_digest = previous;
                (header.durable_segment, header.durable_end) = (0, 0);
                header.durable_digest = [0; 32];
            });
            previous = rebuilt.digest;
        }
        content[blocks[1].at + 1024] ^= 1;
    });
    let corruption = Corruption::of_block("crc_mismatch", 0, &blocks[1]);
    Corruption { verdict: Verdict::Ambiguous, ..corruption }.check(&made, CHECKED);
}

#[test]
fn fault_10_an_old_block_behind_a_rewritten_one_does_not_come_back_to_life() {
    let made = in_flight();
    let blocks = made.blocks(0);
    let (rewritten, old) = (&blocks[2], &blocks[3]);
    made.change(0, |content| {
        content[rewritten.at + BlockHeader::BYTES + 1024] ^= 1;
        rebuild(content, rewritten.at, Digest::MadeRight, |_, _| {});
    });
    // Nothing is ever written over, so no crash leaves this.
    let corruption = Corruption::of_block("chain_break", 0, old);
    Corruption { lost: 0..0, ..corruption }.check(&made, CHAINED);
}
