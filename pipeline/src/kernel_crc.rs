//! The checksum of the VexFS kernel: CRC-32 with the IEEE polynomial, reflected, initial value 0 and no final
//! inversion, as Linux computes `crc32(0, …)`. Of the ASCII text `123456789` it is 0x2DFD2D88.
//!
//! Absent on purpose: any use of it in our own format, whose checksum is CRC32C. With the initial value 0,
//! zeros at the front don't count.

use crc_fast::{CrcAlgorithm, Digest};

/// The checksum of these parts, one after the other.
pub(crate) fn kernel_crc32<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> u32 {
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32IsoHdlc, 0);
    parts.into_iter().for_each(|part| digest.update(part));
    // Takes the final inversion back. A 32-bit CRC has 32 bits.
    !u32::try_from(digest.finalize()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, as the definition has it.
    fn by_definition(bytes: &[u8]) -> u32 {
        bytes.iter().fold(0, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
        })
    }

    #[test]
    fn it_is_the_kernels() {
        assert_eq!(kernel_crc32([&b"123456789"[..]]), 0x2DFD_2D88);
        let bytes: Vec<u8> =
            (0..6_000_u32).map(|it| it.to_le_bytes()[usize::from(it % 3 == 0)]).collect();
        for length in (0..300).chain([1_023, 1_024, 4_095, 4_096, 5_999]) {
            let (front, back) = bytes[..length].split_at(length / 3);
            assert_eq!(
                kernel_crc32([front, back]),
                by_definition(&bytes[..length]),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn zeros_at_the_front_do_not_count() {
        assert_eq!(kernel_crc32([&[0; 52][..]]), 0);
        assert_eq!(kernel_crc32([&[0, 0, 7][..]]), kernel_crc32([&[7][..]]));
    }
}
