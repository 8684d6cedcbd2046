//! SHA-256 with the SHA-2 instructions of ARMv8, several ranges side by side in one thread: a single
//! stream waits for each instruction's result.

#![expect(unsafe_code, reason = "an instruction set must be known to be there before it is used")]

use std::arch::aarch64::*;

use crate::lanes::{Batch, Block, ROUNDS, State};
use crate::{Backend, Digest, Kernel};

/// The SHA-256 of each of `ranges`; there are as many digests.
pub(crate) fn sha256_many(kernel: Kernel, ranges: &[&[u8]], digests: &mut [Digest]) {
    let mut batch = Batch::new(ranges, digests);
    batch.run::<2>(2, |states, blocks| compress(kernel, states, blocks));
    batch.run::<1>(1, |states, blocks| compress(kernel, states, blocks));
}

/// Takes equally many blocks into each state.
fn compress<const N: usize>(kernel: Kernel, states: &mut [State; N], blocks: [&[Block]; N]) {
    assert!(kernel.backend() == Backend::ArmSha2);
    assert!(blocks.iter().all(|it| it.len() == blocks[0].len()), "lanes go in step");
    // SAFETY: there is a kernel of this backend only where the processor has the instructions.
    unsafe { compress_with_instructions(states, blocks) }
}

#[target_feature(enable = "neon,sha2")]
fn compress_with_instructions<const N: usize>(states: &mut [State; N], blocks: [&[Block]; N]) {
    let mut abcd = states.each_ref().map(|state| words([state[0], state[1], state[2], state[3]]));
    let mut efgh = states.each_ref().map(|state| words([state[4], state[5], state[6], state[7]]));
    for index in (0..).take(blocks[0].len()) {
        let (abcd_before, efgh_before) = (abcd, efgh);
        let mut schedule = blocks.map(|it| words_of(&it[index]));
        macro_rules! four_rounds {
            ($($row:literal)*) => { $(
                let constants = words(ROUNDS.as_chunks().0[$row]);
                for lane in 0..N {
                    let schedule = &mut schedule[lane];
                    if $row >= 4 {
                        // The words of the next four rounds, from those of the last sixteen.
                        let [oldest, older, old, last] =
                            [0, 1, 2, 3].map(|back: usize| schedule[($row + back) % 4]);
                        schedule[$row % 4] =
                            vsha256su1q_u32(vsha256su0q_u32(oldest, older), old, last);
                    }
                    let sum = vaddq_u32(schedule[$row % 4], constants);
                    let before = abcd[lane];
                    abcd[lane] = vsha256hq_u32(before, efgh[lane], sum);
                    efgh[lane] = vsha256h2q_u32(efgh[lane], before, sum);
                }
            )* };
        }
        four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for lane in 0..N {
            abcd[lane] = vaddq_u32(abcd[lane], abcd_before[lane]);
            efgh[lane] = vaddq_u32(efgh[lane], efgh_before[lane]);
        }
    }
    for lane in 0..N {
        states[lane] = bytemuck::must_cast([numbers(abcd[lane]), numbers(efgh[lane])]);
    }
}

/// The sixteen big-endian words of a block, four to a vector.
#[target_feature(enable = "neon")]
#[inline]
fn words_of(block: &Block) -> [uint32x4_t; 4] {
    let numbers: [[[u8; 4]; 4]; 4] = bytemuck::must_cast(*block);
    numbers.map(|four| words(four.map(u32::from_be_bytes)))
}

#[target_feature(enable = "neon")]
#[inline]
fn words(numbers: [u32; 4]) -> uint32x4_t {
    // SAFETY: four numbers are as long as a vector, which has any of their values.
    unsafe { vld1q_u32(numbers.as_ptr()) }
}

#[target_feature(enable = "neon")]
#[inline]
fn numbers(words: uint32x4_t) -> [u32; 4] {
    let mut numbers = [0; 4];
    // SAFETY: four numbers are as long as a vector.
    unsafe { vst1q_u32(numbers.as_mut_ptr(), words) };
    numbers
}
