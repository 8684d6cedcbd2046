//! Integrity kernels: CRC32C, and SHA-256 over many independent ranges at once.
//!
//! This crate knows bytes and nothing of journals. The portable backend is the definition; any
//! faster backend must agree with it on every length (`tests/backends.rs`).

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod backend;
mod choice;
#[cfg(feature = "gpu")]
pub mod gpu;
mod instructions;
mod lanes;
mod portable;
mod prefetch;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use backend::{Backend, Kernel, Unavailable, UnknownBackend};
pub use instructions::MASK_VARIABLE;
pub use portable::Sha256Stream;
pub use prefetch::prefetch;

/// The length of a SHA-256 digest in bytes.
pub const DIGEST_BYTES: usize = 32;

/// A SHA-256 digest (FIPS 180-4).
pub type Digest = [u8; DIGEST_BYTES];

/// The CRC32C (Castagnoli, iSCSI: reflected, initial value and final inversion all ones) of `bytes`.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes);
    u32::try_from(crc).unwrap_or_else(|_| unreachable!("a 32-bit CRC has 32 bits"))
}

/// The CRC-32 that Linux knows as `crc32(crc, …)`: IEEE polynomial, reflected, with neither an initial nor a
/// final inversion. It begins with 0, and goes on from the CRC of what came before.
#[must_use]
pub fn crc32_linux(crc: u32, bytes: &[u8]) -> u32 {
    let algorithm = crc_fast::CrcAlgorithm::Crc32IsoHdlc;
    let mut digest = crc_fast::Digest::new_with_init_state(algorithm, u64::from(crc));
    digest.update(bytes);
    // What that algorithm inverts in the end is inverted back.
    !u32::try_from(digest.finalize()).unwrap_or_else(|_| unreachable!("a 32-bit CRC has 32 bits"))
}

/// The SHA-256 of one range.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    portable::sha256(bytes)
}

/// The SHA-256 of each of `ranges`, in their order, written over `digests` (whose old content is
/// dropped, and whose allocation is used again), by the quickest backend.
pub fn sha256_many(ranges: &[&[u8]], digests: &mut Vec<Digest>) {
    Kernel::quickest().sha256_many(ranges, digests);
}
