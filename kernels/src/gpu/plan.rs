//! Which ranges go to the device together. Knows no device.

use std::cmp::Reverse;

use super::capacity::Capacity;
use crate::lanes::Block;

/// How many bytes a range of this length has with its padding: a byte, and the length in eight.
pub(super) fn padded_bytes(length: usize) -> u64 {
    let block = size_of::<Block>() as u64;
    (length as u64 + 9).div_ceil(block) * block
}

/// The ranges that fit in a slot, by number, cut into loads of one slot each.
///
/// The longest come first, in all loads together and not in each by itself: invocations of a workgroup
/// end together, and a load takes as long as the longest range in it.
pub(super) struct Plan {
    order: Vec<usize>,
    /// Where each load ends in it.
    ends: Vec<usize>,
}

impl Plan {
    pub(super) fn new(ranges: &[&[u8]], capacity: Capacity) -> Self {
        let bytes = |number: usize| padded_bytes(ranges[number].len());
        let mut order: Vec<usize> =
            (0..ranges.len()).filter(|&it| bytes(it) <= capacity.bytes).collect();
        order.sort_by_key(|&it| Reverse(bytes(it)));
        let (mut ends, mut begin, mut filled) = (Vec::new(), 0, 0);
        for (at, &number) in order.iter().enumerate() {
            if filled + bytes(number) > capacity.bytes || at - begin == capacity.ranges {
                ends.push(at);
                (begin, filled) = (at, 0);
            }
            filled += bytes(number);
        }
        if begin < order.len() {
            ends.push(order.len());
        }
        Self { order, ends }
    }

    /// The numbers of the ranges of each load, of which none is empty.
    pub(super) fn loads(&self) -> impl Iterator<Item = &[usize]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).map(|(&begin, &end)| &self.order[begin..end])
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_range_that_fits_is_in_one_load(
            lengths in vec(prop_oneof![0..200_usize, 0..5000_usize], 0..80),
            blocks in 1..40_u64,
            most in 1..20_usize,
        ) {
            let bytes = [0; 5000];
            let ranges: Vec<&[u8]> = lengths.iter().map(|&it| &bytes[..it]).collect();
            let capacity = Capacity { bytes: blocks * 64, ranges: most };
            let plan = Plan::new(&ranges, capacity);
            for load in plan.loads() {
                prop_assert!(!load.is_empty() && load.len() <= most);
                let filled: u64 = load.iter().map(|&it| padded_bytes(lengths[it])).sum();
                prop_assert!(filled <= capacity.bytes);
            }
            let mut found: Vec<usize> = plan.loads().flatten().copied().collect();
            prop_assert!(found.is_sorted_by_key(|&it| Reverse(padded_bytes(lengths[it]))));
            found.sort_unstable();
            let fits = |it: &usize| lengths[*it] as u64 + 9 <= capacity.bytes;
            let expected: Vec<usize> = (0..lengths.len()).filter(fits).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
