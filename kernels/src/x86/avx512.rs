//! SHA-256 with AVX-512, sixteen ranges side by side.
//!
//! With few ranges most lanes would idle; then the SHA instructions are quicker, where there are any.

#![expect(unsafe_code, reason = "an instruction set must be known to be there before it is used")]

use std::arch::x86_64::*;

use super::sha_ni_pair;
use super::vectors::{sha256_in_vectors, sixteen_times};
use crate::lanes::{Batch, Block, ROUNDS, State};
use crate::portable;
use crate::{Backend, Digest, Kernel};

const LANES: usize = 16;
/// With fewer busy lanes than this, the SHA instructions are quicker.
const LEAST_BESIDE_SHA: usize = 12;

type Vector = __m512i;

/// The SHA-256 of each of `ranges`; there are as many digests.
pub(crate) fn sha256_many(kernel: Kernel, ranges: &[&[u8]], digests: &mut [Digest]) {
    let mut batch = Batch::new(ranges, digests);
    match Backend::ShaNi2.kernel() {
        Ok(pair) => {
            batch.run(LEAST_BESIDE_SHA, |states, blocks| compress(kernel, states, blocks));
            sha_ni_pair::finish(pair, &mut batch);
        }
        Err(_) => {
            batch.run(2, |states, blocks| compress(kernel, states, blocks));
            batch.run(1, portable::compress);
        }
    }
}

/// Takes equally many blocks into each state.
fn compress(kernel: Kernel, states: &mut [State; LANES], blocks: [&[Block]; LANES]) {
    assert!(kernel.backend() == Backend::Avx512);
    assert!(blocks.iter().all(|it| it.len() == blocks[0].len()), "lanes go in step");
    // SAFETY: there is a kernel of this backend only where the processor has the instructions.
    unsafe { compress_with_instructions(states, blocks) }
}

sha256_in_vectors!("avx512f,avx512bw");

#[target_feature(enable = "avx512f")]
#[inline]
fn splat(word: u32) -> Vector {
    _mm512_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx512f")]
#[inline]
fn add(left: Vector, right: Vector) -> Vector {
    _mm512_add_epi32(left, right)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn rotate<const BITS: i32>(words: Vector) -> Vector {
    _mm512_ror_epi32::<BITS>(words)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn shift<const BITS: u32>(words: Vector) -> Vector {
    _mm512_srli_epi32::<BITS>(words)
}

/// The last argument of the ternary operations below is the truth table of what they say.
#[target_feature(enable = "avx512f")]
#[inline]
fn xor(a: Vector, b: Vector, c: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// Of each bit, that of `b` where `a` is set, else that of `c`.
#[target_feature(enable = "avx512f")]
#[inline]
fn choose(a: Vector, b: Vector, c: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0xCA>(a, b, c)
}

/// Of each bit, what at least two of them have.
#[target_feature(enable = "avx512f")]
#[inline]
fn majority(a: Vector, b: Vector, c: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0xE8>(a, b, c)
}

/// The sixteen big-endian words of each lane's block of this index, by word.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn words_of(blocks: &[&[Block]; LANES], index: usize) -> [Vector; 16] {
    let big_endian =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203));
    let mut rows = [_mm512_setzero_si512(); LANES];
    for (row, blocks) in rows.iter_mut().zip(blocks) {
        *row = _mm512_shuffle_epi8(bytemuck::must_cast(blocks[index]), big_endian);
    }
    // Words of pairs of rows, then of fours, each within quarters of a vector.
    let mut pairs = rows;
    for (pairs, rows) in pairs.as_chunks_mut::<2>().0.iter_mut().zip(rows.as_chunks::<2>().0) {
        let [first, second] = *rows;
        *pairs = [_mm512_unpacklo_epi32(first, second), _mm512_unpackhi_epi32(first, second)];
    }
    let mut fours = pairs;
    for (fours, pairs) in fours.as_chunks_mut::<4>().0.iter_mut().zip(pairs.as_chunks::<4>().0) {
        let [low, high, second_low, second_high] = *pairs;
        *fours = [
            _mm512_unpacklo_epi64(low, second_low),
            _mm512_unpackhi_epi64(low, second_low),
            _mm512_unpacklo_epi64(high, second_high),
            _mm512_unpackhi_epi64(high, second_high),
        ];
    }
    // The quarters, likewise: of `fours[4 * i + j]`, quarter `k` holds word `4 * k + j` of rows
    // `4 * i` and on.
    let mut words = fours;
    for column in 0..4 {
        let (a, b) = (fours[column], fours[4 + column]);
        let (c, d) = (fours[8 + column], fours[12 + column]);
        let even = _mm512_shuffle_i32x4::<0x88>(a, b);
        let even_below = _mm512_shuffle_i32x4::<0x88>(c, d);
        let odd = _mm512_shuffle_i32x4::<0xDD>(a, b);
        let odd_below = _mm512_shuffle_i32x4::<0xDD>(c, d);
        words[column] = _mm512_shuffle_i32x4::<0x88>(even, even_below);
        words[4 + column] = _mm512_shuffle_i32x4::<0x88>(odd, odd_below);
        words[8 + column] = _mm512_shuffle_i32x4::<0xDD>(even, even_below);
        words[12 + column] = _mm512_shuffle_i32x4::<0xDD>(odd, odd_below);
    }
    words
}
