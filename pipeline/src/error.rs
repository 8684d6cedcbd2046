//! The library's errors: one variant per thing that can go wrong.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::block_journal;
use crate::checkpoint::{CheckpointFault, PassedOver};
use crate::coordination::protocol::AwayReason;
use crate::journal::damage::{Damage, Fault};
use crate::recovery::{Excluded, Tried, Way};
use crate::semj::SemjFault;
use crate::trust::SignatureFault;

/// Why an operation of the library failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Storage failed. Nothing is concluded from that about the journal.
    #[error("could not {operation} {}{}", path.display(), At(*offset))]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: Option<u64>,
        /// What the system said.
        source: io::Error,
    },
    /// There is no journal here.
    #[error("{} is not a journal{}", path.display(), Because(fault.as_ref()))]
    NotAJournal {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with the first segment's header, where there is a segment.
        fault: Option<Fault>,
    },
    /// There is no journal at or under a folder.
    #[error("there is no journal at or under {}: no folder holds a segment, and no file begins as one", path.display())]
    NoJournals {
        /// The folder.
        path: PathBuf,
    },
    /// There is a journal here already.
    #[error("{} holds a journal already", path.display())]
    AlreadyAJournal {
        /// The folder.
        path: PathBuf,
    },
    /// The journal is of a format that this version doesn't know. It was not touched.
    #[error("{} is of format {major} with required features {features:#x}, which this version doesn't know", path.display())]
    UnknownFormat {
        /// The segment's file.
        path: PathBuf,
        /// The format's major version.
        major: u32,
        /// The features that a reader must know, one bit each.
        features: u32,
    },
    /// Another writer or recovery has the journal.
    #[error("{}: {holder}", path.display())]
    Locked {
        /// The journal's folder.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// A write or sync failed earlier, and nothing was tried since.
    #[error("the writer stopped at an earlier error ({cause}); open the journal anew")]
    WriterDead {
        /// The first error.
        cause: String,
    },
    /// An event is longer than the format allows. It was not appended.
    #[error("an event of {claimed} bytes is over the limit of {limit}")]
    EventTooLong {
        /// Its length in bytes.
        claimed: usize,
        /// The longest possible, in bytes.
        limit: usize,
    },
    /// An option has a value that it can't have.
    #[error("{option}: {reason}")]
    InvalidOption {
        /// The option.
        option: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
    /// The journal is damaged, and the policy is to refuse. Nothing was applied.
    #[error("refused, since the journal is damaged: {first}{}", More(*others))]
    Damaged {
        /// The first damage.
        first: Box<Damage>,
        /// How many more there are, where that was looked for.
        others: usize,
    },
    /// A block that was read twice was another one the second time.
    #[error("{} changed at byte {offset} while it was read: {fault}", path.display())]
    ChangedWhileRead {
        /// The segment's file.
        path: PathBuf,
        /// Where the block lies, in bytes.
        offset: u64,
        /// How it differs.
        fault: Fault,
    },
    /// The journal is intact and contradicts itself, and the policy is to refuse.
    #[error("refused, since the journal contradicts itself at LSN {lsn}: {reason}")]
    Inconsistent {
        /// The event that contradicts what came before it.
        lsn: u64,
        /// How.
        reason: String,
    },
    /// The journal doesn't reach the head that was kept outside of it, or reached another.
    #[error("the journal does not hold the head that was kept outside of it: {reason}")]
    BelowAnchor {
        /// The head's LSN.
        lsn: u64,
        /// What the journal has instead.
        reason: String,
    },
    /// A block journal is damaged, or its blocks don't fit the image. Nothing was written.
    #[error("refused, since {} is damaged: {damage}", path.display())]
    BlockJournalDamaged {
        /// The journal's file.
        path: PathBuf,
        /// The damage.
        damage: block_journal::Damage,
    },
    /// A block journal has no room for what is to be written. Nothing was.
    #[error("{} has {free} free blocks where {needed} are needed", path.display())]
    LogFull {
        /// The journal's file.
        path: PathBuf,
        /// How many blocks are needed.
        needed: u64,
        /// How many are free.
        free: u64,
    },
    /// More memory would be needed than is allowed.
    #[error("{what} needs {needed} bytes where {limit} are allowed")]
    MemoryLimit {
        /// What needs it.
        what: &'static str,
        /// How much is needed, in bytes.
        needed: u64,
        /// How much is allowed, in bytes.
        limit: u64,
    },
    /// More is asked for than a fixed limit allows.
    #[error("LSN {lsn}: {what} {claimed} is over the limit of {limit}")]
    LimitExceeded {
        /// Where in the journal.
        lsn: u64,
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        claimed: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// The caller cancelled. Nothing was published.
    #[error("cancelled")]
    Cancelled,
    /// The time that was given is over. Nothing was published.
    #[error("it took longer than the {} s that were given", limit.as_secs_f64())]
    TimedOut {
        /// How long it might have taken.
        limit: Duration,
    },
    /// The replay was ended from outside, and a checkpoint holds what it had done.
    #[error(
        "{why}; a checkpoint holds the state at LSN {watermark}, and the same replay goes on from there"
    )]
    Stopped {
        /// Why it ended: [`Error::Cancelled`] or [`Error::TimedOut`].
        why: Box<Error>,
        /// The checkpoint's watermark.
        watermark: u64,
    },
    /// No transaction of this id ends in the journal.
    #[error("no transaction {id} ends in the journal")]
    NoSuchTransaction {
        /// The id that was asked for.
        id: u64,
    },
    /// There is no such coordination.
    #[error("there is no coordination {coordination}")]
    CoordinationNotFound {
        /// Its name, or the folder where it was looked for.
        coordination: String,
    },
    /// No such conflict waits for somebody to say something.
    #[error("no conflict {conflict} waits to be resolved")]
    ConflictNotFound {
        /// Its key.
        conflict: String,
    },
    /// Nobody of this name takes part.
    #[error("nobody named {participant} takes part")]
    ParticipantNotFound {
        /// The name.
        participant: String,
    },
    /// A record of a coordinator's decisions is damaged. Nothing was done.
    #[error("{} is damaged at byte {offset}: {reason}", path.display())]
    BadRecord {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A coordinator hung up on a participant that came to its socket.
    #[error("the coordinator at {} turned the participant away: {text}", path.display())]
    TurnedAway {
        /// The socket.
        path: PathBuf,
        /// Why.
        reason: AwayReason,
        /// The same in the coordinator's words.
        text: String,
    },
    /// What a coordination stands on can't be reached, or refuses. An entry that was to be kept may be kept, or not.
    #[error("could not {operation} {ground}: {reason}")]
    Ground {
        /// What was tried, as a verb.
        operation: &'static str,
        /// What the coordination stands on, and where.
        ground: String,
        /// What was said, or that nothing was.
        reason: String,
    },
    /// A receipt is none, or was changed since.
    #[error("the receipt can't be used: {reason}")]
    BadReceipt {
        /// What is wrong with it.
        reason: String,
    },
    /// A file holds no key that can be used.
    #[error("{} holds no key that can be used: {reason}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A journal's signature is not one that its reader can rely on.
    #[error("the signature {} can't be relied on: {fault}", path.display())]
    BadSignature {
        /// The signature's file.
        path: PathBuf,
        /// Why not.
        fault: SignatureFault,
    },
    /// A state has another digest than it should have.
    #[error(
        "the state digest is {} where it should be {}",
        hex::encode(found),
        hex::encode(expected)
    )]
    DigestDiffers {
        /// What it should be.
        expected: [u8; 32],
        /// What it is.
        found: [u8; 32],
    },
    /// There must be a checkpoint to start from, and none can be used.
    #[error("{} holds no checkpoint that can be used{}", path.display(), FirstOf(passed_over))]
    NoCheckpoint {
        /// The folder.
        path: PathBuf,
        /// The checkpoints that can't be used.
        passed_over: Vec<PassedOver>,
    },
    /// A checkpoint is not what it should be.
    #[error("{} is no checkpoint that can be used: {fault}", path.display())]
    BadCheckpoint {
        /// The checkpoint's file.
        path: PathBuf,
        /// What is wrong with it.
        fault: CheckpointFault,
    },
    /// A store can't be used, or failed.
    #[error("could not {operation} the store {}: {reason}", path.display())]
    Store {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The store's file.
        path: PathBuf,
        /// What the store said.
        reason: String,
    },
    /// A store is not one that this replay can go on from. It was not touched.
    #[error("the store {} is none that this replay can go on from: {fault}", path.display())]
    BadStore {
        /// The store's file.
        path: PathBuf,
        /// Why not.
        fault: CheckpointFault,
    },
    /// No way to recover is allowed, or can be tried. Nothing was done.
    #[error("nothing is recovered{}: {}", Seen(seen.as_deref()), Ways(excluded))]
    NoWay {
        /// What a survey saw first that is wrong.
        seen: Option<String>,
        /// Every way, and why it isn't tried.
        excluded: Vec<(Way, Excluded)>,
    },
    /// Every way to recover that was tried failed. The journal is as it was.
    #[error("nothing is recovered: {}{}", Failed(tried), NotAllowed(not_allowed))]
    Unrecovered {
        /// Why the last one failed.
        last: Box<Error>,
        /// All of them, in order.
        tried: Vec<Tried>,
        /// Those that were not tried, since they may lose what was not allowed to be lost.
        not_allowed: Vec<Way>,
    },
    /// Nobody knows yet whether these transactions are committed. Nothing was recovered.
    #[error("in doubt: nobody knows yet whether {} committed", Transactions(transactions))]
    InDoubt {
        /// Their ids.
        transactions: Vec<u64>,
    },
    /// The journal doesn't reach the cut that all participants agree on.
    #[error("the journal reaches LSN {reached}, and all others agree on LSN {agreed}")]
    BehindCut {
        /// How far it reaches.
        reached: u64,
        /// What was agreed on.
        agreed: u64,
    },
    /// What earlier recoveries left behind, and what is asked for now, don't go together.
    #[error("the state of recovery is inconsistent: {reason}")]
    InconsistentRecovery {
        /// How.
        reason: String,
    },
    /// The system gave no thread. Nothing was published.
    #[error("the {name} thread could not be started: {reason}")]
    NoThread {
        /// What it is called.
        name: String,
        /// What the system said.
        reason: String,
    },
    /// A worker panicked. Nothing was published.
    #[error("a worker panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// A kernel's semantic journal is not what it should be. Nothing was imported.
    #[error("{}{} at byte {offset}: {fault}", path.display(), OfEvent(*event))]
    BadSemj {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// Which event it is, counted from 1; none where it is the file's own.
        event: Option<u64>,
        /// What is wrong.
        fault: SemjFault,
    },
    /// What is imported is not what it should be.
    #[error("import: {0}")]
    Import(String),
}

struct At(Option<u64>);

impl std::fmt::Display for At {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(offset) => write!(formatter, " at byte {offset}"),
            None => Ok(()),
        }
    }
}

struct OfEvent(Option<u64>);

impl std::fmt::Display for OfEvent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |number| write!(formatter, ", event {number},"))
    }
}

struct Because<'a>(Option<&'a Fault>);

impl std::fmt::Display for Because<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(fault) => write!(formatter, ": {fault}"),
            None => write!(formatter, ": it has no segment"),
        }
    }
}

struct FirstOf<'a>(&'a [PassedOver]);

impl std::fmt::Display for FirstOf<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [] => Ok(()),
            [first, others @ ..] => {
                write!(formatter, ": {}: {}{}", first.checkpoint, first.fault, More(others.len()))
            }
        }
    }
}

struct Seen<'a>(Option<&'a str>);

impl std::fmt::Display for Seen<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |seen| write!(formatter, ", since {seen}"))
    }
}

struct Ways<'a>(&'a [(Way, Excluded)]);

impl std::fmt::Display for Ways<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = self
            .0
            .iter()
            .filter(|(_, why)| !matches!(why, Excluded::NotForThis | Excluded::NotWanted));
        let told: Vec<String> = told.map(|(way, why)| format!("{}: {why}", way.name())).collect();
        formatter.write_str(&told.join("; "))
    }
}

struct Failed<'a>(&'a [Tried]);

impl std::fmt::Display for Failed<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = self.0.iter().map(|tried| {
            let reason = tried.failed.as_deref().unwrap_or("it succeeded");
            format!("{}: {reason}", tried.way.name())
        });
        formatter.write_str(&told.collect::<Vec<String>>().join("; "))
    }
}

struct NotAllowed<'a>(&'a [Way]);

impl std::fmt::Display for NotAllowed<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let ways: Vec<&str> = self.0.iter().map(|way| way.name()).collect();
        write!(formatter, "; not tried, since they may lose data: {}", ways.join(", "))
    }
}

struct Transactions<'a>(&'a [u64]);

impl std::fmt::Display for Transactions<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const TOLD: usize = 20;
        let ids: Vec<String> = self.0.iter().take(TOLD).map(u64::to_string).collect();
        let others = self.0.len().saturating_sub(TOLD);
        write!(formatter, "transactions {}{}", ids.join(", "), More(others))
    }
}

struct More(usize);

impl std::fmt::Display for More {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => Ok(()),
            others => write!(formatter, " (and {others} more)"),
        }
    }
}

/// Says what was tried, and where, when storage fails.
pub(crate) trait IoContext<T> {
    fn context(
        self,
        operation: &'static str,
        path: impl AsRef<Path>,
        offset: Option<u64>,
    ) -> Result<T, Error>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(
        self,
        operation: &'static str,
        path: impl AsRef<Path>,
        offset: Option<u64>,
    ) -> Result<T, Error> {
        self.map_err(|source| {
            let path = path.as_ref().to_owned();
            Error::Io { operation, path, offset, source }
        })
    }
}
