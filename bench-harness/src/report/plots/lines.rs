//! Lines over one axis: a series each, with what is worst beside it.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::axis::Axis;
use super::canvas::{
    Area, Drawing, Drawn, Entry, FINE, Legend, MARGIN, Sign, TEXT_SIZE, axis_title, drawing, fine,
    font, text, width,
};
use super::colours::{GRID, INK, MUTED, series};

/// How high what is inside of the axes is.
const HEIGHT: u32 = 210;

/// A plot of lines.
pub(super) struct Lines {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

/// One of them.
pub(super) struct Series {
    pub(super) label: String,
    pub(super) colour: RGBColor,
    pub(super) look: Look,
    /// In values, not places.
    pub(super) points: Vec<(f64, f64)>,
    /// From what to what it went at a value, where that is known.
    pub(super) spread: Vec<(f64, [f64; 2])>,
}

impl Series {
    /// The one of this number among lines without dots.
    pub(super) fn plain(number: usize, label: &str, points: Vec<(f64, f64)>) -> Self {
        let (label, colour) = (label.to_owned(), series(number));
        Self { label, colour, look: Look::Plain, points, spread: Vec::new() }
    }

    fn entry(&self) -> Entry {
        let sign = match self.look {
            Look::Dotted | Look::Plain => Sign::Square,
            Look::Dashed => Sign::Dashes,
        };
        Entry { colour: self.colour, label: self.label.clone(), sign }
    }

    /// All values that it reaches.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> + Clone {
        let points = self.points.iter().map(|it| it.1);
        points.chain(self.spread.iter().flat_map(|it| it.1))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A line through dots.
    Dotted,
    /// A line.
    Plain,
    /// Dashes: what isn't measured.
    Dashed,
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

impl Lines {
    pub(super) fn draw(&self) -> Drawn<Drawing> {
        let legend = Legend::of(self.series.iter().map(Series::entry));
        let below = 2 * TEXT_SIZE + 22;
        let above = TEXT_SIZE + 21;
        drawing(&self.title, &legend, above + HEIGHT + below, |area| {
            area.draw_text(&axis_title(&self.y), &text(MUTED), fine(MARGIN, 5))?;
            self.draw_below(area, above, below)
        })
    }

    fn draw_below(&self, area: &Area<'_>, above: u32, below: u32) -> Drawn<()> {
        let names = self.y.ticks.iter().map(|(_, name)| width(name, TEXT_SIZE));
        let left = names.max().unwrap_or(0) + 8;
        let last = self.x.ticks.last().map_or(0, |(_, name)| width(name, TEXT_SIZE) / 2);
        let mut chart = ChartBuilder::on(area)
            .margin_top(above * FINE)
            .margin_left(MARGIN * FINE)
            .margin_right((MARGIN + last) * FINE)
            .x_label_area_size(below * FINE)
            .y_label_area_size(left * FINE)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID.stroke_width(FINE))
            .axis_style(GRID.stroke_width(FINE))
            .label_style(font(TEXT_SIZE).color(&MUTED))
            .set_all_tick_mark_size(4 * FINE)
            .draw()?;
        let (pixels, _) = area.dim_in_pixel();
        let style = text(MUTED).pos(Pos::new(HPos::Right, VPos::Top));
        let title = fine(pixels / FINE - MARGIN, above + HEIGHT + TEXT_SIZE + 16);
        area.draw_text(&axis_title(&self.x), &style, title)?;
        self.series.iter().try_for_each(|series| self.draw_series(series, &mut chart))
    }

    fn draw_series(&self, series: &Series, chart: &mut Chart<'_, '_>) -> Drawn<()> {
        let place = |(x, y): (f64, f64)| Some((self.x.place(x)?, self.y.place(y)?));
        let places: Vec<(f64, f64)> = series.points.iter().copied().filter_map(place).collect();
        let line = series.colour.stroke_width(2 * FINE);
        let spreads = series.spread.iter().filter_map(|&(x, [one, other])| {
            Some(PathElement::new([place((x, one))?, place((x, other))?], line))
        });
        chart.draw_series(spreads)?;
        let dots = places.iter().map(|it| Circle::new(*it, 4 * FINE, series.colour.filled()));
        match series.look {
            Look::Dotted => {
                chart.draw_series(LineSeries::new(places.iter().copied(), line))?;
                chart.draw_series(dots)?;
            }
            Look::Plain => {
                chart.draw_series(LineSeries::new(places, line))?;
            }
            Look::Dashed => {
                let dash = 6 * FINE;
                let series = DashedLineSeries::new(places, dash, dash, line);
                chart.draw_series(series)?;
            }
        }
        Ok(())
    }
}

/// What a series without a colour of its own has.
pub(super) const REFERENCE: RGBColor = INK;
