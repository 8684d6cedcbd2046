//! The digest of a state: what two replays must agree on, bit for bit.
//!
//! For each partition, its records in the order of their keys (kind, id, second, name) are encoded
//! one after the other, as `encoding.rs` says. That is cut into pieces of [`PIECE_BYTES`] each, the last one shorter, which are hashed by themselves, so that several are
//! hashed side by side. The partition's digest is the SHA-256 over the digests of its pieces in
//! turn; the state's is the SHA-256 over those of its 256 partitions in turn.

use std::sync::LazyLock;

use vexfs_kernels::{Digest, Sha256Stream, sha256, sha256_many};

use super::Table;
use super::encoding::encode_record;
use super::key::Key;

/// How long a piece is, in bytes.
pub(super) const PIECE_BYTES: usize = 16 * 1024;
/// How many pieces are collected before they are hashed: as many as the widest kernel hashes side by side.
const BATCH: usize = 16;

/// What of a partition is not hashed yet, and the digest so far.
#[derive(Default)]
pub(crate) struct Pieces {
    bytes: Vec<u8>,
    digests: Vec<Digest>,
    stream: Sha256Stream,
}

impl Pieces {
    /// Hashes all pieces that are there; the last one may be short when nothing follows.
    fn hash(&mut self, until: usize) {
        let pieces: Vec<&[u8]> = self.bytes[..until].chunks(PIECE_BYTES).collect();
        sha256_many(&pieces, &mut self.digests);
        self.stream.update(self.digests.as_flattened());
        self.bytes.drain(..until);
    }

    /// Adds the next record, in the order of the keys.
    pub(crate) fn add(&mut self, key: &Key<'_>, value: &[u8]) {
        encode_record(key, value, &mut self.bytes);
        if self.bytes.len() >= BATCH * PIECE_BYTES {
            self.hash(self.bytes.len() - self.bytes.len() % PIECE_BYTES);
        }
    }

    /// The partition's digest.
    pub(crate) fn finish(mut self) -> Digest {
        self.hash(self.bytes.len());
        self.stream.finish()
    }
}

/// The digest of one partition.
pub(crate) fn of_partition(records: &Table) -> Digest {
    /// That of a partition without records, as most are of a small state.
    static OF_NOTHING: LazyLock<Digest> = LazyLock::new(|| Pieces::default().finish());
    let mut all: Vec<(Key<'_>, &[u8])> = Vec::new();
    records.for_each(&mut |key, value| all.push((key, value)));
    if all.is_empty() {
        return *OF_NOTHING;
    }
    all.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    let mut pieces = Pieces::default();
    all.iter().for_each(|(key, value)| pieces.add(key, value));
    pieces.finish()
}

/// The digest of a state from those of its partitions, in order.
pub(crate) fn of_state(partitions: &[Digest]) -> Digest {
    sha256(partitions.as_flattened())
}
