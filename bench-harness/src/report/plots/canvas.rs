//! What all plots are drawn on: a title, a legend, text that fits.

use std::io;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::colours::{INK, MUTED, PAPER, night_rules};
use crate::report::page::escaped;

/// What can go wrong while one is drawn; nothing does as long as it is drawn into memory.
pub(super) type Drawn<T> = Result<T, DrawingAreaErrorKind<io::Error>>;
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// How wide every plot is: on a phone its text can still be read.
pub(super) const WIDTH: u32 = 480;
/// How many units of a drawing one of [`WIDTH`] is: a drawing knows whole ones only.
pub(super) const FINE: u32 = 2;
pub(super) const MARGIN: u32 = 12;
pub(super) const TITLE_SIZE: u32 = 16;
pub(super) const TEXT_SIZE: u32 = 13;
const LEGEND_HEIGHT: u32 = 20;
/// How wide the sign before an entry of the legend is, and what is left free behind it.
const SIGN: u32 = 18;

/// A drawing, done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawing {
    title: String,
    height: u32,
    /// Without the element around it.
    body: String,
}

impl Drawing {
    /// To be put into a page that has the rules of [`night_rules`].
    pub(crate) fn inline(&self) -> String {
        format!("{}{}</svg>\n", self.begin(""), self.body)
    }

    /// To be put into a file of its own.
    pub(crate) fn file(&self) -> String {
        let size = format!(" width=\"{WIDTH}\" height=\"{}\"", self.height);
        format!("{}<style>\n{}</style>\n{}</svg>\n", self.begin(&size), night_rules(), self.body)
    }

    fn begin(&self, size: &str) -> String {
        let (width, height) = (WIDTH * FINE, self.height * FINE);
        let title = escaped(&self.title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\"{size} viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{title}\">\n"
        )
    }
}

/// Draws on paper with a title and a legend; `draw` gets what is left below them.
pub(super) fn drawing(
    title: &str,
    legend: &Legend,
    height: u32,
    draw: impl FnOnce(&Area<'_>) -> Drawn<()>,
) -> Drawn<Drawing> {
    let title = clean(title);
    let titles = wrapped(&title, WIDTH - 2 * MARGIN, TITLE_SIZE + 1, 2);
    let head = MARGIN + high(titles.len(), TITLE_SIZE + 5) + legend.height();
    let height = head + height;
    let mut svg = String::new();
    {
        let size = (WIDTH * FINE, height * FINE);
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&PAPER)?;
        for (line, text) in titles.iter().enumerate() {
            let y = MARGIN + high(line, TITLE_SIZE + 5);
            root.draw_text(text, &bold(INK), fine(MARGIN, y))?;
        }
        legend.draw(&root, head - legend.height())?;
        let (_, below) = root.split_vertically(head * FINE);
        draw(&below)?;
        root.present()?;
    }
    let begin = svg.find('>').map_or(0, |it| it + 1);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    let body = svg.get(begin..end).unwrap_or_default().trim_start().to_owned();
    Ok(Drawing { title, height, body })
}

/// What the colours mean.
#[derive(Clone, Debug, Default)]
pub(super) struct Legend {
    /// Lines of entries, each with where it begins.
    lines: Vec<Vec<(u32, Entry)>>,
}

/// What one colour means; nothing is said of one without a label.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) colour: RGBColor,
    pub(super) label: String,
    pub(super) sign: Sign,
}

/// What it is shown by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Square,
    Dashes,
}

impl Legend {
    pub(super) fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut lines: Vec<Vec<(u32, Entry)>> = Vec::new();
        let mut at = WIDTH;
        for entry in entries.into_iter().filter(|it| !it.label.is_empty()) {
            let label = shortened(&clean(&entry.label), WIDTH - 2 * MARGIN - SIGN, TEXT_SIZE);
            let width = SIGN + width(&label, TEXT_SIZE) + 14;
            if at + width > WIDTH {
                lines.push(Vec::new());
                at = MARGIN;
            }
            if let Some(line) = lines.last_mut() {
                line.push((at, Entry { label, ..entry }));
            }
            at += width;
        }
        Self { lines }
    }

    fn height(&self) -> u32 {
        high(self.lines.len(), LEGEND_HEIGHT)
    }

    fn draw(&self, root: &Area<'_>, top: u32) -> Drawn<()> {
        for (line, entries) in self.lines.iter().enumerate() {
            let y = top + high(line, LEGEND_HEIGHT);
            for (x, entry) in entries {
                let colour = entry.colour.filled();
                let parts: &[[u32; 4]] = match entry.sign {
                    Sign::Square => &[[0, 4, 11, 15]],
                    Sign::Dashes => &[[0, 9, 5, 11], [8, 9, 13, 11]],
                };
                for [left, above, right, below] in parts {
                    let ends = [fine(x + left, y + above), fine(x + right, y + below)];
                    root.draw(&Rectangle::new(ends, colour))?;
                }
                root.draw_text(&entry.label, &text(MUTED), fine(x + SIGN, y + 3))?;
            }
        }
        Ok(())
    }
}

/// How high so many lines are.
pub(super) fn high(lines: usize, line: u32) -> u32 {
    u32::try_from(lines).unwrap_or(u32::MAX).saturating_mul(line)
}

/// An axis's title, as much of it as fits.
pub(super) fn axis_title(axis: &Axis) -> String {
    shortened(&clean(&axis.title), WIDTH - 2 * MARGIN, TEXT_SIZE)
}

/// A place in units of a drawing.
pub(super) fn fine(x: u32, y: u32) -> (i32, i32) {
    ((x * FINE).cast_signed(), (y * FINE).cast_signed())
}

/// A font so many units high; the crate writes it smaller by the factor undone here.
pub(super) fn font(size: u32) -> FontDesc<'static> {
    ("system-ui, sans-serif", f64::from(size * FINE) * 1.24).into_font()
}

pub(super) fn text(colour: RGBColor) -> TextStyle<'static> {
    font(TEXT_SIZE).color(&colour).pos(Pos::new(HPos::Left, VPos::Top))
}

pub(super) fn bold(colour: RGBColor) -> TextStyle<'static> {
    let font = font(TITLE_SIZE).style(FontStyle::Bold);
    font.color(&colour).pos(Pos::new(HPos::Left, VPos::Top))
}

/// About how wide a text is; no font is at hand to ask.
pub(super) fn width(text: &str, size: u32) -> u32 {
    let halves: u32 = text.chars().map(|it| if it.is_ascii() { 4 } else { 7 }).sum();
    halves * size / 7
}

/// As much of a text as fits.
pub(super) fn shortened(text: &str, fits: u32, size: u32) -> String {
    if width(text, size) <= fits {
        return text.to_owned();
    }
    let mut shortened = text.to_owned();
    while !shortened.is_empty() && width(&shortened, size) + size > fits {
        shortened.pop();
    }
    shortened.trim_end().to_owned() + "…"
}

/// A text in lines that fit, at most so many, the last of them shortened.
pub(super) fn wrapped(text: &str, fits: u32, size: u32, lines_max: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let is_last = lines.len() >= lines_max;
        match lines.last_mut() {
            Some(line) if is_last || width(line, size) + width(word, size) + size / 2 <= fits => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| shortened(line, fits, size)).collect()
}

/// Without what an image may not hold.
pub(super) fn clean(text: &str) -> String {
    let allowed = |it: char| !it.is_control() && it != '\u{FFFE}' && it != '\u{FFFF}';
    text.chars().map(|it| if allowed(it) { it } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_made_to_fit() {
        assert_eq!(shortened("short", 100, 13), "short");
        let long = "a long label that doesn't fit";
        let fitting = shortened(long, 100, 13);
        assert!(fitting.ends_with('…') && width(&fitting, 13) <= 100, "{fitting}");
        let lines = wrapped(long, 100, 13, 2);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().all(|it| width(it, 13) <= 100), "{lines:?}");
        assert_eq!(wrapped("", 100, 13, 2), Vec::<String>::new());
    }

    #[test]
    fn what_is_escaped_is_escaped_once() {
        let label = "<b> & 'c'\u{0}".to_owned();
        let legend = Legend::of([Entry { colour: INK, label, sign: Sign::Dashes }]);
        let drawn = drawing("\"<i>\"", &legend, 10, |_| Ok(())).unwrap();
        let file = drawn.file();
        assert!(file.contains("&lt;b&gt; &amp; &apos;c&apos; "), "{file}");
        assert!(file.contains("aria-label=\"&quot;&lt;i&gt;&quot;\""), "{file}");
        assert!(!file.contains("<b>") && !file.contains("<i>") && !file.contains('\u{0}'));
    }
}
