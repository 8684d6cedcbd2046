//! What a recovery writes down: while it runs, so that a killed one goes on where it was; and when it
//! has ended, as history.

use serde::{Deserialize, Serialize};
use vexfs_kernels::Digest;

use super::facts::FailureType;
use super::loss::Lost;
use super::strategy::Way;
use crate::error::{Error, IoContext as _};
use crate::replay::TransactionSummary;
use crate::storage::{self, Folder};

/// The version of these files.
const SCHEMA: u32 = 1;
/// No file of ours is longer, in bytes.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
const ATTEMPT: &str = "attempt.json";
const RECORD_PREFIX: &str = "recovery-";
const RECORD_SUFFIX: &str = ".json";

/// What a journal or a part of it has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryState {
    /// Its writer closed it, and nothing is wrong.
    Healthy,
    /// It was not closed, or something is wrong.
    CrashDetected,
    /// A recovery runs, or was killed.
    InProgress,
    /// All is back.
    Completed,
    /// What the report names is lost; the rest is back.
    PartiallyCompleted,
    /// Nothing is back.
    Failed,
}

/// A way that was tried, and why it failed; none where it succeeded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The way.
    pub way: Way,
    /// How often it was tried again after storage failed.
    pub retries: u32,
    /// Why it failed, in a sentence.
    pub failed: Option<String>,
    /// What kind of failure that shows, where it shows one.
    pub shows: Option<FailureType>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A checkpoint that couldn't be read, so that recovery went without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its file name.
    pub checkpoint: String,
    /// What storage said.
    pub reason: String,
}

/// A recovery that was begun and has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Attempt {
    schema: u32,
    /// When it was begun, in nanoseconds since 1970-01-01 UTC. Its record is named after it.
    pub(super) started_ns: u64,
    /// What it was asked for, and of what journal: who asks otherwise begins anew.
    pub(super) of: Asked,
    /// The ways that failed.
    pub(super) failed: Vec<Tried>,
    /// The way that was being tried.
    pub(super) trying: Option<Way>,
}

/// What makes two recoveries the same one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    #[serde(with = "hex::serde")]
    pub(super) journal_id: [u8; 16],
    pub(super) journal_bytes: u64,
    /// The last LSN that is there.
    pub(super) head: u64,
    pub(super) until: String,
    pub(super) validation: String,
    pub(super) ways: Vec<Way>,
}

impl Attempt {
    pub(super) fn begin(started_ns: u64, of: Asked) -> Self {
        Self { schema: SCHEMA, started_ns, of, failed: Vec::new(), trying: None }
    }

    pub(super) fn save(&self, folder: &dyn Folder) -> Result<(), Error> {
        put(folder, ATTEMPT, self)
    }

    /// The one that was begun and has not ended. One that can't be read is none: at worst, what it
    /// had done is done again.
    pub(super) fn load(folder: &dyn Folder) -> Result<Option<Self>, Error> {
        let attempt: Option<Self> = read(folder, ATTEMPT)?;
        Ok(attempt.filter(|it| it.schema == SCHEMA))
    }

    /// It has ended.
    pub(super) fn end(folder: &dyn Folder) -> Result<(), Error> {
        match folder.remove(ATTEMPT) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed.context("remove", folder.path(ATTEMPT), None),
        }
    }
}

/// What came of a recovery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this record.
    pub schema: u32,
    /// When it was begun, in nanoseconds since 1970-01-01 UTC.
    pub started_ns: u64,
    /// How long it took, in seconds; of one that was killed, since it went on.
    pub seconds: f64,
    /// From the call to the first event on its way to be applied, in seconds.
    pub initiation_seconds: f64,
    /// Whether it went on where a killed one had been.
    pub resumed: bool,
    /// The journal's UUID.
    #[serde(with = "hex::serde")]
    pub journal_id: [u8; 16],
    /// What it came to.
    pub state: RecoveryState,
    /// What had happened, as far as it was known in the end; none where nothing had.
    pub failure: Option<FailureType>,
    /// What was tried, in order; the last one succeeded.
    pub path: Vec<Tried>,
    /// The last LSN that was taken in, 0 for none.
    pub last_lsn: u64,
    /// How many events were taken in, those that a checkpoint spared included.
    pub events: u64,
    /// How many bytes of the journal's blocks were read for that.
    pub journal_bytes: u64,
    /// How many events a checkpoint spared.
    pub spared_events: u64,
    /// How the transactions ended.
    pub transactions: TransactionSummary,
    /// The digest of the state.
    #[serde(with = "hex::serde")]
    pub state_digest: Digest,
    /// The checkpoint that holds the state, where one does.
    pub checkpoint: Option<String>,
    /// What was put aside, as names in the folder of records.
    pub aside: Vec<String>,
    /// The checkpoints that couldn't be read, and those that build on them.
    #[serde(default)]
    pub unread: Vec<Unread>,
    /// What is lost.
    pub lost: Lost,
}

impl Record {
    pub(super) const SCHEMA: u32 = SCHEMA;

    pub(super) fn save(&self, folder: &dyn Folder) -> Result<(), Error> {
        write(folder, &name_of(self.started_ns), self)
    }

    /// The way that led to the state.
    #[must_use]
    pub fn way(&self) -> Option<Way> {
        self.path.last().filter(|tried| tried.failed.is_none()).map(|tried| tried.way)
    }
}

fn name_of(started_ns: u64) -> String {
    format!("{RECORD_PREFIX}{started_ns:020}{RECORD_SUFFIX}")
}

/// Whether a file of this name is written by a recovery while it runs, or when it has ended.
pub(super) fn is_record(name: &str) -> bool {
    let number = name.strip_prefix(RECORD_PREFIX).and_then(|it| it.strip_suffix(RECORD_SUFFIX));
    name == ATTEMPT || number.is_some_and(|it| it.parse().is_ok_and(|it| name_of(it) == name))
}

/// The names of the records in a folder, oldest first.
pub(super) fn record_names(folder: &dyn Folder) -> Result<Vec<String>, Error> {
    let mut names = folder.list().context("list", folder.path(""), None)?;
    names.retain(|name| name.starts_with(RECORD_PREFIX) && name.ends_with(RECORD_SUFFIX));
    names.sort_unstable();
    Ok(names)
}

/// What came of earlier recoveries, oldest first. Records that can't be read are left out.
pub(super) fn history(folder: &dyn Folder) -> Result<Vec<Record>, Error> {
    let names = record_names(folder)?;
    let records = names.iter().map(|name| read(folder, name));
    let records: Vec<Option<Record>> = records.collect::<Result<_, Error>>()?;
    Ok(records.into_iter().flatten().filter(|record| record.schema == SCHEMA).collect())
}

/// Writes a file in one atomic and durable step.
pub(super) fn write(folder: &dyn Folder, name: &str, what: &impl Serialize) -> Result<(), Error> {
    storage::write_whole(folder, name, &encode(folder, name, what)?)
}

/// Writes a file in one step that is atomic and outlives the process, and is lost with the machine: it
/// takes no time, and without the file nothing is lost but time.
fn put(folder: &dyn Folder, name: &str, what: &impl Serialize) -> Result<(), Error> {
    let (unfinished, _) = storage::write_beside(folder, name, &encode(folder, name, what)?)?;
    folder.rename(&unfinished, name).context("rename", folder.path(&unfinished), None)
}

fn encode(folder: &dyn Folder, name: &str, what: &impl Serialize) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_vec_pretty(what).map_err(std::io::Error::other);
    json.context("encode", folder.path(name), None)
}

/// Reads a file; none where it isn't there, or isn't what it should be.
pub(super) fn read<T: for<'de> Deserialize<'de>>(
    folder: &dyn Folder,
    name: &str,
) -> Result<Option<T>, Error> {
    match storage::read_whole(folder, name, BYTES_MAX) {
        // No file of ours is longer, so this is none.
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::FileTooLarge => {
            Ok(None)
        }
        read => Ok(read?.and_then(|bytes| serde_json::from_slice(&bytes).ok())),
    }
}
