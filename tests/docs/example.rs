//! The worked example: its dump is, byte for byte, what the writer makes of the same two events,
//! and what is read out of the dump is what the page says of it.

use std::sync::Arc;

use vexfs_replay::event::{Body, Mode, NewEntry};
use vexfs_replay::journal::{EndKind, Head, Journal, NewEvent, Writer, WriterOptions, segment};
use vexfs_replay::replay::{ReplayOptions, replay};
use vexfs_replay::state::{Key, KeyKind, MemoryState};
use vexfs_replay::storage::MemoryFolder;

use crate::markdown::{EVENTS, JOURNAL_FORMAT, code};

const HEADING: &str = "worked example";
const LINE_BYTES: usize = 16;
const FIRST_NS: u64 = 1_700_000_000_000_000_000;

/// What the example says was done.
fn written() -> (Vec<u8>, Head) {
    let folder = MemoryFolder::default();
    let (journal_id, created_ns) = (Some(*b"vexfs-format-doc"), Some(FIRST_NS));
    let options = WriterOptions { journal_id, created_ns, ..WriterOptions::default() };
    let writer = Writer::create(Arc::new(folder.clone()), options).unwrap();
    let entry = NewEntry { parent: 1, inode: 2, mode: 0o100_644, uid: 0, gid: 0, name: b"a" };
    writer.append(&NewEvent::new(FIRST_NS + 1, Body::FileCreate(entry))).unwrap();
    let mode = Mode { inode: 2, mode: 0o100_600 };
    writer.append(&NewEvent::new(FIRST_NS + 2, Body::FileChmod(mode))).unwrap();
    let head = writer.close().unwrap();
    (folder.get(&segment::file_name(0)).unwrap(), head)
}

/// Reads a dump: an offset, sixteen bytes, and whatever is said of them; a star stands for lines
/// like the one before it.
fn parse(lines: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::new();
    for line in lines.iter().filter(|line| !line.is_empty() && **line != "*") {
        let (offset, rest) = line.split_at(8);
        let offset = usize::from_str_radix(offset, 16).unwrap();
        while bytes.len() < offset {
            let last = bytes[bytes.len() - LINE_BYTES..].to_vec();
            bytes.extend(last);
        }
        assert_eq!(bytes.len(), offset, "the line {line:?} is out of order");
        let digits = rest.split_whitespace().take(LINE_BYTES);
        bytes.extend(digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()));
    }
    bytes
}

/// Writes a dump, without anything said of it.
fn dump(bytes: &[u8]) -> String {
    let mut lines = Vec::new();
    let mut last: &[u8] = &[];
    for (index, line) in bytes.chunks(LINE_BYTES).enumerate() {
        if line == last {
            lines.push("*".to_owned());
            continue;
        }
        last = line;
        let digits = |bytes: &[u8]| {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
        };
        let (offset, (left, right)) = (index * LINE_BYTES, line.split_at(LINE_BYTES / 2));
        lines.push(format!("{offset:08x}  {}  {}", digits(left), digits(right)));
    }
    lines.push(format!("{:08x}", bytes.len()));
    lines.dedup();
    lines.join("\n")
}

fn shown() -> Vec<u8> {
    parse(&JOURNAL_FORMAT.section(HEADING).fenced_lines())
}

fn replayed(bytes: Vec<u8>) -> (MemoryState, Head) {
    let folder = MemoryFolder::default();
    folder.put(&segment::file_name(0), bytes);
    let journal = Journal::open(Arc::new(folder)).unwrap();
    let (state, outcome) = replay(&journal, &ReplayOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(outcome.findings.end.kind, EndKind::Sealed);
    assert_eq!(outcome.findings.inconsistencies.count, 0);
    (state, outcome.head)
}

#[test]
fn the_worked_example_is_what_the_writer_writes() {
    let (written, _) = written();
    assert_eq!(dump(&shown()), dump(&written), "it should show\n\n{}\n\n", dump(&written));
    assert_eq!(shown(), written);
}

#[test]
fn the_worked_example_replays_to_the_head_and_state_that_are_told() {
    let (_, written_head) = written();
    let (state, head) = replayed(shown());
    assert_eq!(head, written_head);
    let told = JOURNAL_FORMAT.section(HEADING).table(&["fact", "value"]);
    let digest = told.iter().find(|row| row[0] == "head digest").map(|row| row[1]);
    assert_eq!(digest.and_then(code), Some(&*hex::encode(head.digest)));

    let told = EVENTS.section("State digest").table(&["what", "bytes"]);
    let entry = state.get(&Key::named(KeyKind::Entry, 1, b"a")).unwrap();
    let inode = state.get(&Key::numbered(KeyKind::Inode, 2)).unwrap();
    let records = [("entry record", entry), ("inode record", inode)];
    for (what, bytes) in records.into_iter().chain([("state digest", &state.digest()[..])]) {
        let shown = told.iter().find(|row| row[0] == what).and_then(|row| code(row[1]));
        assert_eq!(shown, Some(&*hex::encode(bytes)), "{what}");
    }
}
