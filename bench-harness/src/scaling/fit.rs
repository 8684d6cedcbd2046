//! Least squares of up to three terms, none of which is negative.

/// What is to be explained, and by what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) terms: [f64; 3],
    pub(super) value: f64,
}

/// How much of each term explains the most, and the sum of the squares of what is left.
pub(super) fn least_squares(rows: &[Row]) -> ([f64; 3], f64) {
    // Every choice of terms: the best one whose solution has nothing negative is the best of all.
    let solutions = (1_u8..8).filter_map(|chosen| solve(rows, chosen));
    let fit = solutions.filter(|it| it.iter().all(|factor| *factor >= 0.0));
    let fit = fit.map(|factors| (factors, left(rows, &factors)));
    fit.min_by(|one, other| one.1.total_cmp(&other.1))
        .unwrap_or_else(|| ([0.0; 3], left(rows, &[0.0; 3])))
}

fn left(rows: &[Row], factors: &[f64; 3]) -> f64 {
    let explained = |row: &Row| -> f64 { row.terms.iter().zip(factors).map(|(a, b)| a * b).sum() };
    rows.iter().map(|row| (row.value - explained(row)).powi(2)).sum()
}

/// The solution with the terms that have a bit in `chosen`, by Gram and Schmidt; none where they depend on
/// each other.
fn solve(rows: &[Row], chosen: u8) -> Option<[f64; 3]> {
    let terms: Vec<usize> = (0..3).filter(|term| chosen >> term & 1 == 1).collect();
    let column = |term: usize| rows.iter().map(move |row| row.terms[term]).collect::<Vec<_>>();
    let dot = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
    let mut rest: Vec<f64> = rows.iter().map(|row| row.value).collect();
    let mut bases: Vec<Vec<f64>> = Vec::new();
    // By term: what of it lies along each base, and what of the values along its own.
    let mut along: Vec<(Vec<f64>, f64)> = Vec::new();
    for &term in &terms {
        let mut base = column(term);
        let before = dot(&base, &base).sqrt();
        let mut parts = Vec::new();
        for earlier in &bases {
            let part = dot(&base, earlier);
            base.iter_mut().zip(earlier).for_each(|(it, earlier)| *it -= part * earlier);
            parts.push(part);
        }
        let length = dot(&base, &base).sqrt();
        if length <= 1e-9 * before || before == 0.0 {
            return None;
        }
        base.iter_mut().for_each(|it| *it /= length);
        let share = dot(&rest, &base);
        rest.iter_mut().zip(&base).for_each(|(rest, base)| *rest -= share * base);
        parts.push(length);
        along.push((parts, share));
        bases.push(base);
    }
    let mut factors = [0.0; 3];
    for at in (0..terms.len()).rev() {
        let later = (at + 1..terms.len()).map(|later| along[later].0[at] * factors[terms[later]]);
        let later: f64 = later.sum();
        factors[terms[at]] = (along[at].1 - later) / along[at].0[at];
    }
    Some(factors)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_mixed_is_found_again(
            factors in prop::array::uniform3(0.0..10.0_f64),
            terms in prop::collection::vec(prop::array::uniform3(0.0..1.0_f64), 5..9),
        ) {
            let value = |terms: &[f64; 3]| terms.iter().zip(&factors).map(|(a, b)| a * b).sum();
            let rows: Vec<Row> =
                terms.iter().map(|&terms| Row { terms, value: value(&terms) }).collect();
            let (found, error) = least_squares(&rows);
            prop_assert!(error < 1e-9, "{:?} leave {}", found, error);
        }

        /// Nothing in the neighbourhood is better, and nothing is negative.
        #[test]
        fn nothing_near_is_better(
            rows in prop::collection::vec((prop::array::uniform3(0.0..1.0_f64), -1.0..1.0_f64), 4..9),
            step in prop::array::uniform3(-0.1..0.1_f64),
        ) {
            let rows: Vec<Row> = rows.iter().map(|&(terms, value)| Row { terms, value }).collect();
            let (found, error) = least_squares(&rows);
            prop_assert!(found.iter().all(|factor| *factor >= 0.0));
            let mut near = found;
            near.iter_mut().zip(step).for_each(|(it, step)| *it = (*it + step).max(0.0));
            prop_assert!(left(&rows, &near) >= error - 1e-12);
        }
    }
}
