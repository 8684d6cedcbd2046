//! A key-value store that embeds the library: each change is in the journal, durably, before it is
//! acknowledged; after a crash, recovery brings back all that was acknowledged. `docs/embedding.md`
//! explains it part by part.
//!
//!     cargo run --release --example kv_store -- <folder>
//!
//! Reads commands, one a line: `put KEY VALUE`, `del KEY`, `get KEY`, `list`. Absent on purpose:
//! anything that only a store of keys would need, and several clients.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use vexfs_replay::Error;
use vexfs_replay::event::{Body, Property, PropertyRef};
use vexfs_replay::journal::{NewEvent, Writer, WriterOptions};
use vexfs_replay::recovery::{Places, Recovered, RecoveryManager, RecoveryOptions};
use vexfs_replay::state::{KeyKind, MemoryState, PropertyRecord};
use vexfs_replay::storage::DiskFolder;

/// The node whose properties are the keys of the store.
const NODE: u64 = 1;

/// The store.
struct Store {
    writer: Writer,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Store {
    /// Opens the store in a folder, or makes a new one there.
    fn open(folder: &Path) -> Result<Self, Box<dyn std::error::Error>> {
        let journal = Arc::new(DiskFolder::create(&folder.join("journal"))?);
        let places = Places {
            journal: journal.clone(),
            checkpoints: Some(Arc::new(DiskFolder::create(&folder.join("checkpoints"))?)),
            records: Some(Arc::new(DiskFolder::create(&folder.join("records"))?)),
        };
        let mut manager = RecoveryManager::new(places, RecoveryOptions::default());
        let (values, last_lsn, writer) = match manager.recover(&mut |_| {}) {
            Ok(Recovered::Whole(recovery)) => {
                let writer = Writer::open(journal, WriterOptions::default())?;
                (values_of(&recovery.state), recovery.record.last_lsn, writer)
            }
            // Nothing may be lost by default, so this can't be; who allows it decides here.
            Ok(Recovered::WithLoss(_)) => return Err("something was lost".into()),
            Err(Error::NotAJournal { fault: None, .. }) => {
                (BTreeMap::new(), 0, Writer::create(journal, WriterOptions::default())?)
            }
            Err(error) => return Err(error.into()),
        };
        // What the writer goes on behind must be what was recovered: another process may have written in
        // between, or a rollback may stand, behind which nothing is recovered.
        if writer.durable_lsn() != last_lsn {
            let (ends, recovered) = (writer.durable_lsn(), last_lsn);
            return Err(format!("the journal ends at LSN {ends}, recovery at {recovered}").into());
        }
        Ok(Self { writer, values })
    }

    /// Journals a change, and gives its LSN when it is durable.
    fn journal(&self, body: Body<'_>) -> Result<u64, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ns = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let appended = self.writer.append(&NewEvent::new(now_ns, body))?;
        self.writer.commit()?;
        Ok(appended.lsn)
    }

    fn put(&mut self, name: &[u8], value: &[u8]) -> Result<u64, Error> {
        let lsn = self.journal(Body::PropertySet(Property { node: NODE, name, value }))?;
        self.values.insert(name.to_vec(), value.to_vec());
        Ok(lsn)
    }

    /// Takes a key away; none where it isn't there: an event that finds nothing to take away would
    /// contradict the journal.
    fn delete(&mut self, name: &[u8]) -> Result<Option<u64>, Error> {
        if !self.values.contains_key(name) {
            return Ok(None);
        }
        let lsn = self.journal(Body::PropertyDelete(PropertyRef { node: NODE, name }))?;
        self.values.remove(name);
        Ok(Some(lsn))
    }
}

/// The keys and values that a recovered state holds.
fn values_of(state: &MemoryState) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut values = BTreeMap::new();
    state.for_each(KeyKind::Property, |key, record| {
        let value = record.get(PropertyRecord::BYTES..).unwrap_or_default();
        values.insert(key.name.to_vec(), value.to_vec());
    });
    values
}

/// Answers commands until there are no more. What is answered with `ok` survives a crash.
pub(crate) fn serve(
    folder: &Path,
    commands: impl BufRead,
    mut answers: impl Write,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut store = Store::open(folder)?;
    writeln!(answers, "ready {}", store.values.len())?;
    answers.flush()?;
    for line in commands.lines() {
        let line = line?;
        let mut words = line.splitn(3, ' ');
        let command = (words.next().unwrap_or_default(), words.next(), words.next());
        match command {
            ("put", Some(key), Some(value)) => {
                let lsn = store.put(key.as_bytes(), value.as_bytes())?;
                writeln!(answers, "ok {lsn}")?;
            }
            ("del", Some(key), None) => match store.delete(key.as_bytes())? {
                Some(lsn) => writeln!(answers, "ok {lsn}")?,
                None => writeln!(answers, "none")?,
            },
            ("get", Some(key), None) => match store.values.get(key.as_bytes()) {
                Some(value) => writeln!(answers, "= {}", String::from_utf8_lossy(value))?,
                None => writeln!(answers, "none")?,
            },
            ("list", None, None) => {
                for (key, value) in &store.values {
                    let [key, value] = [key, value].map(|it| String::from_utf8_lossy(it));
                    writeln!(answers, "= {key} {value}")?;
                }
                writeln!(answers, "end")?;
            }
            _ => writeln!(answers, "? put KEY VALUE, del KEY, get KEY or list")?,
        }
        answers.flush()?;
    }
    store.writer.close()?;
    Ok(())
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        eprintln!("kv_store <folder>");
        return ExitCode::from(2);
    };
    match serve(Path::new(&folder), io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kv_store: {error}");
            ExitCode::FAILURE
        }
    }
}
