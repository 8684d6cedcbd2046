//! Small journals in memory, and hands to change them with: blocks, headers and seals that are
//! damaged on purpose, with their checksums made right again where that is wanted.

use std::sync::Arc;

use vexfs_kernels::sha256;
use vexfs_replay::event::EventHeader;
use vexfs_replay::journal::block::{self, Position};
use vexfs_replay::journal::layout::*;
use vexfs_replay::journal::{Durability, WriterOptions, seal, segment};
use vexfs_replay::storage::MemoryFolder;

use crate::scribe::{History, Scribe, Step};

/// Small blocks and small segments, and nothing by chance.
pub(crate) const OPTIONS: WriterOptions = WriterOptions {
    block_bytes: 4096,
    segment_bytes: 16 * 1024,
    durability: Durability::DataAndMetadata,
    journal_id: Some(*b"small-test-vexfs"),
    created_ns: Some(1),
};

/// The journal that these steps make.
pub(crate) fn journal_of(steps: &[Step], options: WriterOptions) -> (MemoryFolder, History) {
    let folder = MemoryFolder::default();
    let mut scribe = Scribe::create(Arc::new(folder.clone()), options).unwrap();
    steps.iter().for_each(|&step| scribe.step(step).unwrap());
    (folder, scribe.history)
}

/// Three segments with commits, transactions and a closing seal.
pub(crate) const THREE_SEGMENTS: &[Step] = &[
    Step::Set(700),
    Step::Transaction(2, 900),
    Step::Commit,
    Step::Set(3_000),
    Step::Commit,
    Step::Aborted(1),
    Step::Set(3_000),
    Step::Commit,
    Step::Set(5_000),
    Step::Commit,
    Step::Transaction(2, 1_800),
    Step::Commit,
    Step::Unfinished(1),
    Step::Set(3_000),
    Step::Commit,
    Step::Set(2_000),
    Step::Close,
];

/// A block of a segment's file.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) at: usize,
    pub(crate) header: BlockHeader,
}

impl Block {
    pub(crate) fn end(&self) -> usize {
        self.at + self.header.block_bytes as usize
    }

    /// The LSN of its last event.
    pub(crate) fn last_lsn(&self) -> u64 {
        self.header.first_lsn + u64::from(self.header.event_count) - 1
    }
}

/// The blocks of a segment's file, which is intact.
pub(crate) fn blocks_of(content: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut at = PAGE_BYTES;
    while content[at..].starts_with(&BLOCK_MAGIC.to_le_bytes()) {
        let header = BlockHeader::read(&content[at..]);
        blocks.push(Block { at, header });
        at += header.block_bytes as usize;
        if at >= content.len() {
            break;
        }
    }
    blocks
}

/// The first event of a block that is in no transaction: where it lies in the file, and its LSN.
pub(crate) fn plain_event(content: &[u8], block: &Block) -> (usize, u64) {
    let mut at = block.at + BlockHeader::BYTES;
    for lsn in block.header.first_lsn..=block.last_lsn() {
        let header = EventHeader::read(&content[at..]);
        if header.transaction == 0 {
            return (at, lsn);
        }
        at += header.event_bytes as usize;
    }
    panic!("all events of the block are in transactions")
}

/// A byte of the text of an event that is in no transaction: no state depends on it.
pub(crate) fn text_byte(content: &[u8], block: &Block) -> usize {
    let (at, _) = plain_event(content, block);
    at + content[at..].windows(8).position(|bytes| bytes == b"........").unwrap()
}

/// The names of the segments' files, in order.
pub(crate) fn names_of(folder: &MemoryFolder) -> Vec<String> {
    use vexfs_replay::storage::Folder as _;
    let mut names = folder.list().unwrap();
    names.retain(|name| segment::number_of(name).is_some());
    names
}

/// A copy of a folder, which shares nothing with it.
pub(crate) fn copy_of(folder: &MemoryFolder) -> MemoryFolder {
    use vexfs_replay::storage::Folder as _;
    let copy = MemoryFolder::default();
    for name in folder.list().unwrap() {
        copy.put(&name, folder.get(&name).unwrap());
    }
    copy
}

/// Changes the content of a file.
pub(crate) fn change(folder: &MemoryFolder, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut content = folder.get(name).unwrap();
    change(&mut content);
    folder.put(name, content);
}

/// Lets `change` have its way with a block's header and payload, and makes its checksums right:
/// the CRCs always, the digest where `digest` says so.
pub(crate) fn rebuild(
    content: &mut [u8],
    at: usize,
    digest: Digest,
    change: impl FnOnce(&mut BlockHeader, &mut [u8]),
) -> BlockHeader {
    let mut header = BlockHeader::read(&content[at..]);
    let end = at + header.block_bytes as usize;
    let bytes = &mut content[at..end];
    change(&mut header, &mut bytes[BlockHeader::BYTES..]);
    header.payload_crc = vexfs_kernels::crc32c(&bytes[BlockHeader::BYTES..]);
    header.write(bytes);
    if digest == Digest::MadeRight {
        header.digest = sha256(block::digest_range(bytes));
        header.write(bytes);
    }
    header.header_crc = vexfs_kernels::crc32c(&bytes[HEADER_CRC_FROM..BlockHeader::BYTES]);
    header.write(bytes);
    header
}

/// What becomes of the digest of a block that is rebuilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digest {
    /// It stays as it is.
    Left,
    /// It is computed anew.
    MadeRight,
}

/// Lets `change` have its way with a segment's header, and makes its checksum right.
pub(crate) fn rebuild_header(content: &mut [u8], change: impl FnOnce(&mut SegmentHeader)) {
    let mut header = SegmentHeader::read(content);
    change(&mut header);
    content[..PAGE_BYTES].copy_from_slice(&segment::encode_header(&header));
}

/// Chains a whole segment anew from its header page on, as someone would who alters the past: every
/// digest in it is right afterwards, and the seal of this kind, where it had one, too. Gives the
/// digest of its last block.
pub(crate) fn chain_anew(content: &mut Vec<u8>) -> [u8; 32] {
    let (header, mut digest) = segment::decode_header(&content[..PAGE_BYTES]).unwrap();
    let blocks = blocks_of(content);
    let mut entries = Vec::new();
    for block in &blocks {
        let rebuilt = rebuild(content, block.at, Digest::MadeRight, |header, _| {
            header.previous_digest = digest;
        });
        digest = rebuilt.digest;
        entries.push(SealEntry::of(&rebuilt));
    }
    let end = blocks.last().map_or(PAGE_BYTES, Block::end);
    if content.len() > end && seal::starts_here(&content[end..]) {
        let old = SealHeader::read(&content[end..]);
        let position = Position { digest, ..seal_position(&header, &old, end) };
        content.truncate(end);
        content.extend(seal::encode(&position, header.first_lsn, old.kind, &entries));
    }
    digest
}

/// Lets `change` have its way with the entries of a segment's seal, and makes its checksums right.
pub(crate) fn rebuild_seal(content: &mut Vec<u8>, change: impl FnOnce(&mut [SealEntry])) {
    let (header, _) = segment::decode_header(&content[..PAGE_BYTES]).unwrap();
    let end = blocks_of(content).last().map_or(PAGE_BYTES, Block::end);
    let old = SealHeader::read(&content[end..]);
    let entries = content[end + SealHeader::BYTES..].chunks_exact(SealEntry::BYTES);
    let mut entries: Vec<_> =
        entries.take(usize::try_from(old.blocks).unwrap()).map(SealEntry::read).collect();
    change(&mut entries);
    let position = seal_position(&header, &old, end);
    content.truncate(end);
    content.extend(seal::encode(&position, header.first_lsn, old.kind, &entries));
}

/// Lets `change` have its way with the fixed part of a segment's seal, and makes its CRC right.
pub(crate) fn rebuild_seal_header(content: &mut [u8], change: impl FnOnce(&mut SealHeader)) {
    let end = blocks_of(content).last().map_or(PAGE_BYTES, Block::end);
    let seal = &mut content[end..];
    let mut header = SealHeader::read(seal);
    change(&mut header);
    header.write(seal);
    header.header_crc = vexfs_kernels::crc32c(&seal[HEADER_CRC_FROM..SealHeader::BYTES]);
    header.write(seal);
}

/// Where the seal of a segment stands.
fn seal_position(header: &SegmentHeader, old: &SealHeader, end: usize) -> Position {
    Position {
        journal_id: header.journal_id,
        segment: header.segment,
        writer_epoch: header.writer_epoch,
        offset: end as u64,
        next_block: 0,
        next_lsn: old.next_lsn,
        digest: old.previous_digest,
    }
}
