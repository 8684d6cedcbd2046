//! A durable store of a state that is larger than memory, or that other programs read.
//!
//! What a store is to the program is said here; the only one that there is, an SQLite database, is
//! in `sqlite.rs`, and in the program where it is built with the feature `sqlite`. Nothing here
//! makes threads.

mod files;
#[cfg(feature = "sqlite")]
mod key;
#[cfg(feature = "sqlite")]
mod schema;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stored;

use std::fmt::Debug;
use std::path::Path;

use crate::error::Error;
use crate::journal::Validation;
use crate::replay::Cut;
use crate::state::{Key, KeyKind};

pub(crate) use files::Place;
pub use stored::{StoredState, is_store};

/// What a store says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The journal whose state it holds.
    pub journal_id: [u8; 16],
    /// How much of the journal was proven.
    pub validation: Validation,
    /// Which state that is.
    pub moment: Moment,
}

/// Which moment of a journal's history a store holds the state of.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment {
    /// That before the first event: it holds nothing.
    Start,
    /// A cut, from which a replay goes on.
    Cut(Box<Cut>),
    /// No cut, but what was taken in up to this LSN, past damage that was left out. No replay goes on
    /// from there, since it wouldn't find what was found before.
    NoCut(u64),
}

impl Moment {
    /// The cut, where it is one.
    #[must_use]
    pub fn cut(&self) -> Option<&Cut> {
        match self {
            Self::Cut(cut) => Some(cut),
            Self::Start | Self::NoCut(_) => None,
        }
    }

    /// The last LSN that took place.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        match self {
            Self::Start => 0,
            Self::Cut(cut) => cut.lsn,
            Self::NoCut(lsn) => *lsn,
        }
    }
}

/// A store that is being written.
///
/// Law: at any moment, also after a crash, it holds what the last `commit` that returned left, or what
/// the one in progress is to leave, and nothing between.
pub(crate) trait Store: Debug + Send {
    /// What it holds.
    fn held(&self) -> &Held;

    /// One more way to read it, for another worker.
    fn reader(&self) -> Result<Box<dyn Reader>, Error>;

    /// Makes the changes that `make` makes, and what is held from then on, in one atomic and durable
    /// step.
    fn commit(&mut self, held: Held, make: Make<'_>) -> Result<(), Error>;

    /// How much memory it and so many readers take at most, in bytes.
    fn memory_bytes(&self, readers: usize) -> u64;

    /// Leaves all that it holds in one file. There are no readers any more.
    fn close(self: Box<Self>) -> Result<(), Error>;
}

/// Makes changes.
pub(crate) type Make<'m> = &'m mut dyn FnMut(&mut dyn Changes) -> Result<(), Error>;

/// The changes of one commit.
pub(crate) trait Changes {
    /// Puts a record, over one that may be there.
    fn put(&mut self, key: &Key<'_>, value: &[u8]) -> Result<(), Error>;

    /// Takes a record away that may be there.
    fn remove(&mut self, key: &Key<'_>) -> Result<(), Error>;
}

/// Reads a store.
pub(crate) trait Reader: Debug + Send {
    /// Looks for records under keys of one partition, in their order; gives those that are there, by
    /// the number of their key.
    fn get(&mut self, keys: &[Key<'_>], found: Found<'_>) -> Result<(), Error>;

    /// Visits the records of a range, in the order of their keys, until the visitor has enough.
    fn scan(&mut self, range: Range<'_>, visit: Scanned<'_>) -> Result<(), Error>;
}

/// Takes the record of the key with this number.
pub(crate) type Found<'f> = &'f mut dyn FnMut(usize, &[u8]) -> Result<(), Error>;
/// Takes a record; true when it wants more.
pub(crate) type Scanned<'s> = &'s mut dyn FnMut(&Key<'_>, &[u8]) -> Result<bool, Error>;

/// Some of a store's records.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "no store is built in to ask them"))]
pub(crate) struct Range<'k> {
    pub(crate) partition: usize,
    /// Only those of this kind.
    pub(crate) kind: Option<KeyKind>,
    /// Only those behind this key.
    pub(crate) after: Option<Key<'k>>,
}

/// Opens a store to write it; makes an empty one, as `held` says, where there is none.
#[cfg(feature = "sqlite")]
fn open(path: &Path, held: &Held) -> Result<Box<dyn Store>, Error> {
    Ok(Box::new(sqlite::SqliteStore::open(path, held)?))
}

/// Opens a store to read it.
#[cfg(feature = "sqlite")]
fn open_to_read(path: &Path) -> Result<(Held, Box<dyn Reader>), Error> {
    let (held, reader) = sqlite::open_to_read(path)?;
    Ok((held, Box::new(reader)))
}

#[cfg(not(feature = "sqlite"))]
fn open(_path: &Path, _held: &Held) -> Result<Box<dyn Store>, Error> {
    Err(not_built_in())
}

#[cfg(not(feature = "sqlite"))]
fn open_to_read(_path: &Path) -> Result<(Held, Box<dyn Reader>), Error> {
    Err(not_built_in())
}

/// Fails where the program has no stores.
fn check_built_in() -> Result<(), Error> {
    if cfg!(feature = "sqlite") { Ok(()) } else { Err(not_built_in()) }
}

fn not_built_in() -> Error {
    let reason = "this program was built without stores; \
                  `cargo build --release -p vexfs-replay --features sqlite` builds it with them";
    Error::InvalidOption { option: "store", reason: reason.to_owned() }
}
