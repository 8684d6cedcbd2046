//! The data sets: made, replayed, and held to what is on record.

use clap::Args;
use vexfs_datasets::{Dataset, Record};
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::replay::{ReplayOptions, replay};

use crate::Measured;
use crate::report::Report;
use crate::workloads::{Workload, Workloads};

/// Which data sets.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Their names; all up to the largest where none is given.
    names: Vec<String>,
    /// The largest one by number that is looked at: 100M takes 26 GB.
    #[arg(long, value_name = "NAME", default_value = "10M")]
    largest: String,
}

/// Makes those that aren't there, replays each with every digest checked, and lists them.
pub(crate) fn check(
    arguments: &Arguments,
    workloads: &Workloads,
    report: &mut Report,
) -> Measured<()> {
    let mut wrong = Vec::new();
    for name in arguments.chosen()? {
        let (workload, state) = match replayed(workloads, &name) {
            Ok(found) => found,
            Err(error) => {
                wrong.push(format!("{name}: {error}"));
                continue;
            }
        };
        let record = Record::named(&name);
        let expected = record.and_then(|record| record.expected);
        let verdict = match expected {
            Some(expected) if expected.state == state => "as on record",
            Some(expected) => {
                wrong.push(format!(
                    "{name}: its state is {state}, where {} is on record",
                    expected.state
                ));
                "differs"
            }
            None => "not on record",
        };
        let Workload { events, bytes, head, .. } = &workload;
        println!("{name}: {events} events, {bytes} bytes, {verdict}");
        println!("  head   {head}");
        println!("  state  {state}");
        println!("  {}", record.map_or("", |record| record.about));
        report.workloads.push(workload);
    }
    wrong.iter().for_each(|sentence| eprintln!("{sentence}"));
    match wrong.len() {
        0 => Ok(()),
        many => Err(format!("{many} of the data sets are not what is on record").into()),
    }
}

impl Arguments {
    fn chosen(&self) -> Measured<Vec<String>> {
        if !self.names.is_empty() {
            return Ok(self.names.clone());
        }
        let most = match Dataset::named(&self.largest)? {
            Dataset::Events(recipe) => recipe.events,
            Dataset::History(_) => u64::MAX,
        };
        let fits = |name: &&str| match Dataset::named(name) {
            Ok(Dataset::Events(recipe)) => recipe.events <= most,
            _ => true,
        };
        Ok(Dataset::names().filter(fits).map(str::to_owned).collect())
    }
}

/// The journal, and the digest of the state after it in hex.
fn replayed(workloads: &Workloads, name: &str) -> Measured<(Workload, String)> {
    let workload = workloads.named(name)?;
    let journal = Journal::open_path(&workload.path)?;
    let validation = Validation::Cryptographic;
    let options = ReplayOptions { validation, ..ReplayOptions::default() };
    let (state, _) = replay(&journal, &options, &mut |_| {})?;
    Ok((workload, hex::encode(state.digest())))
}
