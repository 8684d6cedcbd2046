//! PostgreSQL: a server that is installed here, driven by its own programs. It is killed with its children, and
//! its own log says how long redo took.

mod copy;
mod server;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use peer_protocol::{Kind, Loaded, Payloads, Peer, Recovered, Result, Variant};
use server::{Installation, Server};

const KEYED: &str = "primary key";

const VERIFIES: &str = "CRC32C of each WAL record";

/// Puts the staged records under their keys, in their order, a thousand to a transaction.
const UPSERT: &str = "
    SET synchronous_commit = off;
    DO $$
    DECLARE record record; done int := 0;
    BEGIN
        FOR record IN SELECT n, key, value FROM staged ORDER BY n LOOP
            INSERT INTO records VALUES (record.n, record.key, record.value)
            ON CONFLICT (key) DO UPDATE SET n = excluded.n, value = excluded.value;
            done := done + 1;
            IF done % 1000 = 0 THEN COMMIT; END IF;
        END LOOP;
    END $$;
    SET synchronous_commit = on;
    CREATE TABLE synced_up_to_here ();";

struct Postgres;

impl Peer for Postgres {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn package(&self) -> &'static str {
        ""
    }

    fn variants(&self) -> &'static [Variant] {
        &[
            Variant {
                name: "",
                loads: "one COPY into a table without a key, one transaction",
                verifies: VERIFIES,
                applies: "heap pages in shared buffers; all versions, no index",
                kind: Kind::Engine,
            },
            Variant {
                name: KEYED,
                loads: "COPY to an unlogged table, from there in order, 1,000 to a transaction",
                verifies: VERIFIES,
                applies: "heap and B-tree pages in shared buffers",
                kind: Kind::Engine,
            },
        ]
    }

    fn available(&self) -> Result<String> {
        Installation::find()?.version()
    }

    fn load(&self, variant: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let installation = Installation::find()?;
        let (server, _) = Server::create(&installation, folder)?;
        server.run(
            "CREATE TABLE records (n int NOT NULL, key bytea NOT NULL, value bytea NOT NULL);",
        )?;
        if variant.name == KEYED {
            server.run("ALTER TABLE records ADD PRIMARY KEY (key);")?;
            server.run("CREATE UNLOGGED TABLE staged (n int, key bytea, value bytea);")?;
        }
        // What comes before is no part of the redo.
        server.run("CHECKPOINT;")?;
        let bytes = copy::encode(payloads)?;
        let started = Instant::now();
        if variant.name == KEYED {
            server.copy_in("staged", &bytes)?;
            server.run(UPSERT)?;
        } else {
            server.copy_in("records", &bytes)?;
        }
        let own_seconds = Some(started.elapsed().as_secs_f64());
        let log = Some(server.log_folder());
        // Nobody else knows its processes. What waits to be killed after this holds nothing.
        server.kill()?;
        Ok(Loaded { kept: Box::new(()), own_seconds, log })
    }

    fn recover(&self, _: &Variant, folder: &Path) -> Result<Recovered> {
        let installation = Installation::find()?;
        let (server, redo) = Server::start(&installation, folder)?;
        let redo = redo.ok_or("the server says nothing of a redo")?;
        Ok(Recovered {
            own_seconds: Some(redo.seconds),
            own_memory_peak_bytes: redo.memory_peak_bytes,
            visit: Box::new(move |see| {
                let newest =
                    "SELECT DISTINCT ON (key) key, value FROM records ORDER BY key, n DESC";
                copy::decode(&server.copy_out(newest)?, see)?;
                server.kill()
            }),
        })
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&Postgres)
}
