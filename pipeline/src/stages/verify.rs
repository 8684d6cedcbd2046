//! Verify: proves blocks by their checksums, as far as the validation mode asks.

use vexfs_kernels::Digest;

use super::decode::Reading;
use crate::journal::block;
use crate::journal::damage::Fault;
use crate::journal::{Frame, Validation};

/// How many blocks are hashed together: as many as the widest kernel hashes side by side.
pub(crate) const BATCH: usize = 16;

/// Computes the digests of a batch of blocks, where they are to be checked, but for those that are given.
pub(crate) fn compute_digests(
    frames: &[Frame],
    buffer: &[u8],
    given: &[Option<Digest>],
    reading: Reading<'_>,
    digests: &mut Vec<Digest>,
) {
    digests.clear();
    if reading.validation < Validation::Cryptographic {
        return;
    }
    let mut ranges = [&[][..]; BATCH];
    let mut count = 0;
    for (index, frame) in frames.iter().enumerate().take(BATCH) {
        if given.get(index).is_none_or(Option::is_none) {
            ranges[count] = block::digest_range(frame.block(buffer));
            count += 1;
        }
    }
    reading.kernel.sha256_many(&ranges[..count], digests);
    if count < frames.len() {
        let mut computed = std::mem::take(digests).into_iter();
        let all = given.iter().take(frames.len());
        digests.extend(all.filter_map(|given| given.or_else(|| computed.next())));
    }
}

/// Checks a block by its digest, where there is one.
pub(crate) fn check(
    frame: &Frame,
    block: &[u8],
    digest: Option<&Digest>,
    validation: Validation,
) -> Result<(), Fault> {
    if validation >= Validation::Basic {
        block::check_payload_crc(&frame.header, block)?;
    }
    match digest {
        Some(&digest) => block::check_digest(&frame.header, digest),
        None => Ok(()),
    }
}
