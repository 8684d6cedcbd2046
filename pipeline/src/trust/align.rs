//! Lays two rows of fingerprints side by side: what was signed, and what is there. Pure.
//!
//! Fingerprints that stand once on each side hold the two rows together, as many of them as are in the same
//! order (patience); between them the same is tried again. What is left is what differs.

use std::collections::HashMap;
use std::ops::Range;

/// How often what is between is tried again: hostile rows could make that as long as the journal.
const ROUNDS_MAX: u32 = 8;

/// A place where the rows differ. One of the ranges may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) signed: Range<usize>,
    pub(super) found: Range<usize>,
}

impl Hunk {
    fn is_empty(&self) -> bool {
        self.signed.is_empty() && self.found.is_empty()
    }
}

/// Where two rows differ, in order.
pub(super) fn hunks(signed: &[u64], found: &[u64]) -> Vec<Hunk> {
    let mut differing = Vec::new();
    let all = Hunk { signed: 0..signed.len(), found: 0..found.len() };
    let mut todo = vec![(all, ROUNDS_MAX)];
    while let Some((hunk, rounds)) = todo.pop() {
        let hunk = without_common_ends(signed, found, hunk);
        if hunk.is_empty() {
            continue;
        }
        let shared = if rounds == 0 { Vec::new() } else { shared(signed, found, &hunk) };
        if shared.is_empty() {
            differing.push(hunk);
            continue;
        }
        let (mut signed_from, mut found_from) = (hunk.signed.start, hunk.found.start);
        for (signed_at, found_at) in shared.into_iter().chain([(hunk.signed.end, hunk.found.end)]) {
            let between = Hunk { signed: signed_from..signed_at, found: found_from..found_at };
            if !between.is_empty() {
                todo.push((between, rounds - 1));
            }
            (signed_from, found_from) = (signed_at + 1, found_at + 1);
        }
    }
    differing.sort_by_key(|hunk| (hunk.signed.start, hunk.found.start));
    differing
}

fn without_common_ends(signed: &[u64], found: &[u64], hunk: Hunk) -> Hunk {
    let (left, right) = (&signed[hunk.signed.clone()], &found[hunk.found.clone()]);
    let front = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (left, right) = (&left[front..], &right[front..]);
    let back = left.iter().rev().zip(right.iter().rev()).take_while(|(a, b)| a == b).count();
    Hunk {
        signed: hunk.signed.start + front..hunk.signed.end - back,
        found: hunk.found.start + front..hunk.found.end - back,
    }
}

/// The places of what stands once on each side and in the same order.
fn shared(signed: &[u64], found: &[u64], hunk: &Hunk) -> Vec<(usize, usize)> {
    let once_found = standing_once(found, hunk.found.clone());
    let once_signed = standing_once(signed, hunk.signed.clone());
    let mut pairs: Vec<(usize, usize)> = once_signed
        .into_iter()
        .filter_map(|(value, at)| Some((at?, (*once_found.get(&value)?)?)))
        .collect();
    pairs.sort_unstable();
    longest_rising(&pairs)
}

fn standing_once(row: &[u64], range: Range<usize>) -> HashMap<u64, Option<usize>> {
    let mut places = HashMap::with_capacity(range.len());
    for at in range {
        places.entry(row[at]).and_modify(|place| *place = None).or_insert(Some(at));
    }
    places
}

/// The longest row of pairs, which are sorted by the first, in which the second rises, too.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // By length less one: the pair that ends such a row lowest; and which pair stands before each.
    let mut ends: Vec<usize> = Vec::new();
    let mut before = vec![None; pairs.len()];
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| pairs[end].1 < pair.1);
        before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut row = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(index) = at {
        row.push(pairs[index]);
        at = before[index];
    }
    row.reverse();
    row
}

#[cfg(test)]
mod tests;
