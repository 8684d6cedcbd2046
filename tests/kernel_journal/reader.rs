//! A second reader of block journals, written from `docs/kernel-journal.md` alone: offsets are those of the
//! page, and the checksum is a loop over bits.

/// What it finds: commits and revocations, in order.
#[derive(Debug, PartialEq)]
pub(crate) enum Read {
    Commit { id: u64, sequence: u64, aborted: bool, writes: Vec<(u64, Vec<u8>)> },
    Revocation { sequence: u64, blocks: Vec<u64> },
}

pub(crate) fn crc(mut crc: u32, bytes: &[u8]) -> u32 {
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    crc
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// The checksum of a block whose checksum field lies at `at`.
pub(crate) fn checksum(block: &[u8], at: usize) -> u32 {
    crc(crc(crc(0, &block[..at]), &[0; 4]), &block[at + 4..])
}

fn is_sound(block: &[u8], at: usize) -> bool {
    block[..4] == *b"FXEV" && checksum(block, at) == u32_at(block, at)
}

/// Reads all that can be read from the tail on.
pub(crate) fn read(journal: &[u8]) -> Vec<Read> {
    let block = |position: u64| {
        let at = usize::try_from(position).unwrap() * 4096;
        &journal[at..at + 4096]
    };
    let first = block(0);
    assert!(is_sound(first, 120));
    assert_eq!((u32_at(first, 4), u32_at(first, 32)), (1, 4096));
    let total = u64_at(first, 24);
    let (head, tail, next_sequence) = (u64_at(first, 40), u64_at(first, 48), u64_at(first, 56));
    let next = |position: u64| if position + 1 == total { 1 } else { position + 1 };
    let (mut at, mut sequence, mut read) = (tail, 0, Vec::new());
    let mut left = total - 1;
    let mut behind_head = false;
    loop {
        if at == head && !behind_head {
            behind_head = true;
            sequence = next_sequence - 1;
        }
        if left == 0 || !is_sound(block(at), 16) || u64_at(block(at), 8) <= sequence {
            return read;
        }
        let header = block(at);
        let own = u64_at(header, 8);
        let numbers = |from: usize, count: u32| -> Vec<u64> {
            (0..count as usize).map(|index| u64_at(header, from + 8 * index)).collect()
        };
        match u32_at(header, 4) {
            2 => {
                let count = u32_at(header, 32);
                let mut checksum = crc(0, header);
                let mut writes = Vec::new();
                let mut position = at;
                for number in numbers(56, count) {
                    position = next(position);
                    checksum = crc(checksum, block(position));
                    writes.push((number, block(position).to_vec()));
                }
                position = next(position);
                let commit = block(position);
                let id = u64_at(header, 24);
                let ends = is_sound(commit, 16)
                    && u32_at(commit, 4) == 4
                    && u64_at(commit, 8) > own
                    && u64_at(commit, 24) == id
                    && u32_at(commit, 40) == count
                    && u32_at(commit, 48) == checksum;
                if !ends {
                    return read;
                }
                sequence = u64_at(commit, 8);
                let aborted = u32_at(commit, 20) & 4 != 0;
                read.push(Read::Commit { id, sequence, aborted, writes });
                left -= u64::from(count) + 2;
                at = next(position);
            }
            5 => {
                sequence = own;
                let blocks = numbers(32, u32_at(header, 24));
                read.push(Read::Revocation { sequence, blocks });
                left -= 1;
                at = next(at);
            }
            _ => return read,
        }
    }
}
