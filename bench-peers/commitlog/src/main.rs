//! commitlog, a log of messages: the key is a message's metadata, and what is read goes into a hash map here.

use std::path::Path;
use std::process::ExitCode;

use commitlog::message::{MessageBuf, MessageSet as _};
use commitlog::{CommitLog, LogOptions, ReadLimit};
use peer_protocol::{BATCH_RECORDS, Kind, Loaded, Map, Payloads, Peer, Recovered, Result, Variant};

/// The longest batch, and how much is read at once.
const BATCH_BYTES_MAX: usize = 64 << 20;
const READ_BYTES: usize = 1 << 20;
/// An index file has room for so many messages, so that it needn't grow.
const INDEX_ITEMS: usize = 4_000_000;

struct Commitlog;

fn options(folder: &Path) -> LogOptions {
    let mut options = LogOptions::new(folder);
    options.message_max_bytes(BATCH_BYTES_MAX).index_max_items(INDEX_ITEMS);
    options
}

impl Peer for Commitlog {
    fn name(&self) -> &'static str {
        "commitlog"
    }

    fn package(&self) -> &'static str {
        "commitlog"
    }

    fn variants(&self) -> &'static [Variant] {
        &[Variant {
            name: "",
            loads: "batches of 1,000 messages, one fsync",
            verifies: "CRC32C of each message",
            applies: "nothing; we put each message into a hash map",
            kind: Kind::Log,
        }]
    }

    fn load(&self, _: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let mut log = CommitLog::new(options(folder))?;
        let mut batch = MessageBuf::default();
        for (key, value) in payloads {
            batch.push_with_metadata(key, value).map_err(|error| format!("{error:?}"))?;
            if batch.len() == BATCH_RECORDS {
                log.append(&mut batch)?;
                batch.clear();
            }
        }
        log.append(&mut batch)?;
        log.flush()?;
        Ok(Loaded::keeping(log))
    }

    fn recover(&self, _: &Variant, folder: &Path) -> Result<Recovered> {
        let log = CommitLog::new(options(folder))?;
        let mut map = Map::default();
        let mut offset = 0;
        while offset < log.next_offset() {
            // Verifies as it reads.
            let messages = log.read(offset, ReadLimit::max_bytes(READ_BYTES))?;
            if messages.is_empty() {
                return Err(format!("nothing is read at offset {offset}").into());
            }
            for message in messages.iter() {
                map.put(message.metadata(), message.payload());
            }
            offset += messages.len() as u64;
        }
        Ok(Recovered::here(move |see| {
            map.iter().for_each(|(key, value)| see(key, value));
            Ok(())
        }))
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&Commitlog)
}
