//! What stands behind a segment's blocks: its seal, or what a crash left.

use vexfs_kernels::{Digest, Sha256Stream};

use crate::error::Error;
use crate::journal::Segment;

/// How much of it is taken in at once, in bytes.
const READ_BYTES: usize = 256 * 1024;
/// The most that is signed, in bytes. The seal of a segment is a thousandth of it.
const REST_BYTES_MAX: u64 = 16 << 30;

/// How long it is from `blocks_end` on, in bytes.
pub(super) fn length(segment: &Segment, blocks_end: u64) -> u64 {
    segment.file_bytes.saturating_sub(blocks_end)
}

/// The digest of its first bytes from `blocks_end` on.
pub(super) fn digest(segment: &Segment, blocks_end: u64, bytes: u64) -> Result<Digest, Error> {
    let claimed = bytes.min(length(segment, blocks_end));
    if claimed > REST_BYTES_MAX {
        let what = "what stands behind the blocks of a segment, in bytes:";
        return Err(Error::LimitExceeded { lsn: 0, what, claimed, limit: REST_BYTES_MAX });
    }
    let mut stream = Sha256Stream::default();
    let mut buffer = vec![0; usize::try_from(claimed).unwrap_or(READ_BYTES).min(READ_BYTES)];
    let (mut at, end) = (blocks_end, blocks_end + claimed);
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        let part = &mut buffer[..left.min(READ_BYTES)];
        segment.read(part, at)?;
        stream.update(part);
        at += part.len() as u64;
    }
    Ok(stream.finish())
}
