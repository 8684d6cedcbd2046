//! raft-engine as a map: keys and values of its groups, which it keeps in memory.

use std::hash::{DefaultHasher, Hasher as _};
use std::path::Path;
use std::process::ExitCode;

use peer_protocol::{BATCH_RECORDS, Kind, Loaded, Payloads, Peer, Recovered, Result, Variant};
use raft_engine::{Config, Engine, LogBatch, ReadableSize};

/// Keys are spread over so many groups: each is a tree of its own.
const GROUPS: u64 = 64;

/// Files are recovered side by side.
const FILE_MIB: u64 = 16;

struct RaftEngine;

fn open(folder: &Path) -> Result<Engine> {
    let config = Config {
        dir: folder.to_str().ok_or("the folder's path is no text")?.to_owned(),
        recovery_threads: std::thread::available_parallelism()?.get(),
        recovery_read_block_size: ReadableSize::mb(1),
        batch_compression_threshold: ReadableSize(0),
        target_file_size: ReadableSize::mb(FILE_MIB),
        ..Config::default()
    };
    Ok(Engine::open(config)?)
}

fn group_of(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish() % GROUPS + 1
}

impl Peer for RaftEngine {
    fn name(&self) -> &'static str {
        "raft-engine"
    }

    fn package(&self) -> &'static str {
        "raft-engine"
    }

    fn variants(&self) -> &'static [Variant] {
        &[Variant {
            name: "",
            loads: "batches of 1,000 over 64 groups, files of 16 MiB, a fsync a file",
            verifies: "CRC32 of each batch",
            applies: "64 maps in memory (B-trees), files side by side on all cores",
            kind: Kind::Engine,
        }]
    }

    fn load(&self, _: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let engine = open(folder)?;
        let mut batch = LogBatch::with_capacity(BATCH_RECORDS);
        for (number, (key, value)) in payloads.iter().enumerate() {
            batch.put(group_of(key), key.to_vec(), value.to_vec())?;
            if (number + 1) % BATCH_RECORDS == 0 {
                engine.write(&mut batch, false)?;
            }
        }
        engine.write(&mut batch, false)?;
        engine.sync()?;
        Ok(Loaded::keeping(engine))
    }

    fn recover(&self, _: &Variant, folder: &Path) -> Result<Recovered> {
        let engine = open(folder)?;
        Ok(Recovered::here(move |see| {
            for group in engine.raft_groups() {
                engine.scan_raw_messages(group, None, None, false, |key, value| {
                    see(key, value);
                    true
                })?;
            }
            Ok(())
        }))
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&RaftEngine)
}
