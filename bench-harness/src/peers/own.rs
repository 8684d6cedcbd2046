//! Ourselves as one of the peers: a process that writes the events into a journal and is killed, and the program
//! that replays it with every byte SHA-256-verified. The time is that of the whole process.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use vexfs_replay::event::{Body, Event, transaction_outcome};
use vexfs_replay::journal::{Journal, NewEvent, Transaction, Writer, WriterOptions};
use vexfs_replay::storage::DiskFolder;

use super::events::Blocks;
use super::program::{
    About, Contender, Failed, Loaded, Recovered, cargo_build, load_and_kill, repository,
};
use crate::Measured;
use crate::measuring::json_of;

/// One segment holds it all, so that there is one sync, as for the others.
const SEGMENT_BYTES: u64 = 64 << 30;

/// `vexfs-replay-pipe`, and what it should find.
pub(super) struct Own {
    about: About,
    program: PathBuf,
    journal: PathBuf,
    state_digest: String,
}

impl Own {
    /// Builds the program, and has it replay the journal as it was given.
    pub(super) fn build(journal: &Path) -> Measured<Self> {
        let program = cargo_build(&repository(), ["vexfs-replay", "vexfs-replay-pipe"])?;
        let expected = replay(&program, journal)?;
        Ok(Self {
            about: About {
                name: "vexfs-replay".to_owned(),
                variant: String::new(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                loads: "blocks of 64 KiB, transactions as they were, one fsync".to_owned(),
                verifies: "SHA-256 chain and CRC32C of every block, transactions, preconditions"
                    .to_owned(),
                applies: "typed records in memory; aborted transactions left out".to_owned(),
                kind: "own".to_owned(),
            },
            program,
            journal: journal.to_owned(),
            state_digest: text(&expected, "state_digest")?,
        })
    }
}

impl Contender for Own {
    fn about(&self) -> &About {
        &self.about
    }

    fn load(&self, folder: &Path) -> Result<Loaded, Failed> {
        let mut command = Command::new(std::env::current_exe()?);
        load_and_kill(command.arg("own-load").arg(&self.journal).arg(folder))
    }

    fn recover(&self, folder: &Path) -> Result<Recovered, Failed> {
        let started = Instant::now();
        let result = replay(&self.program, folder)?;
        let seconds = started.elapsed().as_secs_f64();
        let found = text(&result, "state_digest")?;
        if found != self.state_digest {
            let expected = &self.state_digest;
            return Err(Failed(format!("state digest {found} where {expected} is expected")));
        }
        Ok(Recovered { seconds, memory_peak_bytes: result["peak_memory_bytes"].as_u64() })
    }
}

fn replay(program: &Path, journal: &Path) -> Result<Value, Failed> {
    let mut command = Command::new(program);
    command.args(["replay", "--json", "--validation", "cryptographic"]).arg(journal);
    json_of(&mut command).map_err(|error| Failed(error.to_string()))
}

fn text(result: &Value, field: &str) -> Result<String, Failed> {
    let found = result[field].as_str().map(str::to_owned);
    found.ok_or_else(|| Failed(format!("the result has no {field}")))
}

/// Writes the events of `journal` into a new one in `folder`, syncs once, says so and waits to be killed.
pub(crate) fn load(journal: &Path, folder: &Path) -> Measured<()> {
    let blocks = Blocks::read(journal)?;
    let options = WriterOptions {
        segment_bytes: SEGMENT_BYTES,
        journal_id: Some(Journal::open_path(journal)?.journal_id),
        ..WriterOptions::default()
    };
    let started = Instant::now();
    let writer = Writer::create(Arc::new(DiskFolder::create(folder)?), options)?;
    let (mut open, mut records) = (HashMap::new(), 0_u64);
    blocks.for_each(|event| {
        records += 1;
        append(&writer, &mut open, event)
    })?;
    writer.commit()?;
    let seconds = started.elapsed().as_secs_f64();
    let log_bytes = Journal::open_path(folder)?.total_bytes();
    let line = json!({ "seconds": seconds, "records": records, "log_bytes": log_bytes });
    writeln!(std::io::stdout(), "{line}")?;
    loop {
        std::thread::park();
        black_box(&writer);
    }
}

/// Appends an event as the program would have that wrote it first. `open` has the open transactions by id, which
/// are the same again, since all LSNs are.
fn append<'w>(
    writer: &'w Writer,
    open: &mut HashMap<u64, Transaction<'w>>,
    event: &Event<'_>,
) -> Measured<()> {
    let (header, body) = (&event.header, event.body()?.ok_or("an event of an unknown type")?);
    let (now, id) = (header.timestamp_ns, header.transaction);
    let appended =
        NewEvent { flags: header.flags, priority: header.priority, ..NewEvent::new(now, body) };
    let unknown = || format!("transaction {id} isn't open");
    match body {
        Body::TransactionBegin(begin) => {
            let begun = writer.begin(now, begin.session)?;
            open.insert(begun.id(), begun);
        }
        Body::TransactionEnd(end) => {
            let ended = open.remove(&id).ok_or_else(unknown)?;
            match end.outcome {
                transaction_outcome::COMMIT => ended.commit(now)?,
                _ => ended.abort(now)?,
            };
        }
        _ if id == 0 => {
            writer.append(&appended)?;
        }
        _ => {
            open.get_mut(&id).ok_or_else(unknown)?.append(&appended)?;
        }
    }
    Ok(())
}
