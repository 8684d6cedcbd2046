//! The storing part of the flow: the records in memory are a cache in front of a store, which is
//! written at cuts, each time in one atomic step, and then emptied where it has grown too large.

use std::sync::Mutex;
use std::time::Instant;

use super::add_contradictions;
use crate::checkpoint::{JournalSync, Report, StallTimes};
use crate::error::Error;
use crate::journal::Validation;
use crate::replay::Cut;
use crate::stages::apply::Owner;
use crate::state::{Key, MemoryState, SectionReader, Table};
use crate::store::{Changes, Held, Moment, Reader, Store};

/// A store, and when it is written.
#[derive(Debug)]
pub(crate) struct Backed {
    pub(crate) store: Box<dyn Store>,
    /// How much memory its cache may take at a cut, in bytes.
    pub(crate) cache_bytes: u64,
    /// After how many bytes of the journal it is written, whatever the cache.
    pub(crate) every_bytes: u64,
    /// Nobody looks at it yet, so it may hold what is no cut while it is made.
    pub(crate) is_beside: bool,
    /// What contradicts itself must not get into it.
    pub(crate) refuses: bool,
    pub(crate) journal: JournalSync,
    /// How much of what follows is proven.
    pub(crate) validation: Validation,
}

/// The store of a pass.
#[derive(Debug)]
pub(super) struct Backing<'b> {
    backed: &'b mut Backed,
    /// One for each worker.
    pub(super) readers: Vec<Mutex<Box<dyn Reader>>>,
    /// How many bytes of the journal it holds the effects of.
    held_bytes: u64,
    /// The memory of the last section, to be used again.
    section: Vec<u8>,
    report: Report,
    stalls: StallTimes,
}

impl<'b> Backing<'b> {
    pub(super) fn new(backed: &'b mut Backed, workers: usize) -> Result<Self, Error> {
        let store = &backed.store;
        let readers = (0..workers).map(|_| store.reader().map(Mutex::new));
        let readers = readers.collect::<Result<_, Error>>()?;
        let moment = &store.held().moment;
        let held_bytes = moment.cut().map_or(0, |cut| cut.so_far.bytes);
        let report = Report { watermark: moment.lsn(), ..Report::default() };
        let (section, stalls) = (Vec::new(), StallTimes::none());
        Ok(Self { backed, readers, held_bytes, section, report, stalls })
    }

    /// Writes what changed where it is time, at a cut or between two.
    pub(super) fn visit(
        &mut self,
        cut: Option<&Cut>,
        state: &mut MemoryState,
        owners: &[Owner],
    ) -> Result<(), Error> {
        let (cached, room) = (state.memory_bytes(), self.backed.cache_bytes);
        match cut {
            Some(cut) => {
                let bytes = cut.so_far.bytes.saturating_sub(self.held_bytes);
                if cached > room || bytes >= self.backed.every_bytes {
                    self.commit_cut(cut.clone(), state, owners, cached > room)?;
                }
            }
            // A store that is lost when the replay is killed now, or one that outgrows memory.
            None if self.backed.is_beside && cached > 2 * room => {
                let lsn = self.backed.store.held().moment.lsn();
                self.commit(Moment::NoCut(lsn), state, true)?;
            }
            None => {}
        }
        Ok(())
    }

    /// Writes what changed, at the end of a pass.
    pub(super) fn finish(
        &mut self,
        cut: Option<Cut>,
        last_lsn: u64,
        state: &mut MemoryState,
    ) -> Result<(), Error> {
        match cut {
            // The cut knows of contradictions already.
            Some(cut) => self.commit_cut(cut, state, &[], true),
            None if self.backed.is_beside && last_lsn > 0 => {
                self.commit(Moment::NoCut(last_lsn), state, true)
            }
            None => Ok(()),
        }
    }

    fn commit_cut(
        &mut self,
        mut cut: Cut,
        state: &mut MemoryState,
        owners: &[Owner],
        empties: bool,
    ) -> Result<(), Error> {
        add_contradictions(&mut cut.so_far.inconsistencies, owners);
        if let Some(first) = cut.so_far.inconsistencies.first.first()
            && self.backed.refuses
        {
            return Err(Error::Inconsistent { lsn: first.lsn, reason: first.cause.to_string() });
        }
        let held = &self.backed.store.held().moment;
        if held.cut().is_some_and(|held| held.lsn >= cut.lsn) {
            return Ok(());
        }
        self.backed.journal.up_to(cut.block.segment)?;
        self.held_bytes = cut.so_far.bytes;
        self.report.watermark = cut.lsn;
        self.commit(Moment::Cut(Box::new(cut)), state, empties)
    }

    fn commit(
        &mut self,
        moment: Moment,
        state: &mut MemoryState,
        empties: bool,
    ) -> Result<(), Error> {
        let _span = tracing::info_span!("commit", lsn = moment.lsn()).entered();
        let started = Instant::now();
        let (section, bytes) = (&mut self.section, &mut self.report.bytes);
        let (journal_id, validation) =
            (self.backed.journal.journal.journal_id, self.backed.validation);
        let held = Held { journal_id, validation, moment };
        self.backed.store.commit(held, &mut |changes| {
            for table in state.partitions_mut() {
                let taken = table.take_changes(std::mem::take(section)).into_bytes();
                *bytes += taken.len() as u64;
                write_section(&taken, changes)?;
                *section = taken;
                if empties {
                    *table = Table::in_front_of_store();
                }
            }
            Ok(())
        })?;
        self.report.written += 1;
        let stall = started.elapsed();
        self.report.seconds += stall.as_secs_f64();
        self.stalls.add(stall);
        Ok(())
    }

    /// How much memory the store takes beside the cache, in bytes.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.backed.store.memory_bytes(self.readers.len()) + self.section.capacity() as u64
    }

    /// The last LSN that took place in the store.
    pub(super) fn last_lsn(&self) -> u64 {
        self.report.watermark
    }

    pub(super) fn report(&self) -> Report {
        Report { stalls: self.stalls.sum_up(), ..self.report.clone() }
    }
}

/// Writes what changed in one partition, in the order of keys.
fn write_section(section: &[u8], changes: &mut dyn Changes) -> Result<(), Error> {
    let mut all: Vec<(Key<'_>, Option<&[u8]>)> = Vec::new();
    let wrong = |error| Error::Panicked { message: format!("what changed is garbled: {error}") };
    let mut reader = SectionReader::new(section).map_err(wrong)?;
    while let Some(key) = reader.next_gone().map_err(wrong)? {
        all.push((key, None));
    }
    while let Some((key, value)) = reader.next_record().map_err(wrong)? {
        all.push((key, Some(value)));
    }
    // Of a key that went and came again, the removal stays in front.
    all.sort_by_key(|(key, _)| *key);
    all.iter().try_for_each(|(key, value)| match value {
        Some(value) => changes.put(key, value),
        None => changes.remove(key),
    })
}
