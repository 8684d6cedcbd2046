//! Verify: proves blocks by their checksums, as far as the validation mode asks.

use vexfs_kernels::Digest;

use super::decode::Reading;
use crate::journal::block;
use crate::journal::damage::Fault;
use crate::journal::{Frame, Validation};

/// How many blocks are hashed together: as many as the widest kernel hashes side by side.
pub(crate) const BATCH: usize = 16;

/// Checks a batch of blocks and tells the result of each in turn.
pub(crate) fn verify_batch(
    frames: &[Frame],
    buffer: &[u8],
    reading: Reading<'_>,
    digests: &mut Vec<Digest>,
    mut result: impl FnMut(&Frame, Result<(), Fault>),
) {
    let Reading { validation, kernel, .. } = reading;
    digests.clear();
    if validation >= Validation::Cryptographic {
        let mut ranges = [&[][..]; BATCH];
        for (range, frame) in ranges.iter_mut().zip(frames) {
            *range = block::digest_range(frame.block(buffer));
        }
        kernel.sha256_many(&ranges[..frames.len().min(BATCH)], digests);
    }
    for (index, frame) in frames.iter().enumerate() {
        let crc = if validation >= Validation::Basic {
            block::check_payload_crc(&frame.header, frame.block(buffer))
        } else {
            Ok(())
        };
        let digest =
            digests.get(index).map_or(Ok(()), |&digest| block::check_digest(&frame.header, digest));
        result(frame, crc.and(digest));
    }
}
