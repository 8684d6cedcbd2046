//! One block: how it is finished by the writer, and how it is checked by a reader, by itself
//! (magic, checksums, place) and as the next one of its chain.

use serde::{Deserialize, Serialize};
use vexfs_kernels::{Digest, crc32c};

use super::damage::Fault;
use super::layout::*;
use super::validation::Validation;
use crate::event::EventHeader;

/// Where a block's events start, in bytes from its first one.
pub const PAYLOAD_AT: usize = BlockHeader::BYTES;

/// What a reader knows when it stands before the next block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The journal's UUID.
    #[serde(with = "hex::serde")]
    pub journal_id: [u8; 16],
    /// The segment's number.
    pub segment: u64,
    /// The segment's writer epoch.
    pub writer_epoch: u64,
    /// Bytes from the segment's start.
    pub offset: u64,
    /// The number of the next block.
    pub next_block: u64,
    /// The LSN of the next event.
    pub next_lsn: u64,
    /// The digest that the next block must name as the one before it.
    #[serde(with = "hex::serde")]
    pub digest: Digest,
}

impl Position {
    /// The position before a segment's first block; `digest` is that of its header page.
    #[must_use]
    pub fn at_start(header: &SegmentHeader, digest: Digest) -> Self {
        Self {
            journal_id: header.journal_id,
            segment: header.segment,
            writer_epoch: header.writer_epoch,
            offset: PAGE_BYTES as u64,
            next_block: header.first_block,
            next_lsn: header.first_lsn,
            digest,
        }
    }

    /// The position before the block of this header.
    #[must_use]
    pub fn before(header: &BlockHeader) -> Self {
        Self {
            journal_id: header.journal_id,
            segment: header.segment,
            writer_epoch: header.writer_epoch,
            offset: header.file_offset,
            next_block: header.block,
            next_lsn: header.first_lsn,
            digest: header.previous_digest,
        }
    }

    /// The position after a block that was accepted here.
    #[must_use]
    pub fn after(&self, header: &BlockHeader) -> Self {
        Self {
            offset: header.file_offset.saturating_add(u64::from(header.block_bytes)),
            next_block: header.block.saturating_add(1),
            next_lsn: header.first_lsn.saturating_add(u64::from(header.event_count)),
            digest: header.digest,
            ..*self
        }
    }
}

/// How a block must relate to what was read before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// It is the very next one.
    Next,
    /// Something is missing between: it only has to lie later in sequence.
    Later,
}

/// Reads the header of the block that should start at `position`; `bytes` starts there and
/// `remaining` bytes of the segment are left.
///
/// # Errors
/// The [`Fault`], when no acceptable block of at most `remaining` bytes starts there.
pub fn check_header(
    bytes: &[u8],
    remaining: u64,
    position: &Position,
    continuity: Continuity,
    validation: Validation,
) -> Result<BlockHeader, Fault> {
    if bytes.len() < BlockHeader::BYTES {
        return Err(Fault::CutShort { needed: PAGE_BYTES as u64, remaining });
    }
    let header = BlockHeader::read(bytes);
    if header.magic != BLOCK_MAGIC {
        let page = &bytes[..bytes.len().min(PAGE_BYTES)];
        let zeros = page.iter().all(|&byte| byte == 0);
        let (expected, found) = (BLOCK_MAGIC, header.magic);
        return Err(if zeros { Fault::Zeros } else { Fault::Magic { expected, found } });
    }
    if validation >= Validation::Basic {
        check_header_crc(&header, bytes)?;
    }
    check_place(&header, position)?;
    check_lengths(&header, remaining)?;
    check_sequence(&header, position, continuity, validation)?;
    Ok(header)
}

fn check_crc(part: &'static str, expected: u32, found: u32) -> Result<(), Fault> {
    if expected == found { Ok(()) } else { Err(Fault::Crc { part, expected, found }) }
}

fn check_place(header: &BlockHeader, position: &Position) -> Result<(), Fault> {
    let (expected, found) = (position.journal_id, header.journal_id);
    if expected != found {
        return Err(Fault::Foreign { expected, found });
    }
    let (expected, found) = (position.writer_epoch, header.writer_epoch);
    if found < expected {
        return Err(Fault::Stale { expected, found });
    }
    let places = [
        ("segment", position.segment, header.segment),
        ("offset", position.offset, header.file_offset),
        ("writer epoch", expected, found),
    ];
    match places.into_iter().find(|(_, expected, found)| expected != found) {
        Some((field, expected, found)) => Err(Fault::Misplaced { field, expected, found }),
        None => Ok(()),
    }
}

fn check_lengths(header: &BlockHeader, remaining: u64) -> Result<(), Fault> {
    let block_bytes = u64::from(header.block_bytes);
    let limit = MAX_BLOCK_BYTES as u64;
    let exceeded =
        |field, claimed, limit| Fault::LimitExceeded { field, claimed, limit, remaining };
    if block_bytes > limit || block_bytes == 0 || !block_bytes.is_multiple_of(PAGE_BYTES as u64) {
        return Err(exceeded("block length", block_bytes, limit));
    }
    check_payload_length(header)?;
    let most_events = u64::from(header.payload_bytes) / EventHeader::BYTES as u64;
    if u64::from(header.event_count) > most_events || header.event_count == 0 {
        return Err(exceeded("event count", u64::from(header.event_count), most_events));
    }
    if block_bytes > remaining {
        return Err(Fault::CutShort { needed: block_bytes, remaining });
    }
    Ok(())
}

/// Checks that a block's events fit into it.
///
/// # Errors
/// [`Fault::LimitExceeded`] when they don't.
pub fn check_payload_length(header: &BlockHeader) -> Result<(), Fault> {
    let remaining = u64::from(header.block_bytes).saturating_sub(PAYLOAD_AT as u64);
    let claimed = u64::from(header.payload_bytes);
    if claimed <= remaining {
        return Ok(());
    }
    Err(Fault::LimitExceeded { field: "payload length", claimed, limit: remaining, remaining })
}

fn check_sequence(
    header: &BlockHeader,
    position: &Position,
    continuity: Continuity,
    validation: Validation,
) -> Result<(), Fault> {
    let (lsn, block) = (header.first_lsn, header.block);
    let fault = |field, expected, found| Err(Fault::SequenceGap { field, expected, found });
    if lsn < position.next_lsn || lsn.checked_add(u64::from(header.event_count)).is_none() {
        return fault("LSN", position.next_lsn, lsn);
    }
    if block < position.next_block {
        return fault("block", position.next_block, block);
    }
    if continuity == Continuity::Later || validation < Validation::Full {
        return Ok(());
    }
    let (expected, found) = (position.digest, header.previous_digest);
    if expected != found {
        return Err(Fault::ChainBreak { expected, found });
    }
    if lsn != position.next_lsn {
        return fault("LSN", position.next_lsn, lsn);
    }
    if block != position.next_block {
        return fault("block", position.next_block, block);
    }
    Ok(())
}

/// Checks the CRC32C of a block's header.
///
/// # Errors
/// [`Fault::Crc`] when it differs.
pub fn check_header_crc(header: &BlockHeader, block: &[u8]) -> Result<(), Fault> {
    let found = crc32c(&block[HEADER_CRC_FROM..BlockHeader::BYTES]);
    check_crc("block header", header.header_crc, found)
}

/// The range of a block or seal that its digest covers.
#[must_use]
pub fn digest_range(block: &[u8]) -> &[u8] {
    &block[DIGEST_FROM..]
}

/// Checks the CRC32C of a block's payload.
///
/// # Errors
/// [`Fault::Crc`] when it differs.
pub fn check_payload_crc(header: &BlockHeader, block: &[u8]) -> Result<(), Fault> {
    check_crc("block payload", header.payload_crc, crc32c(&block[BlockHeader::BYTES..]))
}

/// Checks a block's digest, already computed over [`digest_range`].
///
/// # Errors
/// [`Fault::Digest`] when it differs.
pub fn check_digest(header: &BlockHeader, found: Digest) -> Result<(), Fault> {
    let expected = header.digest;
    if expected == found { Ok(()) } else { Err(Fault::Digest { part: "block", expected, found }) }
}

/// The events of a block, as bytes.
#[must_use]
pub fn payload<'a>(header: &BlockHeader, block: &'a [u8]) -> &'a [u8] {
    &block[BlockHeader::BYTES..][..header.payload_bytes as usize]
}

/// Checks a whole block by itself, digest included, whatever the mode.
///
/// # Errors
/// The first [`Fault`].
pub fn check_contents(header: &BlockHeader, block: &[u8]) -> Result<(), Fault> {
    check_payload_crc(header, block)?;
    check_digest(header, vexfs_kernels::sha256(digest_range(block)))
}

/// Completes a block: `block` has room for the header, then the events; zeros are appended up to
/// the next page, and lengths, checksums and digest are filled in. Returns the header as written.
#[must_use]
pub fn finish(block: &mut Vec<u8>, header: &BlockHeader) -> BlockHeader {
    let saturate = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let payload_bytes = saturate(block.len() - BlockHeader::BYTES);
    block.resize(block.len().next_multiple_of(PAGE_BYTES), 0);
    let mut header = BlockHeader {
        magic: BLOCK_MAGIC,
        block_bytes: saturate(block.len()),
        payload_bytes,
        payload_crc: crc32c(&block[BlockHeader::BYTES..]),
        ..*header
    };
    header.write(block);
    header.digest = vexfs_kernels::sha256(digest_range(block));
    header.write(block);
    header.header_crc = crc32c(&block[HEADER_CRC_FROM..BlockHeader::BYTES]);
    header.write(block);
    header
}
