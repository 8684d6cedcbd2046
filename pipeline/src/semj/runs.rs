//! A context without its zeros: of its 5,280 bytes an event sets few. Runs of other bytes, each its offset
//! (u16), its length (u16) and its bytes; where no run is, the context is zero.

use super::layout::SemjContext;
use crate::wire::Field as _;

/// A gap of fewer zeros is cheaper written than left out.
const GAP_MIN: usize = 4;

/// Appends the runs of `context`.
pub(super) fn encode(context: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(start) = next_other_than_zero(context, at) {
        let end = end_of_run(context, start);
        let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
        out.extend_from_slice(&short(start));
        out.extend_from_slice(&short(end - start));
        out.extend_from_slice(&context[start..end]);
        at = end;
    }
}

fn next_other_than_zero(context: &[u8], from: usize) -> Option<usize> {
    const WIDE: usize = 64;
    let mut at = from;
    while context.get(at..at + WIDE).is_some_and(|wide| wide == [0; WIDE]) {
        at += WIDE;
    }
    context.iter().skip(at).position(|&byte| byte != 0).map(|skipped| at + skipped)
}

fn end_of_run(context: &[u8], start: usize) -> usize {
    let mut end = start + 1;
    while let Some(next) = context[end..].iter().take(GAP_MIN).position(|&byte| byte != 0) {
        end += next + 1;
    }
    end
}

/// Appends the context that these runs are of; none where they are no runs.
pub(super) fn decode(mut runs: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let start = out.len();
    out.resize(start + SemjContext::BYTES, 0);
    while !runs.is_empty() {
        let (head, rest) = runs.split_at_checked(4)?;
        let [from, length] = [&head[..2], &head[2..]].map(|it| usize::from(u16::read(it)));
        let (bytes, rest) = rest.split_at_checked(length)?;
        out[start..].get_mut(from..from + length)?.copy_from_slice(bytes);
        runs = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(context: &[u8]) -> usize {
        let (mut runs, mut back) = (Vec::new(), Vec::new());
        encode(context, &mut runs);
        decode(&runs, &mut back).unwrap();
        assert!(back == context);
        runs.len()
    }

    #[test]
    fn contexts_come_back() {
        let mut context = vec![0; SemjContext::BYTES];
        assert_eq!(round_trip(&context), 0);
        for gap in 1..12 {
            let mut context = context.clone();
            context.iter_mut().skip(gap).step_by(gap).for_each(|byte| *byte = 9);
            round_trip(&context);
        }
        context[0] = 1;
        context[5_279] = 2;
        assert_eq!(round_trip(&context), 10);
        context.fill(255);
        assert_eq!(round_trip(&context), 5_284);
    }

    #[test]
    fn what_is_no_run_is_none() {
        let none: [&[u8]; 4] = [&[0], &[0, 0, 2, 0, 1], &[160, 20, 1, 0, 7], &[255; 4]];
        for runs in none {
            assert_eq!(decode(runs, &mut Vec::new()), None, "{runs:?}");
        }
    }
}
