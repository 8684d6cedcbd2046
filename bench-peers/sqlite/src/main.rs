//! SQLite with its write-ahead log: as it recovers it finds out which page of the log is which; a checkpoint
//! then applies them to the database.

use std::path::Path;
use std::process::ExitCode;

use peer_protocol::{BATCH_RECORDS, Kind, Loaded, Payloads, Peer, Recovered, Result, Variant};
use rusqlite::Connection;

const FILE: &str = "records.sqlite";

const VERIFIES: &str = "SQLite's checksum over all pages of the log";
/// Each transaction puts whole pages into the log: of a million unique keys in no order, 1,000 to one make 7.8 GB.
const SMALL: &str = "1,000 to a transaction";
const LARGE: &str = "100,000 to a transaction";
const AT_ONCE: &str = "one transaction";

const CHECKPOINT: &str =
    "an index of the log's pages, then a checkpoint: the pages go to the database file";

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
                name: SMALL,
                loads: "transactions of 1,000, each with all pages that it changed in the log; one fsync",
                verifies: VERIFIES,
                applies: CHECKPOINT,
                kind: Kind::Engine,
            },
            Variant {
                name: LARGE,
                loads: "transactions of 100,000: of each, the last value of a key alone is in the log",
                verifies: VERIFIES,
                applies: CHECKPOINT,
                kind: Kind::Engine,
            },
            Variant {
                name: AT_ONCE,
                loads: "one transaction: its log has each page once, with the last value of a key alone",
                verifies: VERIFIES,
                applies: "nothing: an index of the log's pages, in shared memory",
                kind: Kind::Pages,
            },
        ]
    }

    fn available(&self) -> Result<String> {
        Ok(format!("with SQLite {}", rusqlite::version()))
    }

    fn load(&self, variant: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let connection = open(folder)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
             CREATE TABLE records (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID; BEGIN;",
        )?;
        let transaction_records = match variant.name {
            SMALL => BATCH_RECORDS,
            LARGE => 100 * BATCH_RECORDS,
            _ => usize::MAX,
        };
        let mut put = connection.prepare("INSERT OR REPLACE INTO records VALUES (?1, ?2)")?;
        for (number, (key, value)) in payloads.iter().enumerate() {
            if number % transaction_records == 0 {
                connection.execute_batch("COMMIT; BEGIN")?;
            }
            put.execute((key, value))?;
        }
        drop(put);
        // The last commit alone syncs the log, all of it. It can't be told within a transaction.
        connection.execute_batch("COMMIT; PRAGMA synchronous = FULL; PRAGMA user_version = 1")?;
        Ok(Loaded::keeping(connection))
    }

    fn recover(&self, variant: &Variant, folder: &Path) -> Result<Recovered> {
        let connection = open(folder)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        if variant.name != AT_ONCE {
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
