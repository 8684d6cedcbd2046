//! The report's figures as rows of words: what text, page and README show alike.

mod figures;
mod peers;
mod profile;

pub(crate) use self::figures::range;
pub(crate) use self::peers::named;
use super::{Part, Point, Report, Sweep};
use crate::figure::{bytes, number};

/// A table with a title. Cells may be empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// What must be known beside it.
    pub(crate) notes: Vec<String>,
}

impl Section {
    fn new<const COLUMNS: usize>(title: impl Into<String>, header: [&str; COLUMNS]) -> Self {
        let header = header.map(str::to_owned).into();
        Self { title: title.into(), header, ..Self::default() }
    }

    fn with(mut self, rows: impl IntoIterator<Item = Vec<String>>) -> Self {
        self.rows.extend(rows);
        self
    }

    fn noting(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }
}

/// All that a part has something of.
pub(crate) fn of(report: &Report, part: Part) -> Vec<Section> {
    let all = match part {
        Part::Table => vec![
            figures::table(report),
            figures::rooflines(&report.rooflines),
            figures::workloads(&report.workloads),
        ],
        Part::Scaling => report.sweeps.iter().map(sweep).collect(),
        Part::Profile => report.profile.as_ref().map(profile::of).unwrap_or_default(),
        Part::Peers => peers::of(&report.peers),
    };
    all.into_iter().filter(|it| !it.rows.is_empty() || !it.notes.is_empty()).collect()
}

/// What changes when one thing changes.
fn sweep(sweep: &Sweep) -> Section {
    let on = if sweep.on.is_empty() { String::new() } else { format!(", on {}", sweep.on) };
    let header = [
        sweep.varied.as_str(),
        "n",
        "events/s, p50",
        "p90",
        "p99",
        "worst",
        "ns an event",
        "peak memory",
        "beside the state",
    ];
    let rows = sweep.points.iter().map(|point| {
        let Point { label, events_per_second, nanoseconds_per_event, .. } = point;
        let rest = [
            number(*nanoseconds_per_event),
            bytes(point.peak_bytes as f64),
            bytes(point.pipeline_bytes as f64),
        ];
        let rates = figures::quantiles(events_per_second);
        [label.clone()].into_iter().chain(rates).chain(rest).collect()
    });
    Section::new(format!("By {}{on}", sweep.varied), header).with(rows).noting(sweep.bends.clone())
}
