//! fjall, a log-structured tree: all records stay in its journal and its memtable.

use std::path::Path;
use std::process::ExitCode;

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use peer_protocol::{BATCH_RECORDS, Kind, Loaded, Payloads, Peer, Recovered, Result, Variant};

/// More than any load here, so that nothing is flushed.
const BYTES_MAX: u64 = 64 << 30;

struct Fjall;

fn open(folder: &Path) -> fjall::Result<(Database, Keyspace)> {
    let database = Database::builder(folder)
        .journal_compression(CompressionType::None)
        .manual_journal_persist(true)
        .max_journaling_size(BYTES_MAX)
        .open()?;
    let options = || KeyspaceCreateOptions::default().max_memtable_size(BYTES_MAX);
    let keyspace = database.keyspace("records", options)?;
    Ok((database, keyspace))
}

impl Peer for Fjall {
    fn name(&self) -> &'static str {
        "fjall"
    }

    fn package(&self) -> &'static str {
        "fjall"
    }

    fn variants(&self) -> &'static [Variant] {
        &[Variant {
            name: "",
            loads: "batches of 1,000, one fsync",
            verifies: "XXH3 of each batch",
            applies: "a memtable (skip list)",
            kind: Kind::Engine,
        }]
    }

    fn load(&self, _: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let (database, keyspace) = open(folder)?;
        let mut batch = database.batch();
        for (key, value) in payloads {
            batch.insert(&keyspace, key, value);
            if batch.len() == BATCH_RECORDS {
                std::mem::replace(&mut batch, database.batch()).commit()?;
            }
        }
        batch.commit()?;
        database.persist(PersistMode::SyncAll)?;
        Ok(Loaded::keeping((database, keyspace)))
    }

    fn recover(&self, _: &Variant, folder: &Path) -> Result<Recovered> {
        let (database, keyspace) = open(folder)?;
        Ok(Recovered::here(move |see| {
            for guard in keyspace.iter() {
                let (key, value) = guard.into_inner()?;
                see(&key, &value);
            }
            drop(database);
            Ok(())
        }))
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&Fjall)
}
