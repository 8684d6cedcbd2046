//! Bars that lie: one below the other, each under its label and over its notes, so that both may be long.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::canvas::{
    Area, Drawing, Drawn, Entry, FINE, Legend, MARGIN, Sign, TEXT_SIZE, WIDTH, axis_title, clean,
    drawing, fine, font, high, shortened, text, width, wrapped,
};
use super::colours::{GRID, INK, MUTED, PAPER};

const LINE: u32 = TEXT_SIZE + 5;
const BAR: u32 = 18;
const GAP: u32 = 10;
/// How many lines of notes one bar has at most.
const NOTE_LINES: usize = 3;

/// A plot of bars.
pub(super) struct Bars {
    pub(super) title: String,
    pub(super) axis: Axis,
    /// What the colours of all bars mean, where that must be said.
    pub(super) legend: Vec<(RGBColor, String)>,
    pub(super) bars: Vec<Bar>,
}

/// One of them.
pub(super) struct Bar {
    pub(super) label: String,
    /// Its parts, from the left to the right.
    pub(super) parts: Vec<(RGBColor, f64)>,
    /// What is written for its length.
    pub(super) value: String,
    pub(super) note: String,
}

impl Bar {
    /// How long it is together.
    pub(super) fn length(&self) -> f64 {
        self.parts.iter().map(|it| it.1).filter(|it| it.is_finite() && *it > 0.0).sum()
    }

    fn notes(&self) -> Vec<String> {
        wrapped(&clean(&self.note), WIDTH - 2 * MARGIN, TEXT_SIZE, NOTE_LINES)
    }

    fn height(&self) -> u32 {
        LINE + BAR + high(self.notes().len(), LINE) + GAP
    }
}

impl Bars {
    pub(super) fn draw(&self) -> Drawn<Drawing> {
        let legend = Legend::of(self.legend.iter().map(|(colour, label)| Entry {
            colour: *colour,
            label: label.clone(),
            sign: Sign::Square,
        }));
        let height: u32 = self.bars.iter().map(Bar::height).sum();
        let below = 2 * TEXT_SIZE + 24;
        drawing(&self.title, &legend, 6 + height + below, |area| {
            self.draw_below(area, height, below)
        })
    }

    fn draw_below(&self, area: &Area<'_>, height: u32, below: u32) -> Drawn<()> {
        let last = self.axis.ticks.last().map_or(0, |(_, name)| width(name, TEXT_SIZE) / 2);
        let mut chart = ChartBuilder::on(area)
            .margin_top(6 * FINE)
            .margin_left(MARGIN * FINE)
            .margin_right((MARGIN + last) * FINE)
            .x_label_area_size(below * FINE)
            .build_cartesian_2d(self.axis.clone(), f64::from(height)..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(FINE))
            .axis_style(GRID.stroke_width(FINE))
            .label_style(font(TEXT_SIZE).color(&MUTED))
            .set_all_tick_mark_size(4 * FINE)
            .draw()?;
        let style = text(MUTED).pos(Pos::new(HPos::Right, VPos::Top));
        let title = fine(WIDTH - MARGIN, 6 + height + TEXT_SIZE + 16);
        area.draw_text(&axis_title(&self.axis), &style, title)?;
        let mut top = 0;
        for bar in &self.bars {
            let rectangles = self.rectangles(bar, top + LINE);
            chart.draw_series(rectangles)?;
            draw_words(area, bar, top + 6)?;
            top += bar.height();
        }
        Ok(())
    }

    fn rectangles(&self, bar: &Bar, top: u32) -> Vec<Rectangle<(f64, f64)>> {
        let (top, bottom) = (f64::from(top), f64::from(top + BAR));
        let mut from = 0.0;
        let mut rectangles = Vec::new();
        for &(colour, length) in &bar.parts {
            let to = from + length;
            if let (true, Some(_)) = (length > 0.0, self.axis.place(to)) {
                rectangles.push(Rectangle::new([(from, top), (to, bottom)], colour.filled()));
                from = to;
            }
        }
        rectangles
    }
}

/// The label and the value above a bar, the notes below it; on paper of their own, so that no line of the grid
/// goes through them.
fn draw_words(area: &Area<'_>, bar: &Bar, top: u32) -> Drawn<()> {
    let notes = bar.notes();
    let below = top + LINE + BAR;
    let papers = [(top - 2, top + LINE - 1), (below + 1, top + bar.height() - 2)];
    for (from, to) in papers {
        let ends = [fine(MARGIN + 1, from), fine(WIDTH - MARGIN, to)];
        area.draw(&Rectangle::new(ends, PAPER.filled()))?;
    }
    let value = shortened(&clean(&bar.value), WIDTH / 2, TEXT_SIZE);
    let fits = (WIDTH - 2 * MARGIN).saturating_sub(width(&value, TEXT_SIZE) + 2 * GAP);
    let label = shortened(&clean(&bar.label), fits, TEXT_SIZE);
    area.draw_text(&label, &text(INK), fine(MARGIN, top))?;
    let right = text(INK).pos(Pos::new(HPos::Right, VPos::Top));
    area.draw_text(&value, &right, fine(WIDTH - MARGIN, top))?;
    for (line, note) in notes.iter().enumerate() {
        let y = below + 4 + high(line, LINE);
        area.draw_text(note, &text(MUTED), fine(MARGIN, y))?;
    }
    Ok(())
}
