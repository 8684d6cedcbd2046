//! Writes the seeds of the targets into the folder given, `seeds` at home. They depend on nothing
//! but this file and the journal format.

use std::fs;
use std::io;
use std::path::Path;

use vexfs_replay::event::{Body, EventHeader, EventIter, EventType, TailField, encode, tail_tag};
use vexfs_replay_fuzz::bases::{Ending, base, drawn};
use vexfs_replay_fuzz::edits::{Edit, kind};

/// In the first byte of choices: everything is made right afterwards.
const ALL_RIGHT: u8 = 4 + 8 + 16;
/// In the first byte of choices: the checksums are made right, and the chain is left.
const SUMS_RIGHT: u8 = 4 + 8;

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "seeds".to_owned());
    let folder = Path::new(&folder);
    block_reader(&folder.join("block_reader"))?;
    checkpoint_reader(&folder.join("checkpoint_reader"))?;
    event_decoder(&folder.join("event_decoder"))?;
    semj_reader(&folder.join("semj_reader"))?;
    recovery(&folder.join("recovery"))
}

/// The small file itself, and an edit of each part of a file and of an event.
fn semj_reader(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let intact = include_bytes!("../../datasets/golden/small.semj");
    put(folder, "intact", &[&[0], intact])?;
    for at in [4_u16, 12, 20, 36, 44, 52, 60, 116, 128, 148, 184, 208, 5_464, 5_498, 5_507, 5_513] {
        put(folder, &format!("edit-{at}"), &[&[1], &at.to_le_bytes(), &[3]])?;
    }
    Ok(())
}

/// Each way there is to bring something back, and each thing that can be wrong with what is there.
fn recovery(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let seed = |name: &str, choices: [u8; 8], pieces: &[(u8, &[u8])], journal: &[u8]| {
        let piece = |&(target, bytes): &(u8, &[u8])| {
            let length = u16::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
            [&[target], &length[..], bytes].concat()
        };
        let pieces: Vec<u8> = pieces.iter().flat_map(piece).collect();
        put(folder, name, &[&choices, &pieces, journal])
    };
    let (all, undo, killed, rolled_back) = (3 + 4 + 8 + 16, 3 + 16, 3 + 128, 2);
    let flip = Edit { kind: kind::FLIP, segment: 1, at: 4096 + 300, other: 0, value: 1 }.bytes();
    let cut = Edit { kind: kind::CUT, segment: 2, at: 9_000, other: 0, value: 0 }.bytes();
    for way in 0..=7 {
        seed(&format!("way-{way}"), [2, all, 0, 0, way, 30, 1, 0], &[], &flip)?;
    }
    seed("whole", [1, 3, 0, 0, 0, 0, 1, 0], &[], &[])?;
    seed("refused", [1, 3, 0, 0, 0, 0, 0, 0], &[], &flip)?;
    seed("short", [2, all, 0, 0, 0, 0, 0, 0], &[], &cut)?;
    seed("until", [1, 3, 70, 0, 0, 0, 1, 0], &[], &[])?;
    seed("until-transaction", [3, 3, 1, 2, 0, 0, 1, 0], &[], &story())?;
    seed("killed", [1, killed, 0, 0, 1, 0, 1, 1], &[(1 + 2 * 8, &[7, 0xF0])], &[])?;
    seed("rolled-back", [1, undo, 0, 0, 0, 60, rolled_back, 0], &[], &[])?;
    seed("rollback-until-time", [1, undo, 69, 0x41, 0, 0, 0, 0], &[], &[])?;
    seed("rollback-values", [1, 3, 0, 0, 0, 0, 0, 1], &[(2 + 2 * 8, &[1, 0xF0, 2, 3])], &[])?;
    seed("rollback-bytes", [1, 3, 0, 0, 0, 0, 0, 1], &[(2, b"{\"journal_id\":\"")], &[])?;
    let values = [10, 0xF0, 11, 0xF0];
    let (first, second) = ((3 + 2 * 8, &values[..]), (3 + 2 * 8 + 32, &values[..]));
    seed("records", [1, 3, 0, 0, 0, 0, 0, 2], &[first, second], &[])?;
    seed("checkpoint-broken", [1, 3, 0, 0, 0, 0, 1, 1], &[(3 * 8 + 32, &[100, 0, 1])], &[])?;
    seed("checkpoint-forged", [1, 3, 0, 0, 4, 0, 1, 1], &[(8, &[44, 0, 1])], &[])?;
    let no_records = [&[7][..], &[0; 16]].concat();
    seed("signature", [1, 3, 0, 0, 1, 0, 1, 2], &[(6 + 8, &[]), (7 + 8, &[])], &[])?;
    seed("signature-changed", [1, 3, 0, 0, 1, 0, 1, 1], &[(6 + 8, &[200, 0, 1])], &flip)?;
    seed("checkpoint-section", [1, 3, 0, 0, 2, 0, 1, 1], &[(2 * 8 + 64, &no_records)], &[])
}

fn put(folder: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    fs::write(folder.join(name), parts.concat())
}

fn checkpoint_reader(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // The manifest is the one part that is text; an edit of each part, and records of every kind.
    for at in [8_u16, 16, 24, 44, 100, 130, 140, 200, 400, 900, 2_000] {
        put(folder, &format!("edit-{at}"), &[&[1], &at.to_le_bytes(), &[3]])?;
    }
    let counts = [&0_u64.to_le_bytes()[..], &1_u64.to_le_bytes()].concat();
    for kind in 1..=10_u8 {
        let key = [&[kind][..], &[0; 16], &1_u32.to_le_bytes(), b"n"].concat();
        let record = [&100_u32.to_le_bytes()[..], &[1; 100]].concat();
        put(folder, &format!("record-{kind}"), &[&[2, kind], &counts, &key, &record])?;
    }
    Ok(())
}

fn block_reader(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let first = base(Ending::Closed)[0].as_deref().unwrap_or_default();
    let (whole, two_blocks) = ([0, 15, 0], &first[..3 * 4096]);
    put(folder, "segment", &[&whole, two_blocks])?;
    put(folder, "segment-sums-right", &[&[ALL_RIGHT, 15, 0], two_blocks])?;
    for (number, edit) in (0..).zip(edits()) {
        let modes = number & 15;
        let (base, how) = [(1, 0), (1, ALL_RIGHT), (2, SUMS_RIGHT)][usize::from(number % 3)];
        let name = format!("edit-{number:02}");
        put(folder, &name, &[&[base | how, modes, 0], &edit.bytes()])?;
    }
    for (modes, until) in [(15, 0), (2, 0), (7, 40)] {
        put(folder, &format!("story-{modes}-{until}"), &[&[3, modes, until], &story()])?;
    }
    Ok(())
}

/// One edit of each kind, and one of each field of a block's header.
fn edits() -> Vec<Edit> {
    let of_kind = |kind| Edit { kind, segment: 1, at: 1, other: 2, value: 3 };
    let mut edits: Vec<_> = (0..kind::COUNT).map(of_kind).collect();
    edits[usize::from(kind::CUT)].at = 9_000;
    for edit in &mut edits[..3] {
        edit.at = 4096 + 300;
    }
    edits.extend((0..22).map(|other| Edit { other, ..of_kind(kind::BLOCK_FIELD) }));
    edits
}

/// Every event type once outside of transactions and once in one that commits.
fn story() -> Vec<u8> {
    let mut story = Vec::new();
    let code = |wanted| {
        let place = EventType::ALL.iter().position(|&it| it == wanted);
        u8::try_from(place.unwrap_or(0)).unwrap_or(0)
    };
    let mut event = |event_type: EventType, transaction: u8, first: u8| {
        let fields = event_type.payload_layout().0.len();
        story.extend([code(event_type), transaction, first]);
        story.extend(std::iter::repeat_n(1, fields - 1));
    };
    let boundaries = [EventType::TransactionBegin, EventType::TransactionEnd];
    for transaction in [0, 1] {
        event(boundaries[0], 1, 0);
        for &event_type in EventType::ALL.iter().filter(|it| !boundaries.contains(it)) {
            event(event_type, transaction, 1 + transaction);
        }
        event(boundaries[1], 1, 1);
    }
    story
}

fn event_decoder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut seen = Vec::new();
    for (lsn, count, payload) in drawn(1_000) {
        for event in EventIter::new(&payload, lsn, count).flatten() {
            let Ok(Some(body)) = event.body() else { continue };
            let event_type = body.event_type();
            if seen.contains(&event_type) || event.bytes().len() > 200 {
                continue;
            }
            seen.push(event_type);
            put(folder, event_type.name(), &[&[1], event.bytes()])?;
            if event_type.family() == 1 {
                put(folder, &format!("{}.payload", event_type.name()), &[&[0], event.payload()])?;
                put(
                    folder,
                    &format!("{}.tail", event_type.name()),
                    &[&[1], &tailed(&event.header, &body)],
                )?;
            }
        }
    }
    Ok(())
}

fn tailed(header: &EventHeader, body: &Body<'_>) -> Vec<u8> {
    let (mut tail, mut event) = (Vec::new(), Vec::new());
    TailField { tag: tail_tag::KERNEL_CONTEXT, value: b"context" }.encode(&mut tail);
    TailField { tag: tail_tag::KERNEL_PAYLOAD, value: b"as it was there" }.encode(&mut tail);
    encode(header.lsn_low.into(), header, body, &tail, &mut event);
    event
}
