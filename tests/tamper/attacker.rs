//! Someone with write access who knows the format: takes a journal apart into its events, and makes a whole
//! one of what is left of them, with every number, checksum, digest, link and seal right.

use std::collections::HashMap;

use vexfs_kernels::crc32c;
use vexfs_replay::event::{EventHeader, EventIter, EventType, family_bit};
use vexfs_replay::journal::block::{self, Position};
use vexfs_replay::journal::layout::*;
use vexfs_replay::journal::{TransactionDigest, seal, segment};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::small_journal::{Block, blocks_of, names_of};

/// An event, and the segment and block that it lies in.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) segment: usize,
    pub(crate) block: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Piece {
    /// The same event at another time: another event.
    pub(crate) fn at_time(&self, time_ns: u64) -> Self {
        let mut piece = self.clone();
        piece.bytes[8..16].copy_from_slice(&time_ns.to_le_bytes());
        piece
    }

    fn header(&self) -> EventHeader {
        EventHeader::read(&self.bytes)
    }

    /// Whether it is in no transaction.
    pub(crate) fn is_plain(&self) -> bool {
        self.header().transaction == 0
    }
}

/// A journal taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Apart {
    headers: Vec<SegmentHeader>,
    seals: Vec<Option<u32>>,
    blocks: Vec<BlockHeader>,
    /// All events in order; the number of a block counts through the journal.
    pub(crate) events: Vec<Piece>,
}

impl Apart {
    pub(crate) fn of(folder: &MemoryFolder) -> Self {
        let mut apart =
            Self { headers: Vec::new(), seals: Vec::new(), blocks: Vec::new(), events: Vec::new() };
        for (segment, name) in names_of(folder).iter().enumerate() {
            let content = folder.get(name).unwrap();
            apart.headers.push(SegmentHeader::read(&content));
            let blocks = blocks_of(&content);
            let end = blocks.last().map_or(PAGE_BYTES, Block::end);
            let sealed = content.len() > end;
            apart.seals.push(sealed.then(|| SealHeader::read(&content[end..]).kind));
            for found in blocks {
                let (header, block) = (found.header, apart.blocks.len());
                let payload = block::payload(&header, &content[found.at..found.end()]);
                for event in EventIter::new(payload, header.first_lsn, header.event_count) {
                    let bytes = event.unwrap().bytes().to_vec();
                    apart.events.push(Piece { segment, block, bytes });
                }
                apart.blocks.push(header);
            }
        }
        apart
    }

    pub(crate) fn block_of(&self, event: usize) -> usize {
        self.events[event].block
    }

    /// Makes a whole journal of these events. Events in a row that name one block make a block.
    pub(crate) fn remake(&self, events: &[Piece], folder: &MemoryFolder) {
        for name in names_of(folder) {
            folder.remove(&name).unwrap();
        }
        let mut kept: Vec<usize> = (0..self.headers.len()).collect();
        kept.retain(|&it| {
            let had = self.events.iter().any(|event| event.segment == it);
            !had || events.iter().any(|event| event.segment == it)
        });
        if kept.is_empty() {
            kept.push(0);
        }
        let mut forge = Forge { lsn: 1, ..Forge::default() };
        for (number, &segment) in kept.iter().enumerate() {
            let own = events.iter().filter(|event| event.segment == segment);
            let own: Vec<&Piece> = own.collect();
            let newest = number + 1 == kept.len();
            let kind = match self.seals[segment] {
                Some(SEAL_ROTATED) if newest => Some(SEAL_CLOSED),
                kind => kind,
            };
            let content = forge.segment(self, self.headers[segment], &own, number as u64, kind);
            folder.put(&segment::file_name(number as u64), content);
        }
    }
}

/// Where the forger stands.
#[derive(Default)]
struct Forge {
    lsn: u64,
    block: u64,
    digest: [u8; 32],
    previous_end: u64,
    sealed: bool,
    /// The new id of each transaction, and the digest over its members.
    transactions: HashMap<u64, (u64, TransactionDigest)>,
}

impl Forge {
    fn segment(
        &mut self,
        apart: &Apart,
        old: SegmentHeader,
        events: &[&Piece],
        number: u64,
        kind: Option<u32>,
    ) -> Vec<u8> {
        let first_lsn = self.lsn;
        let header = SegmentHeader {
            segment: number,
            first_lsn,
            first_block: self.block,
            previous_end: self.previous_end,
            previous_digest: self.digest,
            flags: if self.sealed { PREVIOUS_SEALED } else { 0 },
            ..old
        };
        let mut content = segment::encode_header(&header);
        self.digest = segment::decode_header(&content).unwrap().1;
        let mut entries = Vec::new();
        for run in events.chunk_by(|a, b| a.block == b.block) {
            let made = self.block(&apart.blocks[run[0].block.min(apart.blocks.len() - 1)], run);
            let place = BlockHeader {
                segment: number,
                file_offset: content.len() as u64,
                writer_epoch: header.writer_epoch,
                ..made.0
            };
            let mut bytes = made.1;
            let written = block::finish(&mut bytes, &place);
            self.digest = written.digest;
            entries.push(SealEntry::of(&written));
            content.extend(bytes);
        }
        (self.previous_end, self.sealed) = (content.len() as u64, kind.is_some());
        if let Some(kind) = kind {
            let position = Position {
                journal_id: header.journal_id,
                segment: number,
                writer_epoch: header.writer_epoch,
                offset: content.len() as u64,
                next_block: self.block,
                next_lsn: self.lsn,
                digest: self.digest,
            };
            content.extend(seal::encode(&position, first_lsn, kind, &entries));
        }
        content
    }

    fn block(&mut self, old: &BlockHeader, events: &[&Piece]) -> (BlockHeader, Vec<u8>) {
        let mut header = BlockHeader {
            previous_digest: self.digest,
            block: self.block,
            first_lsn: self.lsn,
            event_count: u32::try_from(events.len()).unwrap(),
            durable_lsn: old.durable_lsn.min(self.lsn - 1),
            ..*old
        };
        let mut bytes = vec![0; BlockHeader::BYTES];
        for event in events {
            let event_header = event.header();
            header.min_time_ns = header.min_time_ns.min(event_header.timestamp_ns);
            header.max_time_ns = header.max_time_ns.max(event_header.timestamp_ns);
            header.families |= family_bit(event_header.event_type.to_le_bytes()[1]);
            bytes.extend(self.event(event, &event_header));
        }
        self.block += 1;
        (header, bytes)
    }

    fn event(&mut self, event: &Piece, header: &EventHeader) -> Vec<u8> {
        let (mut bytes, lsn, old) = (event.bytes.clone(), self.lsn, header.transaction);
        self.lsn += 1;
        let begins = header.event_type == EventType::TransactionBegin.code();
        let ends = header.event_type == EventType::TransactionEnd.code();
        if begins {
            self.transactions.insert(old, (lsn, TransactionDigest::default()));
        }
        if old != 0 {
            // The begin record may be gone.
            let known = self.transactions.entry(old).or_insert((1 << 40, Default::default()));
            bytes[16..24].copy_from_slice(&known.0.to_le_bytes());
            if ends {
                let digest = std::mem::take(&mut known.1).finish();
                bytes[32 + 12..32 + 44].copy_from_slice(&digest);
            }
        }
        bytes[28..32].copy_from_slice(&lsn.to_le_bytes()[..4]);
        if old != 0 && !begins && !ends {
            self.transactions.get_mut(&old).unwrap().1.add(lsn, crc32c(&bytes));
        }
        bytes
    }
}
