//! SHA-256 with the SHA instructions of x86-64, several ranges side by side in one thread.
//!
//! A single stream is bound by the latency of `sha256rnds2`: the next one waits for the one before.
//! Independent streams fill these gaps, so two of them take hardly longer than one.

#![expect(unsafe_code, reason = "an instruction set must be known to be there before it is used")]

use std::arch::x86_64::*;

use crate::Digest;

/// How many ranges are hashed side by side.
const LANES: usize = 2;
/// The length of a block of SHA-256, in bytes.
const BLOCK: usize = 64;

type State = [u32; 8];

/// The initial state (FIPS 180-4, 5.3.3).
const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The round constants (FIPS 180-4, 4.2.2), four rounds a row.
#[rustfmt::skip]
const ROUNDS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// Whether the processor has the instructions.
pub(crate) fn is_available() -> bool {
    let [sha, ssse3] = [is_x86_feature_detected!("sha"), is_x86_feature_detected!("ssse3")];
    sha && ssse3 && is_x86_feature_detected!("sse4.1")
}

/// A range on its way through a lane.
#[derive(Clone, Copy)]
struct Lane<'r> {
    /// Which of the ranges it is.
    number: usize,
    state: State,
    /// What is left of its whole blocks.
    blocks: &'r [[u8; BLOCK]],
    /// What follows them, and the length of it all.
    tail: &'r [u8],
    length: usize,
}

impl<'r> Lane<'r> {
    fn new(number: usize, range: &'r [u8]) -> Self {
        let (blocks, tail) = range.as_chunks();
        Self { number, state: INITIAL, blocks, tail, length: range.len() }
    }

    /// Pads the range (FIPS 180-4, 5.1.1) and gives its digest.
    fn finish(mut self) -> Digest {
        let mut padded = [[0; BLOCK]; 2];
        let count = if self.tail.len() < BLOCK - 8 { 1 } else { 2 };
        let bytes = padded.as_flattened_mut();
        bytes[..self.tail.len()].copy_from_slice(self.tail);
        bytes[self.tail.len()] = 0x80;
        let end = count * BLOCK;
        bytes[end - 8..end].copy_from_slice(&(self.length as u64 * 8).to_be_bytes());
        compress([&mut self.state], [&padded[..count]]);
        let mut digest = [0; 32];
        for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *bytes = word.to_be_bytes();
        }
        digest
    }
}

/// The SHA-256 of each of `ranges`; the processor must have the instructions.
pub(crate) fn sha256_many(ranges: &[&[u8]], digests: &mut Vec<Digest>) {
    digests.clear();
    digests.resize(ranges.len(), [0; 32]);
    let mut queue = ranges.iter().enumerate().map(|(number, range)| Lane::new(number, range));
    let mut lanes: [Option<Lane<'_>>; LANES] = std::array::from_fn(|_| queue.next());
    // A lane whose range is done takes the next one at once, so none idles while there are any.
    while let [Some(first), Some(second)] = &mut lanes {
        let count = first.blocks.len().min(second.blocks.len());
        let states = [&mut first.state, &mut second.state];
        compress(states, [&first.blocks[..count], &second.blocks[..count]]);
        for slot in &mut lanes {
            let Some(lane) = slot else { continue };
            lane.blocks = &lane.blocks[count..];
            if lane.blocks.is_empty() {
                digests[lane.number] = lane.finish();
                *slot = queue.next();
            }
        }
    }
    for mut lane in lanes.into_iter().flatten() {
        compress([&mut lane.state], [lane.blocks]);
        digests[lane.number] = lane.finish();
    }
}

/// Takes equally many blocks into each state.
fn compress<const N: usize>(states: [&mut State; N], blocks: [&[[u8; BLOCK]]; N]) {
    assert!(blocks.iter().all(|it| it.len() == blocks[0].len()), "lanes go in step");
    debug_assert!(is_available());
    // SAFETY: `sha256_many` alone leads here, which its caller calls only where `is_available`.
    unsafe { compress_with_instructions(states, blocks) }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn compress_with_instructions<const N: usize>(
    states: [&mut State; N],
    blocks: [&[[u8; BLOCK]]; N],
) {
    let big_endian = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    // The instructions want the state as ABEF and CDGH.
    let mut abef = [_mm_setzero_si128(); N];
    let mut cdgh = abef;
    for lane in 0..N {
        let [abcd, efgh] = bytemuck::cast::<State, [__m128i; 2]>(*states[lane]);
        let (cdab, efgh) = (_mm_shuffle_epi32(abcd, 0xB1), _mm_shuffle_epi32(efgh, 0x1B));
        abef[lane] = _mm_alignr_epi8(cdab, efgh, 8);
        cdgh[lane] = _mm_blend_epi16(efgh, cdab, 0xF0);
    }
    for index in (0..).take(blocks[0].len()) {
        let (abef_before, cdgh_before) = (abef, cdgh);
        let mut words = [[_mm_setzero_si128(); 4]; N];
        for lane in 0..N {
            let block = bytemuck::cast_ref::<_, [[u8; 16]; 4]>(&blocks[lane][index]);
            for (words, bytes) in words[lane].iter_mut().zip(block) {
                *words = _mm_shuffle_epi8(bytemuck::cast(*bytes), big_endian);
            }
        }
        macro_rules! four_rounds {
            ($($row:literal)*) => { $(
                let constants = bytemuck::cast::<_, __m128i>(ROUNDS[$row]);
                for lane in 0..N {
                    let words = &mut words[lane];
                    if $row >= 4 {
                        // The words of the next four rounds, from those of the last sixteen.
                        let [oldest, older, old, last] =
                            [0, 1, 2, 3].map(|back: usize| words[($row + back) % 4]);
                        let sum = _mm_add_epi32(
                            _mm_sha256msg1_epu32(oldest, older),
                            _mm_alignr_epi8(last, old, 4),
                        );
                        words[$row % 4] = _mm_sha256msg2_epu32(sum, last);
                    }
                    let sum = _mm_add_epi32(words[$row % 4], constants);
                    cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
                    let sum = _mm_shuffle_epi32(sum, 0x0E);
                    abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], sum);
                }
            )* };
        }
        four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for lane in 0..N {
            abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
        }
    }
    for lane in 0..N {
        let (feba, dchg) =
            (_mm_shuffle_epi32(abef[lane], 0x1B), _mm_shuffle_epi32(cdgh[lane], 0xB1));
        let abcd = _mm_blend_epi16(feba, dchg, 0xF0);
        let efgh = _mm_alignr_epi8(dchg, feba, 8);
        *states[lane] = bytemuck::cast([abcd, efgh]);
    }
}
