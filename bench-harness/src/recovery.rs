//! How soon a recovery begins, and how long it takes to find damage in a block, with a count of what was
//! injected and what was found.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rand::{RngExt as _, SeedableRng as _};
use vexfs_replay::journal::layout::{BlockHeader, PAGE_BYTES};
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

/// Flips one bit in each of many blocks, and looks for it as a cryptographic replay does.
fn detect(journal: &Path, seed: u64, rows: &mut Rows) -> Result<(), Box<dyn std::error::Error>> {
    let journal = Journal::open_path(journal)?;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let (mut blocks, mut found, mut seconds) = (0_u32, 0_u32, Vec::new());
    for (index, segment) in journal.segments.iter().enumerate() {
        for indexed in journal.segment_index(index)?.blocks {
            if seconds.len() == DAMAGED_BLOCKS {
                break;
            }
            let mut bytes = vec![0; indexed.entry.block_bytes as usize];
            segment.read(&mut bytes, indexed.entry.file_offset)?;
            // A flip in the header changes what is read as its length: that has a test of its own.
            let bit = random.random_range(BlockHeader::BYTES * 8..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let started = Instant::now();
            let header = BlockHeader::read(black_box(&bytes));
            let damaged = block::check_header_crc(&header, &bytes)
                .and_then(|()| block::check_contents(&header, &bytes));
            let took = started.elapsed().as_secs_f64();
            seconds
                .push(took * (64 * 1024 / PAGE_BYTES) as f64 / (bytes.len() / PAGE_BYTES) as f64);
            blocks += 1;
            found += u32::from(damaged.is_err());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share).round() as usize] * 1e6;
    rows.record("damage found, us for 64 KiB, p50", at(0.5));
    rows.record("damage found, us for 64 KiB, p99", at(0.99));
    rows.record("blocks damaged", f64::from(blocks));
    rows.record("damage found, share", f64::from(found) / f64::from(blocks));
    Ok(())
}
