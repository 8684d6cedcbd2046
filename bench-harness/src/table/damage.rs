//! Rows about damage: how long it takes to find it in a block, and how much of it is found.

use std::hint::black_box;
use std::time::Instant;

use rand::{RngExt as _, SeedableRng as _};
use vexfs_kernels::crc32c;
use vexfs_replay::journal::layout::{BlockHeader, HEADER_CRC_FROM};
use vexfs_replay::journal::{Journal, block};

use super::About;
use crate::Measured;
use crate::measuring::{Better, Latencies, Rooflines};
use crate::report::Row;
use crate::workloads::Workload;

/// How many blocks are damaged, each in two ways.
const DAMAGED_BLOCKS: usize = 20_000;

/// Flips one bit in each of many blocks, and looks for it as a cryptographic replay does: as chance would
/// have it, and with the checksums made right again, so that SHA-256 alone can tell.
pub(super) fn measure(
    workload: &Workload,
    limits: &Rooflines,
    rows: &mut Vec<Row>,
) -> Measured<()> {
    let journal = Journal::open_path(&workload.path)?;
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut found = [("chance", Found::new()?), ("a forger", Found::new()?)];
    for _ in 0..DAMAGED_BLOCKS.div_ceil(usize::try_from(workload.bytes)? / 65_536) {
        for (index, segment) in journal.segments.iter().enumerate() {
            for indexed in journal.segment_index(index)?.blocks {
                let mut bytes = vec![0; indexed.entry.block_bytes as usize];
                segment.read(&mut bytes, indexed.entry.file_offset)?;
                // A flip in the header changes what is read as its length: that has a test of its own.
                let bit = random.random_range(BlockHeader::BYTES * 8..bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                found[0].1.look(&bytes)?;
                forge_checksums(&mut bytes);
                found[1].1.look(&bytes)?;
            }
        }
    }
    for (by, found) in &found {
        found.tell(by, workload, limits, rows);
    }
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
struct Found {
    /// For each block, as if it were 64 KiB long.
    took: Latencies,
    looked: u64,
    found: u64,
}

impl Found {
    fn new() -> Measured<Self> {
        Ok(Self { took: Latencies::none()?, looked: 0, found: 0 })
    }

    fn look(&mut self, bytes: &[u8]) -> Measured<()> {
        let started = Instant::now();
        let header = BlockHeader::read(black_box(bytes));
        let looked = block::check_header_crc(&header, bytes)
            .and_then(|()| block::check_contents(&header, bytes));
        self.took.add(started.elapsed().mul_f64(65_536.0 / bytes.len() as f64))?;
        self.looked += 1;
        self.found += u64::from(looked.is_err());
        Ok(())
    }

    fn tell(&self, by: &str, workload: &Workload, limits: &Rooflines, rows: &mut Vec<Row>) {
        let about = About {
            measure: &format!("damage by {by} found, a 64 KiB block alone"),
            workload: &workload.name,
            unit: "ms",
            better: Better::Less,
            target: Some(1.0),
            claimed: Some([0.3, 0.8]),
        };
        let took = self.took.quantiles(1e6);
        let hashing = 65_536.0 / limits.sha256_bytes_per_second * 1e3;
        // A checksum of the block tells before it is hashed, where that isn't right again.
        let is_hashed = took.p50 > hashing / 2.0;
        let share = (hashing / took.p50, "SHA-256 of blocks side by side".to_owned());
        rows.push(Row { of_roofline: is_hashed.then_some(share), ..about.row(took) });
        let share = self.found as f64 / self.looked as f64;
        let about = About {
            measure: &format!("damage by {by}, share found"),
            unit: "share",
            better: Better::More,
            target: Some(1.0),
            claimed: Some([1.0, 1.0]),
            ..about
        };
        let mut row = about.of(&[share]);
        row.ours.count = self.looked;
        rows.push(row);
    }
}
