//! `salvage`: writes a new journal out of a damaged one, and says what was left out and why.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde_json::json;
use vexfs_replay::Error;
use vexfs_replay::journal::{Journal, Validation};
use vexfs_replay::replay::Control;
use vexfs_replay::salvage::{
    Dropped, MANIFEST_NAME, SalvageOptions, Salvaged, salvage, write_manifest,
};

use super::exit::Exit;
use super::output::{Report, facts, grouped};
use super::pass::{create_folder, interruption, parse_threads};
use super::progress::{ProgressArgument, Shown};
use super::running::place_of;

/// How many dropped things are told to a person; the manifest has them all.
const TOLD: usize = 20;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ValidationArgument {
    Full,
    Cryptographic,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SalvageArguments {
    /// The damaged journal: a folder of segments, or one segment's file. It is not touched.
    journal: PathBuf,
    /// The folder of the new journal; made when it isn't there. It must be empty, or hold what an
    /// earlier attempt to salvage the same journal has left.
    folder: PathBuf,
    /// Also write the manifest, which lies beside the new journal as salvage.json, to this file.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// How much is proven of an event before it is kept.
    #[arg(long, value_enum, default_value = "cryptographic")]
    validation: ValidationArgument,
    /// How many workers share the work, 1 to 256; as many as there are cores when not given.
    #[arg(long, value_parser = parse_threads)]
    threads: Option<NonZero<usize>>,
    /// How many events may be missing. Each gets a placeholder of 64 bytes or so.
    #[arg(long, value_name = "EVENTS", default_value = "100000000")]
    missing_max: u64,
    /// How progress is shown, on stderr.
    #[arg(long, value_enum, default_value = "auto")]
    progress: ProgressArgument,
}

impl SalvageArguments {
    fn options(&self) -> SalvageOptions {
        let default = SalvageOptions::default();
        SalvageOptions {
            validation: match self.validation {
                ValidationArgument::Full => Validation::Full,
                ValidationArgument::Cryptographic => Validation::Cryptographic,
            },
            threads: self.threads.unwrap_or(default.threads),
            placeholders_max: self.missing_max,
            control: Control::with_flag(interruption()),
            ..default
        }
    }
}

pub(crate) fn run(arguments: &SalvageArguments) -> Result<Report, Error> {
    let started = Instant::now();
    let journal = Journal::open_path(&arguments.journal)?;
    let path = &arguments.folder;
    let folder = create_folder(path)?;
    let mut shown = Shown::new("salvage", arguments.progress);
    let salvaged = salvage(&journal, folder, &arguments.options(), &mut |now| shown.show(now))?;
    drop(shown);
    let manifest = path.join(MANIFEST_NAME);
    if let Some(copy) = &arguments.manifest {
        let (folder, name) = place_of(copy, "manifest")?;
        write_manifest(&salvaged, folder.as_ref(), name)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut json = json!(salvaged);
    json["manifest_schema"] = json["schema"].take();
    json["journal"] = json!(path.to_string_lossy());
    json["manifest"] = json!(manifest.to_string_lossy());
    json["seconds"] = json!(seconds);
    if let Some(fields) = json.as_object_mut() {
        fields.remove("schema");
    }
    let mut rows = rows_of(&salvaged);
    rows.push(("manifest", manifest.display().to_string()));
    rows.push(("time", format!("{seconds:.2} s, {} validation", salvaged.validation.name())));
    Ok(Report { exit: exit_of(&salvaged), json, text: facts(&rows) })
}

fn exit_of(salvaged: &Salvaged) -> Exit {
    match (salvaged.has_loss(), salvaged.has_torn_tail()) {
        (true, _) => Exit::Loss,
        (false, true) => Exit::TornTail,
        (false, false) => Exit::Clean,
    }
}

/// What came of it, in words.
fn rows_of(salvaged: &Salvaged) -> Vec<(&'static str, String)> {
    let new = &salvaged.new;
    let same = if salvaged.same_state { "as the original's, past all damage" } else { "differs" };
    let mut rows = vec![
        ("kept", format!("{} events", grouped(salvaged.kept_events))),
        ("dropped", dropped_in_words(salvaged)),
        ("journal", hex::encode(new.journal_id)),
        ("head", format!("{}:{}", new.head_lsn, hex::encode(new.head_digest))),
        ("state", format!("{}, {same}", hex::encode(new.state_digest))),
    ];
    rows.extend(salvaged.holder.iter().map(|holder| {
        let goes_on = "its writer goes on: what comes later is not in the new journal";
        ("held by", format!("{holder}; {goes_on}"))
    }));
    let told = salvaged.dropped.iter().take(TOLD);
    rows.extend(told.map(|it| (it.because.name(), in_words(it))));
    let untold = salvaged.dropped.len().saturating_sub(TOLD);
    if untold > 0 {
        rows.push(("", format!("and {} more, in the manifest", grouped(untold as u64))));
    }
    rows
}

/// How many events were dropped, by reason.
fn dropped_in_words(salvaged: &Salvaged) -> String {
    let mut reasons = BTreeMap::new();
    for it in &salvaged.dropped {
        let events: u64 = it.lsns.iter().map(|(first, last)| last - first + 1).sum();
        *reasons.entry(it.because).or_insert(0) += events;
    }
    let reasons = reasons.into_iter().filter(|&(_, events)| events > 0);
    let reasons =
        reasons.map(|(because, events)| format!("{} {}", grouped(events), because.name()));
    let reasons: Vec<String> = reasons.collect();
    let total = format!("{} events", grouped(salvaged.dropped_events));
    if reasons.is_empty() { total } else { format!("{total}: {}", reasons.join(", ")) }
}

fn in_words(dropped: &Dropped) -> String {
    let damage = dropped.damage.as_ref().map(ToString::to_string);
    let inconsistency = dropped.inconsistency.as_ref();
    let inconsistency = inconsistency.map(|it| format!("LSN {}: {}", it.lsn, it.cause));
    let transaction = dropped.transaction.map(|id| format!("transaction {id}"));
    damage.or(inconsistency).or(transaction).unwrap_or_default()
}
