//! Makes the checksums of a journal right that was edited, so that what comes behind them is
//! reached. What can't be repaired stays as it is.

use vexfs_kernels::{Digest, crc32c, sha256};
use vexfs_replay::journal::block::digest_range;
use vexfs_replay::journal::layout::*;

use crate::Segments;

/// What is made right.
#[derive(Clone, Copy, Debug)]
pub struct Repairs {
    /// The CRCs of headers and payloads.
    pub crcs: bool,
    /// The SHA-256 of blocks and seals.
    pub digests: bool,
    /// What each names as the one before it, and what a seal says of its blocks.
    pub chain: bool,
}

/// Repairs a journal from its first segment to its last.
pub fn repair(segments: &mut Segments, repairs: Repairs) {
    let mut before = None;
    for content in segments.iter_mut().flatten() {
        let mut repair = Repair { repairs, digest: [0; 32], end: 0, entries: Vec::new() };
        repair.segment(content, before);
        before = Some((repair.digest, repair.end));
    }
}

struct Repair {
    repairs: Repairs,
    /// The digest of what was repaired last.
    digest: Digest,
    /// Where its blocks end.
    end: usize,
    entries: Vec<SealEntry>,
}

impl Repair {
    fn segment(&mut self, content: &mut [u8], before: Option<(Digest, usize)>) {
        let Some((page, _)) = content.split_at_mut_checked(PAGE_BYTES) else { return };
        if let (Some((digest, end)), true) = (before, self.repairs.chain) {
            let mut header = SegmentHeader::read(page);
            (header.previous_digest, header.previous_end) = (digest, end as u64);
            header.write(page);
        }
        if self.repairs.crcs {
            let crc = crc32c(&page[..SEGMENT_CRC_AT]);
            page[SEGMENT_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        }
        self.digest = sha256(page);
        let mut at = PAGE_BYTES;
        self.end = at;
        while let Some(bytes) = content.get_mut(at..).filter(|bytes| bytes.len() >= PAGE_BYTES) {
            let magic = bytes.first_chunk().map_or(0, |&magic| u32::from_le_bytes(magic));
            at += match magic {
                BLOCK_MAGIC => self.block(bytes, at),
                SEAL_MAGIC => self.seal(bytes),
                _ => PAGE_BYTES,
            };
        }
    }

    /// Repairs the block that starts here; gives how far to go on.
    fn block(&mut self, bytes: &mut [u8], at: usize) -> usize {
        let mut header = BlockHeader::read(bytes);
        let length = header.block_bytes as usize;
        let possible = length > 0 && length <= bytes.len() && length.is_multiple_of(PAGE_BYTES);
        let block = &mut bytes[..if possible { length } else { PAGE_BYTES }];
        if self.repairs.chain {
            header.previous_digest = self.digest;
        }
        if self.repairs.crcs {
            header.payload_crc = crc32c(&block[BlockHeader::BYTES..]);
        }
        header.write(block);
        if self.repairs.digests {
            header.digest = sha256(digest_range(block));
            header.write(block);
        }
        if self.repairs.crcs {
            header.header_crc = crc32c(&block[HEADER_CRC_FROM..BlockHeader::BYTES]);
            header.write(block);
        }
        (self.digest, self.end) = (header.digest, at + block.len());
        self.entries.push(SealEntry::of(&header));
        block.len()
    }

    fn seal(&mut self, bytes: &mut [u8]) -> usize {
        let mut header = SealHeader::read(bytes);
        let length = usize::try_from(header.seal_bytes).unwrap_or(usize::MAX);
        let possible = length > 0 && length <= bytes.len() && length.is_multiple_of(PAGE_BYTES);
        let seal = &mut bytes[..if possible { length } else { PAGE_BYTES }];
        if self.repairs.chain {
            header.previous_digest = self.digest;
            let places = seal[SealHeader::BYTES..].chunks_exact_mut(SealEntry::BYTES);
            self.entries.iter().zip(places).for_each(|(entry, place)| entry.write(place));
        }
        let trailer = seal.len() - SealTrailer::BYTES;
        if self.repairs.crcs {
            let crc = crc32c(&seal[trailer + HEADER_CRC_FROM..]);
            seal[trailer + 4..trailer + 8].copy_from_slice(&crc.to_le_bytes());
        }
        header.write(seal);
        if self.repairs.digests {
            header.digest = sha256(digest_range(seal));
            header.write(seal);
        }
        if self.repairs.crcs {
            header.header_crc = crc32c(&seal[HEADER_CRC_FROM..SealHeader::BYTES]);
            header.write(seal);
        }
        seal.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bases::{Ending, base};
    use crate::passes;

    const ALL: Repairs = Repairs { crcs: true, digests: true, chain: true };

    #[test]
    fn an_intact_journal_stays_as_it_is() {
        for ending in [Ending::Closed, Ending::Died] {
            let mut repaired = base(ending).clone();
            repair(&mut repaired, ALL);
            assert!(repaired == *base(ending));
        }
    }

    #[test]
    fn an_edit_gets_past_every_checksum() {
        let mut edited = base(Ending::Closed).clone();
        let content = edited[0].as_mut().expect("no edit took it away");
        let min_time_ns = PAGE_BYTES + 136;
        content[min_time_ns] ^= 1;
        repair(&mut edited, ALL);
        drop(passes::check_intact(&edited));
    }
}
