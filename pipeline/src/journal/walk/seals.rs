//! How a walk checks the seal that it comes to against what it has walked.

use super::Walk;
use crate::error::Error;
use crate::journal::damage::Fault;
use crate::journal::layout::*;
use crate::journal::reader::Segment;
use crate::journal::seal;

/// How far apart a seal's bytes are probed for holes, in bytes.
const PROBE_BYTES: usize = 64 * PAGE_BYTES;

impl Walk<'_> {
    /// Checks the seal at the present position against what was walked; gives its kind.
    pub(super) fn check_seal(&self, segment: &Segment) -> Result<Result<u32, Fault>, Error> {
        let remaining = segment.file_bytes.saturating_sub(self.position.offset);
        if remaining == 0 {
            return Ok(Err(Fault::SealMissing));
        }
        let length = usize::try_from(remaining).unwrap_or(usize::MAX).min(PAGE_BYTES);
        let mut fixed = vec![0; length];
        segment.read(&mut fixed, self.position.offset)?;
        if fixed.iter().all(|&byte| byte == 0) {
            return Ok(Err(Fault::Zeros));
        }
        let header = match seal::check_header(&fixed, remaining, &self.position) {
            Ok(header) => header,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Err(fault) = self.check_seal_length(segment, &header)? {
            return Ok(Err(fault));
        }
        let mut bytes = vec![0; usize::try_from(header.seal_bytes).unwrap_or(usize::MAX)];
        segment.read(&mut bytes, self.position.offset)?;
        Ok(self.compare_seal(&header, &bytes, remaining))
    }

    /// Makes sure that a seal is as long as it says before there is memory for it: it has an entry
    /// for each block that was walked, or, where not all were, no hole of a sparse file in it.
    fn check_seal_length(
        &self,
        segment: &Segment,
        header: &SealHeader,
    ) -> Result<Result<(), Fault>, Error> {
        let (expected, found) = (self.blocks_before + self.entries.1, header.blocks);
        if !self.holes && expected != found {
            return Ok(Err(Fault::SealMismatch { field: "block count", expected, found }));
        }
        let (start, needed) = (self.position.offset, header.seal_bytes);
        for at in (start..start + needed).step_by(PROBE_BYTES) {
            let stored = segment.next_data(at)? <= at;
            if !stored {
                return Ok(Err(Fault::CutShort { needed, remaining: at - start }));
            }
        }
        Ok(Ok(()))
    }

    fn compare_seal(
        &self,
        header: &SealHeader,
        bytes: &[u8],
        remaining: u64,
    ) -> Result<u32, Fault> {
        seal::decode(bytes, header, &self.position)?;
        if !self.holes {
            let (expected, found) =
                (self.position.next_lsn.wrapping_sub(self.first_lsn), header.events);
            if expected != found {
                return Err(Fault::SealMismatch { field: "event count", expected, found });
            }
            let entries = &bytes[SealHeader::BYTES..];
            let at = |blocks: u64| usize::try_from(blocks).unwrap_or(0) * SealEntry::BYTES;
            let walked = &entries[at(self.blocks_before)..at(header.blocks)];
            let stream = self.entries.0.clone();
            let (expected, found) = (stream.finish(), vexfs_kernels::sha256(walked));
            if expected != found {
                return Err(Fault::Digest { part: "block index", expected, found });
            }
        }
        let found = remaining - header.seal_bytes;
        if found > 0 { Err(Fault::TrailingBytes { found }) } else { Ok(header.kind) }
    }
}
