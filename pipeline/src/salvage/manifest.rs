//! What a salvage tells: what was kept, what was dropped and why. Beside the new journal it is a
//! file, the manifest.

use serde::Serialize;
use vexfs_kernels::Digest;

use crate::error::{Error, IoContext as _};
use crate::journal::damage::Damage;
use crate::journal::{EndKind, Validation};
use crate::replay::Inconsistency;
use crate::storage::{self, Folder};

/// The version of manifests; it goes up when a field changes its meaning or goes.
pub const MANIFEST_SCHEMA: u32 = 1;
/// The file name of the manifest, in the folder of the new journal.
pub const MANIFEST_NAME: &str = "salvage.json";

/// Why events of the original are not in the new journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DroppedBecause {
    /// The bytes in which they lay, or should lie, are damaged.
    Damaged,
    /// The writer died while it wrote them; how many there were isn't known.
    TornTail,
    /// Their transaction ended, and not all of it is there.
    Broken,
    /// Their transaction never ended.
    Unfinished,
    /// Their transaction never ended, and another one of its id began.
    BegunAgain,
    /// They name a transaction that is not open.
    NotOpen,
    /// They contradict what is kept before them.
    Contradicts,
    /// A living writer has the journal and hadn't finished them: what it was writing, and transactions that
    /// were open.
    BeingWritten,
}

impl DroppedBecause {
    /// Its name, as manifests and placeholders give it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::TornTail => "torn_tail",
            Self::Broken => "broken",
            Self::Unfinished => "unfinished",
            Self::BegunAgain => "begun_again",
            Self::NotOpen => "not_open",
            Self::Contradicts => "contradicts",
            Self::BeingWritten => "being_written",
        }
    }
}

/// Events of the original that are not in the new journal, for one reason.
#[derive(Clone, Debug, Serialize)]
pub struct Dropped {
    /// Why.
    pub because: DroppedBecause,
    /// Their transaction, where they have one.
    pub transaction: Option<u64>,
    /// Their LSNs, as ranges, both ends included. None where a seal is damaged, and where nothing
    /// tells how many events there were.
    pub lsns: Vec<(u64, u64)>,
    /// The damaged range that they lay in.
    pub damage: Option<Damage>,
    /// How they contradict what came before.
    pub inconsistency: Option<Inconsistency>,
}

/// A journal, by what tells it from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalIdentity {
    /// Its UUID.
    #[serde(with = "hex::serde")]
    pub journal_id: [u8; 16],
    /// The LSN of its head.
    pub head_lsn: u64,
    /// The digest of its head.
    #[serde(with = "hex::serde")]
    pub head_digest: Digest,
    /// The digest of the state that it leads to; past all damage where it is damaged.
    #[serde(with = "hex::serde")]
    pub state_digest: Digest,
}

/// What came of a salvage.
///
/// Law: each LSN from 1 to the original's head is in just one range of `kept` or of `dropped`.
#[derive(Clone, Debug, Serialize)]
pub struct Salvaged {
    /// The version; see [`MANIFEST_SCHEMA`].
    pub schema: u32,
    /// How much was proven of each event that was kept.
    pub validation: Validation,
    /// The damaged journal, which was not touched.
    pub original: JournalIdentity,
    /// How it ends.
    pub original_end: EndKind,
    /// Who had its lock: a writer that goes on, so that the new journal lacks what comes later.
    pub holder: Option<String>,
    /// The new journal.
    pub new: JournalIdentity,
    /// Both lead to the same state. They don't where events were dropped that contradict what came
    /// before them, and a replay of the original lets them have some effect all the same.
    pub same_state: bool,
    /// How many events were kept.
    pub kept_events: u64,
    /// How many were dropped, as far as that is known. In the new journal each has a placeholder.
    pub dropped_events: u64,
    /// The LSNs that were kept, as ranges, both ends included. They are the same in both journals.
    pub kept: Vec<(u64, u64)>,
    /// The LSNs of those end records among them that say less than they did, as members of their
    /// transactions were dropped that contradict. All other events are byte for byte the same.
    pub ends_made_anew: Vec<u64>,
    /// What was dropped: damage first, in the order of the journal, then the rest in its order.
    pub dropped: Vec<Dropped>,
}

impl Salvaged {
    /// Whether something was lost that the writer may have finished. A torn tail is none of that,
    /// nor is a transaction that never ended, nor what a living writer hadn't finished.
    #[must_use]
    pub fn has_loss(&self) -> bool {
        let harmless =
            [DroppedBecause::TornTail, DroppedBecause::Unfinished, DroppedBecause::BeingWritten];
        self.dropped.iter().any(|it| !harmless.contains(&it.because))
    }

    /// Whether the writer died in the middle of a write, which was left out.
    #[must_use]
    pub fn has_torn_tail(&self) -> bool {
        self.dropped.iter().any(|it| it.because == DroppedBecause::TornTail)
    }
}

/// Writes a manifest into a folder, over an old file of that name, in one atomic step.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub fn write_manifest(salvaged: &Salvaged, folder: &dyn Folder, name: &str) -> Result<(), Error> {
    let json = serde_json::to_vec(salvaged).map_err(std::io::Error::other);
    let mut json = json.context("encode", folder.path(name), None)?;
    json.push(b'\n');
    storage::write_whole(folder, name, &json)
}
