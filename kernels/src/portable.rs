//! The portable backend: the sha2 crate. It defines what every other backend must produce.

use sha2::Digest as _;

use crate::Digest;

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    sha2::Sha256::digest(bytes).into()
}

pub(crate) fn sha256_many(ranges: &[&[u8]], digests: &mut Vec<Digest>) {
    digests.clear();
    digests.extend(ranges.iter().map(|range| sha256(range)));
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
