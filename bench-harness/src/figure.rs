//! A figure as JSON and as text.
//!
//! JSON has no number for what isn't one: a rate over no time, a quantile of nothing. There it is `null`, which
//! is read as not-a-number, and shown as a dash.

use serde::{Deserialize, Deserializer};

/// What is shown where there is no figure.
pub(crate) const NONE: &str = "–";

/// A figure that may be `null`.
struct Figure(f64);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Self(Option::deserialize(from)?.unwrap_or(f64::NAN)))
    }
}

/// Reads one.
pub(crate) fn or_none<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Figure::deserialize(from).map(|it| it.0)
}

/// Reads a row of them.
pub(crate) fn all_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let all = Vec::<Figure>::deserialize(from)?;
    Ok(all.into_iter().map(|it| it.0).collect())
}

/// Reads pairs of them.
pub(crate) fn pairs_or_none<'de, D>(from: D) -> Result<Vec<(f64, f64)>, D::Error>
where
    D: Deserializer<'de>,
{
    let all = Vec::<(Figure, Figure)>::deserialize(from)?;
    Ok(all.into_iter().map(|(x, y)| (x.0, y.0)).collect())
}

/// Reads what goes from one to another, where there is such a range.
pub(crate) fn range_or_none<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<[f64; 2]>, D::Error> {
    let range = Option::<[Figure; 2]>::deserialize(from)?;
    Ok(range.map(|range| range.map(|it| it.0)))
}

/// Reads one and what it is about, where there is one.
pub(crate) fn share_or_none<'de, D>(from: D) -> Result<Option<(f64, String)>, D::Error>
where
    D: Deserializer<'de>,
{
    let share = Option::<(Figure, String)>::deserialize(from)?;
    Ok(share.map(|(share, of)| (share.0, of)))
}

/// A number to three digits or more: 0.271, 56.5, 12,000, 1.77 M.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => NONE.to_owned(),
        _ if size >= 999_999.5 => scaled(value),
        _ if size >= 99.95 => grouped(value),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ if size >= 9.995 => format!("{value:.1}"),
        _ if size >= 0.9995 => format!("{value:.2}"),
        _ if size >= 0.001 => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}

/// So many bytes, in units of thousands: 56.5 MB.
pub(crate) fn bytes(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => NONE.to_owned(),
        _ if size < 999.5 => format!("{value:.0} B"),
        _ if size < 999_500.0 => format!("{} kB", number(value / 1e3)),
        _ if size < 999_500_000.0 => format!("{} MB", number(value / 1e6)),
        _ => format!("{} GB", number(value / 1e9)),
    }
}

/// With a letter for thousands of thousands, to three digits.
fn scaled(value: f64) -> String {
    let size = value.abs();
    let units = [(1e6, "M"), (1e9, "G"), (1e12, "T")];
    match units.into_iter().find(|(unit, _)| size < unit * 999.5) {
        Some((unit, letter)) => {
            let digits = digits_after_point(size / unit);
            format!("{:.digits$} {letter}", value / unit)
        }
        None => format!("{value:.2e}"),
    }
}

fn digits_after_point(size: f64) -> usize {
    match size {
        _ if size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ => 2,
    }
}

/// Without a fraction, thousands set apart.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let numbers = [
            (0.0, "0"),
            (0.271, "0.271"),
            (3.0, "3"),
            (9.999, "10.0"),
            (56.49, "56.5"),
            (148.2, "148"),
            (-12_000.4, "-12,000"),
            (999_999.0, "999,999"),
            (999_999.6, "1.00 M"),
            (1_772_844.0, "1.77 M"),
            (99_960_000.0, "100 M"),
            (2.5e9, "2.50 G"),
            (1e300, "1.00e300"),
            (0.000_012, "1.2e-5"),
            (f64::NAN, NONE),
            (f64::NEG_INFINITY, NONE),
        ];
        for (value, text) in numbers {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn bytes_have_units() {
        let all = [
            (0.0, "0 B"),
            (1500.0, "1.50 kB"),
            (7_852_032.0, "7.85 MB"),
            (999_600.0, "1.00 MB"),
            (25_276_502_016.0, "25.3 GB"),
            (f64::NAN, NONE),
        ];
        for (value, text) in all {
            assert_eq!(bytes(value), text);
        }
    }
}
