//! SQLite with its write-ahead log: as it recovers it finds out which page of the log is which; a checkpoint
//! then applies them to the database.

use std::path::Path;
use std::process::ExitCode;

use peer_protocol::{Kind, Loaded, Payloads, Peer, Recovered, Result, Variant};
use rusqlite::{Connection, TransactionBehavior};

const FILE: &str = "records.sqlite";

const VERIFIES: &str = "SQLite's checksum over all pages of the log";
const LOADS: &str =
    "one transaction, whose pages come into the log once: the last value of a key alone; one fsync";
const CHECKPOINTED: &str = "checkpointed";

struct Sqlite;

fn open(folder: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(folder.join(FILE))?;
    // All pages stay in the cache until the commit, and in the log after it.
    connection.execute_batch(
        "PRAGMA cache_size = -4000000; PRAGMA cache_spill = OFF; PRAGMA wal_autocheckpoint = 0;",
    )?;
    Ok(connection)
}

impl Peer for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn package(&self) -> &'static str {
        "rusqlite"
    }

    fn variants(&self) -> &'static [Variant] {
        &[
            Variant {
                name: "",
                loads: LOADS,
                verifies: VERIFIES,
                applies: "nothing: an index of the log's pages, in shared memory",
                kind: Kind::Index,
            },
            Variant {
                name: CHECKPOINTED,
                loads: LOADS,
                verifies: VERIFIES,
                applies: "the same, then the pages to the database file, not synced",
                kind: Kind::Engine,
            },
        ]
    }

    fn available(&self) -> Result<String> {
        Ok(format!("with SQLite {}", rusqlite::version()))
    }

    fn load(&self, _: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let mut connection = open(folder)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE records (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID;",
        )?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut put = transaction.prepare("INSERT OR REPLACE INTO records VALUES (?1, ?2)")?;
        for (key, value) in payloads {
            put.execute((key, value))?;
        }
        drop(put);
        transaction.commit()?;
        Ok(Loaded::keeping(connection))
    }

    fn recover(&self, variant: &Variant, folder: &Path) -> Result<Recovered> {
        let connection = open(folder)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        if variant.name == CHECKPOINTED {
            connection.execute_batch("PRAGMA synchronous = OFF")?;
            let busy: i64 =
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
            if busy != 0 {
                return Err("the checkpoint found the database in use".into());
            }
        }
        Ok(Recovered::here(move |see| {
            let mut all = connection.prepare("SELECT key, value FROM records")?;
            let mut rows = all.query(())?;
            while let Some(row) = rows.next()? {
                see(row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
            }
            Ok(())
        }))
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&Sqlite)
}
