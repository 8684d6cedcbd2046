//! `inspect`: shows what a journal consists of, as far as it can be walked: its segments, its
//! blocks or its events, a row each, written as they are read.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use vexfs_replay::Error;
use vexfs_replay::event::{Body, EventIter, EventType};
use vexfs_replay::journal::layout::MAX_BLOCK_BYTES;
use vexfs_replay::journal::{
    EndKind, Fill, Frame, Journal, PastDamage, Segment, Validation, Walk, block,
};
use vexfs_replay::state::{Effect, Key, for_each_effect};

use super::exit::Exit;
use super::output::SCHEMA;
use super::record::quote_path;
use super::selection::{parse_range, parse_type};

/// How many missing segments are listed at most.
const LISTED: usize = 1_000;

#[derive(Args, Clone, Debug)]
pub(crate) struct InspectArguments {
    /// The journal: a folder of segments, or one segment's file.
    journal: PathBuf,
    #[command(flatten)]
    rows: RowArguments,
    /// Only blocks or (the default then) events with these LSNs: A..B (both included), A.., ..B or
    /// A.
    #[arg(long, value_parser = parse_range, conflicts_with = "segments")]
    lsn: Option<(u64, u64)>,
    /// Only events of this type, as filesystem.create or 0x0101.
    #[arg(long = "type", value_parser = parse_type, conflicts_with_all = ["segments", "blocks"])]
    event_type: Option<u16>,
}

#[derive(Args, Clone, Debug)]
#[group(multiple = false)]
struct RowArguments {
    /// A row for each segment; this is the default.
    #[arg(long)]
    segments: bool,
    /// A row for each block.
    #[arg(long)]
    blocks: bool,
    /// A row for each event.
    #[arg(long)]
    events: bool,
}

/// Where the rows go: lines of JSON objects for people, one JSON result for machines.
struct Rows {
    out: BufWriter<StdoutLock<'static>>,
    as_json: bool,
    count: u64,
}

impl Rows {
    fn begin(as_json: bool) -> io::Result<Self> {
        let mut out = BufWriter::new(io::stdout().lock());
        if as_json {
            write!(out, "{{\"schema\": {SCHEMA}, \"command\": \"inspect\", \"rows\": [")?;
        }
        Ok(Self { out, as_json, count: 0 })
    }

    fn row(&mut self, row: &Value) -> io::Result<()> {
        let separator = match (self.as_json, self.count) {
            (false, _) => "",
            (true, 0) => "\n",
            (true, _) => ",\n",
        };
        self.count += 1;
        write!(self.out, "{separator}{row}")?;
        if self.as_json { Ok(()) } else { writeln!(self.out) }
    }

    fn end(mut self, exit: Exit, fields: &Value) -> io::Result<()> {
        if self.as_json {
            let exit = exit as u8;
            writeln!(self.out, "\n], \"exit_code\": {exit}, \"journal\": {fields}}}")?;
        } else {
            writeln!(self.out, "{fields}")?;
        }
        self.out.flush()
    }
}

/// Prints the rows itself, since there may be more than fit in memory.
pub(crate) fn run(arguments: &InspectArguments, as_json: bool) -> Result<Exit, Error> {
    let journal = Journal::open_path(&arguments.journal)?;
    let printed = |printed: io::Result<()>| match printed {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::Io { operation: "print", path: "stdout".into(), offset: None, source })
        }
        other => Ok(other.is_ok()),
    };
    let mut rows = match Rows::begin(as_json) {
        Ok(rows) => rows,
        Err(error) => return printed(Err(error)).map(|_| Exit::Clean),
    };
    if arguments.by_segment() {
        for segment in &journal.segments {
            if !printed(rows.row(&segment_row(segment)))? {
                return Ok(Exit::Clean);
            }
        }
        let sound = journal.segments.iter().all(|segment| segment.header.is_ok());
        let there: Vec<u64> = journal.segments.iter().map(|segment| segment.number).collect();
        let last = there.last().copied().unwrap_or(0);
        let missing: Vec<u64> =
            (0..last).filter(|number| there.binary_search(number).is_err()).take(LISTED).collect();
        let exit = if sound && missing.is_empty() { Exit::Clean } else { Exit::Refused };
        let journal_id = hex::encode(journal.journal_id);
        let total = json!({ "journal_id": journal_id, "missing_segments": missing });
        return printed(rows.end(exit, &total)).map(|_| exit);
    }
    let mut walk = Walk::new(&journal, Validation::Basic, PastDamage::Resynchronise);
    let mut buffer = vec![0; 2 * MAX_BLOCK_BYTES];
    let fill: Fill<'_> = &Segment::read;
    let (mut damages, mut faulty_rows) = (Vec::new(), 0_u64);
    while let Some(stretch) = walk.next(&mut buffer, fill)? {
        for frame in &stretch.frames {
            for row in arguments.rows_of(frame, &buffer) {
                faulty_rows += u64::from(!row["fault"].is_null());
                if !printed(rows.row(&row))? {
                    return Ok(Exit::Clean);
                }
            }
        }
        damages.extend(stretch.damage);
    }
    let end = walk.end();
    let torn = end.as_ref().is_some_and(|end| end.kind == EndKind::TornTail);
    let exit = match (faulty_rows > 0 || !damages.is_empty(), torn) {
        (true, _) => Exit::Refused,
        (false, true) => Exit::TornTail,
        (false, false) => Exit::Clean,
    };
    let end = end.map(|end| json!({ "kind": end.kind, "tail": end.tail }));
    let journal_id = hex::encode(journal.journal_id);
    let total = json!({
        "journal_id": journal_id, "end": end, "damages": damages, "faulty_rows": faulty_rows,
    });
    printed(rows.end(exit, &total)).map(|_| exit)
}

/// What an event does to which keys.
fn effects_of(body: &Body<'_>) -> Vec<Value> {
    let mut effects = Vec::new();
    for_each_effect(body, |Effect { key, change }| {
        let Key { kind, id, second, name } = key;
        effects.push(json!({
            "kind": kind, "id": id, "second": second, "name": quote_path(name),
            "change": change.name(),
        }));
    });
    effects
}

fn segment_row(segment: &Segment) -> Value {
    let header = segment.header.map(|(header, _)| {
        json!({
            "first_lsn": header.first_lsn, "first_block": header.first_block,
            "writer_epoch": header.writer_epoch, "created_ns": header.created_ns,
            "previous_end": header.previous_end,
            "previous_digest": hex::encode(header.previous_digest),
        })
    });
    json!({
        "segment": segment.number, "path": segment.path.to_string_lossy(), "bytes": segment.file_bytes,
        "header": header.as_ref().ok(),
        "fault": header.as_ref().err().map(ToString::to_string),
        "seal_offset": segment.trailer.map(|trailer| trailer.seal_offset),
    })
}

impl InspectArguments {
    fn by_segment(&self) -> bool {
        let rows = &self.rows;
        let filtered = self.lsn.is_some() || self.event_type.is_some();
        rows.segments || !(rows.blocks || rows.events || filtered)
    }

    /// The rows of one block: its own, or those of its events.
    fn rows_of(&self, frame: &Frame, buffer: &[u8]) -> Vec<Value> {
        let header = &frame.header;
        let last_lsn =
            header.first_lsn.saturating_add(u64::from(header.event_count)).saturating_sub(1);
        let (from, to) = self.lsn.unwrap_or((0, u64::MAX));
        if last_lsn < from || header.first_lsn > to {
            return Vec::new();
        }
        let bytes = frame.block(buffer);
        let fault = block::check_contents(header, bytes).err();
        if self.rows.blocks {
            return vec![json!({
                "block": header.block, "segment": header.segment, "offset": header.file_offset,
                "bytes": header.block_bytes, "first_lsn": header.first_lsn, "last_lsn": last_lsn,
                "events": header.event_count, "durable_lsn": header.durable_lsn,
                "digest": hex::encode(header.digest), "fault": fault.map(|it| it.to_string()),
            })];
        }
        // What a block holds that is damaged is shown, and that it is.
        let damaged =
            fault.map(|fault| json!({ "block": header.block, "fault": fault.to_string() }));
        let payload = block::payload(header, bytes);
        let events = EventIter::new(payload, header.first_lsn, header.event_count);
        let rows = events.map(|event| {
            let event = match event {
                Ok(event) => event,
                Err(malformed) => {
                    let place = json!({ "block": header.block, "fault": malformed.to_string() });
                    return Some(place);
                }
            };
            let (lsn, header) = (event.lsn, event.header);
            let wanted = self.event_type.is_none_or(|it| it == header.event_type);
            let name = EventType::from_code(header.event_type).map(EventType::name);
            let body = event.body();
            (wanted && from <= lsn && lsn <= to).then(|| {
                json!({
                    "lsn": lsn, "type": name, "code": format!("{:#06x}", header.event_type),
                    "timestamp_ns": header.timestamp_ns, "transaction": header.transaction,
                    "flags": header.flags, "priority": header.priority,
                    "bytes": header.event_bytes, "payload_bytes": header.payload_bytes,
                    "effects": body.ok().flatten().map(|body| effects_of(&body)),
                    "fault": body.err().map(|it| it.to_string()),
                })
            })
        });
        damaged.into_iter().chain(rows.flatten()).collect()
    }
}
