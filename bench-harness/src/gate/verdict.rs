//! What is said of a figure when two builds are compared: a table without I/O.

use serde::Serialize;

use super::statistics::Estimate;

/// How much slower is no matter, as a ratio: machines and the places of code differ by as much.
pub(super) const TOLERATED: f64 = 1.05;
/// From where on slower is refused, as a ratio. Between the two either may be said.
pub(super) const REFUSED: f64 = 1.10;

/// How many series must tell of a figure before anything is said of it.
pub(super) const SERIES_MIN: usize = 8;

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It is slower by more than is tolerated.
    Slower,
    /// It is not slower by as much as is refused.
    Passes,
    /// The measurements so far allow both.
    Undecided,
}

impl Verdict {
    /// By how many times as slow it is, as so many series tell. What allows both verdicts is so near that
    /// neither is wrong: then it passes.
    pub(super) fn of(slowdown: &Estimate, series: usize) -> Self {
        if series < SERIES_MIN {
            Self::Undecided
        } else if slowdown.most < REFUSED {
            Self::Passes
        } else if slowdown.least > TOLERATED {
            Self::Slower
        } else {
            Self::Undecided
        }
    }
}

/// What is said of all figures together.
pub(super) fn of_all(each: impl IntoIterator<Item = Verdict>) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Slower => 2,
        Verdict::Undecided => 1,
        Verdict::Passes => 0,
    };
    each.into_iter().max_by_key(rank).unwrap_or(Verdict::Passes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_interval_and_limits() {
        let cases = [
            ([0.90, 0.95], Verdict::Passes),
            ([1.00, 1.08], Verdict::Passes),
            ([1.06, 1.08], Verdict::Passes),
            ([1.00, 1.20], Verdict::Undecided),
            ([1.04, 1.11], Verdict::Undecided),
            ([1.06, 1.20], Verdict::Slower),
            ([1.12, 1.20], Verdict::Slower),
        ];
        for ([least, most], expected) in cases {
            let slowdown = Estimate { value: (least + most) / 2.0, least, most };
            assert_eq!(Verdict::of(&slowdown, SERIES_MIN), expected, "{least} to {most}");
        }
    }

    #[test]
    fn a_few_series_say_nothing() {
        let slowdown = Estimate { value: 2.0, least: 1.9, most: 2.1 };
        assert_eq!(Verdict::of(&slowdown, SERIES_MIN - 1), Verdict::Undecided);
    }

    #[test]
    fn the_worst_of_all_counts() {
        use Verdict::*;
        assert_eq!(of_all([Passes, Undecided, Slower, Passes]), Slower);
        assert_eq!(of_all([Passes, Undecided]), Undecided);
        assert_eq!(of_all([]), Passes);
    }

    #[test]
    fn nothing_is_said_without_measurements() {
        let nothing = Estimate { value: f64::NAN, least: f64::NAN, most: f64::NAN };
        assert_eq!(Verdict::of(&nothing, SERIES_MIN), Verdict::Undecided);
    }
}
