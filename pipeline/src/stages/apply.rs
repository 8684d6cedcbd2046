//! Apply: one partition's effects, in the order in which they take place, onto its records.
//!
//! The time goes into waiting for memory: the records don't fit into a processor's cache, nor do
//! the events wait there. So effects are lined up in groups, and all that a group will touch is
//! asked for before any of it is used.

use std::ops::Range;

use vexfs_kernels::prefetch;

use super::decode::Decoded;
use super::partition::{Descriptor, Settlement};
use super::transactions::{Settled, body_at, event_at};
use crate::event::{Body, BodyVisitor};
use crate::replay::INCONSISTENCIES_MAX;
use crate::state::{
    self, Contradiction, Effect, EffectVisitor, Key, Records, Stamp, for_each_effect, visit_effects,
};

/// How many contradictions a partition remembers; it counts them all. As many as a pass tells, since
/// the first ones may all be of one partition.
const CONTRADICTIONS_MAX: usize = INCONSISTENCIES_MAX;
/// How many effects are made ready together.
const GROUP: usize = 32;
/// How many bytes of an event are asked for ahead.
pub(super) const EVENT_BYTES_AHEAD: usize = 256;

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
    /// The position of the last effect applied.
    last_position: u64,
    /// The first contradictions met.
    pub(crate) contradictions: Vec<Contradicted>,
    /// How many contradictions were met.
    pub(crate) contradiction_count: u64,
}

/// A share of work for all partitions.
#[derive(Clone, Debug)]
pub(crate) struct Work<'w> {
    /// The epoch's bytes.
    pub(crate) buffer: &'w [u8],
    /// What the workers found in it, in order.
    pub(crate) runs: &'w [Decoded],
    /// Which LSNs of it take place now, as far as they are outside of transactions.
    pub(crate) lsns: Range<u64>,
    /// What takes place at the ends of transactions.
    pub(crate) settled: &'w Settled,
}

/// Which bytes an effect's event lies in.
#[derive(Clone, Copy, Debug, Default)]
enum Source {
    /// Those of the epoch at hand.
    #[default]
    Epoch,
    /// Those that were read again at the end of a transaction.
    Reread,
}

/// An effect whose turn has come.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    descriptor: Descriptor,
    position: u64,
    source: Source,
}

impl Owner {
    /// Applies the partition's share of `work`.
    pub(crate) fn apply<R: Records>(&mut self, partition: usize, records: &mut R, work: &Work<'_>) {
        let (mut group, mut length) = ([Due::default(); GROUP], 0);
        work.line_up(partition, |due| {
            group[length] = due;
            length += 1;
            if length == GROUP {
                self.apply_group(&group, records, work);
                length = 0;
            }
        });
        self.apply_group(&group[..length], records, work);
    }

    fn apply_group<R: Records>(&mut self, group: &[Due], records: &mut R, work: &Work<'_>) {
        for it in group {
            records.prefetch_index(it.descriptor.tag);
            let event = &work.bytes_of(it)[it.descriptor.at() as usize..];
            prefetch(&event[..event.len().min(EVENT_BYTES_AHEAD)]);
        }
        group.iter().for_each(|it| records.prefetch_record(it.descriptor.tag));
        group.iter().for_each(|it| self.apply_one(it, work.bytes_of(it), records));
    }

    fn apply_one<R: Records>(&mut self, due: &Due, source: &[u8], records: &mut R) {
        let Due { descriptor, position, .. } = *due;
        let (lsn, after) = (descriptor.lsn, self.last_position);
        assert!(position >= after, "an effect of LSN {position} came after one of LSN {after}");
        self.last_position = position;
        let Some(event) = event_at(lsn, source, descriptor.at()) else { return };
        let stamp = Stamp { lsn, timestamp_ns: event.header.timestamp_ns };
        let one = One { records, descriptor, stamp, next: 0, contradiction: None };
        if let Ok(Some(Some(contradiction))) = event.body_for(one) {
            self.contradiction_count += 1;
            if self.contradictions.len() < CONTRADICTIONS_MAX {
                let effect = descriptor.effect();
                self.contradictions.push(Contradicted { position, lsn, effect, contradiction });
            }
        }
    }
}

/// Applies one of an event's effects.
struct One<'r, R> {
    records: &'r mut R,
    descriptor: Descriptor,
    stamp: Stamp,
    /// The number of the next effect that comes.
    next: u32,
    contradiction: Option<Contradiction>,
}

impl<'a, R: Records> BodyVisitor<'a> for One<'_, R> {
    type Out = Option<Contradiction>;

    #[inline(always)]
    fn visit(mut self, body: Body<'a>) -> Option<Contradiction> {
        visit_effects(&body, &mut self);
        self.contradiction
    }
}

impl<'a, R: Records> EffectVisitor<'a> for One<'_, R> {
    #[inline(always)]
    fn visit(&mut self, effect: Effect<'a>) {
        if self.next == self.descriptor.effect() {
            let tag = self.descriptor.tag;
            self.contradiction = state::apply(self.records, tag, &effect, self.stamp);
        }
        self.next += 1;
    }
}

impl<'w> Work<'w> {
    /// Visits the keys of the partition's effects, with their tags. Some come more than once.
    pub(super) fn for_each_key(&self, partition: usize, mut visit: impl FnMut(u32, Key<'w>)) {
        self.line_up(partition, |due| {
            let Descriptor { lsn, tag, .. } = due.descriptor;
            let Some((_, body)) = body_at(lsn, self.bytes_of(&due), due.descriptor.at()) else {
                return;
            };
            let mut number = 0;
            for_each_effect(&body, |it| {
                if number == due.descriptor.effect() {
                    visit(tag, it.key);
                }
                number += 1;
            });
        });
    }

    fn bytes_of(&self, due: &Due) -> &'w [u8] {
        match due.source {
            Source::Epoch => self.buffer,
            Source::Reread => &self.settled.bytes,
        }
    }

    /// Visits the partition's effects in the order in which they take place: those of the runs, and
    /// before each of them what transactions that ended earlier have left to do.
    #[inline(always)]
    fn line_up(&self, partition: usize, mut visit: impl FnMut(Due)) {
        let Settled { reread, here, .. } = self.settled;
        let mut unsettled = Unsettled { again: reread.of(partition), here: here.of(partition) };
        for run in self.runs {
            for &descriptor in self.now(run.buckets.of(partition)) {
                let position = descriptor.lsn;
                while let Some(due) = unsettled.next_before(position) {
                    visit(due);
                }
                visit(Due { descriptor, position, source: Source::Epoch });
            }
        }
        while let Some(due) = unsettled.next_before(u64::MAX) {
            visit(due);
        }
    }

    /// What of a bucket takes place now.
    fn now<'b>(&self, bucket: &'b [Descriptor]) -> &'b [Descriptor] {
        // Nearly always all of it. Then the search, which would touch memory that isn't needed yet,
        // is spared.
        if self.lsns == (0..u64::MAX) {
            return bucket;
        }
        let below = |limit| bucket.partition_point(|it| it.lsn < limit);
        &bucket[below(self.lsns.start)..below(self.lsns.end)]
    }
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
