//! Appends the events, keeps the open transactions, gives out timestamps and payload bytes, and
//! sees to it that events are as long as the recipe says on the mean.

use vexfs_datasets::{Outcome, Recipe, Touch};

use super::{FIRST_TIMESTAMP_NS, Generated, POOL_BYTES};
use crate::error::Error;
use crate::event::{
    Body, EVENT_ALIGNMENT, EventHeader, EventType, TransactionBegin, TransactionEnd,
};
use crate::journal::{NewEvent, Transaction, Writer};

/// From one event to the next, in nanoseconds.
const TIMESTAMP_STEP_NS: u64 = 1_000;

pub(super) struct Output<'w, 'p> {
    pub(super) generated: Generated,
    writer: &'w Writer,
    /// Random bytes that payloads are cut from.
    pool: &'p [u8],
    /// By lane.
    open: Vec<Option<Transaction<'w>>>,
    /// By the number of the event type.
    counts: Vec<u64>,
    mean_payload_bytes: u32,
    /// How many bytes the payloads so far fall short of what was drawn, negative where they exceed
    /// it: many types have no room for what was drawn, and others make up for them.
    owed_bytes: i64,
    /// The payload at hand, to be measured.
    payload: Vec<u8>,
}

impl<'w, 'p> Output<'w, 'p> {
    pub(super) fn new(writer: &'w Writer, pool: &'p [u8], recipe: &Recipe, lanes: u16) -> Self {
        let last_code = EventType::ALL.iter().map(|event_type| event_type.code()).max();
        Self {
            generated: Generated::default(),
            writer,
            pool,
            open: (0..lanes).map(|_| None).collect(),
            counts: vec![0; usize::from(last_code.unwrap_or(0)) + 1],
            mean_payload_bytes: recipe.mean_payload_bytes,
            owed_bytes: 0,
            payload: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Generated {
        let count = |event_type: &EventType| self.counts[usize::from(event_type.code())];
        let counts = EventType::ALL.iter().map(|event_type| (*event_type, count(event_type)));
        Generated { by_type: counts.filter(|(_, count)| *count > 0).collect(), ..self.generated }
    }

    pub(super) fn begin(&mut self, lane: u16) -> Result<(), Error> {
        let session = u64::from(lane) + 1;
        let begun = self.writer.begin(self.now(), session)?;
        self.open[usize::from(lane)] = Some(begun);
        self.count(&Body::TransactionBegin(TransactionBegin { session }), self.mean_payload_bytes);
        Ok(())
    }

    pub(super) fn end(&mut self, lane: u16, outcome: Outcome) -> Result<(), Error> {
        let now = self.now();
        if let Some(transaction) = self.open[usize::from(lane)].take() {
            match outcome {
                Outcome::Commit => {
                    transaction.commit(now)?;
                    self.generated.committed += 1;
                }
                Outcome::Abort => {
                    transaction.abort(now)?;
                    self.generated.aborted += 1;
                }
            }
        }
        let measured = TransactionEnd { outcome: 0, events: 0, digest: [0; 32] };
        self.count(&Body::TransactionEnd(measured), self.mean_payload_bytes);
        Ok(())
    }

    /// Appends an event that is as long as it is.
    pub(super) fn append(&mut self, touch: &Touch, body: &Body<'_>) -> Result<(), Error> {
        let event = NewEvent::new(self.now(), *body);
        let transaction = touch.transaction.and_then(|lane| self.open[usize::from(lane)].as_mut());
        match transaction {
            Some(transaction) => transaction.append(&event)?,
            None => self.writer.append(&event)?,
        };
        self.count(body, touch.payload_bytes);
        Ok(())
    }

    /// Appends an event with so many bytes in it that it gets as long as was drawn, and somewhat
    /// longer or shorter where earlier ones were not.
    pub(super) fn append_filled<'b>(
        &mut self,
        touch: &Touch,
        body: impl Fn(&'p [u8]) -> Body<'b>,
    ) -> Result<(), Error> {
        self.payload.clear();
        body(&[]).encode(&mut self.payload);
        let drawn = i64::from(touch.payload_bytes);
        let wanted = drawn + self.owed_bytes.clamp(-drawn / 2, drawn / 2);
        let wanted = usize::try_from(wanted).unwrap_or(0);
        let data = self.bytes(touch.word, wanted.saturating_sub(self.payload.len()));
        self.append(touch, &body(data))
    }

    /// `length` bytes that look random; which ones depends on `word`.
    pub(super) fn bytes(&self, word: u64, length: usize) -> &'p [u8] {
        let start = usize::try_from(word >> 40).unwrap_or(0) % POOL_BYTES;
        &self.pool[start..start + length]
    }

    /// 32 bytes that stand in for the digest of a content.
    pub(super) fn digest(&self, word: u64) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.bytes(word.rotate_left(20), 32));
        digest
    }

    fn now(&self) -> u64 {
        FIRST_TIMESTAMP_NS + self.generated.events * TIMESTAMP_STEP_NS
    }

    fn count(&mut self, body: &Body<'_>, drawn_bytes: u32) {
        self.payload.clear();
        body.encode(&mut self.payload);
        let padded = self.payload.len().next_multiple_of(EVENT_ALIGNMENT) as u64;
        self.owed_bytes += i64::from(drawn_bytes) - i64::try_from(padded).unwrap_or(i64::MAX);
        self.counts[usize::from(body.event_type().code())] += 1;
        self.generated.events += 1;
        self.generated.event_bytes += EventHeader::BYTES as u64 + padded;
    }
}

/// A whole number from 0 to 99, out of 64 random bits; [`Output::bytes`] uses others of them.
pub(super) fn percent(word: u64) -> u64 {
    word % 100
}

/// A short name, built in place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    bytes: [u8; 32],
    length: usize,
}

impl Name {
    /// `prefix` and the number in hexadecimal.
    pub(super) fn new(prefix: &str, number: u32) -> Self {
        let mut name = Self { bytes: [0; 32], length: 0 };
        prefix.bytes().for_each(|byte| name.push(byte));
        name.number(number)
    }

    /// Adds a dot and the number in hexadecimal.
    pub(super) fn dot(mut self, number: u32) -> Self {
        self.push(b'.');
        self.number(number)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn number(mut self, number: u32) -> Self {
        let digits = (u32::BITS - number.leading_zeros()).div_ceil(4).max(1);
        for digit in (0..digits).rev() {
            let digit = (number >> (4 * digit)) as usize % 16;
            self.push(b"0123456789abcdef"[digit]);
        }
        self
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hexadecimal() {
        assert_eq!(Name::new("f", 0).dot(0x1F0).as_bytes(), b"f0.1f0");
        assert_eq!(Name::new("mount-", u32::MAX).dot(16).as_bytes(), b"mount-ffffffff.10");
    }
}
