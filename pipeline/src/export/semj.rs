//! Turns a journal into a kernel's semantic journal: every event that the journal proves, in order, those of
//! transactions that never took effect, too. The file is written beside its place and put there once it is
//! whole and durable.
//!
//! Absent on purpose: a way past damage. Events behind a hole keep their LSNs, and the kernel's file has no
//! place for what is missing before them; `salvage` makes a journal first that can be exported.

mod lives;
mod out;

use vexfs_kernels::Kernel;

use self::lives::Lives;
use self::out::Out;
use crate::error::Error;
use crate::event::{Event, EventIter};
use crate::flow::{self, Accepted, FlowOptions};
use crate::journal::{Journal, Validation, block};
use crate::replay::{Control, DamagePolicy, Findings, Progress, ReplayOptions, refuse_damage};
use crate::semj::{
    self, Agents, EVENTS_MAX, Form, MAGIC, MAJOR, MINOR, Refusal, Scratch, SemjFault,
    SemjFileHeader, TooMuch,
};
use crate::stages::decode::Reading;
use crate::storage::Folder;

/// How a journal is exported.
#[derive(Clone, Debug)]
pub struct SemjExportOptions {
    /// How much is proven of an event before it is exported: full or cryptographic.
    pub validation: Validation,
    /// What is done about damage; it can't be gone past.
    pub damage: DamagePolicy,
    /// By which anyone cancels it.
    pub control: Control,
}

impl Default for SemjExportOptions {
    fn default() -> Self {
        let ReplayOptions { validation, damage, control, .. } = ReplayOptions::default();
        Self { validation, damage, control }
    }
}

/// What an export has come to.
#[derive(Clone, Debug)]
pub struct SemjExported {
    /// How many events are in the file.
    pub events: u64,
    /// How many of them are a kernel's own, as they were when they were imported.
    pub foreign: u64,
    /// How many of them carry parts that the kernel's layout has no field for.
    pub verbatim: u64,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// What was found in the journal, and where it ends.
    pub findings: Findings,
}

/// Exports a journal to a file in a folder, over an old one of that name.
///
/// # Errors
/// [`Error::Damaged`] when the policy refuses, [`Error::Inconsistent`] when an event is of a transaction that an
/// earlier life of the writer has left open, [`Error::LimitExceeded`] when an event or the journal is over a
/// limit of the kernel's, and [`Error::Io`] when storage fails. An old file of that name is as it was then.
pub fn export_semj(
    journal: &Journal,
    (folder, name): (&dyn Folder, &str),
    options: &SemjExportOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<SemjExported, Error> {
    let refuse = |option: &'static str, reason: &str| {
        Err(Error::InvalidOption { option, reason: reason.to_owned() })
    };
    if options.damage == DamagePolicy::Salvage {
        let reason = "an export can't go past damage: salvage the journal, then export that";
        return refuse("damage", reason);
    }
    if options.validation < Validation::Full {
        return refuse("validation", "what isn't verified isn't exported: full or cryptographic");
    }
    let out = Out::create(folder, name);
    let exported = out.and_then(|out| export(journal, out, options, progress));
    if exported.is_err() {
        // The first error is the one to report; the next export writes over what is left.
        let _ = Out::remove(folder, name);
    }
    exported
}

fn export(
    journal: &Journal,
    out: Out<'_>,
    options: &SemjExportOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<SemjExported, Error> {
    let mut exporter = Exporter::new(out);
    let flow_options = FlowOptions {
        reading: Reading {
            validation: options.validation,
            kernel: Kernel::quickest(),
            after_lsn: 0,
            until_lsn: u64::MAX,
            stop_at_fault: true,
            route: false,
            filter: None,
            list_skipped: false,
            gaps: false,
            profiler: None,
        },
        list_blocks: false,
        plan: None,
        anchor_lsn: None,
        start: None,
        offload: None,
        cuts: false,
        control: &options.control,
        deadline: None,
    };
    let mut visit = |accepted: &Accepted<'_>| exporter.block(accepted);
    let sink = flow::Sink::Blocks(&mut visit);
    let findings = flow::run_serial(journal, sink, &flow_options, progress)?;
    let damage = options.damage;
    refuse_damage(&ReplayOptions { damage, ..ReplayOptions::default() }, &findings)?;
    options.control.check(None)?;
    exporter.finish(findings)
}

struct Exporter<'f> {
    out: Out<'f>,
    events: u64,
    foreign: u64,
    verbatim: u64,
    last_id: u64,
    agents: Agents,
    lives: Lives,
    kernel: Vec<u8>,
    scratch: Scratch,
}

impl<'f> Exporter<'f> {
    fn new(out: Out<'f>) -> Self {
        Self {
            out,
            events: 0,
            foreign: 0,
            verbatim: 0,
            last_id: 0,
            agents: Agents::default(),
            lives: Lives::default(),
            kernel: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    fn block(&mut self, accepted: &Accepted<'_>) -> Result<(), Error> {
        let Accepted { header, bytes, .. } = accepted;
        let payload = block::payload(header, bytes);
        self.lives.enter(header.writer_epoch);
        let events = EventIter::new(payload, header.first_lsn, header.event_count);
        for event in events.map_while(Result::ok) {
            self.lives.event(&event)?;
            self.event(&event)?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>) -> Result<(), Error> {
        let lsn = event.lsn;
        let over =
            |TooMuch { what, claimed, limit }| Error::LimitExceeded { lsn, what, claimed, limit };
        let number = self.events + 1;
        if number > EVENTS_MAX {
            let (what, claimed, limit) = ("the number of events", number, EVENTS_MAX);
            return Err(over(TooMuch { what, claimed, limit }));
        }
        let (kernel, scratch) = (&mut self.kernel, &mut self.scratch);
        let form = semj::to_kernel(event, self.last_id, kernel, scratch).map_err(over)?;
        self.last_id = semj::SemjEventHeader::read(kernel).event_id;
        if let Err(Refusal { fault, .. }) = self.agents.add(kernel)
            && let SemjFault::OverLimit { what, claimed, limit } = fault
        {
            return Err(over(TooMuch { what, claimed, limit }));
        }
        self.events = number;
        self.foreign += u64::from(form == Form::Foreign);
        self.verbatim += u64::from(form == Form::Verbatim);
        self.out.put(&self.kernel)
    }

    fn finish(self, findings: Findings) -> Result<SemjExported, Error> {
        let Self { out, events, foreign, verbatim, last_id, .. } = self;
        let bytes = out.position();
        let header = SemjFileHeader {
            magic: MAGIC,
            major: MAJOR,
            minor: MINOR,
            total_events: events,
            next_event_id: last_id.saturating_add(1),
            journal_bytes: bytes,
            index_offset: 0,
            flags: 0,
            header_checksum: 0,
        };
        let header_checksum = semj::header_checksum(&header);
        out.publish(&SemjFileHeader { header_checksum, ..header })?;
        Ok(SemjExported { events, foreign, verbatim, bytes, findings })
    }
}
