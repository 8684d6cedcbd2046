//! Bytes read as events. The first one chooses how many there are; the rest is the block's payload,
//! and the payload of an event of every type.

use vexfs_replay::event::{
    Body, EVENT_ALIGNMENT, Event, EventHeader, EventIter, EventType, TailField, encode,
};
use vexfs_replay::state::{PARTITIONS, for_each_effect};

/// Reads the bytes in every way.
///
/// # Panics
/// When something doesn't hold.
pub fn check(input: &[u8]) {
    let Some((&count, bytes)) = input.split_first() else { return };
    for event in EventIter::new(bytes, u64::MAX, count.into()).flatten() {
        check_event(&event);
    }
    if let Ok(event) = Event::read(1, bytes) {
        check_event(&event);
    }
    for &event_type in EventType::ALL {
        if let Ok(body) = Body::decode(event_type, bytes) {
            check_body(&body, bytes);
        }
    }
}

fn check_event(event: &Event<'_>) {
    let payload_end = EventHeader::BYTES + event.payload().len();
    let tail_at = payload_end.next_multiple_of(8);
    let tail = event.bytes().get(tail_at..).unwrap_or_default();
    check_tail(event, tail);
    let Ok(Some(body)) = event.body() else { return };
    check_body(&body, event.payload());
    let mut encoded = Vec::new();
    encode(event.header.lsn_low.into(), &event.header, &body, tail, &mut encoded);
    // A reader doesn't look at the padding; the writer fills it with zeros.
    let mut expected = event.bytes().to_vec();
    expected[payload_end..tail_at].fill(0);
    assert_eq!(encoded, expected, "{body:?}");
}

fn check_body(body: &Body<'_>, payload: &[u8]) {
    let mut encoded = Vec::new();
    body.encode(&mut encoded);
    assert_eq!(encoded, payload, "{body:?}");
    let mut effects = 0;
    for_each_effect(body, |effect| {
        assert!(effect.key.home().partition < PARTITIONS);
        effects += 1;
    });
    // An effect's number shares a word with the place of its event.
    assert!(effects < EVENT_ALIGNMENT, "{effects} effects of {body:?}");
}

/// What can be read of a tail is read again from what is written of it.
fn check_tail(event: &Event<'_>, tail: &[u8]) {
    let fields: Vec<TailField<'_>> = event.tail().map_while(Result::ok).collect();
    let mut encoded = Vec::new();
    fields.iter().for_each(|field| field.encode(&mut encoded));
    assert!(encoded.len() <= tail.len().next_multiple_of(8), "{fields:?}");
    let mut with_tail = event.bytes()[..event.bytes().len() - tail.len()].to_vec();
    with_tail.extend(&encoded);
    let length = u32::try_from(with_tail.len()).expect("an event is short");
    let header = EventHeader { event_bytes: length, ..event.header };
    header.write(&mut with_tail);
    let again = Event::read(event.lsn, &with_tail).expect("it is no longer than it was");
    let again: Vec<_> = again.tail().map(|field| field.expect("it was just written")).collect();
    assert_eq!(again, fields);
}
