//! A journal of well-formed events with hostile values: few keys, so that events meet, numbers at
//! the ends of their range, transactions that end rightly, wrongly or never.
//!
//! An event takes a byte for its type, one for its transaction, one for each number and one for
//! each string; so what a fuzzer does to a story leaves a story.

use std::collections::BTreeMap;
use std::sync::Arc;

use vexfs_replay::event::{Body, EventType, TransactionEnd};
use vexfs_replay::journal::{NewEvent, TransactionDigest, Writer};
use vexfs_replay::storage::MemoryFolder;

use crate::Segments;
use crate::bases::{OPTIONS, segments_of};

/// How many events a story has at most.
const EVENTS_MAX: usize = 200;
/// How many transactions a story speaks of.
const TRANSACTIONS: u8 = 4;
/// In the byte of a transaction: its end says what isn't true of it.
const WRONG_DIGEST: u8 = 0x80;

/// The journal that tells the story of `input`.
#[must_use]
pub fn told(input: &[u8]) -> Segments {
    let folder = MemoryFolder::default();
    let writer = Writer::create(Arc::new(folder.clone()), OPTIONS).expect("memory");
    let mut teller = Teller { writer, open: BTreeMap::new(), ids: BTreeMap::new() };
    let mut bytes = input.iter().copied();
    for _ in 0..EVENTS_MAX {
        if teller.event(&mut bytes).is_none() {
            break;
        }
    }
    teller.writer.commit().expect("memory");
    drop(teller);
    segments_of(&folder)
}

struct Teller {
    writer: Writer,
    /// What each transaction holds so far, by its id.
    open: BTreeMap<u64, TransactionDigest>,
    /// The latest transaction under each number that the story gives.
    ids: BTreeMap<u8, u64>,
}

impl Teller {
    fn event(&mut self, bytes: &mut impl Iterator<Item = u8>) -> Option<()> {
        let (code, transaction) = (bytes.next()?, bytes.next()?);
        let event_type = EventType::ALL[usize::from(code) % EventType::ALL.len()];
        let payload = payload(event_type, bytes);
        let mut body = Body::decode(event_type, &payload).expect("its parts add up");
        let number = transaction % TRANSACTIONS;
        let timestamp_ns = u64::from(transaction);
        if let Body::TransactionBegin(_) = body {
            // An id that isn't the LSN of its begin record is a fault that a reader must meet, too.
            if transaction & WRONG_DIGEST == 0 {
                let id = self.writer.begin(timestamp_ns, 0).expect("memory").id();
                self.ids.insert(number, id);
                self.open.insert(id, TransactionDigest::default());
                return Some(());
            }
        }
        let id =
            if number == 0 { 0 } else { self.ids.get(&number).copied().unwrap_or(number.into()) };
        if let (Body::TransactionEnd(end), 0) = (&mut body, transaction & WRONG_DIGEST) {
            let digest = self.open.remove(&id).unwrap_or_default();
            let events = digest.events();
            *end = TransactionEnd { events, digest: digest.finish(), ..*end };
        }
        let new = NewEvent { transaction: id, ..NewEvent::new(timestamp_ns, body) };
        let appended = self.writer.append(&new).expect("it is short enough");
        if let Some(digest) = self.open.get_mut(&id) {
            digest.add(appended.lsn, appended.crc);
        }
        Some(())
    }
}

/// A payload of this type whose parts add up. Where the bytes are at their end, zeros follow.
fn payload(event_type: EventType, bytes: &mut impl Iterator<Item = u8>) -> Vec<u8> {
    let (rows, strings) = event_type.payload_layout();
    let (mut payload, mut texts) = (Vec::new(), Vec::new());
    let scalars = rows.len() - strings.len();
    for (index, (_, _, kind)) in rows.into_iter().enumerate() {
        let byte = bytes.next().unwrap_or(0);
        if index >= scalars {
            let length = u32::from(byte & 7);
            payload.extend(length.to_le_bytes());
            texts.extend((0..length).map(|_| byte >> 3));
            continue;
        }
        let number = number(byte).to_le_bytes();
        match kind {
            "u64" | "f64" => payload.extend(number),
            "u32" | "f32" => payload.extend(&number[..4]),
            "u16" => payload.extend(&number[..2]),
            "u8" => payload.extend(&number[..1]),
            _ => payload.extend([byte; 32]),
        }
    }
    payload.extend(texts);
    payload
}

/// Small numbers mostly, so that they meet; else those at the ends of a range.
pub(crate) fn number(byte: u8) -> u64 {
    match byte {
        0..=0xEF => u64::from(byte & 7),
        0xF0..=0xF7 => u64::MAX - u64::from(byte & 7),
        0xF8..=0xFB => (1 << 63) + u64::from(byte & 3) - 2,
        _ => (1 << 32) + u64::from(byte & 3) - 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes;

    #[test]
    fn a_story_is_a_whole_journal_with_transactions_that_commit() {
        let code = |wanted| {
            let place = EventType::ALL.iter().position(|&it| it == wanted);
            place.and_then(|place| u8::try_from(place).ok()).expect("there are few types")
        };
        let (begin, end) = (code(EventType::TransactionBegin), code(EventType::TransactionEnd));
        let story = [
            &[begin, 1, 0][..],
            &[code(EventType::Metric), 1, 7, 2, 3],
            &[code(EventType::AgentDecision), 0, 1, 2, 3, 4],
            &[end, 1, 1, 0, 0],
        ];
        let outcome = passes::check_intact(&told(&story.concat()));
        assert!(outcome.findings.transactions.committed == 1, "{outcome:?}");
    }
}
