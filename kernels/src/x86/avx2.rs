//! SHA-256 with AVX2, eight ranges side by side: for processors without SHA instructions.

#![expect(unsafe_code, reason = "an instruction set must be known to be there before it is used")]

use std::arch::x86_64::*;

use super::vectors::{sha256_in_vectors, sixteen_times};
use crate::lanes::{Batch, Block, ROUNDS, State};
use crate::portable;
use crate::{Backend, Digest, Kernel};

const LANES: usize = 8;

type Vector = __m256i;

/// The SHA-256 of each of `ranges`; there are as many digests.
pub(crate) fn sha256_many(kernel: Kernel, ranges: &[&[u8]], digests: &mut [Digest]) {
    let mut batch = Batch::new(ranges, digests);
    batch.run(2, |states, blocks| compress(kernel, states, blocks));
    batch.run(1, portable::compress);
}

/// Takes equally many blocks into each state.
fn compress(kernel: Kernel, states: &mut [State; LANES], blocks: [&[Block]; LANES]) {
    assert!(kernel.backend() == Backend::Avx2);
    assert!(blocks.iter().all(|it| it.len() == blocks[0].len()), "lanes go in step");
    // SAFETY: there is a kernel of this backend only where the processor has the instructions.
    unsafe { compress_with_instructions(states, blocks) }
}

sha256_in_vectors!("avx2");

#[target_feature(enable = "avx2")]
#[inline]
fn splat(word: u32) -> Vector {
    _mm256_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx2")]
#[inline]
fn add(left: Vector, right: Vector) -> Vector {
    _mm256_add_epi32(left, right)
}

#[target_feature(enable = "avx2")]
#[inline]
fn rotate<const BITS: i32>(words: Vector) -> Vector {
    let left = _mm256_sllv_epi32(words, _mm256_set1_epi32(32 - BITS));
    _mm256_or_si256(_mm256_srli_epi32::<BITS>(words), left)
}

#[target_feature(enable = "avx2")]
#[inline]
fn shift<const BITS: i32>(words: Vector) -> Vector {
    _mm256_srli_epi32::<BITS>(words)
}

#[target_feature(enable = "avx2")]
#[inline]
fn xor(a: Vector, b: Vector, c: Vector) -> Vector {
    _mm256_xor_si256(_mm256_xor_si256(a, b), c)
}

/// Of each bit, that of `b` where `a` is set, else that of `c`.
#[target_feature(enable = "avx2")]
#[inline]
fn choose(a: Vector, b: Vector, c: Vector) -> Vector {
    _mm256_xor_si256(_mm256_and_si256(_mm256_xor_si256(b, c), a), c)
}

/// Of each bit, what at least two of them have.
#[target_feature(enable = "avx2")]
#[inline]
fn majority(a: Vector, b: Vector, c: Vector) -> Vector {
    let different = _mm256_xor_si256(a, b);
    _mm256_xor_si256(_mm256_and_si256(different, _mm256_xor_si256(b, c)), b)
}

/// The sixteen big-endian words of each lane's block of this index, by word: eight and eight.
#[target_feature(enable = "avx2")]
#[inline]
fn words_of(blocks: &[&[Block]; LANES], index: usize) -> [Vector; 16] {
    let mut rows = [[[0; 32]; LANES]; 2];
    for (lane, blocks) in blocks.iter().enumerate() {
        let halves: &[[u8; 32]; 2] = bytemuck::must_cast_ref(&blocks[index]);
        (rows[0][lane], rows[1][lane]) = (halves[0], halves[1]);
    }
    bytemuck::must_cast([eight_words_of(&rows[0]), eight_words_of(&rows[1])])
}

#[target_feature(enable = "avx2")]
#[inline]
fn eight_words_of(lanes: &[[u8; 32]; LANES]) -> [Vector; 8] {
    let big_endian =
        _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203));
    let mut rows = [_mm256_setzero_si256(); LANES];
    for (row, lane) in rows.iter_mut().zip(lanes) {
        *row = _mm256_shuffle_epi8(bytemuck::must_cast(*lane), big_endian);
    }
    // Words of pairs of rows, then of fours, each within halves of a vector.
    let mut pairs = rows;
    for (pairs, rows) in pairs.as_chunks_mut::<2>().0.iter_mut().zip(rows.as_chunks::<2>().0) {
        let [first, second] = *rows;
        *pairs = [_mm256_unpacklo_epi32(first, second), _mm256_unpackhi_epi32(first, second)];
    }
    let mut fours = pairs;
    for (fours, pairs) in fours.as_chunks_mut::<4>().0.iter_mut().zip(pairs.as_chunks::<4>().0) {
        let [low, high, second_low, second_high] = *pairs;
        *fours = [
            _mm256_unpacklo_epi64(low, second_low),
            _mm256_unpackhi_epi64(low, second_low),
            _mm256_unpacklo_epi64(high, second_high),
            _mm256_unpackhi_epi64(high, second_high),
        ];
    }
    // The halves, likewise: of `fours[4 * i + j]`, half `k` holds word `4 * k + j` of rows `4 * i` and on.
    let mut words = fours;
    for column in 0..4 {
        let (first, second) = (fours[column], fours[4 + column]);
        words[column] = _mm256_permute2x128_si256::<0x20>(first, second);
        words[4 + column] = _mm256_permute2x128_si256::<0x31>(first, second);
    }
    words
}
