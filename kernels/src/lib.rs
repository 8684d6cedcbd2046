//! Integrity kernels: CRC32C, and SHA-256 over many independent ranges at once.
//!
//! This crate knows bytes and nothing of journals. The portable backend is the definition; any
//! faster backend must agree with it on every length.

mod portable;
mod prefetch;
#[cfg(target_arch = "x86_64")]
mod x86;

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

/// The SHA-256 of one range.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    portable::sha256(bytes)
}

/// The SHA-256 of each of `ranges`, in their order, written over `digests` (whose old content is
/// dropped, and whose allocation is used again).
pub fn sha256_many(ranges: &[&[u8]], digests: &mut Vec<Digest>) {
    #[cfg(target_arch = "x86_64")]
    if x86::is_available() {
        return x86::sha256_many(ranges, digests);
    }
    portable::sha256_many(ranges, digests);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(digest: Digest) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn crc32c_agrees_with_the_check_value_of_the_catalogue() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32c(b""), 0);
    }

    #[test]
    fn sha256_agrees_with_the_vectors_of_fips_180_4() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(sha256(b"")), empty);
        assert_eq!(hex(sha256(b"abc")), abc);
        let mut many = vec![[0xAA; 32]; 9];
        sha256_many(&[b"", b"abc"], &mut many);
        assert_eq!(many.into_iter().map(hex).collect::<Vec<_>>(), [empty, abc]);
    }

    /// What a backend makes of batches of every length, alone and beside others, against the
    /// portable one.
    fn agrees_with_portable(backend: fn(&[&[u8]], &mut Vec<Digest>)) {
        let bytes: Vec<u8> = (0..70_000_u32).flat_map(u32::to_le_bytes).collect();
        let around = [1024, 4096, 65_536, 262_144].into_iter().flat_map(|it| it - 65..it + 66);
        let lengths: Vec<usize> = (0..=2048).chain(around).collect();
        let ranges = lengths.iter().map(|&length| &bytes[length % 19..][..length]);
        let ranges: Vec<&[u8]> = ranges.collect();
        let (mut found, mut expected) = (vec![[1; 32]], Vec::new());
        portable::sha256_many(&ranges, &mut expected);
        for batch in [1, 2, 3, 4, 7, ranges.len()] {
            for (ranges, expected) in ranges.chunks(batch).zip(expected.chunks(batch)) {
                backend(ranges, &mut found);
                let lengths = || ranges.iter().map(|range| range.len()).collect::<Vec<_>>();
                assert!(found == expected, "lengths {:?}", lengths());
            }
        }
        backend(&[], &mut found);
        assert!(found.is_empty());
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn side_by_side_agrees_with_portable() {
        if !x86::is_available() {
            eprintln!("not run: this processor has no SHA instructions");
            return;
        }
        agrees_with_portable(x86::sha256_many);
    }

    #[test]
    fn the_chosen_backend_agrees_with_portable() {
        agrees_with_portable(sha256_many);
    }

    #[test]
    fn a_stream_in_pieces_equals_one_call() {
        let bytes: Vec<u8> = (0..1000_u32).flat_map(u32::to_le_bytes).collect();
        for piece in [1, 63, 64, 65, 999] {
            let mut stream = Sha256Stream::default();
            bytes.chunks(piece).for_each(|chunk| stream.update(chunk));
            assert_eq!(stream.finish(), sha256(&bytes), "in pieces of {piece}");
        }
    }
}
