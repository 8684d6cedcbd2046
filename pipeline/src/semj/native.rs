//! A kernel event turned into a native one. `docs/semj.md` says how each field finds its place.

use super::fault::{Refusal, SemjFault};
use super::layout::*;
use super::runs;
use crate::event::{
    EVENT_ALIGNMENT, Event, EventHeader, KernelHeader, OPTIONAL_TYPE_BIT, TailField, low_bits,
    tail_tag,
};
use crate::wire::Field as _;

/// How a native event and a kernel event are made of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The kernel's own: its payload is what the kernel made it, and replay passes it over.
    Foreign,
    /// [`FORM_PLAIN`].
    Plain,
    /// [`FORM_KERNEL`].
    Kernel,
    /// [`FORM_VERBATIM`].
    Verbatim,
}

/// A kernel event in its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'e> {
    pub(super) header: SemjEventHeader,
    pub(super) context: &'e [u8],
    pub(super) payload: &'e [u8],
    pub(super) metadata: &'e [u8],
    pub(super) links: &'e [u8],
}

/// The length of the event that begins with these bytes, at least a header, by its own word.
pub(crate) fn check_lengths(bytes: &[u8]) -> Result<usize, Refusal> {
    let header = SemjEventHeader::read(bytes);
    let over = |at: usize, what, claimed: u32, limit: usize| {
        let (claimed, limit) = (u64::from(claimed), limit as u64);
        let fault = SemjFault::OverLimit { what, claimed, limit };
        if claimed > limit { Err(Refusal::new(at, fault)) } else { Ok(()) }
    };
    over(64, "the event's length in bytes", header.event_bytes, EVENT_BYTES_MAX)?;
    if header.context_bytes as usize != SemjContext::BYTES {
        let (expected, found) = (SemjContext::BYTES as u64, u64::from(header.context_bytes));
        let what = "the context's length in bytes";
        return Err(Refusal::new(68, SemjFault::Differs { what, expected, found }));
    }
    over(76, "the metadata's length in bytes", header.metadata_bytes, METADATA_BYTES_MAX)?;
    over(96, "the number of causality links", header.link_count, LINKS_MAX)?;
    let links = u64::from(header.link_count) * SemjLink::BYTES as u64;
    let parts = [header.context_bytes, header.payload_bytes, header.metadata_bytes];
    let sum =
        parts.iter().fold(SemjEventHeader::BYTES as u64 + links, |sum, &it| sum + u64::from(it));
    if sum != u64::from(header.event_bytes) {
        let (expected, found) = (sum, u64::from(header.event_bytes));
        let what = "the event's length in bytes";
        return Err(Refusal::new(64, SemjFault::Differs { what, expected, found }));
    }
    Ok(header.event_bytes as usize)
}

/// Checks the checksum of a whole event.
pub(crate) fn check_checksum(bytes: &[u8]) -> Result<(), Refusal> {
    let (expected, found) = (super::event_checksum(bytes), u32::read(&bytes[CHECKSUM_AT..][..4]));
    let fault = SemjFault::Checksum { what: "the event", expected, found };
    if expected == found { Ok(()) } else { Err(Refusal::new(CHECKSUM_AT, fault)) }
}

impl<'e> Parts<'e> {
    /// The parts of an event whose lengths were checked.
    pub(super) fn of(bytes: &'e [u8]) -> Result<Self, Refusal> {
        let whole = check_lengths(bytes)?;
        let header = SemjEventHeader::read(bytes);
        let Some(bytes) = bytes.get(..whole) else {
            let (needed, remaining) = (whole as u64, bytes.len() as u64);
            return Err(Refusal::new(
                0,
                SemjFault::CutShort { what: "the event", needed, remaining },
            ));
        };
        let (_, rest) = bytes.split_at(SemjEventHeader::BYTES);
        let (context, rest) = rest.split_at(SemjContext::BYTES);
        let (payload, rest) = rest.split_at(header.payload_bytes as usize);
        let (metadata, links) = rest.split_at(header.metadata_bytes as usize);
        Ok(Self { header, context, payload, metadata, links })
    }

    /// Where the metadata lies, in bytes from the event's start.
    fn metadata_at(&self) -> usize {
        SemjEventHeader::BYTES + SemjContext::BYTES + self.payload.len()
    }

    /// What the metadata says of the native event, and what is left of it.
    fn marker(&self) -> Result<(Form, &'e [u8]), Refusal> {
        if !self.metadata.starts_with(&MARKER_MAGIC) {
            return Ok((Form::Foreign, self.metadata));
        }
        let unknown = Refusal::new(self.metadata_at(), SemjFault::Marker);
        let (marker, rest) = self.metadata.split_at_checked(SemjMarker::BYTES).ok_or(unknown)?;
        let marker = SemjMarker::read(marker);
        let form = match (marker.version, marker.form) {
            (MARKER_VERSION, FORM_PLAIN) => Form::Plain,
            (MARKER_VERSION, FORM_KERNEL) => Form::Kernel,
            (MARKER_VERSION, FORM_VERBATIM) => Form::Verbatim,
            _ => return Err(unknown),
        };
        let payload_bytes = marker.payload_bytes as usize;
        let fits = match form {
            Form::Verbatim => payload_bytes <= self.payload.len(),
            _ => payload_bytes == self.payload.len(),
        };
        if !fits {
            let (expected, found) = (self.payload.len() as u64, u64::from(marker.payload_bytes));
            let what = "the native payload's length in bytes";
            let fault = SemjFault::Differs { what, expected, found };
            return Err(Refusal::new(self.metadata_at() + 12, fault));
        }
        Ok((form, rest))
    }
}

/// Writes the native event that a kernel event stands for over `out`. What it leads to must lead back: that
/// is for the caller to check.
pub(super) fn to_native(bytes: &[u8], lsn: u64, out: &mut Vec<u8>) -> Result<Form, Refusal> {
    let parts = Parts::of(bytes)?;
    let (form, metadata) = parts.marker()?;
    out.clear();
    out.resize(EventHeader::BYTES, 0);
    out.extend_from_slice(parts.payload);
    if form != Form::Verbatim {
        out.resize(out.len().next_multiple_of(EVENT_ALIGNMENT), 0);
    }
    if matches!(form, Form::Foreign | Form::Kernel) {
        add_tail(&parts, metadata, out);
    }
    let marked = matches!(form, Form::Plain | Form::Verbatim | Form::Kernel);
    let payload_bytes = match form {
        Form::Verbatim => SemjMarker::read(parts.metadata).payload_bytes,
        _ => parts.header.payload_bytes,
    };
    native_header(&parts, marked, payload_bytes, out.len(), lsn).write(out);
    let payload_at = SemjEventHeader::BYTES + SemjContext::BYTES;
    let malformed = |malformed| Refusal::new(payload_at, SemjFault::Native(malformed));
    Event::read(lsn, out).and_then(|event| event.body()).map_err(malformed)?;
    Ok(form)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "what is cut off is in the tail, or is refused"
)]
fn native_header(
    parts: &Parts<'_>,
    marked: bool,
    payload_bytes: u32,
    event_bytes: usize,
    lsn: u64,
) -> EventHeader {
    let header = &parts.header;
    let code = header.event_type as u16;
    EventHeader {
        event_bytes: u32::try_from(event_bytes).unwrap_or(u32::MAX),
        payload_bytes,
        timestamp_ns: header.timestamp_ns,
        // A replay passes over what would begin the transaction of a foreign event.
        transaction: if marked { u64::read(&parts.context[..8]) } else { 0 },
        event_type: if marked { code } else { code | OPTIONAL_TYPE_BIT },
        flags: header.flags as u8,
        priority: u8::try_from(header.priority).unwrap_or(u8::MAX),
        lsn_low: low_bits(lsn),
    }
}

/// Appends what only the kernel has.
fn add_tail(parts: &Parts<'_>, metadata: &[u8], out: &mut Vec<u8>) {
    let mut header = [0; KernelHeader::BYTES];
    kernel_header(&parts.header).write(&mut header);
    TailField { tag: tail_tag::KERNEL_HEADER, value: &header }.encode(out);
    let mut context = Vec::new();
    runs::encode(parts.context, &mut context);
    TailField { tag: tail_tag::KERNEL_CONTEXT_RUNS, value: &context }.encode(out);
    let rest =
        [(tail_tag::KERNEL_METADATA, metadata), (tail_tag::KERNEL_CAUSALITY_LINKS, parts.links)];
    for (tag, value) in rest.into_iter().filter(|(_, value)| !value.is_empty()) {
        TailField { tag, value }.encode(out);
    }
}

fn kernel_header(header: &SemjEventHeader) -> KernelHeader {
    KernelHeader {
        event_id: header.event_id,
        event_type: header.event_type,
        subtype: header.subtype,
        timestamp_sequence: header.timestamp_sequence,
        cpu: header.cpu,
        process: header.process,
        global_sequence: header.global_sequence,
        local_sequence: header.local_sequence,
        flags: header.flags,
        priority: header.priority,
        version: header.version,
        compression: header.compression,
        encryption: header.encryption,
        reserved: 0,
        parent_event: header.parent_event,
        root_cause_event: header.root_cause_event,
        agent_visibility: header.agent_visibility,
        agent_relevance: header.agent_relevance,
        replay_priority: header.replay_priority,
    }
}
