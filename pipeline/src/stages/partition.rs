//! Partition: effects, told apart by the partition that owns their key. What travels is a small
//! descriptor; the event stays where it was read.

use crate::event::{Body, EVENT_ALIGNMENT};
use crate::replay::Choice;
use crate::state::{Effect, EffectVisitor, Home, PARTITIONS, visit_effects};

/// One effect: where its event lies, and what is known of its key. Kept small: every effect is
/// written to memory and read again as one of these.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Descriptor {
    /// The LSN of its event.
    pub(crate) lsn: u64,
    /// The tag of its key.
    pub(crate) tag: u32,
    /// Where its event starts, and in the low bits which of its event's effects it is.
    place: u32,
}

/// An event has fewer effects than this.
const EFFECTS_LIMIT: u32 = 8;
const _: () =
    assert!(EFFECTS_LIMIT as usize <= EVENT_ALIGNMENT, "the low bits of a place are free");

impl Descriptor {
    /// Where its event starts, in bytes.
    #[inline]
    pub(crate) fn at(self) -> u32 {
        self.place - self.effect()
    }

    /// Which of its event's effects it is.
    #[inline]
    pub(crate) fn effect(self) -> u32 {
        self.place % EFFECTS_LIMIT
    }
}

/// An effect that takes place at the end of a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settlement {
    /// The effect.
    pub(crate) descriptor: Descriptor,
    /// The LSN of the transaction's end.
    pub(crate) position: u64,
}

/// Effects by partition, each partition's in the order in which they take place.
#[derive(Debug)]
pub(crate) struct Buckets<D>(Vec<Vec<D>>);

impl<D: Clone> Default for Buckets<D> {
    fn default() -> Self {
        Self(vec![Vec::new(); PARTITIONS])
    }
}

impl<D> Buckets<D> {
    /// Adds the chosen effects of an event that lies at `at`, each as what `made` makes of it.
    #[inline(always)]
    pub(crate) fn route(
        &mut self,
        (lsn, at): (u64, u32),
        body: &Body<'_>,
        choice: &impl Choice,
        made: impl Fn(Descriptor) -> D,
    ) {
        debug_assert!(at.is_multiple_of(EFFECTS_LIMIT), "an event at {at}");
        visit_effects(body, &mut Route { buckets: self, lsn, place: at, choice, made });
    }

    /// The effects of one partition.
    pub(crate) fn of(&self, partition: usize) -> &[D] {
        &self.0[partition]
    }

    /// How much memory the buckets take, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let effects = self.0.iter().map(Vec::capacity).sum::<usize>();
        ((effects * size_of::<D>()) + size_of_val(&*self.0)) as u64
    }

    /// Empties the buckets and keeps their memory.
    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(Vec::clear);
    }
}

/// Routes the effects of one event.
struct Route<'b, D, C, M> {
    buckets: &'b mut Buckets<D>,
    lsn: u64,
    place: u32,
    choice: &'b C,
    made: M,
}

impl<'a, D, C: Choice, M: Fn(Descriptor) -> D> EffectVisitor<'a> for Route<'_, D, C, M> {
    #[inline(always)]
    fn visit(&mut self, effect: Effect<'a>) {
        if self.choice.selects_key(&effect.key) {
            let Home { partition, tag } = effect.key.home();
            let descriptor = Descriptor { lsn: self.lsn, tag, place: self.place };
            self.buckets.0[partition].push((self.made)(descriptor));
        }
        self.place += 1;
    }
}

impl Buckets<Descriptor> {
    /// Takes back what was routed from `at` on.
    pub(crate) fn cut(&mut self, at: u32) {
        for bucket in &mut self.0 {
            let keep = bucket.partition_point(|descriptor| descriptor.at() < at);
            bucket.truncate(keep);
        }
    }
}
