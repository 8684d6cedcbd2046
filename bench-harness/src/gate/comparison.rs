//! Two builds compared, figure by figure.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use comfy_table::Table;
use serde::Serialize;

use super::baseline::Accepted;
use super::figures::ON_THE_CLOCK;
use super::series::Series;
use super::statistics::{Estimate, median};
use super::verdict::{self, REFUSED, Verdict};
use crate::Measured;

/// The shares of each figure, one a series.
#[derive(Clone, Debug, Default)]
pub(super) struct Measurements(BTreeMap<String, Vec<f64>>);

impl Measurements {
    pub(super) fn of_baseline(accepted: &Accepted) -> Self {
        let figures = accepted.figures.iter();
        Self(figures.map(|(name, figure)| (name.clone(), figure.series.clone())).collect())
    }

    pub(super) fn add(&mut self, series: Series) {
        for (name, share) in series.shares {
            self.0.entry(name).or_default().push(share);
        }
    }

    #[cfg(test)]
    pub(super) fn add_one(&mut self, figure: &str, share: f64) {
        self.0.entry(figure.to_owned()).or_default().push(share);
    }

    pub(super) fn figures(&self) -> &BTreeMap<String, Vec<f64>> {
        &self.0
    }

    /// A figure of which there are fewer series, if there are any figures at all; the one on the clock may be.
    pub(super) fn too_few(&self, wanted: usize) -> Option<&str> {
        if self.0.is_empty() {
            return Some("everything");
        }
        let figures = self.0.iter().filter(|(name, _)| *name != ON_THE_CLOCK);
        let mut few = figures.filter(|(_, shares)| shares.len() < wanted);
        few.next().map(|(name, _)| name.as_str())
    }

    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        table.set_header(["figure", "series", "share of the yardstick", "between"]);
        for (name, shares) in &self.0 {
            let Estimate { value, least, most } = Estimate::of(shares);
            let between = format!("{least:.4} and {most:.4}");
            table.add_row([name.clone(), shares.len().to_string(), format!("{value:.4}"), between]);
        }
        table
    }
}

/// What came of a comparison.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Comparison {
    figures: Vec<Compared>,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
struct Compared {
    figure: String,
    /// How many series tell of it, before and now.
    series: [usize; 2],
    before: f64,
    now: f64,
    /// By how many times as slow it is now.
    slowdown: Estimate,
    verdict: Verdict,
}

impl Comparison {
    /// All figures that either has. One that a build lacks, or that others were in the way of, is undecided.
    pub(super) fn between(before: &Measurements, now: &Measurements) -> Self {
        let names: BTreeSet<&String> = before.0.keys().chain(now.0.keys()).collect();
        let of = |all: &Measurements, name| all.0.get(name).cloned().unwrap_or_default();
        // Somebody who comes and goes is in the way of the one that is on the clock, seen or unseen.
        let others_had_cores = [before, now].iter().any(|all| {
            let on_the_clock = all.0.get(ON_THE_CLOCK).map_or(0, Vec::len);
            on_the_clock * 10 < all.0.values().map(Vec::len).max().unwrap_or(0) * 9
        });
        let figures = names.into_iter().map(|name| {
            let [before, after] = [before, now].map(|all| of(all, name));
            // The larger share is the quicker one.
            let slowdown = Estimate::of_ratio(&before, &after);
            let series = [before.len(), after.len()];
            let verdict = match name.as_str() {
                ON_THE_CLOCK if others_had_cores => Verdict::Undecided,
                _ => Verdict::of(&slowdown, before.len().min(after.len())),
            };
            let [before, now] = [before, after].map(|shares| median(&shares));
            Compared { figure: name.clone(), series, before, now, slowdown, verdict }
        });
        Self { figures: figures.collect() }
    }

    /// Whether more measurements are of no use: nothing is undecided but the figure on the clock, which there may
    /// never be.
    pub(super) fn is_decided(&self) -> bool {
        self.are_decided(|_| true)
    }

    /// Whether more measurements are of no use to what was found slower `before`.
    pub(super) fn confirms_or_denies(&self, before: &Self) -> bool {
        self.are_decided(|figure| before.is_slower(figure))
    }

    fn are_decided(&self, asked: impl Fn(&str) -> bool) -> bool {
        let open = |it: &&Compared| it.verdict == Verdict::Undecided && it.figure != ON_THE_CLOCK;
        !self.figures.iter().filter(open).any(|it| asked(&it.figure))
    }

    fn is_slower(&self, figure: &str) -> bool {
        let mut slower = self.figures.iter().filter(|it| it.verdict == Verdict::Slower);
        slower.any(|it| it.figure == figure)
    }

    /// What is slower here and was slower before, too, is slower. What only one of them says is undecided.
    pub(super) fn confirming(mut self, before: &Self) -> Self {
        for it in &mut self.figures {
            if (it.verdict == Verdict::Slower) != before.is_slower(&it.figure) {
                it.verdict = Verdict::Undecided;
            }
        }
        self
    }

    pub(super) fn verdict(&self) -> Verdict {
        verdict::of_all(self.figures.iter().map(|it| it.verdict))
    }

    /// Says it, and what the program exits with.
    pub(super) fn concluded(self, with_what: &str) -> Measured<(ExitCode, serde_json::Value)> {
        println!("{}", self.table());
        println!("{with_what}");
        let named = |verdict| {
            let figures = self.figures.iter().filter(|it| it.verdict == verdict);
            figures.map(|it| it.figure.as_str()).collect::<Vec<_>>().join("; ")
        };
        let undecided = named(Verdict::Undecided);
        if !undecided.is_empty() {
            println!("undecided, and so not refused: {undecided}");
        }
        let code = match self.verdict() {
            Verdict::Slower => {
                println!("SLOWER: {}", named(Verdict::Slower));
                ExitCode::from(3)
            }
            Verdict::Passes | Verdict::Undecided => {
                println!("passes");
                ExitCode::SUCCESS
            }
        };
        Ok((code, serde_json::to_value(&self)?))
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        let limit = format!("times as slow; {REFUSED:.2} is refused");
        table.set_header(["figure", "series", "before", "now", limit.as_str(), "between", ""]);
        for it in &self.figures {
            let Estimate { value, least, most } = it.slowdown;
            let verdict = match it.verdict {
                Verdict::Slower => "SLOWER",
                Verdict::Passes => "passes",
                Verdict::Undecided => "undecided",
            };
            table.add_row([
                it.figure.clone(),
                format!("{} and {}", it.series[0], it.series[1]),
                format!("{:.4}", it.before),
                format!("{:.4}", it.now),
                format!("{value:.3}"),
                format!("{least:.3} and {most:.3}"),
                verdict.to_owned(),
            ]);
        }
        table
    }
}
