//! What others come to beside us, with what each of them does for that.

use super::axis::{Axis, Scale, short};
use super::bars::{Bar, Bars};
use super::colours::{OTHERS, OURS};
use super::{Plot, plot};
use crate::Measured;
use crate::figure::number;
use crate::measuring::Quantiles;
use crate::report::sections::named;
use crate::report::{self, Part, PeerFigures, PeerRow, PeerRun, Report};

/// A rate of theirs.
struct Rate {
    name: &'static str,
    title: &'static str,
    of: fn(&PeerFigures) -> Quantiles,
    note: fn(&PeerFigures) -> String,
}

const RATES: [Rate; 2] = [
    Rate {
        name: "recovery",
        title: "Recovery",
        of: |it| it.recovery_events_per_second,
        note: |it| format!("verifies {}; applies {}", it.verifies, it.applies),
    },
    Rate {
        name: "load",
        title: "Taking in",
        of: |it| it.load_events_per_second,
        note: |it| format!("durable {}", it.durable),
    },
];

/// For each dataset one of each rate.
pub(super) fn plots(report: &Report) -> Measured<Vec<Plot>> {
    let mut datasets: Vec<&str> = Vec::new();
    for it in &report.peers {
        if !datasets.contains(&it.dataset.as_str()) {
            datasets.push(&it.dataset);
        }
    }
    let mut plots = Vec::new();
    for dataset in datasets {
        for rate in &RATES {
            let Some(bars) = rate.bars(&report.peers, dataset) else { continue };
            let what = format!("The same data, {dataset}, for all; medians of the rounds.");
            let name = ["peers", dataset, rate.name];
            plots.push(plot(report, Part::Peers, &name, &what, bars.draw()?));
        }
    }
    Ok(plots)
}

impl Rate {
    fn bars(&self, all: &[PeerRow], dataset: &str) -> Option<Bars> {
        let of_dataset = all.iter().filter(|it| it.dataset == dataset);
        let mut bars: Vec<Bar> = of_dataset.filter_map(|it| self.bar(it)).collect();
        bars.sort_by(|a, b| b.length().total_cmp(&a.length()));
        let lengths = bars.iter().map(Bar::length).filter(|it| *it > 0.0);
        let axis = Axis::of("events/s", Scale::Linear, lengths, &short)?;
        let title = format!("{} beside others with {dataset}, events/s", self.title);
        Some(Bars { title, axis, legend: Vec::new(), bars })
    }

    fn bar(&self, peer: &PeerRow) -> Option<Bar> {
        let PeerRun::Measured(figures) = &peer.run else { return None };
        let rate = (self.of)(figures).p50;
        let colour = if peer.name == report::OURS { OURS } else { OTHERS };
        Some(Bar {
            label: named(peer),
            parts: vec![(colour, rate)],
            value: format!("{} events/s", number(rate)),
            note: (self.note)(figures),
        })
    }
}
