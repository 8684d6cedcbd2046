//! What is wrong with bytes, by name: the checks of `docs/journal-format.md`, written a second time from
//! their words. Shares no code with the library.

use crate::sums::{crc32c, sha256, u32_at, u64_at};

const PAGE: usize = 4096;
const BLOCK_HEADER: usize = 224;
const SEAL_HEADER: usize = 152;

/// Where a block or seal should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) journal_id: [u8; 16],
    pub(crate) segment: u64,
    pub(crate) epoch: u64,
    pub(crate) offset: usize,
    pub(crate) next_lsn: u64,
}

/// What is wrong with a header page; none where it is sound.
pub(crate) fn of_header(content: &[u8], number: u64) -> Option<&'static str> {
    let Some(page) = content.get(..PAGE) else { return Some("cut_short") };
    let crc_is_right = crc32c(&page[..PAGE - 4]) == u32_at(page, PAGE - 4);
    let major = u32_at(page, 4);
    match () {
        () if &page[..4] != b"JMES" => Some("not_a_block"),
        () if major > 2 || (major < 2 && crc_is_right) => Some("unknown_format"),
        () if !crc_is_right => Some("crc_mismatch"),
        () if u32_at(page, 12) != 0 => Some("unknown_format"),
        () if u64_at(page, 40) != number => Some("misplaced"),
        () => None,
    }
}

/// What is wrong with a block that isn't the one that was written there.
pub(crate) fn of_block(bytes: &[u8], place: &Place) -> &'static str {
    if bytes.len() < BLOCK_HEADER {
        return "cut_short";
    }
    if &bytes[..4] != b"VXBK" {
        let page = &bytes[..bytes.len().min(PAGE)];
        return if page.iter().all(|&it| it == 0) { "zeros" } else { "not_a_block" };
    }
    if crc32c(&bytes[8..BLOCK_HEADER]) != u32_at(bytes, 4) {
        return "crc_mismatch";
    }
    let (block_bytes, payload) = (u32_at(bytes, 148) as usize, u32_at(bytes, 152) as usize);
    let epoch = u64_at(bytes, 104);
    let moved = u64_at(bytes, 88) != place.segment || u64_at(bytes, 96) != place.offset as u64;
    match () {
        () if bytes[72..88] != place.journal_id => "foreign",
        () if epoch < place.epoch => "stale_generation",
        () if moved || epoch > place.epoch => "misplaced",
        () if block_bytes % PAGE != 0 || !(PAGE..=1 << 20).contains(&block_bytes) => "limit_exceeded",
        () if payload > block_bytes - BLOCK_HEADER => "limit_exceeded",
        () if block_bytes > bytes.len() => "cut_short",
        () if u64_at(bytes, 120) < place.next_lsn => "sequence_gap",
        () if crc32c(&bytes[BLOCK_HEADER..block_bytes]) != u32_at(bytes, 156) => "crc_mismatch",
        () if sha256(&bytes[40..block_bytes]) != bytes[8..40] => "digest_mismatch",
        () => "chain_break",
    }
}

/// What is wrong with a seal that isn't the one that was written there.
pub(crate) fn of_seal(bytes: &[u8], place: &Place) -> &'static str {
    if bytes.is_empty() {
        return "seal_missing";
    }
    let page = &bytes[..bytes.len().min(PAGE)];
    if page.iter().all(|&it| it == 0) {
        return "zeros";
    }
    if bytes.len() < SEAL_HEADER {
        return "cut_short";
    }
    if &bytes[..4] != b"VXSL" {
        return "not_a_block";
    }
    if crc32c(&bytes[8..SEAL_HEADER]) != u32_at(bytes, 4) {
        return "crc_mismatch";
    }
    let moved = u64_at(bytes, 88) != place.segment || u64_at(bytes, 96) != place.offset as u64;
    let (blocks, seal_bytes) = (u64_at(bytes, 112), u64_at(bytes, 136));
    let needed = (SEAL_HEADER as u64 + 72 * blocks + 32).next_multiple_of(PAGE as u64);
    match () {
        () if bytes[72..88] != place.journal_id => "foreign",
        () if moved || u64_at(bytes, 104) != place.epoch => "misplaced",
        () if blocks > place.offset as u64 / PAGE as u64 - 1 || seal_bytes != needed => {
            "limit_exceeded"
        }
        () if seal_bytes > bytes.len() as u64 => "cut_short",
        () if sha256(&bytes[40..usize::try_from(seal_bytes).unwrap()]) != bytes[8..40] => {
            "digest_mismatch"
        }
        () => "trailing_bytes",
    }
}

/// Whether a torn write may look like that.
pub(crate) fn is_torn(kind: &str) -> bool {
    matches!(kind, "not_a_block" | "crc_mismatch" | "digest_mismatch" | "cut_short")
}

/// Whether a mode that looks at no checksum sees it all the same.
pub(crate) fn is_seen_by_all(kind: &str) -> bool {
    !matches!(kind, "crc_mismatch" | "digest_mismatch" | "chain_break")
}
