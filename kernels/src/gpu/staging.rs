//! How a load lies in the staging buffer: range after range, each with its padding, and a table of where
//! they lie. What is written there may lie in the device's memory, and is never read.

use rayon::prelude::*;

use super::GpuError;
use super::options::Filling;
use super::plan::padded_bytes;
use super::shader::{Range, VECTOR_BYTES};
use crate::lanes::{Block, padded};

/// How much a worker copies at a time: enough to be worth waking it.
const PIECE_BYTES: u64 = 1 << 20;

/// Ranges that lie beside each other, where one worker copies them.
struct Piece<'l> {
    load: &'l [usize],
    view: wgpu::BufferViewMut,
}

/// Copies the ranges of a load to the start of a mapped buffer, which has room for them, and tells how
/// many bytes they have with their padding.
pub(super) fn copy(
    target: &wgpu::Buffer,
    ranges: &[&[u8]],
    load: &[usize],
    filling: &Filling,
) -> Result<u64, GpuError> {
    let most = match filling {
        Filling::Caller => u64::MAX,
        Filling::Workers | Filling::Pool(_) => PIECE_BYTES,
    };
    let (mut pieces, mut left, mut begin) = (Vec::new(), load, 0);
    while !left.is_empty() {
        let (count, bytes) = head(ranges, left, most);
        let (load, rest) = left.split_at(count);
        let view = target.get_mapped_range_mut(begin..begin + bytes).map_err(super::unmapped)?;
        pieces.push(Piece { load, view });
        (left, begin) = (rest, begin + bytes);
    }
    match filling {
        Filling::Caller => pieces.iter_mut().for_each(|it| it.fill(ranges)),
        Filling::Workers => pieces.par_iter_mut().for_each(|it| it.fill(ranges)),
        Filling::Pool(pool) => {
            pool.install(|| pieces.par_iter_mut().for_each(|it| it.fill(ranges)));
        }
    }
    Ok(begin)
}

/// How many ranges of a load make a piece, and their bytes: at least one, however long.
fn head(ranges: &[&[u8]], load: &[usize], most: u64) -> (usize, u64) {
    let mut bytes = 0;
    for (count, &number) in load.iter().enumerate() {
        let more = padded_bytes(ranges[number].len());
        if count > 0 && bytes + more > most {
            return (count, bytes);
        }
        bytes += more;
    }
    (load.len(), bytes)
}

impl Piece<'_> {
    fn fill(&mut self, ranges: &[&[u8]]) {
        let mut end = 0;
        let mut put = |bytes: &[u8]| {
            self.view.slice(end..end + bytes.len()).copy_from_slice(bytes);
            end += bytes.len();
        };
        for &number in self.load {
            let (whole, padding, blocks) = padded(ranges[number]);
            put(whole.as_flattened());
            put(padding[2 - blocks..].as_flattened());
        }
    }
}

/// Where the ranges of a load lie.
pub(super) fn table(ranges: &[&[u8]], load: &[usize]) -> Vec<Range> {
    let mut end = 0;
    let one = |&number: &usize| {
        let (first, bytes) = (end, padded_bytes(ranges[number].len()));
        end += bytes;
        Range {
            first: number_of(first / VECTOR_BYTES as u64),
            blocks: number_of(bytes / size_of::<Block>() as u64),
        }
    };
    load.iter().map(one).collect()
}

/// Of something in a slot, whose capacity sees to it that 32 bits are enough.
pub(super) fn number_of(count: impl TryInto<u32>) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}
