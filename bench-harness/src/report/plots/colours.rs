//! The colours of plots, by daylight and at night.
//!
//! A plot is drawn in the colours of the day. Each has a counterpart for the night, which style rules put in
//! its place: so a plot is right wherever rules aren't understood, and in both kinds of light where they are.

use plotters::style::RGBColor;

pub(super) const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);
pub(super) const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
pub(super) const MUTED: RGBColor = RGBColor(0x59, 0x63, 0x6E);
pub(super) const GRID: RGBColor = RGBColor(0xDF, 0xE3, 0xE8);
/// For what nothing is done in.
pub(super) const IDLE: RGBColor = RGBColor(0xC4, 0xCB, 0xD3);
/// For all that is ours.
pub(super) const OURS: RGBColor = RGBColor(0x09, 0x69, 0xDA);
/// For others beside it.
pub(super) const OTHERS: RGBColor = RGBColor(0x81, 0x8B, 0x98);

/// For what is told apart by colour alone; each differs from its neighbours in lightness, too.
const SERIES: [RGBColor; 8] = [
    OURS,
    RGBColor(0xE3, 0x6F, 0x1E),
    RGBColor(0x1A, 0x7F, 0x37),
    RGBColor(0xBF, 0x87, 0xE8),
    RGBColor(0xA4, 0x0E, 0x26),
    RGBColor(0x2A, 0xA5, 0xA8),
    RGBColor(0x7D, 0x4E, 0x00),
    RGBColor(0xD4, 0xA7, 0x2C),
];

/// The colour of the one with this number; they begin again when there are no more.
pub(super) fn series(number: usize) -> RGBColor {
    SERIES[number % SERIES.len()]
}

/// What each is at night.
const NIGHT: [(RGBColor, &str); 14] = [
    (PAPER, "#0D1117"),
    (INK, "#E6EDF3"),
    (MUTED, "#9198A1"),
    (GRID, "#2A313A"),
    (IDLE, "#3D444D"),
    (OURS, "#4493F8"),
    (OTHERS, "#656C76"),
    (SERIES[1], "#F0883E"),
    (SERIES[2], "#3FB950"),
    (SERIES[3], "#D2A8FF"),
    (SERIES[4], "#DA3633"),
    (SERIES[5], "#56D4DD"),
    (SERIES[6], "#9E6A03"),
    (SERIES[7], "#F2CC60"),
];

/// The rules that put the colours of the night in place of those of the day.
pub(crate) fn night_rules() -> String {
    let mut rules = String::from("@media (prefers-color-scheme: dark) {\n");
    for (RGBColor(red, green, blue), night) in NIGHT {
        let day = format!("#{red:02X}{green:02X}{blue:02X}");
        rules.push_str(&format!("svg [fill=\"{day}\"] {{ fill: {night} }}\n"));
        rules.push_str(&format!("svg [stroke=\"{day}\"] {{ stroke: {night} }}\n"));
    }
    rules + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_has_a_night() {
        let all = [PAPER, INK, MUTED, GRID, IDLE, OURS, OTHERS];
        for colour in all.into_iter().chain(SERIES) {
            assert_eq!(NIGHT.iter().filter(|(day, _)| *day == colour).count(), 1, "{colour:?}");
        }
    }
}
