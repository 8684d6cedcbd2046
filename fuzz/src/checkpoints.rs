//! Bytes become a checkpoint, with its checksums made right where that is asked for; loading it, and
//! replaying from it, must give a result or a typed error.
//!
//! The first byte of an input chooses: 0 the rest is the file; 1 the rest are edits (offset u16, byte
//! to xor with) to an intact one, whose checksums are made right again; 2 the rest is a section's
//! records, in the partition that the second byte names.

use std::sync::{Arc, OnceLock};

use vexfs_kernels::{crc32c, sha256};
use vexfs_replay::checkpoint::layout::{CheckpointHeader, CheckpointTrailer, SectionEntry};
use vexfs_replay::checkpoint::{Catalogue, CheckpointPolicy};
use vexfs_replay::journal::{Journal, segment};
use vexfs_replay::replay::{Checkpoints, ReplayOptions, replay};
use vexfs_replay::state::PARTITIONS;
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::bases::{Ending, base};

/// Where the range starts that the header's checksum covers.
const CRC_FROM: usize = 8;
const DIGEST_BYTES: usize = 32;

/// Reads an input, and looks at what it makes.
///
/// # Panics
/// When something doesn't hold.
pub fn check(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let (name, intact) = checkpoint();
    let file = match (choice % 3, rest.split_first()) {
        (1, _) => edited(intact, rest),
        (2, Some((&partition, records))) => with_section(intact, partition, records),
        _ => rest.to_vec(),
    };
    let folder = MemoryFolder::default();
    folder.put(name, file);
    let folder = Arc::new(folder);
    let catalogue = Catalogue::open(folder.clone()).expect("memory can be read");
    let found = catalogue.entries.first().and_then(|entry| entry.file.as_ref().ok());
    if let Some(Ok(loaded)) = found.map(|file| catalogue.load(file)) {
        // Every record can be read by whoever comes upon it.
        let _ = loaded.state.digest();
    }
    let options = ReplayOptions {
        checkpoints: Some(Checkpoints { folder, start: Default::default(), policy: None }),
        ..ReplayOptions::default()
    };
    let _ = replay(&journal(), &options, &mut |_| {});
}

fn journal() -> Journal {
    let folder = MemoryFolder::default();
    for (number, content) in (0..).zip(base(Ending::Closed)) {
        if let Some(content) = content {
            folder.put(&segment::file_name(number), content.clone());
        }
    }
    Journal::open(Arc::new(folder)).expect("it is intact")
}

/// An intact checkpoint: its file's name and content.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn checkpoint() -> &'static (String, Vec<u8>) {
    static MADE: OnceLock<(String, Vec<u8>)> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = MemoryFolder::default();
        let options = ReplayOptions {
            checkpoints: Some(Checkpoints {
                folder: Arc::new(folder.clone()),
                start: Default::default(),
                policy: Some(CheckpointPolicy::default()),
            }),
            ..ReplayOptions::default()
        };
        let (_, outcome) = replay(&journal(), &options, &mut |_| {}).expect("it is intact");
        let name = outcome.checkpoints.newest.expect("one is taken at the end");
        let content = folder.get(&name).expect("it is there");
        folder.remove(&name).expect("it is there");
        (name, content)
    })
}

/// Edits, and the checksums made right.
pub(crate) fn edited(intact: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut file = changed(intact, edits);
    make_right(&mut file);
    file
}

/// Edits, and the checksums as they were.
pub(crate) fn changed(intact: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut file = intact.to_vec();
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % file.len();
        file[at] ^= edit[2];
    }
    file
}

fn make_right(file: &mut [u8]) {
    let crc = crc32c(&file[CRC_FROM..CheckpointHeader::BYTES]);
    file[4..CRC_FROM].copy_from_slice(&crc.to_le_bytes());
    let seal_at = file.len() - DIGEST_BYTES;
    let digest = sha256(&file[..seal_at]);
    file[seal_at..].copy_from_slice(&digest);
}

/// The intact checkpoint with these records in one section.
pub(crate) fn with_section(intact: &[u8], partition: u8, records: &[u8]) -> Vec<u8> {
    let trailer_at = intact.len() - CheckpointTrailer::BYTES;
    let trailer = CheckpointTrailer::read(&intact[trailer_at..]);
    let directory_at = usize::try_from(trailer.directory_offset).expect("it is short");
    let mut entries: Vec<SectionEntry> = intact[directory_at..trailer_at]
        .chunks_exact(SectionEntry::BYTES)
        .map(SectionEntry::read)
        .collect();
    let stored = zstd::bulk::compress(records, 1).expect("memory can be compressed");
    let first = usize::try_from(entries[0].offset).expect("it is short");
    let mut file = intact[..first].to_vec();
    for (number, entry) in entries.iter_mut().enumerate() {
        let old = usize::try_from(entry.offset).expect("it is short");
        let old = &intact[old..][..usize::try_from(entry.stored_bytes).expect("it is short")];
        entry.offset = file.len() as u64;
        if number == usize::from(partition) % PARTITIONS {
            (entry.stored_bytes, entry.raw_bytes) = (stored.len() as u64, records.len() as u64);
            file.extend_from_slice(&stored);
        } else {
            file.extend_from_slice(old);
        }
    }
    let directory_offset = file.len() as u64;
    for entry in &entries {
        let at = file.len();
        file.resize(at + SectionEntry::BYTES, 0);
        entry.write(&mut file[at..]);
    }
    let at = file.len();
    file.resize(at + CheckpointTrailer::BYTES, 0);
    CheckpointTrailer { directory_offset, ..trailer }.write(&mut file[at..]);
    make_right(&mut file);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loads(file: Vec<u8>) -> bool {
        let folder = MemoryFolder::default();
        folder.put(&checkpoint().0, file);
        let catalogue = Catalogue::open(Arc::new(folder)).unwrap();
        let found = catalogue.entries[0].file.as_ref();
        found.is_ok_and(|file| catalogue.load(file).is_ok())
    }

    #[test]
    fn repairs_get_past_every_checksum() {
        let (_, intact) = checkpoint();
        assert!(loads(intact.clone()));
        assert!(loads(edited(intact, &[])));
        // When it was made.
        assert!(loads(edited(intact, &[64, 0, 1])));
        // No records at all, and a record of no kind.
        assert!(loads(with_section(intact, 7, &[0; 16])));
        let nonsense = [&[0; 8][..], &[1], &[0; 7], &[77; 64]].concat();
        assert!(!loads(with_section(intact, 7, &nonsense)));
        check(&[&[2, 7], &nonsense[..]].concat());
    }
}
