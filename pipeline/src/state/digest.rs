//! The digest of a state: what two replays must agree on, bit for bit.
//!
//! For each partition, SHA-256 over its records in the order of their keys (kind, id, second,
//! name); a record is kind (u8), id (u64), second (u64), length of the name (u32), name, length
//! of the record (u32), record; all little-endian. The state's digest is the SHA-256 over the
//! digests of its 256 partitions in turn.

use vexfs_kernels::{Digest, Sha256Stream, sha256};

use super::Table;
use super::key::Key;

/// The digest of one partition.
pub(super) fn of_partition(records: &Table) -> Digest {
    let mut all: Vec<(Key<'_>, &[u8])> = Vec::new();
    records.for_each(&mut |key, value| all.push((key, value)));
    all.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    let mut stream = Sha256Stream::default();
    let mut bytes = Vec::new();
    for (key, value) in all {
        bytes.clear();
        bytes.push(key.kind as u8);
        bytes.extend_from_slice(&key.id.to_le_bytes());
        bytes.extend_from_slice(&key.second.to_le_bytes());
        for part in [key.name, value] {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(part);
        }
        stream.update(&bytes);
    }
    stream.finish()
}

/// The digest of a state from those of its partitions, in order.
pub(super) fn of_state(partitions: &[Digest]) -> Digest {
    sha256(partitions.as_flattened())
}
