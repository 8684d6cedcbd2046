//! Decode: finds the events of verified blocks, counts them, routes the effects of those outside
//! of transactions, and lists those that belong to one.

use serde::{Deserialize, Serialize};
use vexfs_kernels::{Digest, Kernel, crc32c};

use super::partition::{Buckets, Descriptor};
use super::verify;
use crate::event::{
    Body, BodyVisitor, Class, Event, EventIter, EventType, Malformed, OPTIONAL_TYPE_BIT,
    family_bit, low_bits,
};
use crate::journal::block;
use crate::journal::damage::Fault;
use crate::journal::layout::BlockHeader;
use crate::journal::{Frame, Validation};
use crate::profile::{Laps, Profiler, Stage};
use crate::replay::{All, Choice, Filter};

/// How the events of a journal are to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'r> {
    pub(crate) validation: Validation,
    /// What computes the digests of blocks.
    pub(crate) kernel: Kernel,
    /// What takes place up to this LSN has taken place before. Of events up to here only those of
    /// transactions matter, which may still be open.
    pub(crate) after_lsn: u64,
    /// Events after this LSN are passed over.
    pub(crate) until_lsn: u64,
    /// Stop at the first bad block, instead of passing it over.
    pub(crate) stop_at_fault: bool,
    /// Someone wants the effects.
    pub(crate) route: bool,
    /// Which events and effects they are, where not all.
    pub(crate) filter: Option<&'r Filter>,
    /// Someone wants to know of every event that takes no effect.
    pub(crate) list_skipped: bool,
    /// Not all blocks are read, so that transactions can't be proven whole.
    pub(crate) gaps: bool,
    /// Who wants to know where the time goes.
    pub(crate) profiler: Option<&'r Profiler>,
}

/// An event's part in its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Begin,
    Member,
    End,
}

/// An event that belongs to a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransactionEvent {
    pub(crate) transaction: u64,
    pub(crate) lsn: u64,
    pub(crate) at: u32,
    pub(crate) crc: u32,
    pub(crate) role: Role,
    /// Its effects are wanted.
    pub(crate) selected: bool,
}

/// How many events there were of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All events.
    pub events: u64,
    /// Those that change state, whether or not their transaction committed.
    pub mutations: u64,
    /// Those that are only observed.
    pub observations: u64,
    /// Those of an unknown type that may be passed over.
    pub unknown: u64,
    /// Those that a selective replay chose, whether or not their transaction committed; else 0.
    pub selected: u64,
}

impl Tally {
    /// Counts an event of this class, or of an unknown type.
    #[inline(always)]
    pub(crate) fn count(&mut self, class: Option<Class>) {
        self.events += 1;
        match class {
            Some(Class::Mutation) => self.mutations += 1,
            Some(Class::Observation) => self.observations += 1,
            Some(Class::Boundary) => {}
            None => self.unknown += 1,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.mutations += other.mutations;
        self.observations += other.observations;
        self.unknown += other.unknown;
        self.selected += other.selected;
    }
}

/// A bad block, which leaves nothing behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BadBlock {
    pub(crate) frame: Frame,
    pub(crate) fault: Fault,
    /// What its worker had counted before it.
    before: Tally,
}

/// What one worker found in its run of blocks. Used again and again.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) buckets: Buckets<Descriptor>,
    pub(crate) transactional: Vec<TransactionEvent>,
    pub(crate) tally: Tally,
    pub(crate) faults: Vec<BadBlock>,
    /// Transactions and LSNs of events of unknown types, where somebody wants to know of them, and
    /// where they lie.
    pub(crate) unknown: Vec<(u64, u64, u32)>,
    /// How many of the digests that were given were wrong.
    pub(crate) wrongly_given: u64,
    digests: Vec<Digest>,
}

impl Decoded {
    /// How much memory it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let transactional = self.transactional.capacity() * size_of::<TransactionEvent>();
        self.buckets.memory_bytes() + transactional as u64
    }

    pub(crate) fn clear(&mut self) {
        self.buckets.clear();
        self.transactional.clear();
        self.tally = Tally::default();
        self.faults.clear();
        self.unknown.clear();
        self.wrongly_given = 0;
    }

    /// Verifies and decodes `frames`. Some of their digests may be given by an accelerator.
    pub(crate) fn run(
        &mut self,
        frames: &[Frame],
        buffer: &[u8],
        given: &[Option<Digest>],
        reading: Reading<'_>,
    ) {
        self.clear();
        let mut digests = std::mem::take(&mut self.digests);
        let mut laps = Laps::start(reading.profiler);
        for (number, batch) in frames.chunks(verify::BATCH).enumerate() {
            let given = given.get(number * verify::BATCH..).unwrap_or_default();
            verify::compute_digests(batch, buffer, given, reading, &mut digests);
            laps.lap_of_blocks(batch.len());
            for (index, frame) in batch.iter().enumerate() {
                let block = frame.block(buffer);
                let (given, digest) = (given.get(index).copied().flatten(), digests.get(index));
                let mut checked = verify::check(frame, block, digest, reading.validation);
                if given.is_some() && checked.is_err() {
                    // What another one says is no proof of damage.
                    let digest = vexfs_kernels::sha256(block::digest_range(block));
                    self.wrongly_given += u64::from(given != Some(digest));
                    checked = verify::check(frame, block, Some(&digest), reading.validation);
                }
                laps.lap(Stage::Verify);
                let before = self.tally;
                if let Err(fault) = checked.and_then(|()| self.decode(frame, buffer, reading)) {
                    let bad = BadBlock { frame: *frame, fault, before };
                    self.cut(&bad);
                    self.faults.push(bad);
                }
                laps.lap(Stage::Decode);
                if reading.stop_at_fault && !self.faults.is_empty() {
                    self.digests = digests;
                    return;
                }
            }
        }
        self.digests = digests;
    }

    fn decode(&mut self, frame: &Frame, buffer: &[u8], reading: Reading<'_>) -> Result<(), Fault> {
        let header = &frame.header;
        let payload = block::payload(header, frame.block(buffer));
        let mut at = place(frame.at + block::PAYLOAD_AT);
        for event in EventIter::new(payload, header.first_lsn, header.event_count) {
            let event = event.map_err(Fault::Malformed)?;
            if reading.validation >= Validation::Full {
                check_event(&event, header).map_err(Fault::Malformed)?;
            }
            if event.lsn <= reading.until_lsn {
                let taken = match reading.filter {
                    None => self.take(&event, at, reading, &All),
                    Some(filter) => self.take_selected(&event, at, reading, filter),
                };
                taken.map_err(Fault::Malformed)?;
            }
            at += event.header.event_bytes;
        }
        Ok(())
    }

    /// Takes an event of a selective replay. Apart, so that the other replays, of which every event
    /// comes this way, pay nothing for it.
    #[cold]
    #[inline(never)]
    fn take_selected(
        &mut self,
        event: &Event<'_>,
        at: u32,
        reading: Reading<'_>,
        filter: &Filter,
    ) -> Result<(), Malformed> {
        self.take(event, at, reading, filter)
    }

    #[inline(always)]
    fn take<C: Choice>(
        &mut self,
        event: &Event<'_>,
        at: u32,
        reading: Reading<'_>,
        choice: &C,
    ) -> Result<(), Malformed> {
        let event_type = event.event_type()?;
        let class = event_type.map(EventType::class);
        let is_new = event.lsn > reading.after_lsn;
        if is_new {
            self.tally.count(class);
        }
        if class.is_none() && reading.list_skipped {
            self.unknown.push((event.header.transaction, event.lsn, at));
        }
        let transaction = event.header.transaction;
        let role = match event_type {
            Some(EventType::TransactionBegin) => Some(Role::Begin),
            Some(EventType::TransactionEnd) => Some(Role::End),
            _ if transaction != 0 => Some(Role::Member),
            _ => None,
        };
        let wanted = role.is_none() && reading.route && is_new && class == Some(Class::Mutation);
        let taker = Taker { buckets: &mut self.buckets, event, at, choice, wanted };
        let selected = event.body_for(taker)?.unwrap_or(true);
        if C::COUNTS && selected && matches!(class, Some(Class::Mutation | Class::Observation)) {
            self.tally.selected += 1;
        }
        let Some(role) = role else { return Ok(()) };
        let needs_crc = role == Role::Member && reading.validation >= Validation::Full;
        let crc = if needs_crc { crc32c(event.bytes()) } else { 0 };
        let lsn = event.lsn;
        self.transactional.push(TransactionEvent { transaction, lsn, at, crc, role, selected });
        Ok(())
    }

    /// Takes back what was found in a bad block and in all after it.
    pub(crate) fn cut(&mut self, bad: &BadBlock) {
        let at = place(bad.frame.at);
        self.buckets.cut(at);
        let keep = self.transactional.partition_point(|event| event.at < at);
        self.transactional.truncate(keep);
        let keep = self.unknown.partition_point(|&(_, _, place)| place < at);
        self.unknown.truncate(keep);
        self.tally = bad.before;
    }
}

/// Takes an event for what it is: says whether it is chosen, and routes its effects where they are
/// wanted.
struct Taker<'t, 'a, C> {
    buckets: &'t mut Buckets<Descriptor>,
    event: &'t Event<'a>,
    at: u32,
    choice: &'t C,
    wanted: bool,
}

impl<'a, C: Choice> BodyVisitor<'a> for Taker<'_, 'a, C> {
    type Out = bool;

    #[inline(always)]
    fn visit(self, body: Body<'a>) -> bool {
        let selected = self.choice.selects(self.event, &body);
        if self.wanted && selected {
            self.buckets.route((self.event.lsn, self.at), &body, self.choice, |it| it);
        }
        selected
    }
}

/// A place in an epoch's buffer, which is far shorter than 4 GiB.
pub(crate) fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or_else(|_| unreachable!("an epoch is shorter than 4 GiB"))
}

/// Checks that an event carries its own LSN, and that its block's header covers its time and family:
/// whoever looks for events goes by these.
#[inline(always)]
pub(crate) fn check_event(event: &Event<'_>, block: &BlockHeader) -> Result<(), Malformed> {
    let (expected, found) = (low_bits(event.lsn), event.header.lsn_low);
    if expected != found {
        return Err(Malformed::Lsn { expected, found });
    }
    let (time, lsn) = (event.header.timestamp_ns, event.lsn);
    if time < block.min_time_ns || time > block.max_time_ns {
        return Err(Malformed::NotCovered { what: "time", lsn });
    }
    let [family, _] = event.header.event_type.to_be_bytes();
    let optional = event.header.event_type & OPTIONAL_TYPE_BIT != 0;
    if !optional && block.families & family_bit(family) == 0 {
        return Err(Malformed::NotCovered { what: "family", lsn });
    }
    Ok(())
}
