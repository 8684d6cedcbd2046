//! Native events: every type, every field, every kind of tail, as raw bytes.

use vexfs_replay::event::{EventType, tail_tag};

use crate::dice::Dice;

/// An event's bytes; the low half of its LSN is for the journal to fill in.
pub(crate) fn event(code: u16, payload: &[u8], tail: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = vec![0; 32];
    bytes.extend_from_slice(payload);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    // Readers don't look at the padding.
    if !payload.len().is_multiple_of(8) && dice.once_in(9) {
        *bytes.last_mut().unwrap() = 7;
    }
    bytes.extend_from_slice(tail);
    let (event_bytes, payload_bytes) = (bytes.len(), payload.len());
    bytes[..4].copy_from_slice(&u32::try_from(event_bytes).unwrap().to_le_bytes());
    bytes[4..8].copy_from_slice(&u32::try_from(payload_bytes).unwrap().to_le_bytes());
    bytes[8..16].copy_from_slice(&dice.extreme().to_le_bytes());
    let transaction = if dice.once_in(2) { 0 } else { dice.extreme() };
    bytes[16..24].copy_from_slice(&transaction.to_le_bytes());
    bytes[24..26].copy_from_slice(&code.to_le_bytes());
    bytes[26] = dice.extreme().to_le_bytes()[0];
    bytes[27] = dice.extreme().to_le_bytes()[0];
    bytes
}

/// A payload of the shape that this type has.
pub(crate) fn payload(event_type: EventType, dice: &mut Dice) -> Vec<u8> {
    let (rows, strings) = event_type.payload_layout();
    let length_of = |kind: &str| match kind {
        "u8" => 1,
        "u16" => 2,
        "u32" | "f32" => 4,
        "u64" | "f64" => 8,
        _ => kind.trim_start_matches("u8[").trim_end_matches(']').parse().unwrap(),
    };
    let mut payload = Vec::new();
    for (_, _, kind) in &rows[..rows.len() - strings.len()] {
        let value = match length_of(kind) {
            length @ 1..=8 if dice.once_in(3) => dice.extreme().to_le_bytes()[..length].to_vec(),
            length => dice.exactly(length),
        };
        payload.extend(value);
    }
    // Paths longer than the kernel's field for them, too.
    let strings: Vec<Vec<u8>> = strings
        .iter()
        .map(|_| if dice.once_in(30) { dice.exactly(5_000) } else { dice.bytes(40) })
        .collect();
    for string in &strings {
        payload.extend(u32::try_from(string.len()).unwrap().to_le_bytes());
    }
    strings.iter().for_each(|string| payload.extend_from_slice(string));
    payload
}

/// An event of this type, or of one that no version knows.
pub(crate) fn random(event_type: Option<EventType>, dice: &mut Dice) -> Vec<u8> {
    let (code, payload) = match event_type {
        Some(event_type) => (event_type.code(), payload(event_type, dice)),
        None => (0x8000 | u16::try_from(dice.below(0x8000)).unwrap(), dice.bytes(200)),
    };
    let tail = tail(dice);
    event(code, &payload, &tail, dice)
}

fn field(tag: u16, value: &[u8], out: &mut Vec<u8>) {
    out.extend(tag.to_le_bytes());
    out.extend([0; 2]);
    out.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(8), 0);
}

/// A kernel's header in a tail.
fn kernel_header(dice: &mut Dice) -> Vec<u8> {
    let mut header = dice.exactly(104);
    if dice.once_in(2) {
        header[68..72].fill(0);
    }
    if dice.once_in(2) {
        // An id that ascends, as those of small journals do not.
        header[..8].copy_from_slice(&(dice.roll() >> 8).to_le_bytes());
    }
    header
}

fn tail(dice: &mut Dice) -> Vec<u8> {
    let mut tail = Vec::new();
    match dice.below(8) {
        0..=2 => {}
        // As an import makes them.
        3 | 4 => {
            field(tail_tag::KERNEL_HEADER, &kernel_header(dice), &mut tail);
            let mut runs = Vec::new();
            if dice.once_in(2) {
                runs.extend(24_u16.to_le_bytes());
                runs.extend(5_u16.to_le_bytes());
                runs.extend(b"/path");
            }
            field(tail_tag::KERNEL_CONTEXT_RUNS, &runs, &mut tail);
            if dice.once_in(2) {
                field(tail_tag::KERNEL_METADATA, &dice.bytes(90), &mut tail);
            }
            if dice.once_in(2) {
                field(tail_tag::KERNEL_CAUSALITY_LINKS, &dice.exactly(320), &mut tail);
            }
        }
        // Any fields, in any order, of any length.
        5 | 6 => {
            for _ in 0..=dice.below(5) {
                let tag = [1, 2, 3, 4, 5, 6, 7, 0xFFFF][dice.below(8)];
                let value = match tag {
                    tail_tag::KERNEL_HEADER => kernel_header(dice),
                    tail_tag::KERNEL_CONTEXT => dice.exactly(5_280),
                    tail_tag::KERNEL_METADATA if dice.once_in(3) => dice.exactly(2_100),
                    _ => dice.bytes(200),
                };
                field(tag, &value, &mut tail);
            }
        }
        // What is no tail at all.
        _ => {
            tail = {
                let length = 8 * dice.below(20);
                dice.exactly(length)
            }
        }
    }
    tail
}
