//! Journals and files in memory, and the way from one to the other.

use std::path::Path;
use std::sync::Arc;

use vexfs_kernels::{crc32c, sha256};
use vexfs_replay::Error;
use vexfs_replay::event::{EventHeader, EventIter, family_bit};
use vexfs_replay::export::{SemjExportOptions, SemjExported, export_semj};
use vexfs_replay::import::{SemjImportOptions, SemjImported, import_semj};
use vexfs_replay::journal::layout::{
    BLOCK_MAGIC, BlockHeader, HEADER_CRC_FROM, MAX_BLOCK_BYTES, PAGE_BYTES,
};
use vexfs_replay::journal::{Journal, Writer, WriterOptions, block, segment};
use vexfs_replay::storage::{Folder, MemoryFolder};

pub(crate) const FILE: &str = "journal.semj";

/// A journal of these events, whatever they are: of blocks that are made by hand. Its writer has died.
pub(crate) fn journal_of(events: &[Vec<u8>]) -> MemoryFolder {
    let folder = MemoryFolder::default();
    drop(Writer::create(Arc::new(folder.clone()), WriterOptions::default()).unwrap());
    let name = segment::file_name(0);
    let mut content = folder.get(&name).unwrap();
    let (header, mut digest) = segment::decode_header(&content[..PAGE_BYTES]).unwrap();
    let mut first_lsn = 1_u64;
    for (number, events) in blocks(events).into_iter().enumerate() {
        let mut payload = Vec::new();
        for (lsn, event) in (first_lsn..).zip(events) {
            let at = payload.len();
            payload.extend_from_slice(event);
            payload[at + 28..at + 32].copy_from_slice(&lsn.to_le_bytes()[..4]);
        }
        let offset = content.len();
        let used = BlockHeader::BYTES + payload.len();
        let mut bytes = vec![0; used.next_multiple_of(PAGE_BYTES)];
        bytes[BlockHeader::BYTES..used].copy_from_slice(&payload);
        let families = (0..32).fold(0, |all, family| all | family_bit(family));
        let mut block = BlockHeader {
            magic: BLOCK_MAGIC,
            header_crc: 0,
            digest: [0; 32],
            previous_digest: digest,
            journal_id: header.journal_id,
            segment: 0,
            file_offset: offset as u64,
            writer_epoch: 1,
            block: number as u64,
            first_lsn,
            min_time_ns: 0,
            max_time_ns: u64::MAX,
            event_count: u32::try_from(events.len()).unwrap(),
            block_bytes: u32::try_from(bytes.len()).unwrap(),
            payload_bytes: u32::try_from(payload.len()).unwrap(),
            payload_crc: crc32c(&bytes[BlockHeader::BYTES..]),
            families,
            reserved: 0,
            durable_lsn: 0,
            durable_segment: 0,
            durable_end: 0,
            durable_digest: [0; 32],
        };
        block.write(&mut bytes);
        digest = sha256(block::digest_range(&bytes));
        block.digest = digest;
        block.write(&mut bytes);
        block.header_crc = crc32c(&bytes[HEADER_CRC_FROM..BlockHeader::BYTES]);
        block.write(&mut bytes);
        content.extend(bytes);
        first_lsn += events.len() as u64;
    }
    folder.put(&name, content);
    folder
}

fn blocks(events: &[Vec<u8>]) -> Vec<&[Vec<u8>]> {
    let (mut blocks, mut from, mut bytes) = (Vec::new(), 0, BlockHeader::BYTES);
    for (at, event) in events.iter().enumerate() {
        if bytes + event.len() > MAX_BLOCK_BYTES / 4 && at > from {
            blocks.push(&events[from..at]);
            (from, bytes) = (at, BlockHeader::BYTES);
        }
        bytes += event.len();
    }
    if from < events.len() {
        blocks.push(&events[from..]);
    }
    blocks
}

/// The events of a journal, byte for byte.
pub(crate) fn events_of(folder: &MemoryFolder) -> Vec<Vec<u8>> {
    let mut names = folder.list().unwrap();
    names.retain(|name| segment::number_of(name).is_some());
    names.sort();
    let mut events = Vec::new();
    for name in names {
        let content = folder.get(&name).unwrap();
        let mut at = PAGE_BYTES;
        while content.get(at..at + 4) == Some(&BLOCK_MAGIC.to_le_bytes()) {
            let header = BlockHeader::read(&content[at..]);
            let payload = block::payload(&header, &content[at..]);
            let iter = EventIter::new(payload, header.first_lsn, header.event_count);
            events.extend(iter.map(|event| event.unwrap().bytes().to_vec()));
            at += header.block_bytes as usize;
        }
    }
    events
}

/// These events as they lie in a journal from its front on.
pub(crate) fn numbered(events: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut numbered = events.to_vec();
    for (lsn, event) in (1_u32..).zip(&mut numbered) {
        event[28..32].copy_from_slice(&lsn.to_le_bytes());
    }
    numbered
}

pub(crate) fn export(folder: &MemoryFolder) -> Result<(Vec<u8>, SemjExported), Error> {
    export_with(folder, &SemjExportOptions::default())
}

pub(crate) fn export_with(
    folder: &MemoryFolder,
    options: &SemjExportOptions,
) -> Result<(Vec<u8>, SemjExported), Error> {
    let journal = Journal::open(Arc::new(folder.clone()))?;
    let into = MemoryFolder::default();
    let exported = export_semj(&journal, (&into, FILE), options, &mut |_| {})?;
    assert_eq!(into.list().unwrap(), [FILE]);
    Ok((into.get(FILE).unwrap(), exported))
}

pub(crate) fn import(file: &[u8]) -> Result<(MemoryFolder, SemjImported), Error> {
    let into = MemoryFolder::default();
    let imported = import_into(file, &into);
    if imported.is_err() {
        assert_eq!(into.list().unwrap(), [""; 0], "what is refused leaves nothing");
    }
    imported.map(|imported| (into, imported))
}

pub(crate) fn import_into(file: &[u8], into: &MemoryFolder) -> Result<SemjImported, Error> {
    let source = MemoryFolder::default();
    source.put(FILE, file.to_vec());
    let file = source.open(FILE).unwrap();
    let place = (file.as_ref(), Path::new(FILE));
    import_semj(place, Arc::new(into.clone()), &SemjImportOptions::default(), &mut |_| {})
}

/// The native header of an event.
pub(crate) fn header_of(event: &[u8]) -> EventHeader {
    EventHeader::read(event)
}
