//! Damage to one block.

use vexfs_replay::journal::damage::Verdict;
use vexfs_replay::journal::layout::{BlockHeader, PAGE_BYTES};
use vexfs_replay::journal::{EndKind, Validation};
use vexfs_replay::replay::DamagePolicy;

use crate::harness::{CHAINED, CHECKED, Corruption, Made, check_tail, options, replay_both};
use crate::scribe::Step::{Commit, Reopen, Set};
use crate::small_journal::{Digest, OPTIONS, rebuild, text_byte};

fn for_every_block(made: impl Fn() -> Made, mut test: impl FnMut(&Made, usize, usize)) {
    let counts: Vec<usize> = {
        let made = made();
        (0..made.names.len()).map(|segment| made.blocks(segment).len()).collect()
    };
    for (segment, count) in counts.into_iter().enumerate() {
        (0..count).for_each(|block| test(&made(), segment, block));
    }
}

#[test]
fn fault_01_bit_flip_in_a_middle_block() {
    for_every_block(Made::closed, |made, segment, index| {
        let block = &made.blocks(segment)[index];
        made.change(segment, |content| content[block.at + BlockHeader::BYTES + 40] ^= 0x10);
        Corruption::of_block("crc_mismatch", segment, block).check(made, CHECKED);
    });
}

#[test]
fn fault_02_wrong_length_field() {
    for_every_block(Made::closed, |made, segment, index| {
        let block = &made.blocks(segment)[index];
        // Longer by a page, its header's checksum left as it was: the length isn't believed.
        made.change(segment, |content| {
            let mut header = block.header;
            header.block_bytes += 4096;
            header.write(&mut content[block.at..]);
        });
        Corruption::of_block("crc_mismatch", segment, block).check(made, CHECKED);
    });
}

#[test]
fn fault_02_wrong_length_field_with_its_checksum_made_right() {
    let made = Made::closed();
    let (segment, blocks) = (0, made.blocks(0));
    made.change(segment, |content| {
        rebuild(content, blocks[0].at, Digest::Left, |header, _| header.block_bytes += 4096);
    });
    // It swallows the next block, whose checksum is not its own: both are told as lost.
    let corruption = Corruption::of_block("crc_mismatch", segment, &blocks[0]);
    let lost = blocks[0].header.first_lsn..blocks[1].last_lsn() + 1;
    Corruption { lost, ..corruption }.check(&made, CHECKED);
}

#[test]
fn fault_07_torn_last_block() {
    let whole = Made::open();
    let (segment, last) = (whole.newest(), whole.last_block());
    let (at, end) = (last.at, last.end());
    let cuts = [at + 1, at + 100, at + BlockHeader::BYTES, at + BlockHeader::BYTES + 5, end - 1];
    for cut in cuts {
        let made = Made::open();
        made.change(segment, |content| content.truncate(cut));
        check_tail(&made, EndKind::TornTail, last.header.first_lsn - 1, &Validation::ALL);
    }
    for sector in (at..at + BlockHeader::BYTES + last.header.payload_bytes as usize).step_by(512) {
        let made = Made::open();
        made.change(segment, |content| content[sector..sector + 512].fill(0));
        check_tail(&made, EndKind::TornTail, last.header.first_lsn - 1, CHECKED);
    }
}

/// Without checksums a torn block shows as nonsense; what bytes mean doesn't depend on the mode.
#[test]
fn fault_07_torn_last_block_is_no_corruption_where_checksums_are_not_checked() {
    let last = Made::open().last_block();
    let payload = last.at + BlockHeader::BYTES;
    for (torn, with) in [(last.at + 4..last.at + 512, 0xEE), (payload..payload + 512, 0)] {
        let made = Made::open();
        made.change(made.newest(), |content| content[torn].fill(with));
        let last_lsn = last.header.first_lsn - 1;
        check_tail(&made, EndKind::TornTail, last_lsn, &Validation::ALL);
    }
}

#[test]
fn fault_11_stale_blocks_past_the_end() {
    let steps = &[Set(100), Commit, Reopen, Set(100), Commit, Set(200), Commit];
    for foreign in [false, true] {
        let made = Made::by(steps, OPTIONS);
        let (segment, last) = (made.newest(), made.last_block());
        assert!(last.header.writer_epoch > 1);
        made.change(segment, |content| {
            let at = content.len();
            content.extend_from_within(last.at..last.end());
            rebuild(content, at, Digest::MadeRight, |header, _| {
                header.file_offset = at as u64;
                header.block += 1;
                header.first_lsn = last.last_lsn() + 1;
                header.previous_digest = last.header.digest;
                if foreign {
                    header.journal_id[0] ^= 1;
                } else {
                    header.writer_epoch -= 1;
                }
            });
        });
        check_tail(&made, EndKind::Stale, last.last_lsn(), &Validation::ALL);
    }
}

#[test]
fn fault_11_a_stale_block_below_the_watermark_is_corruption() {
    let steps = &[Set(100), Commit, Reopen, Set(100), Commit, Set(200), Commit, Set(1), Commit];
    let made = Made::by(steps, OPTIONS);
    let (segment, block) = (made.newest(), made.blocks(made.newest()).swap_remove(1));
    made.change(segment, |content| {
        rebuild(content, block.at, Digest::MadeRight, |header, _| header.writer_epoch -= 1);
    });
    Corruption::of_block("stale_generation", segment, &block).check(&made, &Validation::ALL);
}

#[test]
fn fault_12_zeros_at_the_end_were_never_written() {
    let made = Made::open();
    made.change(made.newest(), |content| content.resize(content.len() + 5 * PAGE_BYTES + 77, 0));
    check_tail(&made, EndKind::Unwritten, made.history.last_lsn(), &Validation::ALL);
}

#[test]
fn fault_12_zeros_below_the_watermark_are_corruption() {
    for make in [Made::closed, Made::open] {
        let made = make();
        let block = &made.blocks(made.newest())[0];
        assert!(made.blocks(made.newest())[1].header.durable_lsn >= block.last_lsn());
        made.change(made.newest(), |content| content[block.at..block.end()].fill(0));
        Corruption::of_block("zeros", made.newest(), block).check(&made, &Validation::ALL);
    }
}

#[test]
fn fault_21_an_lsn_that_comes_twice_is_not_applied_twice() {
    let made = Made::closed();
    let (segment, blocks) = (0, made.blocks(0));
    made.change(segment, |content| {
        let first_lsn = blocks[0].header.first_lsn;
        rebuild(content, blocks[1].at, Digest::MadeRight, |header, _| header.first_lsn = first_lsn);
    });
    let corruption = Corruption::of_block("sequence_gap", segment, &blocks[1]);
    corruption.check(&made, &Validation::ALL);
}

#[test]
fn fault_40_crc_recomputed_by_an_attacker() {
    for_every_block(Made::closed, |made, segment, index| {
        let block = &made.blocks(segment)[index];
        made.change(segment, |content| {
            let byte = text_byte(content, block);
            content[byte] ^= 1;
            rebuild(content, block.at, Digest::Left, |_, _| {});
        });
        let only = [Validation::Cryptographic];
        Corruption::of_block("digest_mismatch", segment, block).check(made, &only);
        // The modes that compute no SHA-256 can't see it, as they say.
        let options = options(DamagePolicy::Strict, Validation::Full);
        assert!(replay_both(&made.folder, &options).is_ok_and(|(_, outcome)| !outcome.has_loss()));
    });
}

#[test]
fn fault_40_digest_recomputed_too_breaks_the_chain() {
    for_every_block(Made::closed, |made, segment, index| {
        let blocks = made.blocks(segment);
        let block = &blocks[index];
        made.change(segment, |content| {
            let byte = text_byte(content, block);
            content[byte] ^= 1;
            rebuild(content, block.at, Digest::MadeRight, |_, _| {});
        });
        // The next one, or the seal, names the digest that was.
        let (offset, lsn) = (block.end(), block.last_lsn() + 1);
        let (fault, verdict, lost) = ("chain_break", Verdict::Corruption, 0..0);
        Corruption { fault, segment, offset, lsn, lost, verdict }.check(made, CHAINED);
    });
}

#[test]
fn fault_50_a_valid_block_in_a_wrong_place() {
    for make in [Made::closed, Made::open] {
        for_every_block(make, |made, segment, index| {
            let block = &made.blocks(segment)[index];
            let length = block.end() - block.at;
            let others = (0..made.names.len())
                .flat_map(|other| made.blocks(other).into_iter().map(move |block| (other, block)));
            for (other, from) in others.filter(|(_, it)| it.end() - it.at == length) {
                if (other, from.at) == (segment, block.at) {
                    continue;
                }
                let made = make();
                let bytes = made.content(other)[from.at..from.end()].to_vec();
                made.change(segment, |content| {
                    content[block.at..block.end()].copy_from_slice(&bytes);
                });
                let corruption = Corruption::of_block("misplaced", segment, block);
                corruption.check(&made, &Validation::ALL);
            }
        });
    }
}
