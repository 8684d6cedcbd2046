//! RocksDB: all records stay in its write-ahead log and its memtable.

use std::path::Path;
use std::process::ExitCode;

use peer_protocol::{BATCH_RECORDS, Kind, Loaded, Payloads, Peer, Recovered, Result, Variant};
use rocksdb::{DB, IteratorMode, Options, WriteBatch};

/// More than a load of a few million records, so that nothing is flushed. Not much more: it sets 1.1 times as much
/// aside on the disk for its log.
const BYTES_MAX: usize = 1 << 30;

const VERSION_IS: &str = "rocksdb_version=";

struct RocksDb;

fn open(folder: &Path) -> Result<DB> {
    // What it recovers it would else write to a table file at once: none of the others do.
    let mut options =
        Options::default().get_options_from_string("avoid_flush_during_recovery=true")?;
    options.create_if_missing(true);
    options.set_write_buffer_size(BYTES_MAX);
    options.set_max_total_wal_size(BYTES_MAX as u64);
    options.set_manual_wal_flush(true);
    Ok(DB::open(&options, folder)?)
}

impl Peer for RocksDb {
    fn name(&self) -> &'static str {
        "RocksDB"
    }

    fn package(&self) -> &'static str {
        ""
    }

    fn variants(&self) -> &'static [Variant] {
        &[Variant {
            name: "",
            loads: "batches of 1,000, one fsync",
            verifies: "CRC32C of each part of a batch",
            applies: "a memtable (skip list)",
            kind: Kind::Engine,
        }]
    }

    /// By its own word, since the library may be one that is installed here: it writes it beside its options.
    fn available(&self) -> Result<String> {
        let folder = tempfile::tempdir()?;
        drop(open(folder.path())?);
        for file in std::fs::read_dir(folder.path())? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with("OPTIONS-") {
                let text = std::fs::read_to_string(file.path())?;
                let version = text.lines().find_map(|line| line.trim().strip_prefix(VERSION_IS));
                return Ok(version.ok_or("RocksDB doesn't say its version")?.to_owned());
            }
        }
        Err("RocksDB leaves no file of options".into())
    }

    fn load(&self, _: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let database = open(folder)?;
        let mut batch = WriteBatch::default();
        for (key, value) in payloads {
            batch.put(key, value);
            if batch.len() == BATCH_RECORDS {
                database.write(std::mem::take(&mut batch))?;
            }
        }
        database.write(batch)?;
        database.flush_wal(true)?;
        Ok(Loaded::keeping(database))
    }

    fn recover(&self, _: &Variant, folder: &Path) -> Result<Recovered> {
        let database = open(folder)?;
        Ok(Recovered::here(move |see| {
            for record in database.iterator(IteratorMode::Start) {
                let (key, value) = record?;
                see(&key, &value);
            }
            Ok(())
        }))
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&RocksDb)
}
