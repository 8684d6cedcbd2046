//! The options that verify, replay and state have in common.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Args, ValueEnum};
use vexfs_replay::Error;
use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::journal::{Head, Validation};
use vexfs_replay::replay::{
    CheckpointStart, Checkpoints, Control, DamagePolicy, ReplayOptions, StopPoint, THREADS_MAX,
    resident_bytes,
};
use vexfs_replay::storage::{DiskFolder, Folder};

use super::backend::BackendArgument;
use super::io_error;
use super::progress::ProgressArgument;
use super::selection::SelectionArguments;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ValidationArgument {
    None,
    Basic,
    Full,
    Cryptographic,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DamageArgument {
    Strict,
    Tail,
    Prefix,
    Salvage,
}

/// How whatever is read is checked: these options are the same for one journal and for many.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArguments {
    /// How much is proven before it is believed.
    #[arg(long, value_enum, default_value = "cryptographic")]
    validation: ValidationArgument,
    /// How many workers share the work, 1 to 256; as many as there are cores when not given.
    #[arg(long, value_parser = parse_threads)]
    threads: Option<NonZero<usize>>,
    /// What computes SHA-256: auto, cpu, gpu, or a backend by its name.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    backend: BackendArgument,
    /// How progress is shown, on stderr.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) progress: ProgressArgument,
}

/// The journal, and how a pass over it is made.
#[derive(Args, Clone, Debug)]
pub(crate) struct PassArguments {
    /// The journal: a folder of segments, or one segment's file.
    pub(crate) journal: PathBuf,
    #[command(flatten)]
    pub(crate) check: CheckArguments,
    #[command(flatten)]
    until: UntilArguments,
    /// A head kept outside of the journal, which must be found in it.
    #[arg(long, value_name = "LSN:DIGEST", value_parser = parse_head)]
    anchor: Option<Head>,
}

/// Where the pass ends, where not with the journal.
#[derive(Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub(crate) struct UntilArguments {
    /// Leave out what comes after this LSN.
    #[arg(long, value_name = "LSN")]
    until_lsn: Option<u64>,
    /// End before the first event that happened after this time, in nanoseconds since 1970-01-01
    /// UTC.
    #[arg(long, value_name = "NANOSECONDS")]
    until_time: Option<u64>,
    /// End behind the record that ends this transaction.
    #[arg(long, value_name = "ID")]
    until_transaction: Option<u64>,
}

impl UntilArguments {
    fn stop_point(self) -> Option<StopPoint> {
        let lsn = self.until_lsn.map(StopPoint::Lsn);
        let time = self.until_time.map(StopPoint::Time);
        lsn.or(time).or(self.until_transaction.map(StopPoint::Transaction))
    }
}

/// Where checkpoints are, and when new ones are taken.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Checkpoints")]
pub(crate) struct CheckpointArguments {
    /// Start from the newest checkpoint in this folder that can be used, and add to them.
    #[arg(long, value_name = "FOLDER")]
    checkpoints: Option<PathBuf>,
    /// Take a checkpoint after so many events.
    #[arg(long, value_name = "EVENTS", requires = "checkpoints")]
    checkpoint_events: Option<u64>,
    /// Take a checkpoint after so much journal.
    #[arg(long, value_name = "SIZE", requires = "checkpoints", value_parser = parse_size)]
    checkpoint_bytes: Option<u64>,
    /// Take a checkpoint after so many seconds.
    #[arg(long, value_name = "SECONDS", requires = "checkpoints", value_parser = parse_seconds)]
    checkpoint_seconds: Option<Duration>,
    /// Put off checkpoints that would take more than this share of the time.
    #[arg(long, value_name = "PERCENT", requires = "checkpoints", default_value = "15", value_parser = parse_percent)]
    checkpoint_share: f64,
    /// How many checkpoints are kept, beside those that they build on.
    #[arg(long, value_name = "N", requires = "checkpoints", default_value = "2")]
    keep: NonZero<usize>,
    /// Start from a checkpoint, and refuse where none can be used.
    #[arg(long, requires = "checkpoints")]
    incremental: bool,
    /// Start from the journal's first event, whatever checkpoints there are.
    #[arg(long, requires = "checkpoints", conflicts_with = "incremental")]
    full: bool,
}

impl CheckpointArguments {
    fn checkpoints(&self) -> Result<Option<Checkpoints>, Error> {
        let Some(path) = &self.checkpoints else { return Ok(None) };
        let folder = create_folder(path)?;
        let start = match (self.incremental, self.full) {
            (true, _) => CheckpointStart::Required,
            (_, true) => CheckpointStart::Nothing,
            _ => CheckpointStart::Newest,
        };
        let default = CheckpointPolicy::default();
        let policy = CheckpointPolicy {
            every_events: self.checkpoint_events,
            every_bytes: self.checkpoint_bytes.unwrap_or(default.every_bytes),
            every: self.checkpoint_seconds,
            time_share_max: self.checkpoint_share / 100.0,
            keep: self.keep.get(),
            ..default
        };
        Ok(Some(Checkpoints { folder, start, policy: Some(policy) }))
    }
}

/// Opens a folder that must be there, or one file.
pub(crate) fn open_folder(path: &Path) -> Result<Arc<dyn Folder>, Error> {
    let folder = DiskFolder::open(path).map_err(io_error("open", path))?;
    Ok(Arc::new(folder))
}

/// Opens a folder, or makes it.
pub(crate) fn create_folder(path: &Path) -> Result<Arc<dyn Folder>, Error> {
    let folder = DiskFolder::create(path).map_err(io_error("open", path))?;
    Ok(Arc::new(folder))
}

/// How the result of a replay is proven.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Proof")]
pub(crate) struct ProofArguments {
    /// Also replay serially, event by event, and compare the states' digests. Both start from the
    /// journal's first event.
    #[arg(long)]
    validate: bool,
    /// Compare the state's digest with this one instead.
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    pub(crate) expect_digest: Option<Digest>,
    /// Write a receipt of what was proven, which `receipt check` checks again later.
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Option<PathBuf>,
}

impl ProofArguments {
    pub(crate) fn is_wanted(&self) -> bool {
        self.validate || self.expect_digest.is_some() || self.receipt.is_some()
    }
}

type Digest = [u8; 32];

fn parse_digest(text: &str) -> Result<Digest, String> {
    let mut digest = [0; 32];
    let wrong = |_| "expected a digest of 64 hexadecimal digits".to_owned();
    hex::decode_to_slice(text, &mut digest).map_err(wrong).map(|()| digest)
}

/// What a replay may take.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct LimitArguments {
    /// How much memory the process may take.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    memory_limit: Option<u64>,
    /// How many seconds it may take. Where there are checkpoints, one is left behind.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    time_limit: Option<Duration>,
}

impl LimitArguments {
    /// The options with these limits. The one of memory is for the process, of which the program itself
    /// is a part.
    pub(crate) fn limit(self, options: ReplayOptions) -> Result<ReplayOptions, Error> {
        let needed = resident_bytes().unwrap_or(0);
        let memory_limit = match self.memory_limit.map(|limit| (limit, limit.checked_sub(needed))) {
            None => None,
            Some((_, Some(left))) => Some(left),
            Some((limit, None)) => {
                return Err(Error::MemoryLimit { what: "the program itself", needed, limit });
            }
        };
        Ok(ReplayOptions { memory_limit, time_limit: self.time_limit, ..options })
    }
}

/// What a replay does beyond a verification.
#[derive(Args, Clone, Debug)]
pub(crate) struct ReplayArguments {
    #[command(flatten)]
    pub(crate) pass: PassArguments,
    /// What is done about damage. Prefix and salvage lose data, and say what.
    #[arg(long, value_enum, default_value = "tail")]
    damage: DamageArgument,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    checkpoints: CheckpointArguments,
    /// Keep reading a journal that another process writes, as far as it is known to be durable, until
    /// its writer closes it.
    #[arg(long, conflicts_with_all = ["validate", "expect_digest", "receipt", "explain"])]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) proof: ProofArguments,
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
}

/// More workers than there are partitions have nothing to do but to wake each other.
pub(crate) fn parse_threads(text: &str) -> Result<NonZero<usize>, String> {
    let threads =
        text.parse().ok().filter(|&threads: &NonZero<usize>| threads.get() <= THREADS_MAX);
    threads.ok_or_else(|| format!("expected a number from 1 to {THREADS_MAX}"))
}

pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    match parse_size::parse_size(text) {
        Ok(0) => Err("expected more than 0 bytes".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(format!("expected a size as 200M or 64KiB: {error}")),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent: &f64| *percent >= 0.0);
    percent.ok_or_else(|| "expected a number of percent, 0 or more".to_owned())
}

pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|&seconds: &f64| seconds > 0.0);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.ok_or_else(|| "expected a number of seconds above 0".to_owned())
}

fn parse_head(text: &str) -> Result<Head, String> {
    let wrong = || "expected LSN:DIGEST with a digest of 64 hexadecimal digits".to_owned();
    let (lsn, hexadecimal) = text.split_once(':').ok_or_else(wrong)?;
    let mut digest = [0; 32];
    hex::decode_to_slice(hexadecimal, &mut digest).map_err(|_| wrong())?;
    Ok(Head { lsn: lsn.parse().map_err(|_| wrong())?, digest })
}

impl CheckArguments {
    pub(crate) fn options(&self) -> ReplayOptions {
        let default = ReplayOptions::default();
        ReplayOptions {
            validation: match self.validation {
                ValidationArgument::None => Validation::None,
                ValidationArgument::Basic => Validation::Basic,
                ValidationArgument::Full => Validation::Full,
                ValidationArgument::Cryptographic => Validation::Cryptographic,
            },
            kernel: self.backend.kernel(),
            offload: self.backend.offload(),
            threads: self.threads.unwrap_or(default.threads),
            control: Control::with_flag(interruption()),
            ..default
        }
    }

    /// Options for a pass that only looks.
    pub(crate) fn options_of_looking(&self) -> ReplayOptions {
        ReplayOptions { offload: self.backend.offload_of_looking(), ..self.options() }
    }
}

impl PassArguments {
    /// Options for a pass that only looks.
    pub(crate) fn options_of_looking(&self) -> ReplayOptions {
        let until = self.until.stop_point();
        ReplayOptions { until, anchor: self.anchor, ..self.check.options_of_looking() }
    }

    pub(crate) fn options(&self) -> ReplayOptions {
        let until = self.until.stop_point();
        ReplayOptions { until, anchor: self.anchor, ..self.check.options() }
    }
}

impl ReplayArguments {
    pub(crate) fn options(&self) -> Result<ReplayOptions, Error> {
        let damage = match self.damage {
            DamageArgument::Strict => DamagePolicy::Strict,
            DamageArgument::Tail => DamagePolicy::Tail,
            DamageArgument::Prefix => DamagePolicy::Prefix,
            DamageArgument::Salvage => DamagePolicy::Salvage,
        };
        let options = ReplayOptions {
            damage,
            checkpoints: self.checkpoints.checkpoints()?,
            selection: self.selection.selection(),
            ..self.pass.options()
        };
        self.limits.limit(options)
    }
}

/// A flag that the first interrupt sets; the second one ends the process.
pub(crate) fn interruption() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let interrupt = signal_hook::consts::SIGINT;
    // Without a handler an interrupt ends the process at once, which loses nothing either.
    let _ = signal_hook::flag::register_conditional_shutdown(interrupt, 130, Arc::clone(&flag));
    let _ = signal_hook::flag::register(interrupt, Arc::clone(&flag));
    flag
}
