//! Throughput and memory as one thing is varied, all else the same.
//!
//! What is varied is in [`vary`], how it is measured in [`run`]; whether it is flat is decided by [`bend`],
//! which knows numbers alone, and said by [`words`].

mod bend;
mod fit;
mod run;
mod vary;
mod words;

use clap::{Args, ValueEnum as _};
use vexfs_datasets::Recipe;

use self::vary::Varied;
use crate::Measured;
use crate::report::Report;
use crate::workloads::{Kept, Workloads};

/// How many rounds there usually are.
pub(crate) const ROUNDS: usize = 5;

/// What is varied.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Which of it; all where none is named.
    #[arg(value_enum)]
    what: Vec<Varied>,
    /// The recipe that is varied.
    #[arg(long, value_name = "RECIPE", default_value = "1M")]
    base: String,
    /// The largest journal by number of events: up to 100M, which takes 26 GB.
    #[arg(long, value_name = "RECIPE", default_value = "10M")]
    largest: String,
    /// Keeps the journals of varied recipes, which are removed else.
    #[arg(long)]
    keep: bool,
}

/// Measures what is asked for.
pub(crate) fn measure(
    arguments: &Arguments,
    workloads: &Workloads,
    rounds: usize,
    report: &mut Report,
) -> Measured<()> {
    let plan = vary::Plan {
        base: Recipe::named(&arguments.base)?,
        largest: Recipe::named(&arguments.largest)?,
        kept: if arguments.keep { Kept::Yes } else { Kept::No },
        workloads,
    };
    let asked = &arguments.what;
    for &varied in Varied::value_variants() {
        if !asked.is_empty() && !asked.contains(&varied) {
            continue;
        }
        let candidates = varied.candidates(&plan)?;
        let measured = run::alternate(varied, &candidates, rounds)?;
        for candidate in &candidates {
            let workload = &candidate.journal.workload;
            if !report.workloads.iter().any(|known| known.name == workload.name) {
                report.workloads.push(workload.clone());
            }
        }
        report.sweeps.push(run::sweep(varied, &candidates, &measured));
    }
    Ok(())
}
