//! The kernel's semantic journal ("SEMJ"): its layout, and how its events and ours are made of each other.
//! Bytes alone; [`crate::import`] and [`crate::export`] know files and journals.
//!
//! Law: what [`to_kernel`] makes of a native event leads back to it byte for byte, and what is imported leads
//! back to the kernel event that it was. `docs/semj.md` specifies both, and what the kernel's documents leave
//! open.

mod agents;
mod fault;
mod kernel;
mod layout;
mod native;
mod runs;

pub use fault::SemjFault;
pub use layout::*;

pub(crate) use agents::Agents;
pub(crate) use fault::Refusal;
pub(crate) use kernel::{Scratch, TooMuch, to_kernel};
pub(crate) use native::{Form, check_checksum, check_lengths};

use crate::event::Event;
use vexfs_kernels::crc32_linux;

/// The checksum of a whole event: its own field counts as zero.
fn event_checksum(event: &[u8]) -> u32 {
    [&event[..CHECKSUM_AT], &[0; 4], &event[CHECKSUM_AT + 4..]].into_iter().fold(0, crc32_linux)
}

/// The checksum of a file's header: its own field counts as zero.
pub(crate) fn header_checksum(header: &SemjFileHeader) -> u32 {
    let mut bytes = [0; SemjFileHeader::BYTES];
    SemjFileHeader { header_checksum: 0, ..*header }.write(&mut bytes);
    crc32_linux(0, &bytes)
}

/// Writes the native event that a kernel event stands for over `native`, having seen that it leads back to
/// just this kernel event. `last_id` is the id of the kernel event before it, 0 for none.
pub(crate) fn to_native(
    kernel: &[u8],
    (lsn, last_id): (u64, u64),
    native: &mut Vec<u8>,
    (again, scratch): (&mut Vec<u8>, &mut Scratch),
) -> Result<Form, Refusal> {
    let form = native::to_native(kernel, lsn, native)?;
    let event = Event::read(lsn, native).map_err(|it| Refusal { at: 0, fault: it.into() })?;
    let same = to_kernel(&event, last_id, again, scratch).is_ok() && again == kernel;
    if same {
        return Ok(form);
    }
    // The checksum differs wherever anything does.
    let differs = |&at: &usize| !(CHECKSUM_AT..CHECKSUM_AT + 4).contains(&at);
    let at = (0..kernel.len()).filter(differs).find(|&at| again.get(at) != kernel.get(at));
    let at = at.unwrap_or(0);
    let header = SemjEventHeader::read(kernel);
    let (payload, metadata) = (header.payload_bytes as usize, header.metadata_bytes as usize);
    let field = fault::field_at(at, payload, metadata);
    Err(Refusal { at, fault: SemjFault::NotCanonical { field } })
}
