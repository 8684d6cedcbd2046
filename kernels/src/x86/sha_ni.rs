//! SHA-256 with the SHA instructions, several ranges side by side in one thread.
//!
//! A single stream is bound by the latency of `sha256rnds2`: the next one waits for the one before.
//! Independent streams fill these gaps. In which order the instructions stand is left to the compiler; two
//! lanes in an order that is pinned are `sha_ni_pair`.

#![expect(unsafe_code, reason = "an instruction set must be known to be there before it is used")]

use std::arch::x86_64::*;

use crate::lanes::{Batch, Block, ROUNDS, State};
use crate::{Backend, Digest, Kernel};

/// The round constants, four rounds a row.
pub(super) const CONSTANTS: [[u32; 4]; 16] = bytemuck::must_cast(ROUNDS);

/// Which byte of four words goes where.
pub(super) const BIG_ENDIAN: [u8; 16] = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];

/// The SHA-256 of each of `ranges`; there are as many digests.
pub(crate) fn sha256_many(kernel: Kernel, ranges: &[&[u8]], digests: &mut [Digest]) {
    let mut batch = Batch::new(ranges, digests);
    batch.run::<4>(3, |states, blocks| compress(kernel, states, blocks));
    batch.run::<2>(2, |states, blocks| compress(kernel, states, blocks));
    batch.run::<1>(1, |states, blocks| compress(kernel, states, blocks));
}

/// Takes equally many blocks into each state.
pub(super) fn compress<const N: usize>(
    kernel: Kernel,
    states: &mut [State; N],
    blocks: [&[Block]; N],
) {
    assert!(matches!(kernel.backend(), Backend::ShaNi2 | Backend::ShaNi4));
    assert!(blocks.iter().all(|it| it.len() == blocks[0].len()), "lanes go in step");
    // SAFETY: there is a kernel of this backend only where the processor has the instructions.
    unsafe { compress_with_instructions(states, blocks) }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn compress_with_instructions<const N: usize>(states: &mut [State; N], blocks: [&[Block]; N]) {
    let (mut abef, mut cdgh) = load(states);
    for index in (0..).take(blocks[0].len()) {
        let (abef_before, cdgh_before) = (abef, cdgh);
        let mut words = words_of(&blocks, index);
        macro_rules! four_rounds {
            ($($row:literal)*) => { $(
                let constants = bytemuck::cast(CONSTANTS[$row]);
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
    store(abef, cdgh, states);
}

/// The states as the instructions want them: ABEF and CDGH.
#[target_feature(enable = "ssse3,sse4.1")]
#[inline]
pub(super) fn load<const N: usize>(states: &[State; N]) -> ([__m128i; N], [__m128i; N]) {
    let mut abef = [_mm_setzero_si128(); N];
    let mut cdgh = abef;
    for lane in 0..N {
        let [abcd, efgh] = bytemuck::cast::<State, [__m128i; 2]>(states[lane]);
        let (cdab, efgh) = (_mm_shuffle_epi32(abcd, 0xB1), _mm_shuffle_epi32(efgh, 0x1B));
        abef[lane] = _mm_alignr_epi8(cdab, efgh, 8);
        cdgh[lane] = _mm_blend_epi16(efgh, cdab, 0xF0);
    }
    (abef, cdgh)
}

#[target_feature(enable = "ssse3,sse4.1")]
#[inline]
pub(super) fn store<const N: usize>(
    abef: [__m128i; N],
    cdgh: [__m128i; N],
    states: &mut [State; N],
) {
    for lane in 0..N {
        let (feba, dchg) =
            (_mm_shuffle_epi32(abef[lane], 0x1B), _mm_shuffle_epi32(cdgh[lane], 0xB1));
        let abcd = _mm_blend_epi16(feba, dchg, 0xF0);
        let efgh = _mm_alignr_epi8(dchg, feba, 8);
        states[lane] = bytemuck::cast([abcd, efgh]);
    }
}

/// The sixteen words of each lane's block of this index.
#[target_feature(enable = "ssse3")]
#[inline]
pub(super) fn words_of<const N: usize>(blocks: &[&[Block]; N], index: usize) -> [[__m128i; 4]; N] {
    let big_endian = bytemuck::must_cast(BIG_ENDIAN);
    let mut words = [[_mm_setzero_si128(); 4]; N];
    for (words, blocks) in words.iter_mut().zip(blocks) {
        let block = bytemuck::cast_ref::<_, [[u8; 16]; 4]>(&blocks[index]);
        for (words, bytes) in words.iter_mut().zip(block) {
            *words = _mm_shuffle_epi8(bytemuck::cast(*bytes), big_endian);
        }
    }
    words
}
