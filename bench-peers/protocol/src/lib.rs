//! What every peer of the benchmark speaks: one format of payloads, three verbs, one shape of results.
//!
//! A peer says what it is (`describe`), loads payloads into its own log and waits there to be killed
//! (`load`), and recovers what it left behind (`recover`). It is timed here, and what it recovered is
//! held to the payloads here, so that every peer is measured and checked by the same code. Knows nothing of the
//! replay pipeline: a peer shares no code with what it is compared to.

mod content;
mod map;
mod measure;
mod payloads;
pub mod trial;
mod verbs;

use std::any::Any;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use content::Content;
pub use map::Map;
pub use measure::memory_peak_bytes;
pub use payloads::{Payloads, append_payload, records};
pub use verbs::main;

/// Whatever an engine has to say when it fails.
pub type Error = Box<dyn std::error::Error>;

/// What an engine gives and takes.
pub type Result<T> = std::result::Result<T, Error>;

/// How many records go into one batch of an engine that has batches.
pub const BATCH_RECORDS: usize = 1_000;

/// A way to use an engine, and what the engine does in the time that is measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Variant {
    /// Its name; empty where there is only one.
    pub name: &'static str,
    /// How it is loaded.
    pub loads: &'static str,
    /// What it verifies as it recovers.
    pub verifies: &'static str,
    /// What stands for the records once it has.
    pub applies: &'static str,
    /// What kind of thing it is to be compared with.
    pub kind: Kind,
}

/// What a peer does as it recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It applies what its log says to what it looks records up in.
    Engine,
    /// What it finds are the pages that the load ended with, each once: the load put the records in their place.
    Pages,
    /// It reads a log, and the records are put into a hash map here.
    Log,
}

/// What a load left: kept until the process is killed, so that nothing is closed.
pub struct Loaded {
    /// What is kept.
    pub kept: Box<dyn Any>,
    /// How long it took, where that isn't all that the call took, in seconds.
    pub own_seconds: Option<f64>,
    /// Where the log is, where that isn't the whole folder.
    pub log: Option<PathBuf>,
}

impl Loaded {
    /// A load that is all that the call did, with a log that is all there is in the folder.
    pub fn keeping(kept: impl Any) -> Self {
        Self { kept: Box::new(kept), own_seconds: None, log: None }
    }
}

/// What a recovery left: a way to see every record.
pub struct Recovered {
    /// How long the engine itself says that it took, where that is what counts, in seconds.
    pub own_seconds: Option<f64>,
    /// The most memory that the engine had resident, where it isn't this process, in bytes.
    pub own_memory_peak_bytes: Option<u64>,
    /// Gives every record.
    pub visit: Box<Visit>,
}

/// Gives every record, each once.
pub type Visit = dyn FnOnce(&mut dyn FnMut(&[u8], &[u8])) -> Result<()>;

impl Recovered {
    /// What was recovered by this process, whose time and memory count.
    pub fn here(visit: impl FnOnce(&mut dyn FnMut(&[u8], &[u8])) -> Result<()> + 'static) -> Self {
        Self { own_seconds: None, own_memory_peak_bytes: None, visit: Box::new(visit) }
    }
}

/// An engine or a log that is measured.
pub trait Peer {
    /// What it is called.
    fn name(&self) -> &'static str;

    /// The package whose version is said, as the lock file names it; empty for a peer that isn't one.
    fn package(&self) -> &'static str;

    /// The ways in which it is measured.
    fn variants(&self) -> &'static [Variant];

    /// Why it can't run here; `Ok` gives what is to be said as its version beside that of its package.
    ///
    /// # Errors
    /// The reason, where it isn't available.
    fn available(&self) -> Result<String> {
        Ok(String::new())
    }

    /// Writes all payloads into a new log in `folder`, in their order and with nothing of it moved out of the
    /// log, and makes it durable once, at the end. What is given back is kept until the process is killed, so
    /// that nothing is closed.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn load(&self, variant: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded>;

    /// Opens what a killed process left in `folder`, to where every record can be read.
    ///
    /// # Errors
    /// Whatever the engine says.
    fn recover(&self, variant: &Variant, folder: &Path) -> Result<Recovered>;
}
