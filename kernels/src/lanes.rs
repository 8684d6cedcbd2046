//! Ranges on their way through lanes: which one is where, its padding, and its digest at the end. Knows
//! no instruction set; what takes blocks into the states of all lanes in step is handed in.

use std::iter::Enumerate;
use std::slice::Iter;

use crate::Digest;

/// A block of SHA-256.
pub(crate) type Block = [u8; 64];
/// The state between blocks.
pub(crate) type State = [u32; 8];

/// The initial state (FIPS 180-4, 5.3.3).
pub(crate) const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The round constants (FIPS 180-4, 4.2.2).
#[rustfmt::skip]
pub(crate) const ROUNDS: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// The whole blocks of a range and what follows them, in its last so many blocks: the rest of the range,
/// and its length (FIPS 180-4, 5.1.1).
pub(crate) fn padded(range: &[u8]) -> (&[Block], [Block; 2], usize) {
    let (whole, tail) = range.as_chunks();
    let mut padding = [[0; size_of::<Block>()]; 2];
    let blocks = if tail.len() < size_of::<Block>() - 8 { 1 } else { 2 };
    let bytes = padding[2 - blocks..].as_flattened_mut();
    bytes[..tail.len()].copy_from_slice(tail);
    bytes[tail.len()] = 0x80;
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&(range.len() as u64 * 8).to_be_bytes());
    (whole, padding, blocks)
}

/// A range on its way through a lane.
#[derive(Clone, Copy)]
struct Lane<'r> {
    /// Which of the ranges it is.
    number: usize,
    state: State,
    /// What is left of its whole blocks.
    whole: &'r [Block],
    /// What follows them: the rest of the range, and its length.
    padding: [Block; 2],
    /// What is left of that, in blocks from the end.
    padding_left: usize,
}

impl<'r> Lane<'r> {
    fn new((number, range): (usize, &&'r [u8])) -> Self {
        let (whole, padding, padding_left) = padded(range);
        Self { number, state: INITIAL, whole, padding, padding_left }
    }

    /// The next blocks, at least one while there are any.
    fn blocks(&self) -> &[Block] {
        if self.whole.is_empty() { &self.padding[2 - self.padding_left..] } else { self.whole }
    }

    fn advance(&mut self, blocks: usize) {
        if self.whole.is_empty() {
            self.padding_left -= blocks;
        } else {
            self.whole = &self.whole[blocks..];
        }
    }

    fn is_done(&self) -> bool {
        self.whole.is_empty() && self.padding_left == 0
    }
}

/// The ranges of one call, and those of them that wider lanes have left.
pub(crate) struct Batch<'r> {
    fresh: Enumerate<Iter<'r, &'r [u8]>>,
    begun: Vec<Lane<'r>>,
    digests: &'r mut [Digest],
}

impl<'r> Batch<'r> {
    /// The digests of `ranges` are to be put in `digests`; there are as many.
    pub(crate) fn new(ranges: &'r [&'r [u8]], digests: &'r mut [Digest]) -> Self {
        Self { fresh: ranges.iter().enumerate(), begun: Vec::new(), digests }
    }

    fn next(&mut self) -> Option<Lane<'r>> {
        self.begun.pop().or_else(|| self.fresh.next().map(Lane::new))
    }

    /// Hashes in N lanes, as long as at least `least` of them have something to do. A lane whose range is
    /// done takes the next one at once, so none idles while there are any. `compress` takes equally many
    /// blocks into each state.
    pub(crate) fn run<const N: usize>(
        &mut self,
        least: usize,
        mut compress: impl FnMut(&mut [State; N], [&[Block]; N]),
    ) {
        let mut lanes: [Option<Lane<'r>>; N] = std::array::from_fn(|_| self.next());
        let mut states = lanes.map(|lane| lane.map_or(INITIAL, |it| it.state));
        loop {
            let busy = lanes.iter().flatten();
            if busy.clone().count() < least.max(1) {
                break;
            }
            // An idle lane does what another one does, to no end.
            let Some(shortest) = busy.map(Lane::blocks).min_by_key(|it| it.len()) else { break };
            let count = shortest.len();
            let blocks = lanes.each_ref().map(|lane| lane.as_ref().map_or(shortest, Lane::blocks));
            compress(&mut states, blocks.map(|it| &it[..count]));
            for (slot, state) in lanes.iter_mut().zip(&mut states) {
                let Some(lane) = slot else { continue };
                lane.advance(count);
                if lane.is_done() {
                    self.digests[lane.number] = digest_of(state);
                    *slot = self.next();
                    *state = slot.map_or(INITIAL, |it| it.state);
                }
            }
        }
        let left = lanes.into_iter().zip(states);
        self.begun.extend(left.filter_map(|(lane, state)| Some(Lane { state, ..lane? })));
    }
}

fn digest_of(state: &State) -> Digest {
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}
