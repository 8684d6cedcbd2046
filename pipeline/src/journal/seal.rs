//! The seal that ends a segment: an index of its blocks with their digests, totals, and a trailer
//! that lets a reader find it from the file's end.

use vexfs_kernels::{crc32c, sha256};

use super::block::{Position, digest_range};
use super::damage::Fault;
use super::layout::*;

/// A seal and its index.
#[derive(Clone, Debug, PartialEq)]
pub struct Seal {
    /// Its fixed part.
    pub header: SealHeader,
    /// One entry a block, in order.
    pub entries: Vec<SealEntry>,
}

impl SealEntry {
    /// The entry of a block.
    #[must_use]
    pub fn of(header: &BlockHeader) -> Self {
        Self {
            file_offset: header.file_offset,
            first_lsn: header.first_lsn,
            min_time_ns: header.min_time_ns,
            max_time_ns: header.max_time_ns,
            block_bytes: header.block_bytes,
            families: header.families,
            digest: header.digest,
        }
    }
}

/// The bytes of the seal that goes to `position`, where the segment's last block ends.
#[must_use]
pub fn encode(position: &Position, first_lsn: u64, kind: u32, entries: &[SealEntry]) -> Vec<u8> {
    let used = SealHeader::BYTES + entries.len() * SealEntry::BYTES + SealTrailer::BYTES;
    let mut bytes = vec![0; used.next_multiple_of(PAGE_BYTES)];
    let mut header = SealHeader {
        magic: SEAL_MAGIC,
        header_crc: 0,
        digest: [0; 32],
        previous_digest: position.digest,
        journal_id: position.journal_id,
        segment: position.segment,
        file_offset: position.offset,
        writer_epoch: position.writer_epoch,
        blocks: entries.len() as u64,
        events: position.next_lsn - first_lsn,
        next_lsn: position.next_lsn,
        seal_bytes: bytes.len() as u64,
        kind,
        reserved: 0,
    };
    for (index, entry) in entries.iter().enumerate() {
        entry.write(&mut bytes[SealHeader::BYTES + index * SealEntry::BYTES..]);
    }
    let trailer_at = bytes.len() - SealTrailer::BYTES;
    let mut trailer = SealTrailer {
        magic: TRAILER_MAGIC,
        trailer_crc: 0,
        seal_offset: position.offset,
        seal_bytes: header.seal_bytes,
        segment: position.segment,
    };
    trailer.write(&mut bytes[trailer_at..]);
    trailer.trailer_crc = crc32c(&bytes[trailer_at + HEADER_CRC_FROM..]);
    trailer.write(&mut bytes[trailer_at..]);
    header.write(&mut bytes);
    header.digest = sha256(digest_range(&bytes));
    header.write(&mut bytes);
    header.header_crc = crc32c(&bytes[HEADER_CRC_FROM..SealHeader::BYTES]);
    header.write(&mut bytes);
    bytes
}

/// Whether a seal seems to start here.
#[must_use]
pub fn starts_here(bytes: &[u8]) -> bool {
    bytes.starts_with(&SEAL_MAGIC.to_le_bytes())
}

/// Checks the fixed part of the seal at `position`, before anything of its claimed length is read.
/// `remaining` bytes of the file are left from there.
///
/// # Errors
/// The [`Fault`], when it isn't the fixed part of a seal that belongs there.
pub fn check_header(
    bytes: &[u8],
    remaining: u64,
    position: &Position,
) -> Result<SealHeader, Fault> {
    if bytes.len() < SealHeader::BYTES {
        return Err(Fault::CutShort { needed: PAGE_BYTES as u64, remaining });
    }
    let header = SealHeader::read(bytes);
    if header.magic != SEAL_MAGIC {
        return Err(Fault::Magic { expected: SEAL_MAGIC, found: header.magic });
    }
    let (expected, found) = (header.header_crc, crc32c(&bytes[HEADER_CRC_FROM..SealHeader::BYTES]));
    if expected != found {
        return Err(Fault::Crc { part: "seal header", expected, found });
    }
    let (expected, found) = (position.journal_id, header.journal_id);
    if expected != found {
        return Err(Fault::Foreign { expected, found });
    }
    let places = [
        ("segment", position.segment, header.segment),
        ("offset", position.offset, header.file_offset),
        ("writer epoch", position.writer_epoch, header.writer_epoch),
    ];
    if let Some((field, expected, found)) = places.into_iter().find(|place| place.1 != place.2) {
        return Err(Fault::Misplaced { field, expected, found });
    }
    check_lengths(&header, remaining)?;
    Ok(header)
}

/// Nothing of what a seal claims is more than the blocks before it can make true.
fn check_lengths(header: &SealHeader, remaining: u64) -> Result<(), Fault> {
    let page = PAGE_BYTES as u64;
    let (claimed, limit) = (header.blocks, (header.file_offset / page).saturating_sub(1));
    if claimed > limit {
        return Err(Fault::LimitExceeded { field: "block count", claimed, limit, remaining });
    }
    let entries = claimed.saturating_mul(SealEntry::BYTES as u64);
    let used = entries.saturating_add((SealHeader::BYTES + SealTrailer::BYTES) as u64);
    let (claimed, limit) = (header.seal_bytes, used.div_ceil(page).saturating_mul(page));
    if claimed != limit {
        return Err(Fault::LimitExceeded { field: "seal length", claimed, limit, remaining });
    }
    if claimed > remaining {
        return Err(Fault::CutShort { needed: claimed, remaining });
    }
    Ok(())
}

/// Checks the whole seal, `bytes`, whose fixed part has passed [`check_header`], and that it
/// closes the chain at `position`.
///
/// # Errors
/// The [`Fault`]: a wrong digest, or something that the segment's blocks contradict.
pub fn decode(bytes: &[u8], header: &SealHeader, position: &Position) -> Result<Seal, Fault> {
    let (expected, found) = (header.digest, sha256(digest_range(bytes)));
    if expected != found {
        return Err(Fault::Digest { part: "seal", expected, found });
    }
    let (expected, found) = (position.digest, header.previous_digest);
    if expected != found {
        return Err(Fault::ChainBreak { expected, found });
    }
    let trailer = check_trailer(&bytes[bytes.len() - SealTrailer::BYTES..])?;
    let kind = header.kind.clamp(SEAL_ROTATED, SEAL_CLOSED);
    let says = [
        ("next LSN", position.next_lsn, header.next_lsn),
        ("kind", u64::from(kind), u64::from(header.kind)),
        ("offset in its trailer", header.file_offset, trailer.seal_offset),
        ("length in its trailer", header.seal_bytes, trailer.seal_bytes),
        ("segment in its trailer", header.segment, trailer.segment),
    ];
    if let Some((field, expected, found)) = says.into_iter().find(|it| it.1 != it.2) {
        return Err(Fault::SealMismatch { field, expected, found });
    }
    let count = usize::try_from(header.blocks).unwrap_or(usize::MAX);
    let entries = bytes[SealHeader::BYTES..].chunks_exact(SealEntry::BYTES).take(count);
    Ok(Seal { header: *header, entries: entries.map(SealEntry::read).collect() })
}

/// Checks the trailer, the last bytes of a sealed segment.
///
/// # Errors
/// The [`Fault`], when there is none.
pub fn check_trailer(bytes: &[u8]) -> Result<SealTrailer, Fault> {
    let trailer = SealTrailer::read(bytes);
    if trailer.magic != TRAILER_MAGIC {
        return Err(Fault::Magic { expected: TRAILER_MAGIC, found: trailer.magic });
    }
    let (expected, found) = (trailer.trailer_crc, crc32c(&bytes[HEADER_CRC_FROM..]));
    if expected != found {
        return Err(Fault::Crc { part: "seal trailer", expected, found });
    }
    Ok(trailer)
}
