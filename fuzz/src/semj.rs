//! Bytes become a kernel's semantic journal, with its checksums made right where that is asked for; what is
//! imported must export to the same bytes, but for an index.
//!
//! The first byte of an input chooses: 0 the rest is the file; 1 the rest are edits (offset u16, byte to xor
//! with) to a small intact file, whose checksums and length are made right again.

use std::path::Path;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::export::{SemjExportOptions, export_semj};
use vexfs_replay::import::{SemjImportOptions, import_semj};
use vexfs_replay::journal::Journal;
use vexfs_replay::semj::{SemjEventHeader, SemjFileHeader};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::checkpoints::changed;

const INTACT: &[u8] = include_bytes!("../../datasets/golden/small.semj");
const NAME: &str = "fuzzed.semj";
/// Where the checksums lie.
const HEADER_SUM: usize = 48;
const EVENT_SUM: usize = 84;

/// Imports an input, and exports what came of it.
///
/// # Panics
/// When something doesn't hold.
pub fn check(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let file = match choice % 2 {
        1 => made_right(changed(INTACT, rest)),
        _ => rest.to_vec(),
    };
    let (source, into) = (MemoryFolder::default(), MemoryFolder::default());
    source.put(NAME, file.clone());
    let opened = source.open(NAME).expect("it was just put there");
    let place = (opened.as_ref(), Path::new(NAME));
    let options = SemjImportOptions::default();
    let imported = match import_semj(place, Arc::new(into.clone()), &options, &mut |_| {}) {
        Ok(imported) => imported,
        Err(Error::BadSemj { offset, .. }) => {
            assert!(offset <= file.len() as u64, "a fault lies in the file");
            assert!(into.list().expect("memory can be listed").is_empty());
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let journal = Journal::open(Arc::new(into.clone())).expect("it was just made");
    let options = SemjExportOptions::default();
    let exported = export_semj(&journal, (&into, NAME), &options, &mut |_| {});
    assert_eq!(exported.expect("what came in goes out").events, imported.events);
    if imported.index_bytes == 0 {
        assert!(into.get(NAME).expect("it was just exported") == file);
    }
}

/// The checksums and the length, made right as far as the lengths of events lead.
fn made_right(mut file: Vec<u8>) -> Vec<u8> {
    let mut at = SemjFileHeader::BYTES;
    while at + SemjEventHeader::BYTES <= file.len() {
        let length = SemjEventHeader::read(&file[at..]).event_bytes as usize;
        let Some(event) = file.get_mut(at..at + length.max(1)) else { break };
        if event.len() >= SemjEventHeader::BYTES {
            put_sum(event, EVENT_SUM);
        }
        at += length.max(1);
    }
    let length = (file.len() as u64).to_le_bytes();
    file[28..36].copy_from_slice(&length);
    put_sum(&mut file[..SemjFileHeader::BYTES], HEADER_SUM);
    file
}

/// The kernel's CRC-32, bit by bit.
fn put_sum(bytes: &mut [u8], at: usize) {
    bytes[at..at + 4].fill(0);
    let sum = bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    });
    bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repairs_get_past_every_checksum() {
        assert!(made_right(INTACT.to_vec()) == INTACT);
        check(&[1]);
        // The kernel's own event, its subtype; and what the document shows.
        check(&[1, 0, 80, 3]);
        check(&[&[0][..], INTACT].concat());
    }
}
