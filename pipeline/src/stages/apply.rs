//! Apply: one partition's effects, in the order in which they take place, onto its records.

use vexfs_kernels::prefetch;

use super::decode::Decoded;
use super::partition::{Descriptor, Settlement};
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
    pub(crate) effect: u32,
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
    /// The effects at hand, in the order in which they take place. Used again and again.
    due: Vec<Due>,
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

/// How many effects are made ready together: all their memory is asked for before any is used.
const GROUP: usize = 32;
/// How many bytes of an event it is told of.
pub(super) const EVENT_BYTES_AHEAD: usize = 128;

/// An effect whose turn has come.
#[derive(Clone, Copy, Debug)]
struct Due {
    descriptor: Descriptor,
    position: u64,
    source: Source,
}

/// Which bytes an effect's event lies in.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// Those of the epoch at hand.
    Epoch,
    /// Those that were read again at the end of a transaction.
    Reread,
}

/// What transactions have left to do.
struct Unsettled<'w> {
    again: &'w [Settlement],
    here: &'w [Settlement],
}

impl Unsettled<'_> {
    /// The next effect, where it takes place before `position`. Of one transaction, what was read
    /// again comes from earlier epochs and so goes first.
    #[inline]
    fn next_before(&mut self, position: u64) -> Option<Due> {
        let first = |list: &[Settlement]| list.first().map_or(u64::MAX, |it| it.position);
        let (again, here) = (first(self.again), first(self.here));
        if again.min(here) >= position {
            return None;
        }
        let (list, source) = if again <= here {
            (&mut self.again, Source::Reread)
        } else {
            (&mut self.here, Source::Epoch)
        };
        let Settlement { descriptor, position } = *list.split_off_first()?;
        Some(Due { descriptor, position, source })
    }
}

impl Owner {
    /// Applies the partition's share of `work`.
    pub(crate) fn apply<R: Records>(&mut self, partition: usize, records: &mut R, work: &Work<'_>) {
        self.line_up(partition, work);
        let due = std::mem::take(&mut self.due);
        let bytes_of = |it: &Due| match it.source {
            Source::Epoch => work.buffer,
            Source::Reread => &work.settled.bytes[..],
        };
        for group in due.chunks(GROUP) {
            for it in group {
                records.prefetch_index(it.descriptor.tag);
                let event = &bytes_of(it)[it.descriptor.at() as usize..];
                prefetch(&event[..event.len().min(EVENT_BYTES_AHEAD)]);
            }
            group.iter().for_each(|it| records.prefetch_record(it.descriptor.tag));
            group.iter().for_each(|it| self.one(it, bytes_of(it), records));
        }
        self.due = due;
        self.due.clear();
    }

    /// Lines up the partition's effects in the order in which they take place: those of the runs,
    /// and before each of them what transactions that ended earlier have left to do.
    fn line_up(&mut self, partition: usize, work: &Work<'_>) {
        if self.epoch != work.epoch {
            self.epoch = work.epoch;
            self.cursors.clear();
            self.cursors.resize(work.runs.len(), 0);
        }
        let Settled { reread, here, .. } = work.settled;
        let mut unsettled = Unsettled { again: reread.of(partition), here: here.of(partition) };
        for (run, cursor) in work.runs.iter().zip(&mut self.cursors) {
            let bucket = &run.buckets.of(partition)[*cursor..];
            let is_due = |it: &Descriptor| it.lsn < work.before;
            // Nearly always all of it: then the search, which would touch memory not yet needed, is spared.
            let all = bucket.last().is_none_or(is_due);
            let now = if all { bucket } else { &bucket[..bucket.partition_point(is_due)] };
            *cursor += now.len();
            for &descriptor in now {
                let position = descriptor.lsn;
                self.due.extend(std::iter::from_fn(|| unsettled.next_before(position)));
                self.due.push(Due { descriptor, position, source: Source::Epoch });
            }
        }
        self.due.extend(std::iter::from_fn(|| unsettled.next_before(u64::MAX)));
    }

    fn one<R: Records>(&mut self, due: &Due, source: &[u8], records: &mut R) {
        let Due { descriptor, position, .. } = *due;
        let (lsn, after) = (descriptor.lsn, self.last_position);
        assert!(position >= after, "an effect of LSN {position} came after one of LSN {after}");
        self.last_position = position;
        let Some((event, body)) = body_at(lsn, source, descriptor.at()) else { return };
        let stamp = Stamp { lsn, timestamp_ns: event.header.timestamp_ns };
        let mut number = 0;
        let mut contradiction = None;
        for_each_effect(&body, |it| {
            if number == descriptor.effect() {
                contradiction = state::apply(records, descriptor.tag, &it, stamp);
            }
            number += 1;
        });
        if let Some(contradiction) = contradiction {
            self.contradiction_count += 1;
            if self.contradictions.len() < CONTRADICTIONS_MAX {
                let effect = descriptor.effect();
                self.contradictions.push(Contradicted { position, lsn, effect, contradiction });
            }
        }
    }
}
