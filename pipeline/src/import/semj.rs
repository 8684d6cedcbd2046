//! Turns a kernel's semantic journal into a journal. All of it is checked, and nothing is believed of an event
//! before its checksum is right; there is a journal once everything is in it, and nothing before.
//!
//! Absent on purpose: an import of what is intact of a damaged file. Events that are missing would make others
//! mean something else.

mod source;

use std::path::Path;
use std::sync::Arc;

use self::source::Source;
use crate::error::Error;
use crate::event::Event;
use crate::journal::{Durability, Head, Writer, WriterOptions};
use crate::replay::{Control, Progress};
use crate::semj::{self, Agents, Form, Refusal, Scratch, SemjFault};
use crate::staging::{Attempt, Staging};
use crate::storage::{self, File, Folder};

/// How many events are imported between two looks whether to go on.
const LOOK_EVERY: u64 = 1024;

/// How a kernel's semantic journal is imported.
#[derive(Clone, Debug, Default)]
pub struct SemjImportOptions {
    /// What the new journal is like. It is made durable before it is there, whatever the policy.
    pub writer: WriterOptions,
    /// By which anyone cancels it.
    pub control: Control,
}

/// What an import has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SemjImported {
    /// How many events.
    pub events: u64,
    /// How many of them are the kernel's own. Their payloads are kept, and what they mean isn't known: a replay
    /// passes them over and counts them.
    pub foreign: u64,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// The length of the file's index in bytes, which is left out: an export has none.
    pub index_bytes: u64,
    /// The new journal's head.
    pub head: Head,
}

/// Imports a kernel's semantic journal into a folder, which is empty or holds what an earlier import has left.
/// `path` is the file's, for messages.
///
/// # Errors
/// [`Error::BadSemj`] with the place where the file is not what it should be, [`Error::AlreadyAJournal`] and
/// [`Error::InvalidOption`] when the folder holds anything, and as [`Writer::append`]. No journal is in the
/// folder then, nor anything of it unless storage failed or the process died; that the next import takes away.
pub fn import_semj(
    (file, path): (&dyn File, &Path),
    into: Arc<dyn Folder>,
    options: &SemjImportOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<SemjImported, Error> {
    // What isn't such a journal leaves no trace.
    let source = Source::open(file, path)?;
    if into.is_one_file() {
        let reason = "a folder is needed, not one file of it".to_owned();
        return Err(Error::InvalidOption { option: "folder of the new journal", reason });
    }
    let _lock = storage::lock(into.as_ref())?;
    let staging = Staging::of(into, Attempt::Import);
    staging.clear()?;
    let imported = import(source, &staging, options, progress);
    if imported.is_err() {
        // The first error is the one to report; what can't be removed is removed by the next import.
        let _ = staging.clear();
    }
    let imported = imported?;
    staging.finish()?;
    Ok(imported)
}

/// Checks what the header of a file says: to be asked before a folder is made for what it holds.
///
/// # Errors
/// [`Error::BadSemj`] when the file is no kernel's semantic journal, or says of itself what can't be.
pub fn check_semj_header(file: &dyn File, path: &Path) -> Result<(), Error> {
    Source::open(file, path).map(|_| ())
}

fn import(
    mut source: Source<'_>,
    staging: &Staging,
    options: &SemjImportOptions,
    progress: &mut dyn FnMut(&Progress),
) -> Result<SemjImported, Error> {
    // Until there is a journal nobody is promised anything, so nothing waits for a sync but its end.
    let writer = WriterOptions { durability: Durability::None, ..options.writer };
    let writer = Writer::create_locked(staging.folder(), writer, Box::new(()))?;
    let mut importer = Importer::new(&writer);
    let total_bytes = source.header.journal_bytes;
    while importer.events < source.header.total_events {
        if importer.events.is_multiple_of(LOOK_EVERY) {
            options.control.check(None)?;
            let (events, bytes) = (importer.events, source.offset());
            progress(&Progress { events, bytes, total_bytes, ..Progress::default() });
        }
        let number = importer.events + 1;
        let length = source.next_event(number)?;
        let added = importer.add(source.event(length), number)?;
        added.map_err(|refusal| source.refused(Some(number), refusal))?;
        source.step_over(length);
    }
    source.check_end(importer.last_id)?;
    options.control.check(None)?;
    let Importer { events, foreign, .. } = importer;
    let index_bytes = source.index_bytes();
    Ok(SemjImported { events, foreign, bytes: total_bytes, index_bytes, head: writer.close()? })
}

struct Importer<'w> {
    writer: &'w Writer,
    events: u64,
    foreign: u64,
    last_id: u64,
    agents: Agents,
    native: Vec<u8>,
    again: Vec<u8>,
    scratch: Scratch,
}

impl<'w> Importer<'w> {
    fn new(writer: &'w Writer) -> Self {
        Self {
            writer,
            events: 0,
            foreign: 0,
            last_id: 0,
            agents: Agents::default(),
            native: Vec::new(),
            again: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Appends one event. The inner error says what is wrong with it.
    fn add(&mut self, kernel: &[u8], lsn: u64) -> Result<Result<(), Refusal>, Error> {
        let form = match self.check(kernel, lsn) {
            Ok(form) => form,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match Event::read(lsn, &self.native) {
            Ok(event) => self.writer.append_as_is(&event)?,
            Err(malformed) => return Ok(Err(Refusal { at: 0, fault: malformed.into() })),
        }
        self.events += 1;
        self.foreign += u64::from(form == Form::Foreign);
        Ok(Ok(()))
    }

    fn check(&mut self, kernel: &[u8], lsn: u64) -> Result<Form, Refusal> {
        semj::check_checksum(kernel)?;
        let (before, found) = (self.last_id, semj::SemjEventHeader::read(kernel).event_id);
        if found <= before {
            return Err(Refusal { at: 0, fault: SemjFault::IdOrder { before, found } });
        }
        self.agents.add(kernel)?;
        let again = (&mut self.again, &mut self.scratch);
        let form = semj::to_native(kernel, (lsn, before), &mut self.native, again)?;
        self.last_id = found;
        Ok(form)
    }
}
