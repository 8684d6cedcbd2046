//! Apply: one partition's effects, in the order in which they take place, onto its records.

use super::decode::Decoded;
use super::partition::Descriptor;
use super::transactions::{Settled, body_at};
use crate::replay::INCONSISTENCIES_MAX;
use crate::state::{self, Contradiction, Records, Stamp, for_each_effect};

/// How many contradictions a partition remembers; it counts them all. As many as a pass tells, since
/// the first ones may all be of one partition.
const CONTRADICTIONS_MAX: usize = INCONSISTENCIES_MAX;

/// An effect that contradicts what is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contradicted {
    /// The LSN at which it takes place.
    pub(crate) position: u64,
    /// The LSN of its event.
    pub(crate) lsn: u64,
    /// Which of its event's effects it is.
    pub(crate) effect: u8,
    /// How it does.
    pub(crate) contradiction: Contradiction,
}

/// What a partition's owner keeps beside its records.
#[derive(Debug, Default)]
pub(crate) struct Owner {
    /// The epoch whose buckets the cursors are in.
    epoch: u64,
    /// How far each worker's bucket is applied.
    cursors: Vec<usize>,
    /// The position of the last effect applied.
    last_position: u64,
    /// The first contradictions met.
    pub(crate) contradictions: Vec<Contradicted>,
    /// How many contradictions were met.
    pub(crate) contradiction_count: u64,
}

/// A share of work for all partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work<'w> {
    /// Which epoch it is of, counted from 1.
    pub(crate) epoch: u64,
    /// The epoch's bytes.
    pub(crate) buffer: &'w [u8],
    /// What the workers found in it, in order.
    pub(crate) runs: &'w [Decoded],
    /// What takes place of them now: all before this position.
    pub(crate) before: u64,
    /// What takes place at the ends of transactions.
    pub(crate) settled: &'w Settled,
}

/// Effects that still have to take place, and the bytes in which their events lie.
struct Pending<'w> {
    list: &'w [Descriptor],
    source: &'w [u8],
}

impl Pending<'_> {
    fn position(&self) -> u64 {
        self.list.first().map_or(u64::MAX, |first| first.position)
    }
}

impl Owner {
    /// Applies the partition's share of `work`.
    pub(crate) fn apply<R: Records>(&mut self, partition: usize, records: &mut R, work: &Work<'_>) {
        if self.epoch != work.epoch {
            self.epoch = work.epoch;
            self.cursors.clear();
            self.cursors.resize(work.runs.len(), 0);
        }
        let settled = work.settled;
        let mut pending = [
            Pending { list: settled.reread.of(partition), source: &settled.bytes },
            Pending { list: settled.here.of(partition), source: work.buffer },
        ];
        for (index, run) in work.runs.iter().enumerate() {
            let bucket = run.buckets.of(partition);
            while let Some(next) = bucket.get(self.cursors[index]) {
                self.settle_before(next.position, &mut pending, records);
                if next.position >= work.before {
                    break;
                }
                self.one(next, work.buffer, records);
                self.cursors[index] += 1;
            }
        }
        self.settle_before(u64::MAX, &mut pending, records);
    }

    /// Applies what transactions that ended before `position` left to do. Of one transaction, what
    /// was read again comes from earlier epochs and so goes first.
    fn settle_before<R: Records>(
        &mut self,
        position: u64,
        [again, here]: &mut [Pending<'_>; 2],
        records: &mut R,
    ) {
        loop {
            let (from_again, from_here) = (again.position(), here.position());
            if from_again.min(from_here) >= position {
                return;
            }
            let pending = if from_again <= from_here { &mut *again } else { &mut *here };
            if let Some((first, rest)) = pending.list.split_first() {
                self.one(first, pending.source, records);
                pending.list = rest;
            }
        }
    }

    fn one<R: Records>(&mut self, descriptor: &Descriptor, source: &[u8], records: &mut R) {
        let Descriptor { hash, position, lsn, at, effect } = *descriptor;
        let after = self.last_position;
        assert!(position >= after, "an effect of LSN {position} came after one of LSN {after}");
        self.last_position = position;
        let Some((event, body)) = body_at(lsn, source, at) else { return };
        let stamp = Stamp { lsn, timestamp_ns: event.header.timestamp_ns };
        let mut number = 0;
        let mut contradiction = None;
        for_each_effect(&body, |it| {
            if number == effect {
                contradiction = state::apply(records, hash, &it, stamp);
            }
            number += 1;
        });
        if let Some(contradiction) = contradiction {
            self.contradiction_count += 1;
            if self.contradictions.len() < CONTRADICTIONS_MAX {
                self.contradictions.push(Contradicted { position, lsn, effect, contradiction });
            }
        }
    }
}
