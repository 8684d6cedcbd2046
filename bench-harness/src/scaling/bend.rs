//! Where a measured line bends: a pure function of what was measured.
//!
//! Two shapes are known. A *level* is the same everywhere. A *line* has something fixed and something for
//! each unit of what is varied: the time of a replay is what it takes to begin, and so much an event. What
//! the shape explains within the tolerance is even; the tolerance of a point grows by the spread of its
//! rounds. Else there is a bend: the point from which on another level or slope explains the most; and what
//! lies behind it may be even again, as far as that can be told from the points that are left.

use super::fit;

/// How far from the shape a point may be, as a share of it.
pub(crate) const TOLERANCE: f64 = 0.10;
/// So few points don't tell a line that bends from one that doesn't.
const POINTS_MIN: usize = 4;

/// What was measured at one value of what is varied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// The value.
    pub(crate) x: f64,
    /// What was measured there, a value a round.
    pub(crate) rounds: Vec<f64>,
}

/// What is expected where nothing bends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Level,
    Line,
}

/// What explains the measures, or a part of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    /// What there is whatever the value is; the level.
    pub(crate) fixed: f64,
    /// What comes to it with each unit; 0 for a level.
    pub(crate) slope: f64,
}

impl Fit {
    fn at(self, x: f64) -> f64 {
        self.fixed + self.slope * x
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// There are too few points to tell.
    TooFew,
    /// One fit explains all; `off` is how far the farthest point is from it, as a share.
    Even { fit: Fit, off: f64 },
    /// From the point `at` on, counted from 0, another fit explains more.
    Bends { at: usize, before: Fit, after: Fit, off: f64, settled: Option<Settled> },
}

/// From the point `from` on, counted from 0, one fit explains all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settled {
    pub(crate) from: usize,
    pub(crate) fit: Fit,
    pub(crate) off: f64,
}

impl Shape {
    /// How many points show that there is something even: through fewer, any shape goes.
    fn points_min(self) -> usize {
        match self {
            Self::Level => 2,
            Self::Line => 3,
        }
    }
}

/// Whether and where what was measured bends, points being in the order of their values. Nothing that is
/// less than `floor` is told apart.
pub(crate) fn judge(points: &[Measure], shape: Shape, floor: f64) -> Verdict {
    if points.len() < POINTS_MIN {
        return Verdict::TooFew;
    }
    let points: Vec<Point> = points.iter().map(|point| Point::of(point, floor)).collect();
    if let Some((fit, off)) = even(&points, shape) {
        return Verdict::Even { fit, off };
    }
    let mut best: Option<(usize, (Fit, Fit), f64)> = None;
    for at in 1..points.len() {
        let (fits, error) = fitted(&points, shape, Some(at));
        if best.is_none_or(|(.., least)| error < least) {
            best = Some((at, fits, error));
        }
    }
    best.map_or(Verdict::TooFew, |(at, (before, after), _)| {
        let fit = |index| if index < at { before } else { after };
        let off = points.iter().enumerate().map(|(index, point)| point.off(fit(index)));
        let (off, settled) = (off.fold(0.0, f64::max), settled(&points, shape));
        Verdict::Bends { at, before, after, off, settled }
    })
}

/// The fit that explains all within what they may be off, and how far the farthest is.
fn even(points: &[Point], shape: Shape) -> Option<(Fit, f64)> {
    let ((fit, _), _) = fitted(points, shape, None);
    let even = points.iter().all(|point| point.off(fit) <= TOLERANCE + point.spread);
    even.then(|| (fit, points.iter().map(|point| point.off(fit)).fold(0.0, f64::max)))
}

/// The longest end of the points that is even.
fn settled(points: &[Point], shape: Shape) -> Option<Settled> {
    let last = points.len().checked_sub(shape.points_min())?;
    (1..=last).find_map(|from| {
        let (fit, off) = even(points.get(from..)?, shape)?;
        Some(Settled { from, fit, off })
    })
}

/// A measure as the fit takes it.
struct Point {
    x: f64,
    median: f64,
    /// What deviations are a share of.
    scale: f64,
    /// Twice the median deviation of the rounds from their median, as a share.
    spread: f64,
}

impl Point {
    fn of(measure: &Measure, floor: f64) -> Self {
        let median = median(&measure.rounds);
        let scale = median.max(floor);
        let deviations: Vec<f64> =
            measure.rounds.iter().map(|round| (round - median).abs()).collect();
        Self { x: measure.x, median, scale, spread: 2.0 * self::median(&deviations) / scale }
    }

    fn off(&self, fit: Fit) -> f64 {
        (self.median - fit.at(self.x)).abs() / self.scale
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The fits before and from `bend` on, and the sum of the squares of what they leave. What a line has fixed
/// is one thing on both sides.
fn fitted(points: &[Point], shape: Shape, bend: Option<usize>) -> ((Fit, Fit), f64) {
    let rows: Vec<fit::Row> = points
        .iter()
        .enumerate()
        .map(|(index, point)| {
            let after = bend.is_some_and(|at| index >= at);
            let of = |part: bool, value: f64| if part { value / point.scale } else { 0.0 };
            let terms = match shape {
                Shape::Level => [0.0, of(!after, 1.0), of(after, 1.0)],
                Shape::Line => [of(true, 1.0), of(!after, point.x), of(after, point.x)],
            };
            fit::Row { terms, value: point.median / point.scale }
        })
        .collect();
    let ([fixed, before, after], error) = fit::least_squares(&rows);
    let fits = match shape {
        Shape::Level => [before, after].map(|fixed| Fit { fixed, slope: 0.0 }),
        Shape::Line => [before, after].map(|slope| Fit { fixed, slope }),
    };
    (fits.into(), error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sizes by decades, as a sweep has them.
    const SIZES: [f64; 6] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

    fn measures(value: impl Fn(usize, f64) -> f64, noise: &[[f64; 3]]) -> Vec<Measure> {
        let points = SIZES.iter().zip(noise).enumerate();
        points
            .map(|(index, (&x, noise))| {
                let exact = value(index, x);
                let rounds = noise.iter().map(|share| exact * (1.0 + share)).collect();
                Measure { x, rounds }
            })
            .collect()
    }

    /// Of six points, so little that no fit is off by more than the tolerance: the error of the best fit is
    /// no more than the noise's own length.
    fn noise() -> impl Strategy<Value = Vec<[f64; 3]>> {
        let most = TOLERANCE / 6.0_f64.sqrt() * 0.9;
        prop::collection::vec(prop::array::uniform3(-most..most), SIZES.len())
    }

    proptest! {
        #[test]
        fn noise_around_a_level_is_no_bend(level in 1e-3..1e9_f64, noise in noise()) {
            let verdict = judge(&measures(|_, _| level, &noise), Shape::Level, 0.0);
            let Verdict::Even { fit, .. } = verdict else { panic!("{verdict:?}") };
            prop_assert!((fit.fixed / level - 1.0_f64).abs() < 0.05, "{:?}", fit);
        }

        #[test]
        fn noise_around_a_line_is_no_bend(fixed in 0.0..1e7_f64, slope in 50.0..500.0_f64, noise in noise()) {
            let line = |_, x: f64| fixed + slope * x;
            let verdict = judge(&measures(line, &noise), Shape::Line, 0.0);
            let Verdict::Even { fit, .. } = verdict else { panic!("{verdict:?}") };
            prop_assert!((fit.slope / slope - 1.0_f64).abs() < 0.1, "{:?}", fit);
        }

        #[test]
        fn a_step_is_found_where_it_is(
            at in 1..SIZES.len(),
            level in 1e-3..1e9_f64,
            times in prop_oneof![0.2..0.6_f64, 1.6..5.0_f64],
            noise in noise(),
        ) {
            let step = |index, _| if index < at { level } else { level * times };
            let verdict = judge(&measures(step, &noise), Shape::Level, 0.0);
            let Verdict::Bends { at: found, before, after, settled, .. } = verdict else {
                panic!("{verdict:?}")
            };
            prop_assert_eq!(found, at);
            // The last point alone shows nothing even.
            let from = (at + 1 < SIZES.len()).then_some(at);
            prop_assert_eq!(settled.map(|it| it.from), from);
            prop_assert!((after.fixed / before.fixed / times - 1.0_f64).abs() < 0.1);
        }

        /// Where what is fixed doesn't hide what an event takes.
        #[test]
        fn another_slope_is_found_where_it_begins(
            at in 2..SIZES.len(),
            slope in 50.0..500.0_f64,
            fixed_share in 0.0..0.5_f64,
            times in 2.0..5.0_f64,
            noise in noise(),
        ) {
            let fixed = fixed_share * slope * SIZES[at - 1];
            let line = |index, x: f64| fixed + x * if index < at { slope } else { slope * times };
            let verdict = judge(&measures(line, &noise), Shape::Line, 0.0);
            let Verdict::Bends { at: found, before, after, .. } = verdict else {
                panic!("{verdict:?}")
            };
            prop_assert_eq!(found, at);
            prop_assert!(before.slope < after.slope);
        }
    }

    #[test]
    fn what_is_fixed_is_no_bend() {
        // 3 ms and 150 ns an event: 3,150 ns an event with a thousand of them.
        let exact = vec![[0.0; 3]; SIZES.len()];
        let points = measures(|_, x| 3e6 + 150.0 * x, &exact);
        let Verdict::Even { fit, off } = judge(&points, Shape::Line, 0.0) else { panic!() };
        assert!((fit.fixed / 3e6 - 1.0).abs() < 1e-6 && (fit.slope / 150.0 - 1.0).abs() < 1e-6);
        assert!(off < 1e-6, "{off}");
    }

    #[test]
    fn rounds_that_differ_allow_for_more_and_what_is_below_the_floor_is_alike() {
        let step = |spread: f64| {
            let noise = vec![[-spread, 0.0, spread]; SIZES.len()];
            measures(|index, _| if index < 3 { 1.0 } else { 1.5 }, &noise)
        };
        assert!(matches!(judge(&step(0.01), Shape::Level, 0.0), Verdict::Bends { at: 3, .. }));
        assert!(matches!(judge(&step(0.2), Shape::Level, 0.0), Verdict::Even { .. }));
        assert!(matches!(judge(&step(0.01), Shape::Level, 10.0), Verdict::Even { .. }));
    }

    #[test]
    fn few_points_tell_nothing() {
        let points = measures(|_, x| x, &[[0.0; 3]; 3]);
        assert_eq!(judge(&points, Shape::Level, 0.0), Verdict::TooFew);
    }
}
