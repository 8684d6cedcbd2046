//! A plain file of records, read into a hash map: the least that any log without an order of its own takes.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;

use peer_protocol::{
    Kind, Loaded, Map, Payloads, Peer, Recovered, Result, Variant, append_payload,
};

const FILE: &str = "records";

const BUFFER_BYTES: usize = 1 << 20;

struct Plain;

impl Peer for Plain {
    fn name(&self) -> &'static str {
        "plain file"
    }

    fn package(&self) -> &'static str {
        ""
    }

    fn variants(&self) -> &'static [Variant] {
        &[Variant {
            name: "",
            loads: "buffered writes of 1 MiB, one fsync",
            verifies: "nothing",
            applies: "nothing; we put each record into a hash map",
            kind: Kind::Log,
        }]
    }

    fn load(&self, _: &Variant, payloads: &Payloads, folder: &Path) -> Result<Loaded> {
        let mut file = BufWriter::with_capacity(BUFFER_BYTES, File::create(folder.join(FILE))?);
        let mut record = Vec::new();
        for (key, value) in payloads {
            record.clear();
            append_payload(key, value, &mut record)?;
            file.write_all(&record)?;
        }
        let file = file.into_inner()?;
        file.sync_all()?;
        Ok(Loaded::keeping(file))
    }

    fn recover(&self, _: &Variant, folder: &Path) -> Result<Recovered> {
        let bytes = std::fs::read(folder.join(FILE))?;
        let mut map = Map::default();
        peer_protocol::records(&bytes).for_each(|(key, value)| map.put(key, value));
        Ok(Recovered::here(move |see| {
            map.iter().for_each(|(key, value)| see(key, value));
            Ok(())
        }))
    }
}

fn main() -> ExitCode {
    peer_protocol::main(&Plain)
}
