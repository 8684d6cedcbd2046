//! What was measured against aims and claims, the machine's limits beside it, and what it was measured on.

use super::Section;
use crate::figure::{bytes, number};
use crate::measuring::{Better, Quantiles, Rooflines};
use crate::report::{Part, Report, Row};
use crate::workloads::Workload;

/// What p90 and p99 are, wherever they are shown.
const QUANTILES: &str = "p50, p90, p99: so many of 100 measurements are as good or better; worst: all are. \
     ratio: how many times better p50 is than the better end of the claim.";

/// What was measured against aims and claims.
pub(super) fn table(report: &Report) -> Section {
    let header = ["measure", "aim", "claimed", "n", "p50", "p90", "p99", "worst", "ratio"];
    let limits = report.table.iter().filter_map(|row| {
        let (share, of) = row.of_roofline.as_ref()?;
        let Row { measure, workload, .. } = row;
        Some(format!("{measure} on {workload} is {} of the machine's limit: {of}.", number(*share)))
    });
    let quantiles = report.has(Part::Table).then(|| QUANTILES.to_owned());
    let notes = quantiles.into_iter().chain(limits);
    Section::new("Figures", header).with(report.table.iter().map(figure_cells)).noting(notes)
}

fn figure_cells(row: &Row) -> Vec<String> {
    let bound = match row.better {
        Better::Less => "≤",
        Better::More => "≥",
    };
    let aim = row.target.map_or_else(String::new, |it| format!("{bound} {}", number(it)));
    let claimed = row.claimed.map_or_else(String::new, range);
    let measure = format!("{} on {}, {}", row.measure, row.workload, row.unit);
    let mut cells = vec![measure, aim, claimed];
    cells.extend(quantiles(&row.ours));
    cells.push(row.times_better.map_or_else(String::new, number));
    cells
}

/// From the less to the more, whichever is better.
pub(crate) fn range([one, other]: [f64; 2]) -> String {
    match one == other {
        true => number(one),
        false => format!("{}–{}", number(one.min(other)), number(one.max(other))),
    }
}

pub(super) fn quantiles(of: &Quantiles) -> [String; 5] {
    let Quantiles { count, p50, p90, p99, max } = *of;
    let [p50, p90, p99, worst] = [p50, p90, p99, max].map(number);
    [count.to_string(), p50, p90, p99, worst]
}

/// What the machine could do at most.
pub(super) fn rooflines(all: &[(String, Rooflines)]) -> Section {
    let header =
        ["on", "read, GB/s", "SHA-256, GB/s", "map, effects/s", "together, all cores, events/s"];
    let rows = all.iter().map(|(workload, limits)| {
        vec![
            workload.clone(),
            number(limits.read_bytes_per_second / 1e9),
            number(limits.sha256_bytes_per_second / 1e9),
            number(limits.map_effects_per_second),
            number(limits.events_per_second()),
        ]
    });
    Section::new("The machine's limits, each on one core", header).with(rows)
}

/// What the figures are about.
pub(super) fn workloads(all: &[Workload]) -> Section {
    let rows = all.iter().map(|it| {
        let Workload { name, events, bytes: length, head, .. } = it;
        vec![name.clone(), number(*events as f64), bytes(*length as f64), shortened(head)]
    });
    Section::new("Journals", ["name", "events", "length", "head"]).with(rows)
}

/// A head's LSN and enough of its digest to tell it apart.
fn shortened(head: &str) -> String {
    match head.char_indices().nth(28) {
        Some((end, _)) => format!("{}…", &head[..end]),
        None => head.to_owned(),
    }
}
