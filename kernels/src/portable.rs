//! The portable backend: the sha2 crate. It defines what every other backend must produce.

use sha2::Digest as _;

use crate::Digest;
#[cfg(target_arch = "x86_64")]
use crate::lanes::{Block, State};

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    sha2::Sha256::digest(bytes).into()
}

/// The SHA-256 of each of `ranges`; there are as many digests.
pub(crate) fn sha256_many(ranges: &[&[u8]], digests: &mut [Digest]) {
    for (digest, range) in digests.iter_mut().zip(ranges) {
        *digest = sha256(range);
    }
}

/// Takes blocks into a state: for what is left when other lanes have nothing more to do.
#[cfg(target_arch = "x86_64")]
pub(crate) fn compress(states: &mut [State; 1], blocks: [&[Block]; 1]) {
    sha2::block_api::compress256(&mut states[0], blocks[0]);
}

/// A SHA-256 whose input arrives in pieces.
#[derive(Clone, Debug, Default)]
pub struct Sha256Stream(sha2::Sha256);

impl Sha256Stream {
    /// Appends `bytes` to the input.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all input so far.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}
