//! A transaction, on the writer's side, and the digest that its end record carries.

use vexfs_kernels::{Digest, Sha256Stream};

use super::writer::{Appended, NewEvent, Writer};
use crate::error::Error;
use crate::event::{Body, TransactionEnd, transaction_outcome};

/// The running digest over a transaction's events: SHA-256 over the LSN (u64) and the CRC32C (u32)
/// of each in turn, little-endian.
#[derive(Clone, Debug, Default)]
pub struct TransactionDigest {
    stream: Sha256Stream,
    events: u64,
}

impl TransactionDigest {
    /// Takes in the next event.
    pub fn add(&mut self, lsn: u64, crc: u32) {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&lsn.to_le_bytes());
        bytes[8..].copy_from_slice(&crc.to_le_bytes());
        self.stream.update(&bytes);
        self.events += 1;
    }

    /// How many events it has taken in.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The digest over all of them.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.stream.finish()
    }
}

/// A transaction that is being written. Dropped without an end, it stays unfinished in the journal,
/// and replay leaves it out.
#[derive(Debug)]
pub struct Transaction<'w> {
    writer: &'w Writer,
    id: u64,
    digest: TransactionDigest,
}

impl<'w> Transaction<'w> {
    pub(super) fn new(writer: &'w Writer, id: u64) -> Self {
        Self { writer, id, digest: TransactionDigest::default() }
    }

    /// The transaction's id: the LSN of its begin record.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Appends an event to the transaction.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn append(&mut self, event: &NewEvent<'_>) -> Result<Appended, Error> {
        let appended = self.writer.append(&NewEvent { transaction: self.id, ..*event })?;
        self.digest.add(appended.lsn, appended.crc);
        Ok(appended)
    }

    /// Ends the transaction; its effects take place at the LSN returned, once that is durable.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn commit(self, timestamp_ns: u64) -> Result<u64, Error> {
        self.end(timestamp_ns, transaction_outcome::COMMIT)
    }

    /// Ends the transaction without effect.
    ///
    /// # Errors
    /// As [`Writer::append`].
    pub fn abort(self, timestamp_ns: u64) -> Result<u64, Error> {
        self.end(timestamp_ns, transaction_outcome::ABORT)
    }

    fn end(self, timestamp_ns: u64, outcome: u32) -> Result<u64, Error> {
        let (events, digest) = (self.digest.events(), self.digest.finish());
        let body = Body::TransactionEnd(TransactionEnd { outcome, events, digest });
        let end = NewEvent { transaction: self.id, ..NewEvent::new(timestamp_ns, body) };
        Ok(self.writer.append(&end)?.lsn)
    }
}
