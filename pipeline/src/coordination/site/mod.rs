//! A coordination that lies in a folder: who takes part and on which terms, what was decided, what it has come
//! to, and where participants work.
//!
//! | name | what it is |
//! |---|---|
//! | `coordination.json` | who takes part, and on which terms: [`Config`] |
//! | `decisions/` | what was decided; its lock says who leads |
//! | `status.json` | what the last life came to: [`Snapshot`] |
//! | `work/NAME/` | what a participant keeps until it ends, and the highest epoch that it has heard of |
//! | `sockets/participants` | the socket of participants that are other processes |
//! | `sockets/control` | the socket of whoever has something to say to a coordinator that runs |

mod before;
mod config;
mod control;
mod hold;
mod members;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use config::{Config, MemberConfig};
pub use control::{Control, Word, say};
pub use hold::First;

use super::conflict::Ruling;
use super::file_fence::FileFence;
use super::file_record::FileRecord;
use super::ground::DecisionRecord as _;
use super::record::{Entry, Memory};
use super::snapshot::{ConflictState, Snapshot, State};
use super::threads::Local;
use crate::error::{Error, IoContext as _};
use crate::replay::ReplayOptions;
use crate::storage::{self, DiskFolder, Folder};

/// The file that says who takes part.
pub(crate) const CONFIG: &str = "coordination.json";
const STATUS: &str = "status.json";
const WORK: &str = "work";
const DECISIONS: &str = "decisions";
/// No file of ours is longer, in bytes.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A coordination that lies in a folder.
#[derive(Debug)]
pub struct Site {
    path: PathBuf,
    folder: Arc<dyn Folder>,
    config: Config,
}

impl Site {
    /// The one in this folder.
    ///
    /// # Errors
    /// [`Error::CoordinationNotFound`] where there is none, [`Error::InvalidOption`] where its terms make no sense.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let not_found = || Error::CoordinationNotFound { coordination: path.display().to_string() };
        let folder = match DiskFolder::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(not_found()),
            opened => opened.context("open", path, None)?,
        };
        let folder: Arc<dyn Folder> = Arc::new(folder);
        let bytes =
            storage::read_whole(folder.as_ref(), CONFIG, BYTES_MAX)?.ok_or_else(not_found)?;
        let config = Config::parse(&bytes, &path.join(CONFIG))?;
        Ok(Self { path: path.to_owned(), folder, config })
    }

    /// Who takes part, and on which terms.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is in a file that says what one participant of another coordination is, as that participant.
    ///
    /// # Errors
    /// As [`Self::open`], and when its folders can't be opened.
    pub fn of_one(file: &Path, name: &str, replay: &ReplayOptions) -> Result<(Self, Local), Error> {
        let path = file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let path = path.unwrap_or(Path::new("."));
        let folder: Arc<dyn Folder> = Arc::new(DiskFolder::open(path).context("open", path, None)?);
        let bytes = std::fs::read(file).context("read", file, None)?;
        let config = Config::of_one(&bytes, file, name)?;
        let site = Self { path: path.to_owned(), folder, config };
        let participant = site.participants(replay)?.remove(name);
        let participant = participant.ok_or_else(|| Error::InvalidOption {
            option: "member",
            reason: "another process can't be joined for".to_owned(),
        })?;
        let fence = Box::new(FileFence::open(site.work_of(name)?)?);
        Ok((site, Local { participant, fence }))
    }

    /// The same, to be changed for this life.
    pub fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Whether one has begun and hasn't ended.
    ///
    /// # Errors
    /// As [`FileRecord::read`].
    pub fn is_under_way(&self) -> Result<bool, Error> {
        Ok(Memory::of(&self.entries()?).under_way.is_some())
    }

    /// What was decided so far. Changes nothing.
    ///
    /// # Errors
    /// As [`FileRecord::read`].
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let path = self.path.join(DECISIONS);
        match DiskFolder::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            folder => FileRecord::new(Arc::new(folder.context("open", &path, None)?)).read(),
        }
    }

    /// Where its decisions are kept.
    ///
    /// # Errors
    /// What storage says.
    pub fn record(&self) -> Result<FileRecord, Error> {
        // A folder of its own, since other folders have locks of their own, too.
        let path = self.path.join(DECISIONS);
        let folder = DiskFolder::create(&path).context("create", &path, None)?;
        Ok(FileRecord::new(Arc::new(folder)))
    }

    /// The socket of participants that are other processes.
    #[must_use]
    pub fn participants_socket(&self) -> PathBuf {
        self.sockets().join("participants")
    }

    /// The socket of whoever has something to say to a coordinator that runs.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.sockets().join("control")
    }

    fn sockets(&self) -> PathBuf {
        self.path.join("sockets")
    }

    /// What the coordinator that runs has come to, or the last one came to; none where there was none.
    ///
    /// # Errors
    /// What storage says; [`Error::InconsistentRecovery`] where the file can't be understood.
    pub fn status(&self) -> Result<Option<Snapshot>, Error> {
        // Told first and decided then: what is read in this order can only be corrected by what is decided.
        let Some(told) = self.told()? else { return Ok(None) };
        Ok(Some(before::corrected(&self.entries()?, told)))
    }

    /// What was told last.
    fn told(&self) -> Result<Option<Snapshot>, Error> {
        let Some(bytes) = storage::read_whole(self.folder.as_ref(), STATUS, BYTES_MAX)? else {
            return Ok(None);
        };
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|error| Error::InconsistentRecovery {
            reason: format!("{}: {error}", self.folder.path(STATUS).display()),
        })
    }

    /// Keeps what it has come to.
    ///
    /// # Errors
    /// What storage says.
    pub fn keep_status(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let bytes = serde_json::to_vec_pretty(snapshot)
            .map_err(|error| Error::InconsistentRecovery { reason: error.to_string() })?;
        storage::write_whole(self.folder.as_ref(), STATUS, &bytes)
    }

    /// Says something about a conflict that waits, while no coordinator runs: the next life goes by it.
    ///
    /// # Errors
    /// [`Error::Locked`] while one runs; [`Error::ConflictNotFound`] where none such waits;
    /// [`Error::InvalidOption`] where this can't be said about it.
    pub fn rule(&self, conflict: &str, ruling: Ruling) -> Result<(), Error> {
        let mut record = self.record()?;
        let memory = Memory::of(&record.lead()?);
        // What was said since it was told can be said otherwise as long as nobody has gone by it.
        let status = self.told()?.filter(|status| {
            // What an earlier coordination waited for is of no interest to this one.
            memory.under_way.is_some() && status.state == State::Waiting
        });
        check_ruling(status.iter().flat_map(Snapshot::waiting), conflict, &ruling)?;
        record.append(&Entry::Ruled { conflict: conflict.to_owned(), ruling })
    }

    /// Lets all sources go back that wait for somebody to allow it, while no coordinator runs; gives how many.
    ///
    /// # Errors
    /// As [`Self::rule`].
    pub fn accept_losses(&self) -> Result<usize, Error> {
        let status = self.status()?;
        let waiting = status.iter().flat_map(Snapshot::waiting);
        let losing = waiting.filter(|it| it.choices.contains(&Ruling::Rollback));
        let losing: Vec<&ConflictState> = losing.collect();
        losing.iter().try_for_each(|it| self.rule(&it.key, Ruling::Rollback))?;
        Ok(losing.len())
    }

    /// The folder that a participant keeps things in until it ends; made where it isn't there.
    fn work_of(&self, name: &str) -> Result<Arc<dyn Folder>, Error> {
        let path = self.path.join(WORK).join(name);
        let made = DiskFolder::create(&path).context("create", &path, None)?;
        Ok(Arc::new(made))
    }
}

/// Whether this can be said about a conflict, if these wait.
pub(super) fn check_ruling<'c>(
    mut waiting: impl Iterator<Item = &'c ConflictState>,
    conflict: &str,
    ruling: &Ruling,
) -> Result<(), Error> {
    let Some(found) = waiting.find(|it| it.key == conflict) else {
        return Err(Error::ConflictNotFound { conflict: conflict.to_owned() });
    };
    if found.choices.contains(ruling) {
        return Ok(());
    }
    let reason = format!("{conflict} can't be resolved by {}", ruling.text());
    Err(Error::InvalidOption { option: "ruling", reason })
}
