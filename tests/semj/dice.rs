//! What the random events are drawn with.

pub(crate) use crate::crashing::Dice;

impl Dice {
    /// Whether one of `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Any number, those at the ends of the ranges often.
    pub(crate) fn extreme(&mut self) -> u64 {
        let ends = [
            0,
            1,
            0xFF,
            0x100,
            0x7FFF,
            0x8000,
            0xFFFF,
            1 << 31,
            u64::from(u32::MAX),
            1 << 63,
            u64::MAX,
        ];
        if self.once_in(2) { ends[self.below(ends.len())] } else { self.roll() }
    }

    /// Any number, and its low half.
    pub(crate) fn extreme_of_both(&mut self) -> (u64, u32) {
        let number = self.extreme();
        let [a, b, c, d, ..] = number.to_le_bytes();
        (number, u32::from_le_bytes([a, b, c, d]))
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        let sparse = self.once_in(3);
        for byte in bytes {
            *byte = if sparse && !self.once_in(6) { 0 } else { self.roll().to_le_bytes()[0] };
        }
    }

    pub(crate) fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes
    }

    /// Up to so many bytes.
    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = if self.once_in(4) { 0 } else { self.below(most + 1) };
        self.exactly(length)
    }
}
