//! SHA-256 with the SHA instructions, two ranges side by side, its instructions in an order that is pinned.
//!
//! Two lanes are enough to keep the unit for `sha256rnds2` busy, but only just: one begun a cycle late is never
//! made up for. Where the instructions stand decides that, and no compiler minds it; so this is assembly. Why
//! this order: docs/kernels.md, "Two lanes in a pinned order".

#![expect(unsafe_code, reason = "an instruction set must be known to be there before it is used")]

use std::arch::asm;
use std::arch::x86_64::*;

use super::sha_ni::{self, BIG_ENDIAN, CONSTANTS, load, store};
use crate::lanes::{Batch, Block, State};
use crate::{Backend, Digest, Kernel};

/// The SHA-256 of each of `ranges`; there are as many digests.
pub(crate) fn sha256_many(kernel: Kernel, ranges: &[&[u8]], digests: &mut [Digest]) {
    finish(kernel, &mut Batch::new(ranges, digests));
}

/// Hashes what wider lanes have left, which may be all.
pub(super) fn finish(kernel: Kernel, batch: &mut Batch<'_>) {
    batch.run(2, |states, blocks| compress(kernel, states, blocks));
    batch.run::<1>(1, |states, blocks| sha_ni::compress(kernel, states, blocks));
}

/// Takes equally many blocks into each state.
fn compress(kernel: Kernel, states: &mut [State; 2], blocks: [&[Block]; 2]) {
    assert!(kernel.backend() == Backend::ShaNi2);
    assert!(blocks[0].len() == blocks[1].len(), "lanes go in step");
    if blocks[0].is_empty() {
        return;
    }
    // SAFETY: there is a kernel of this backend only where the processor has the instructions; and there are
    // equally many blocks, at least one.
    unsafe { compress_with_instructions(states, blocks) }
}

/// Does nothing, but counts as an instruction for the vector units.
macro_rules! idle {
    () => {
        "vpor {sum}, {zero}, {zero}\n"
    };
}

/// Takes four of the words of a lane's block. To load them by `vpor` counts like any other instruction; by
/// `vmovdqu` it doesn't.
#[rustfmt::skip]
macro_rules! take {
    ($lane:literal $words:literal) => {
        concat!(
            "vpor {w", $words, $lane, "}, {zero}, [{block", $lane, "} + 16 * ", $words, "]\n",
            "vpshufb {w", $words, $lane, "}, {w", $words, $lane, "}, {big_endian}\n",
        )
    };
}

/// Keeps a lane's state for the end of its block.
#[rustfmt::skip]
macro_rules! keep {
    ($lane:literal) => {
        concat!(
            "vmovdqa [{before", $lane, "}], {abef", $lane, "}\n",
            "vmovdqa [{before", $lane, "} + 16], {cdgh", $lane, "}\n",
        )
    };
}

/// Four rounds, with a row of constants and four words; and something else between.
#[rustfmt::skip]
macro_rules! rounds {
    ($lane:literal $row:literal $words:literal, $between:expr) => {
        concat!(
            "vpaddd xmm0, {w", $words, $lane, "}, [{constants} + 16 * ", $row, "]\n",
            "sha256rnds2 {cdgh", $lane, "}, {abef", $lane, "}\n",
            $between,
            "vpshufd xmm0, xmm0, 0x0E\n",
            "sha256rnds2 {abef", $lane, "}, {cdgh", $lane, "}\n",
        )
    };
}

/// A row of one lane: four rounds and what is to be done for the words of the next. `$now` says where those of this
/// row are, the others where those of the next rows are, or those that they are to be made of.
#[rustfmt::skip]
macro_rules! row {
    (taken $lane:literal $row:literal; $now:literal $next:literal $later:literal $last:literal) => {
        concat!(idle!(), rounds!($lane $row $now, idle!()), take!($lane $next))
    };
    (begun $lane:literal $row:literal; $now:literal $next:literal $later:literal $last:literal) => {
        concat!(
            rounds!($lane $row $now, concat!("sha256msg1 {w", $next, $lane, "}, {w", $later, $lane, "}\n")),
            "vpalignr {sum}, {w", $now, $lane, "}, {w", $last, $lane, "}, 4\n",
            "vpaddd {w", $next, $lane, "}, {w", $next, $lane, "}, {sum}\n",
        )
    };
    (made $lane:literal $row:literal; $now:literal $next:literal $later:literal $last:literal) => {
        concat!(
            "sha256msg2 {w", $now, $lane, "}, {w", $last, $lane, "}\n",
            row!(begun $lane $row; $now $next $later $last),
        )
    };
    (last $lane:literal $row:literal; $now:literal $next:literal $later:literal $last:literal) => {
        concat!(
            "sha256msg2 {w", $now, $lane, "}, {w", $last, $lane, "}\n",
            rounds!($lane $row $now, ""),
            "vpaddd {cdgh", $lane, "}, {cdgh", $lane, "}, [{before", $lane, "} + 16]\n",
            "vpaddd {abef", $lane, "}, {abef", $lane, "}, [{before", $lane, "}]\n",
        )
    };
}

/// Rows of both lanes, one lane after the other.
macro_rules! rows {
    ($($how:ident $row:literal; $now:literal $next:literal $later:literal $last:literal)*) => {
        concat!($(
            row!($how "a" $row; $now $next $later $last),
            row!($how "b" $row; $now $next $later $last),
        )*)
    };
}

/// # Safety
/// There are equally many blocks of each lane, and at least one.
#[target_feature(enable = "sha,avx")]
unsafe fn compress_with_instructions(states: &mut [State; 2], blocks: [&[Block]; 2]) {
    let ([mut abef_a, mut abef_b], [mut cdgh_a, mut cdgh_b]) = load(states);
    let [mut before_a, mut before_b] = [[_mm_setzero_si128(); 2]; 2];
    // SAFETY: it reads the constants and the blocks, as many as there are, and writes the operands and what is kept
    // of the states; the function's instruction sets are all that it needs.
    unsafe {
        asm!(
            "2:",
            keep!("a"), take!("a" 0),
            keep!("b"), take!("b" 0),
            idle!(), idle!(),
            rows! {
                taken 0; 0 1 2 3
                taken 1; 1 2 3 0
                taken 2; 2 3 0 1
                begun 3; 3 0 1 2
                made 4; 0 1 2 3
                made 5; 1 2 3 0
                made 6; 2 3 0 1
                made 7; 3 0 1 2
                made 8; 0 1 2 3
                made 9; 1 2 3 0
                made 10; 2 3 0 1
                made 11; 3 0 1 2
                made 12; 0 1 2 3
                made 13; 1 2 3 0
                made 14; 2 3 0 1
                last 15; 3 0 1 2
            },
            "add {blocka}, 64",
            "add {blockb}, 64",
            "dec {count}",
            "jnz 2b",
            count = inout(reg) blocks[0].len() => _,
            blocka = inout(reg) blocks[0].as_ptr() => _,
            blockb = inout(reg) blocks[1].as_ptr() => _,
            constants = in(reg) &CONSTANTS,
            beforea = in(reg) &mut before_a,
            beforeb = in(reg) &mut before_b,
            abefa = inout(xmm_reg) abef_a,
            abefb = inout(xmm_reg) abef_b,
            cdgha = inout(xmm_reg) cdgh_a,
            cdghb = inout(xmm_reg) cdgh_b,
            w0a = out(xmm_reg) _, w1a = out(xmm_reg) _, w2a = out(xmm_reg) _, w3a = out(xmm_reg) _,
            w0b = out(xmm_reg) _, w1b = out(xmm_reg) _, w2b = out(xmm_reg) _, w3b = out(xmm_reg) _,
            sum = out(xmm_reg) _,
            zero = in(xmm_reg) _mm_setzero_si128(),
            big_endian = in(xmm_reg) bytemuck::must_cast::<_, __m128i>(BIG_ENDIAN),
            // The operand of `sha256rnds2` that isn't written down.
            out("xmm0") _,
            options(nostack),
        );
    }
    store([abef_a, abef_b], [cdgh_a, cdgh_b], states);
}
