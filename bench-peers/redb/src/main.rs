//! redb, a copy-on-write B-tree. It has no log: what a kill leaves is the tree, which it walks and verifies.

use std::path::Path;
use std::process::ExitCode;

use peer_protocol::{Kind, Loaded, Payloads, Peer, Recovered, Result, Variant};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");

const FILE: &str = "records.redb";

/// More than any load here.
const CACHE_BYTES: usize = 4 << 30;

struct Redb;

impl Peer for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn package(&self) -> &'static str {
        "redb"
    }

    fn variants(&self) -> &'static [Variant] {
        &[Variant {
            name: "",
            loads: "one transaction, since it has no log: the last value of a key alone",
            verifies: "XXH3 of every page of its tree",
            applies: "nothing: the tree was written at commit; finds free pages",
            kind: Kind::Pages,
        }]
    }

    fn load(&self, _: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(folder.join(FILE))?;
        let transaction = database.begin_write()?;
        let mut table = transaction.open_table(TABLE)?;
        for (key, value) in payloads {
            table.insert(key, value)?;
        }
        drop(table);
        transaction.commit()?;
        Ok(Loaded::keeping(database))
    }

    fn recover(&self, _: &Variant, folder: &Path) -> Result<Recovered> {
        let database = Database::builder().set_cache_size(CACHE_BYTES).open(folder.join(FILE))?;
        let table = database.begin_read()?.open_table(TABLE)?;
        Ok(Recovered::here(move |see| {
            for record in table.iter()? {
                let (key, value) = record?;
                see(key.value(), value.value());
            }
            drop(database);
            Ok(())
        }))
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&Redb)
}
