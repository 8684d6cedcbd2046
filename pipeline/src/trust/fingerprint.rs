//! The fingerprint of an event: what of it doesn't depend on its place in the journal.
//!
//! Someone who takes events away, or puts some in, must give all that follow new numbers. So what
//! is made of LSNs is left out: the event's own, the id of its transaction (that it is in one is kept),
//! and the digest in a record that ends a transaction. Fingerprints tell *what* happened; *that* something
//! did is told by the blocks' digests, which leave nothing out.

use vexfs_kernels::sha256;

use crate::event::{Event, EventHeader, EventIter, EventType};
use crate::journal::block;
use crate::journal::layout::BlockHeader;

/// An event, whatever its place.
pub(super) type Fingerprint = u64;

/// Where an event's transaction lies in it, in bytes, and its LSN.
const TRANSACTION: std::ops::Range<usize> = 16..24;
const LSN_LOW: std::ops::Range<usize> = 28..32;
/// Where the digest lies in the payload of a record that ends a transaction, in bytes.
const END_DIGEST: std::ops::Range<usize> = 12..44;

fn first_bytes(bytes: &[u8]) -> Fingerprint {
    let mut first = [0; size_of::<Fingerprint>()];
    first.copy_from_slice(&sha256(bytes)[..size_of::<Fingerprint>()]);
    Fingerprint::from_le_bytes(first)
}

fn of_event(event: &Event<'_>, scratch: &mut Vec<u8>) -> Fingerprint {
    scratch.clear();
    scratch.extend_from_slice(event.bytes());
    let member = u64::from(event.header.transaction != 0);
    scratch[TRANSACTION].copy_from_slice(&member.to_le_bytes());
    scratch[LSN_LOW].fill(0);
    let ends = event.header.event_type == EventType::TransactionEnd.code();
    if ends && event.payload().len() >= END_DIGEST.end {
        scratch[EventHeader::BYTES..][END_DIGEST].fill(0);
    }
    first_bytes(scratch)
}

/// What is no event: it is like nothing that was signed.
pub(super) fn of_garbage(bytes: &[u8]) -> Fingerprint {
    first_bytes(&[b"no event", bytes].concat())
}

/// Appends the fingerprints of a block's events, as far as they can be told apart; false where not all
/// of the payload is events. What follows the last event then has a fingerprint of its own.
pub(super) fn of_block(header: &BlockHeader, bytes: &[u8], out: &mut Vec<Fingerprint>) -> bool {
    let payload = block::payload(header, bytes);
    let (mut scratch, mut at) = (Vec::new(), 0);
    for event in EventIter::new(payload, header.first_lsn, header.event_count) {
        let Ok(event) = event else {
            out.push(of_garbage(&payload[at..]));
            return false;
        };
        at += event.bytes().len();
        out.push(of_event(&event, &mut scratch));
    }
    true
}
