//! Figures by name, a value a round.

use comfy_table::Table;

/// The rows of the result.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<(String, Vec<f64>)>);

impl Rows {
    /// Adds this round's value.
    pub(crate) fn record(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name, vec![value])),
        }
    }

    /// Medians and extremes.
    pub(crate) fn table(self) -> Table {
        let mut table = Table::new();
        table.set_header(["measure", "median", "least", "most"]);
        for (name, mut values) in self.0 {
            values.sort_by(f64::total_cmp);
            let picked = [values[values.len() / 2], values[0], values[values.len() - 1]];
            let [median, least, most] = picked.map(|value| format!("{value:.2}"));
            table.add_row([name, median, least, most]);
        }
        table
    }
}
