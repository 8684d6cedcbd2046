//! okaywal, a write-ahead log: one entry with a chunk for each record, and what is read goes into a hash map here.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use okaywal::{
    Configuration, Entry, EntryId, LogManager, ReadChunkResult, SegmentReader, WriteAheadLog,
};
use peer_protocol::{
    Kind, Loaded, Map, Payloads, Peer, Recovered, Result, Variant, append_payload,
};

const BUFFER_BYTES: usize = 1 << 20;
/// How much of a file is filled with zeros when it is made; with room for all of it, that is most of the load.
const FILE_BYTES: u32 = 1 << 20;

/// Puts what it is shown into a map; checkpoints never come to it.
#[derive(Clone, Debug, Default)]
struct IntoMap(Arc<Mutex<Map>>);

impl LogManager for IntoMap {
    fn recover(&mut self, entry: &mut Entry<'_>) -> io::Result<()> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut chunk = match entry.read_chunk()? {
                ReadChunkResult::Chunk(chunk) => chunk,
                ReadChunkResult::EndOfEntry => return Ok(()),
                ReadChunkResult::AbortedEntry => {
                    *map = Map::default();
                    return Ok(());
                }
            };
            let bytes = chunk.read_all()?;
            if !chunk.check_crc()? {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a chunk's CRC differs"));
            }
            peer_protocol::records(&bytes).for_each(|(key, value)| map.put(key, value));
        }
    }

    fn checkpoint_to(
        &mut self,
        _: EntryId,
        _: &mut SegmentReader,
        _: &WriteAheadLog,
    ) -> io::Result<()> {
        Err(io::Error::other("a checkpoint that nobody asked for"))
    }
}

fn open(folder: &Path, manager: IntoMap) -> io::Result<WriteAheadLog> {
    Configuration::default_for(folder)
        .preallocate_bytes(FILE_BYTES)
        .checkpoint_after_bytes(u64::MAX)
        .buffer_bytes(BUFFER_BYTES)
        .open(manager)
}

struct Okaywal;

impl Peer for Okaywal {
    fn name(&self) -> &'static str {
        "okaywal"
    }

    fn package(&self) -> &'static str {
        "okaywal"
    }

    fn variants(&self) -> &'static [Variant] {
        &[Variant {
            name: "",
            loads: "one entry of all chunks, since each entry is synced",
            verifies: "CRC32C of each chunk",
            applies: "nothing; we put each chunk into a hash map",
            kind: Kind::Log,
        }]
    }

    fn load(&self, _: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let log = open(folder, IntoMap::default())?;
        let mut entry = log.begin_entry()?;
        let mut record = Vec::new();
        for (key, value) in payloads {
            record.clear();
            append_payload(key, value, &mut record)?;
            entry.write_chunk(&record)?;
        }
        entry.commit()?;
        Ok(Loaded::keeping(log))
    }

    fn recover(&self, _: &Variant, folder: &Path) -> Result<Recovered> {
        let into = IntoMap::default();
        let log = open(folder, into.clone())?;
        Ok(Recovered::here(move |see| {
            let map = into.0.lock().unwrap_or_else(PoisonError::into_inner);
            map.iter().for_each(|(key, value)| see(key, value));
            drop(log);
            Ok(())
        }))
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&Okaywal)
}
