//! `generate`: writes a seeded journal by recipe.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use vexfs_datasets::{Recipe, RecipeError};
use vexfs_replay::Error;
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::{Writer, WriterOptions};
use vexfs_replay::storage::DiskFolder;

use super::exit::Exit;
use super::io_error;
use super::output::{Report, facts, grouped};
use super::pass::parse_size;
use super::progress;

#[derive(Args, Clone, Debug)]
pub(crate) struct GenerateArguments {
    /// The folder of the new journal; made when it isn't there.
    journal: PathBuf,
    /// The recipe: 1k, 10k, 100k, 1M, 10M, 100M, hot-key, huge-transaction, tiny.
    #[arg(long, default_value = "1M")]
    recipe: String,
    /// How many events there are, transaction boundaries included.
    #[arg(long)]
    events: Option<u64>,
    /// The seed: the same one gives the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long a payload is on average, in bytes.
    #[arg(long, value_name = "BYTES")]
    mean_payload: Option<u32>,
    /// How many keys are alive.
    #[arg(long)]
    live_keys: Option<u32>,
    /// How unequally the keys are drawn: the exponent of a zipf distribution.
    #[arg(long)]
    zipf: Option<f64>,
    /// The share of events in transactions, 0 to 1.
    #[arg(long, value_name = "SHARE")]
    transactional: Option<f64>,
    /// How many keys a transaction touches on average.
    #[arg(long, value_name = "KEYS")]
    transaction_length: Option<u32>,
    /// The share of transactions that abort, 0 to 1.
    #[arg(long, value_name = "SHARE")]
    aborted: Option<f64>,
    /// The share of events that touch several keys, 0 to 1.
    #[arg(long, value_name = "SHARE")]
    multi_key: Option<f64>,
    /// How long a segment gets.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    segment_size: Option<u64>,
}

impl GenerateArguments {
    fn recipe(&self) -> Result<Recipe, Error> {
        let invalid = |error: RecipeError| Error::InvalidOption {
            option: "recipe",
            reason: error.to_string(),
        };
        let named = Recipe::named(&self.recipe).map_err(invalid)?;
        let recipe = Recipe {
            events: self.events.unwrap_or(named.events),
            mean_payload_bytes: self.mean_payload.unwrap_or(named.mean_payload_bytes),
            live_keys: self.live_keys.unwrap_or(named.live_keys),
            zipf_exponent: self.zipf.unwrap_or(named.zipf_exponent),
            transactional_share: self.transactional.unwrap_or(named.transactional_share),
            transaction_mean_touches: self
                .transaction_length
                .unwrap_or(named.transaction_mean_touches),
            aborted_share: self.aborted.unwrap_or(named.aborted_share),
            multi_key_share: self.multi_key.unwrap_or(named.multi_key_share),
            ..named
        };
        // Before there is a journal that nothing would be written to.
        recipe.validate().map_err(invalid)?;
        Ok(recipe)
    }
}

pub(crate) fn run(arguments: &GenerateArguments) -> Result<Report, Error> {
    let started = Instant::now();
    let recipe = arguments.recipe()?;
    let path = &arguments.journal;
    let folder = DiskFolder::create(path).map_err(io_error("create", path))?;
    let options = writer_options(&recipe, arguments.seed);
    let segment_bytes = arguments.segment_size.unwrap_or(options.segment_bytes);
    let writer = Writer::create(Arc::new(folder), WriterOptions { segment_bytes, ..options })?;
    let bar = progress::of_count("generate");
    bar.set_length(recipe.events);
    let generated = generate(&writer, &recipe, arguments.seed, &mut |events| {
        bar.set_position(events);
    })?;
    let head = writer.close()?;
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let head = format!("{}:{}", head.lsn, hex::encode(head.digest));
    let json = json!({
        "journal": path.to_string_lossy(),
        "recipe": recipe,
        "seed": arguments.seed,
        "events": generated.events,
        "event_bytes": generated.event_bytes,
        "committed": generated.committed,
        "aborted": generated.aborted,
        "head": head,
        "seconds": seconds,
    });
    let rows = [
        ("journal", path.display().to_string()),
        ("events", grouped(generated.events)),
        ("event bytes", grouped(generated.event_bytes)),
        (
            "transactions",
            format!(
                "{} committed, {} aborted",
                grouped(generated.committed),
                grouped(generated.aborted)
            ),
        ),
        ("head", head),
        ("time", format!("{seconds:.2} s")),
    ];
    Ok(Report { exit: Exit::Clean, json, text: facts(&rows) })
}
