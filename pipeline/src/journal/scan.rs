//! Looks through a segment for blocks, where nothing tells any more where they start.

use super::layout::*;
use super::reader::Segment;
use crate::error::Error;
use crate::wire::Field as _;

const SCAN_BYTES: usize = 64 * PAGE_BYTES;

/// Visits each page in a range of the segment that starts with a block's magic and has room for its
/// header. `visit` gets the page's offset and what follows from there, and says how many bytes to
/// go on by, or to stop.
///
/// Holes of a sparse file are passed over: the work is bounded by what is really stored.
pub(crate) fn visit_blocks(
    segment: &Segment,
    (from, limit): (u64, u64),
    mut visit: impl FnMut(u64, &[u8]) -> Result<Option<u64>, Error>,
) -> Result<(), Error> {
    let page = PAGE_BYTES as u64;
    let whole = usize::try_from(limit.saturating_sub(from)).unwrap_or(usize::MAX);
    let mut buffer = vec![0; whole.min(SCAN_BYTES)];
    let mut at = from;
    while at < limit {
        let data = segment.next_data(at)?;
        if data >= limit {
            return Ok(());
        }
        at = at.max(data - data % page);
        let length = usize::try_from(limit - at).unwrap_or(usize::MAX).min(buffer.len());
        segment.read(&mut buffer[..length], at)?;
        let mut skip = 0;
        while skip < length {
            let bytes = &buffer[skip..length];
            let mut forward = page;
            if bytes.len() >= BlockHeader::BYTES && u32::read(&bytes[..4]) == BLOCK_MAGIC {
                match visit(at + skip as u64, bytes)? {
                    Some(bytes) => forward = bytes,
                    None => return Ok(()),
                }
            }
            skip = skip.saturating_add(usize::try_from(forward).unwrap_or(usize::MAX));
        }
        at = at.saturating_add(skip as u64);
    }
    Ok(())
}
