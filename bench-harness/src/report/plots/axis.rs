//! An axis: where values lie on it, where its ticks are, what they are called.
//!
//! Whatever values there are: what has no place on an axis, such as what is no number, is left out, and an
//! axis that nothing has a place on isn't made.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// An axis from one place to another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) title: String,
    scale: Scale,
    /// The places at its ends.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Places, and what is written there.
    pub(super) ticks: Vec<(f64, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// A step has the same length everywhere.
    Linear,
    /// So has a factor.
    Logarithmic,
    /// Quantiles: so has a tenth of the rest, so that a tail can be seen.
    Tail,
}

/// Values beyond have no place.
const LARGEST: f64 = 1e18;
const SMALLEST: f64 = 1e-12;
/// About how many ticks there are.
const TICKS: f64 = 5.0;
/// More than there ever are.
const TICKS_MAX: u8 = 20;

impl Scale {
    /// The scale on which positive values of this range can be told apart.
    pub(super) fn fitting(values: impl Iterator<Item = f64> + Clone) -> Self {
        let positive = || values.clone().filter(|it| it.is_finite() && *it > 0.0);
        let least = positive().fold(f64::INFINITY, f64::min);
        let most = positive().fold(0.0, f64::max);
        if most > least * 30.0 { Self::Logarithmic } else { Self::Linear }
    }

    /// Where a value lies; nothing where it has no place.
    pub(super) fn place(self, value: f64) -> Option<f64> {
        let place = match self {
            Self::Linear if value.abs() <= LARGEST => value,
            Self::Logarithmic if (SMALLEST..=LARGEST).contains(&value) => value.log10(),
            Self::Tail if (0.0..1.0).contains(&value) => -(1.0 - value).log10(),
            _ => return None,
        };
        Some(place)
    }
}

impl Axis {
    /// One on which all these values have a place, from zero where it is linear and no value is less.
    pub(super) fn of(
        title: &str,
        scale: Scale,
        values: impl Iterator<Item = f64>,
        name: &dyn Fn(f64) -> String,
    ) -> Option<Self> {
        let places = values.filter_map(|it| scale.place(it));
        let ends = |(from, to): (f64, f64), place: f64| (from.min(place), to.max(place));
        let (least, most) = places.fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        if least > most {
            return None;
        }
        let (from, to, ticks) = match scale {
            Scale::Linear => linear(least.min(0.0), most.max(0.0), name),
            Scale::Logarithmic => logarithmic(least, most, name),
            Scale::Tail => tail(most),
        };
        Some(Self { title: title.to_owned(), scale, from, to, ticks })
    }

    /// Where a value lies on it.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        self.scale.place(value)
    }
}

/// Places, for plotters to make pixels of.
impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "what has a place lies between the ends")]
    fn map(&self, place: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (place - self.from) / (self.to - self.from);
        first + (f64::from(last - first) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        let between = hint.weight().allow_light_points();
        if between { Vec::new() } else { self.ticks.iter().map(|(place, _)| *place).collect() }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, place: &f64) -> String {
        let tick = self.ticks.iter().find(|(at, _)| at == place);
        tick.map_or_else(String::new, |(_, name)| name.clone())
    }
}

type Ends = (f64, f64, Vec<(f64, String)>);

fn linear(least: f64, most: f64, name: &dyn Fn(f64) -> String) -> Ends {
    let step = round_step((most - least).max(SMALLEST) / TICKS);
    let (first, last) = ((least / step).floor(), (most / step).ceil().max(1.0));
    let ticks = (0..TICKS_MAX).map(|it| first + f64::from(it)).take_while(|it| *it <= last);
    let ticks = ticks.map(|it| it * step);
    (first * step, last * step, ticks.map(|it| (it, name(it))).collect())
}

/// The next of 1, 2, 2.5, 5 and 10 with zeros.
fn round_step(least: f64) -> f64 {
    let tens = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0].map(|it| it * tens);
    steps.into_iter().find(|it| *it >= least * 0.999_999).unwrap_or(10.0 * tens)
}

fn logarithmic(least: f64, most: f64, name: &dyn Fn(f64) -> String) -> Ends {
    let (first, last) = (least.floor(), most.ceil());
    let last = if last > first { last } else { first + 1.0 };
    let every = ((last - first) / 7.0).ceil().max(1.0);
    let tens = (0..TICKS_MAX).map(|it| first + f64::from(it) * every);
    let tens = tens.take_while(|it| *it <= last);
    let ticks = tens.map(|it| (it, name(10f64.powf(it)))).collect();
    (first, last, ticks)
}

fn tail(most: f64) -> Ends {
    let last = most.ceil().max(1.0);
    let mut ticks = vec![(-(0.5f64).log10(), "50 %".to_owned())];
    for nines in (1..TICKS_MAX).take_while(|it| f64::from(*it) <= last) {
        let share = match nines {
            1 => "90 %".to_owned(),
            2 => "99 %".to_owned(),
            _ => format!("99.{} %", "9".repeat(usize::from(nines) - 2)),
        };
        ticks.push((f64::from(nines), share));
    }
    (0.0, last, ticks)
}

/// A tick's name: short, since it is round.
pub(super) fn short(value: f64) -> String {
    let units = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"), (1.0, "")];
    let size = value.abs();
    let unit = units.into_iter().find(|(unit, _)| size >= unit * 0.999_999);
    match unit {
        _ if value == 0.0 => "0".to_owned(),
        _ if !(1e-4..1e15).contains(&size) => format!("{value:.0e}"),
        Some((unit, letter)) => format!("{}{letter}", trimmed(value / unit, 2)),
        None => trimmed(value, 5),
    }
}

/// A tick's name on an axis of bytes.
pub(super) fn short_bytes(value: f64) -> String {
    let name = short(value);
    if value == 0.0 {
        name
    } else {
        format!("{name}{}B", if name.contains(' ') { "" } else { " " })
    }
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(scale: Scale, values: &[f64]) -> Vec<String> {
        let axis = Axis::of("", scale, values.iter().copied(), &short).unwrap();
        axis.ticks.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(names(Scale::Linear, &[2.4e6]), ["0", "500 k", "1 M", "1.5 M", "2 M", "2.5 M"]);
        assert_eq!(names(Scale::Linear, &[0.3]), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(names(Scale::Logarithmic, &[2e3, 1e6]), ["1 k", "10 k", "100 k", "1 M"]);
        assert_eq!(names(Scale::Tail, &[0.2, 0.995]), ["50 %", "90 %", "99 %", "99.9 %"]);
        assert_eq!(short_bytes(0.0) + &short_bytes(5e7) + &short_bytes(500.0), "050 MB500 B");
    }

    #[test]
    fn what_has_no_place_makes_no_axis() {
        for scale in [Scale::Linear, Scale::Logarithmic, Scale::Tail] {
            let values = [f64::NAN, f64::INFINITY, f64::MAX].into_iter();
            assert_eq!(Axis::of("", scale, values, &short), None);
        }
        assert_eq!(Axis::of("", Scale::Logarithmic, [0.0, -1.0].into_iter(), &short), None);
    }

    proptest! {
        #[test]
        fn every_value_has_a_place_between_few_ticks(
            values in prop::collection::vec(any::<f64>(), 1..5),
            scale in prop::sample::select(vec![Scale::Linear, Scale::Logarithmic, Scale::Tail]),
        ) {
            if let Some(axis) = Axis::of("", scale, values.iter().copied(), &short) {
                prop_assert!(axis.from < axis.to);
                prop_assert!((2..=13).contains(&axis.ticks.len()), "{:?}", axis.ticks);
                for value in values {
                    let place = axis.place(value);
                    let slack = (axis.to - axis.from) * 1e-9;
                    prop_assert!(place.is_none_or(|it| it >= axis.from - slack && it <= axis.to + slack));
                }
            }
        }
    }
}
