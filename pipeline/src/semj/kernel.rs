//! A native event turned into a kernel event. Of the ways in which that can be done the first one is taken
//! that leads back to just the same native event; that it does is tried, not assumed.

use super::layout::*;
use super::native::{Form, to_native};
use super::runs;
use crate::event::{Event, EventHeader, KernelHeader, tail_tag};

/// A part of an event that is longer than the kernel's layout allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch {
    pub(crate) what: &'static str,
    pub(crate) claimed: u64,
    pub(crate) limit: u64,
}

/// Buffers that are used again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    native: Vec<u8>,
}

/// What the tail of an event holds that came from a kernel, or could have.
struct KernelTail<'e> {
    header: KernelHeader,
    context: &'e [u8],
    metadata: &'e [u8],
    links: &'e [u8],
}

impl<'e> KernelTail<'e> {
    /// The tail's fields, as far as they are of this kind. What else it holds shows when the event that is
    /// made of it doesn't lead back.
    fn of(event: &Event<'e>) -> Option<Self> {
        let mut header = None;
        let (mut context, mut metadata, mut links): (_, &[u8], &[u8]) = (None, &[], &[]);
        for field in event.tail() {
            let field = field.ok()?;
            match field.tag {
                tail_tag::KERNEL_HEADER if field.value.len() == KernelHeader::BYTES => {
                    header = Some(KernelHeader::read(field.value));
                }
                tail_tag::KERNEL_CONTEXT_RUNS => context = Some(field.value),
                tail_tag::KERNEL_METADATA => metadata = field.value,
                tail_tag::KERNEL_CAUSALITY_LINKS => links = field.value,
                _ => return None,
            }
        }
        Some(Self { header: header?, context: context?, metadata, links })
    }
}

/// A kernel event that is to be written.
struct New<'e> {
    /// Its lengths, counts and checksum are computed.
    header: SemjEventHeader,
    context: Context<'e>,
    payload: &'e [u8],
    /// The form that its marker tells, and the length of the native payload in bytes.
    marker: Option<(u16, usize)>,
    metadata: &'e [u8],
    links: &'e [u8],
}

enum Context<'e> {
    OfTransaction(u64),
    Runs(&'e [u8]),
}

/// Writes the kernel event that stands for a native one over `out`. `last_id` is the id of the kernel event
/// before it, 0 for none.
pub(crate) fn to_kernel(
    event: &Event<'_>,
    last_id: u64,
    out: &mut Vec<u8>,
    scratch: &mut Scratch,
) -> Result<Form, TooMuch> {
    let (what, claimed, limit) = ("the event id before", last_id, u64::MAX - 1);
    let id = last_id.checked_add(1).ok_or(TooMuch { what, claimed, limit })?.max(event.lsn);
    // A kernel's own id that doesn't ascend is in the tail alone.
    let tail = KernelTail::of(event).filter(|tail| tail.header.event_id > last_id);
    let (payload, payload_bytes) = (event.payload(), event.payload().len());
    let of_kernel = tail.iter().flat_map(|tail| {
        let header = kernels_own(event, &tail.header);
        let context = || Context::Runs(tail.context);
        let KernelTail { metadata, links, .. } = *tail;
        let foreign = New { header, context: context(), payload, marker: None, metadata, links };
        let marker = Some((FORM_KERNEL, payload_bytes));
        let kernel = New { header, context: context(), payload, marker, metadata, links };
        [(Form::Foreign, foreign), (Form::Kernel, kernel)]
    });
    let header = plain_header(event, id);
    let context = || Context::OfTransaction(event.header.transaction);
    let (metadata, links): (&[u8], &[u8]) = (&[], &[]);
    let marker = Some((FORM_PLAIN, payload_bytes));
    let plain = New { header, context: context(), payload, marker, metadata, links };
    for (form, new) in of_kernel.chain([(Form::Plain, plain)]) {
        if new.write(out).is_ok() && leads_back(event, form, out, scratch) {
            return Ok(form);
        }
    }
    let payload = &event.bytes()[EventHeader::BYTES..];
    let marker = Some((FORM_VERBATIM, payload_bytes));
    New { header, context: context(), payload, marker, metadata, links }.write(out)?;
    Ok(Form::Verbatim)
}

/// Whether a kernel event leads to this native event, by this form.
fn leads_back(event: &Event<'_>, form: Form, kernel: &[u8], scratch: &mut Scratch) -> bool {
    to_native(kernel, event.lsn, &mut scratch.native) == Ok(form) && scratch.native == event.bytes()
}

/// The header of an event of which the kernel knows no more than we do.
fn plain_header(event: &Event<'_>, id: u64) -> SemjEventHeader {
    let (header, lsn) = (&event.header, event.lsn);
    let priority = u32::from(header.priority);
    SemjEventHeader {
        event_id: id,
        event_type: u32::from(header.event_type),
        subtype: 0,
        timestamp_ns: header.timestamp_ns,
        timestamp_sequence: 0,
        cpu: 0,
        process: 0,
        global_sequence: lsn,
        local_sequence: lsn,
        flags: u32::from(header.flags),
        priority,
        event_bytes: 0,
        context_bytes: 0,
        payload_bytes: 0,
        metadata_bytes: 0,
        version: 1,
        checksum: 0,
        compression: 0,
        encryption: 0,
        link_count: 0,
        parent_event: 0,
        root_cause_event: id,
        agent_visibility: 0,
        agent_relevance: 0,
        replay_priority: priority,
    }
}

/// The header as the kernel had it.
fn kernels_own(event: &Event<'_>, kernel: &KernelHeader) -> SemjEventHeader {
    SemjEventHeader {
        event_id: kernel.event_id,
        event_type: kernel.event_type,
        subtype: kernel.subtype,
        timestamp_sequence: kernel.timestamp_sequence,
        cpu: kernel.cpu,
        process: kernel.process,
        global_sequence: kernel.global_sequence,
        local_sequence: kernel.local_sequence,
        flags: kernel.flags,
        priority: kernel.priority,
        version: kernel.version,
        compression: kernel.compression,
        encryption: kernel.encryption,
        parent_event: kernel.parent_event,
        root_cause_event: kernel.root_cause_event,
        agent_visibility: kernel.agent_visibility,
        agent_relevance: kernel.agent_relevance,
        replay_priority: kernel.replay_priority,
        ..plain_header(event, kernel.event_id)
    }
}

impl New<'_> {
    /// Writes it over `out`.
    fn write(self, out: &mut Vec<u8>) -> Result<(), TooMuch> {
        out.clear();
        out.resize(SemjEventHeader::BYTES, 0);
        match self.context {
            Context::OfTransaction(id) => {
                out.extend_from_slice(&id.to_le_bytes());
                out.resize(SemjEventHeader::BYTES + SemjContext::BYTES, 0);
            }
            Context::Runs(runs) => {
                let no_runs = TooMuch { what: "the context", claimed: 0, limit: 0 };
                runs::decode(runs, out).ok_or(no_runs)?;
            }
        }
        out.extend_from_slice(self.payload);
        let metadata_at = out.len();
        if let Some((form, payload_bytes)) = self.marker {
            out.resize(metadata_at + SemjMarker::BYTES, 0);
            let payload_bytes = u32::try_from(payload_bytes).unwrap_or(u32::MAX);
            let (magic, version) = (MARKER_MAGIC, MARKER_VERSION);
            SemjMarker { magic, version, form, payload_bytes }.write(&mut out[metadata_at..]);
        }
        out.extend_from_slice(self.metadata);
        let metadata_bytes =
            at_most("the metadata in bytes", out.len() - metadata_at, METADATA_BYTES_MAX)?;
        let links = self.links.len() / SemjLink::BYTES;
        let link_count = at_most("the number of causality links", links, LINKS_MAX)?;
        out.extend_from_slice(self.links);
        let what = "the event's length in bytes in the kernel's layout";
        let event_bytes = at_most(what, out.len(), EVENT_BYTES_MAX)?;
        let header = SemjEventHeader {
            event_bytes,
            context_bytes: at_most(what, SemjContext::BYTES, EVENT_BYTES_MAX)?,
            payload_bytes: at_most(what, self.payload.len(), EVENT_BYTES_MAX)?,
            metadata_bytes,
            link_count,
            ..self.header
        };
        header.write(out);
        let checksum = super::event_checksum(out);
        SemjEventHeader { checksum, ..header }.write(out);
        Ok(())
    }
}

fn at_most(what: &'static str, claimed: usize, limit: usize) -> Result<u32, TooMuch> {
    let over = TooMuch { what, claimed: claimed as u64, limit: limit as u64 };
    u32::try_from(claimed).ok().filter(|_| claimed <= limit).ok_or(over)
}
