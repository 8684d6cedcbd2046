//! Partition: effects, told apart by the partition that owns their key. What travels is a small
//! descriptor; the event stays where it was read.

use crate::event::{Body, Event};
use crate::state::{PARTITIONS, for_each_effect, partition_of};

/// One effect: where its event lies and when it takes place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor {
    /// The hash of its key.
    pub(crate) hash: u64,
    /// The LSN at which it takes place: its event's own, or that of its transaction's end.
    pub(crate) position: u64,
    /// The LSN of its event.
    pub(crate) lsn: u64,
    /// Where its event starts in the buffer, in bytes.
    pub(crate) at: u32,
    /// Which of its event's effects it is.
    pub(crate) effect: u8,
}

/// Descriptors by partition, each partition's in the order in which they take place.
#[derive(Debug)]
pub(crate) struct Buckets(Vec<Vec<Descriptor>>);

impl Default for Buckets {
    fn default() -> Self {
        Self(vec![Vec::new(); PARTITIONS])
    }
}

impl Buckets {
    /// Adds the effects of an event that lies at `at` and takes place at `position`.
    #[inline]
    pub(crate) fn route(&mut self, event: &Event<'_>, body: &Body<'_>, at: u32, position: u64) {
        let mut effect = 0;
        for_each_effect(body, |it| {
            let hash = it.key.hash();
            let descriptor = Descriptor { hash, position, lsn: event.lsn, at, effect };
            self.0[partition_of(hash)].push(descriptor);
            effect += 1;
        });
    }

    /// The descriptors of one partition.
    pub(crate) fn of(&self, partition: usize) -> &[Descriptor] {
        &self.0[partition]
    }

    /// Takes back what was routed from `at` on.
    pub(crate) fn cut(&mut self, at: u32) {
        for bucket in &mut self.0 {
            let keep = bucket.partition_point(|descriptor| descriptor.at < at);
            bucket.truncate(keep);
        }
    }

    /// Empties the buckets and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(Vec::clear);
    }
}
