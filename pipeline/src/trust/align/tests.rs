//! Rows laid side by side, against what a difference is.

use proptest::prelude::*;

use super::*;

fn row() -> impl Strategy<Value = Vec<u64>> {
    // Many that stand twice, and many that don't.
    prop::collection::vec(prop_oneof![0..4_u64, 0..40_u64, 0..4_000_u64], 0..200)
}

proptest! {
    #[test]
    fn all_but_the_hunks_is_the_same(signed in row(), found in row()) {
        check(&signed, &found)?;
    }

    #[test]
    fn a_part_that_is_gone_is_one_hunk(row in row(), at in any::<[usize; 2]>()) {
        let mut row: Vec<u64> = (0..).zip(&row).map(|(index, it)| index * 4_001 + it).collect();
        row.push(u64::MAX);
        let from = at[0] % row.len();
        let to = from + 1 + at[1] % (row.len() - from);
        let shorter = [&row[..from], &row[to..]].concat();
        prop_assert_eq!(hunks(&row, &shorter), [Hunk { signed: from..to, found: from..from }]);
        prop_assert_eq!(hunks(&shorter, &row), [Hunk { signed: from..from, found: from..to }]);
        check(&row, &shorter)?;
    }
}

fn check(signed: &[u64], found: &[u64]) -> Result<(), TestCaseError> {
    let (mut signed_at, mut found_at) = (0, 0);
    for Hunk { signed: left, found: right } in hunks(signed, found) {
        prop_assert!(left.start >= signed_at && right.start >= found_at);
        prop_assert!(!left.is_empty() || !right.is_empty());
        prop_assert_eq!(&signed[signed_at..left.start], &found[found_at..right.start]);
        (signed_at, found_at) = (left.end, right.end);
    }
    prop_assert_eq!(&signed[signed_at..], &found[found_at..]);
    Ok(())
}
