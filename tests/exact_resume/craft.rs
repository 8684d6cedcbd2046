//! Hands to change a checkpoint with, so that every checksum is right again. Knows bytes alone.

use serde_json::Value;
use vexfs_kernels::{crc32c, sha256};
use vexfs_replay::checkpoint::layout::{CheckpointHeader, CheckpointTrailer, SectionEntry};
use vexfs_replay::state::PARTITIONS;

/// Where the header's checksum starts to count.
const CRC_FROM: usize = 8;
const SEAL_BYTES: usize = 32;

/// Makes a checkpoint's checksum and seal right.
pub(crate) fn seal(content: &mut [u8]) {
    let crc = crc32c(&content[CRC_FROM..CheckpointHeader::BYTES]);
    content[4..CRC_FROM].copy_from_slice(&crc.to_le_bytes());
    let (sealed, seal) = content.split_at_mut(content.len() - SEAL_BYTES);
    seal.copy_from_slice(&sha256(sealed));
}

pub(crate) fn with_header(content: &[u8], change: impl FnOnce(&mut CheckpointHeader)) -> Vec<u8> {
    let mut content = content.to_vec();
    let mut header = CheckpointHeader::read(&content);
    change(&mut header);
    header.write(&mut content);
    seal(&mut content);
    content
}

pub(crate) fn with_trailer(content: &[u8], change: impl FnOnce(&mut CheckpointTrailer)) -> Vec<u8> {
    let mut content = content.to_vec();
    let at = content.len() - CheckpointTrailer::BYTES;
    let mut trailer = CheckpointTrailer::read(&content[at..]);
    change(&mut trailer);
    trailer.write(&mut content[at..]);
    seal(&mut content);
    content
}

/// Lets `change` have its way with the directory.
pub(crate) fn with_directory(content: &[u8], change: impl FnOnce(&mut [SectionEntry])) -> Vec<u8> {
    let mut content = content.to_vec();
    let end = content.len() - CheckpointTrailer::BYTES;
    let directory = &mut content[end - PARTITIONS * SectionEntry::BYTES..end];
    let entries = directory.chunks_exact(SectionEntry::BYTES).map(SectionEntry::read);
    let mut entries: Vec<_> = entries.collect();
    change(&mut entries);
    let places = directory.chunks_exact_mut(SectionEntry::BYTES);
    places.zip(&entries).for_each(|(place, entry)| entry.write(place));
    seal(&mut content);
    content
}

/// Lets `change` have its way with the manifest; what follows it moves.
pub(crate) fn with_manifest(content: &[u8], change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut header = CheckpointHeader::read(content);
    let start = CheckpointHeader::BYTES;
    let end = start + header.manifest_bytes as usize;
    let mut manifest: Value = serde_json::from_slice(&content[start..end]).unwrap();
    change(&mut manifest);
    let manifest = serde_json::to_vec(&manifest).unwrap();
    header.manifest_bytes = u32::try_from(manifest.len()).unwrap();
    let mut changed = vec![0; start];
    header.write(&mut changed);
    changed.extend(&manifest);
    changed.extend(&content[end..]);
    let moved = |at: u64| at + (start + manifest.len()) as u64 - end as u64;
    let changed = with_trailer(&changed, |it| it.directory_offset = moved(it.directory_offset));
    with_directory(&changed, |entries| {
        entries.iter_mut().for_each(|it| it.offset = moved(it.offset));
    })
}

/// A checkpoint whose first section decompresses to so many bytes, and says that it is as long as before.
pub(crate) fn with_bomb(content: &[u8], bytes: usize) -> Vec<u8> {
    let bomb = zstd::bulk::compress(&vec![0; bytes], 1).unwrap();
    let header = CheckpointHeader::read(content);
    let start = CheckpointHeader::BYTES + header.manifest_bytes as usize;
    let mut first = 0;
    with_directory(content, |it| first = usize::try_from(it[0].stored_bytes).unwrap());
    let grown = bomb.len() - first;
    let mut changed = content[..start].to_vec();
    changed.extend(&bomb);
    changed.extend(&content[start + first..]);
    let changed = with_trailer(&changed, |it| it.directory_offset += grown as u64);
    with_directory(&changed, |it| {
        it[0].stored_bytes += grown as u64;
        it[1..].iter_mut().for_each(|it| it.offset += grown as u64);
    })
}
