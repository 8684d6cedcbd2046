//! How soon a recovery begins, and how long it takes to find damage in a block, with a count of what was
//! injected and what was found.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rand::{RngExt as _, SeedableRng as _};
use vexfs_kernels::crc32c;
use vexfs_replay::journal::layout::{BlockHeader, HEADER_CRC_FROM};
use vexfs_replay::journal::{Journal, block};
use vexfs_replay::recovery::{Places, RecoveryManager, RecoveryOptions};
use vexfs_replay::storage::{DiskFolder, Folder};

use crate::rows::Rows;

/// How many blocks are damaged in a round.
const DAMAGED_BLOCKS: usize = 2_000;

/// Measures a round; `seed` chooses what is damaged.
pub(crate) fn measure(
    journal: &Path,
    seed: u64,
    rows: &mut Rows,
) -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let open = |path: &Path| -> std::io::Result<Arc<dyn Folder>> {
        Ok(Arc::new(DiskFolder::create(path)?))
    };
    let places = Places {
        journal: Arc::new(DiskFolder::open(journal)?),
        checkpoints: Some(open(&folder.path().join("checkpoints"))?),
        records: Some(open(folder.path())?),
    };
    let mut manager = RecoveryManager::new(places, RecoveryOptions::default());
    rows.record("survey, ms", manager.survey()?.seconds * 1e3);
    let recovered = manager.recover(&mut |_| {})?;
    let record = &recovered.recovery().record;
    let rate = record.events as f64 / record.seconds;
    rows.record("recovery, to the first events on their way, ms", record.initiation_seconds * 1e3);
    rows.record("recovery, with a checkpoint at its end, M events/s", rate / 1e6);
    detect(journal, seed, rows)
}

/// Flips one bit in each of many blocks, and looks for it as a cryptographic replay does: as chance would
/// have it, and with the checksums made right again, so that SHA-256 alone can tell.
fn detect(journal: &Path, seed: u64, rows: &mut Rows) -> Result<(), Box<dyn std::error::Error>> {
    let journal = Journal::open_path(journal)?;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let (mut by_chance, mut forged) = (Found::default(), Found::default());
    for (index, segment) in journal.segments.iter().enumerate() {
        for indexed in journal.segment_index(index)?.blocks {
            if by_chance.microseconds.len() == DAMAGED_BLOCKS {
                break;
            }
            let mut bytes = vec![0; indexed.entry.block_bytes as usize];
            segment.read(&mut bytes, indexed.entry.file_offset)?;
            // A flip in the header changes what is read as its length: that has a test of its own.
            let bit = random.random_range(BlockHeader::BYTES * 8..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            by_chance.look(&bytes);
            forge_checksums(&mut bytes);
            forged.look(&bytes);
        }
    }
    by_chance.record("damage", rows);
    forged.record("forged damage", rows);
    Ok(())
}

fn forge_checksums(bytes: &mut [u8]) {
    let mut header = BlockHeader::read(bytes);
    header.payload_crc = crc32c(&bytes[BlockHeader::BYTES..]);
    header.write(bytes);
    header.header_crc = crc32c(&bytes[HEADER_CRC_FROM..BlockHeader::BYTES]);
    header.write(bytes);
}

/// How much of what was injected was found, and how long that took.
#[derive(Default)]
struct Found {
    /// For each block, as if it were 64 KiB long.
    microseconds: Vec<f64>,
    found: u32,
}

impl Found {
    fn look(&mut self, bytes: &[u8]) {
        let started = Instant::now();
        let header = BlockHeader::read(black_box(bytes));
        let looked = block::check_header_crc(&header, bytes)
            .and_then(|()| block::check_contents(&header, bytes));
        let took = started.elapsed().as_secs_f64() * 1e6;
        self.microseconds.push(took * 65_536.0 / bytes.len() as f64);
        self.found += u32::from(looked.is_err());
    }

    fn record(mut self, what: &str, rows: &mut Rows) {
        let blocks = self.microseconds.len();
        self.microseconds.sort_by(f64::total_cmp);
        for (name, percent) in [("p50", 50), ("p99", 99)] {
            let at = blocks.saturating_sub(1) * percent / 100;
            let value = self.microseconds.get(at).copied().unwrap_or(f64::NAN);
            rows.record(format!("{what} found, us for 64 KiB, {name}"), value);
        }
        rows.record(format!("{what}, blocks"), blocks as f64);
        rows.record(format!("{what}, share found"), f64::from(self.found) / blocks as f64);
    }
}
