//! Small intact journals that edits are made to: several segments, two lives of the writer, events
//! of all families, transactions, durable watermarks.

use std::sync::{Arc, OnceLock};

use vexfs_datasets::Recipe;
use vexfs_replay::event::{Event, EventIter};
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::layout::{BlockHeader, PAGE_BYTES};
use vexfs_replay::journal::{Durability, NewEvent, Writer, WriterOptions, block, segment};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::Segments;

/// How many events a base has.
const EVENTS: u64 = 100;
/// How many events there are between two commits.
const EVENTS_PER_COMMIT: u64 = 12;
/// After how many events the first writer dies.
const FIRST_LIFE_EVENTS: u64 = 72;

/// How the last writer of a journal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It closed the journal.
    Closed,
    /// It died after its last commit.
    Died,
}

/// Small blocks, small segments, and nothing by chance.
pub const OPTIONS: WriterOptions = WriterOptions {
    block_bytes: 4096,
    segment_bytes: 16 * 1024,
    durability: Durability::DataAndMetadata,
    journal_id: Some(*b"fuzzed-journal-1"),
    created_ns: Some(1),
};

/// The base with this ending.
#[must_use]
pub fn base(ending: Ending) -> &'static Segments {
    static CLOSED: OnceLock<Segments> = OnceLock::new();
    static DIED: OnceLock<Segments> = OnceLock::new();
    let made = if ending == Ending::Closed { &CLOSED } else { &DIED };
    made.get_or_init(|| segments_of(&retell(&drawn(EVENTS), ending)))
}

/// The segments of a journal that lacks none.
#[must_use]
pub fn segments_of(folder: &MemoryFolder) -> Segments {
    let mut names = folder.list().expect("memory can be listed");
    names.retain(|name| segment::number_of(name).is_some());
    names.iter().map(|name| folder.get(name)).collect()
}

/// The blocks of a small journal by the `tiny` recipe: first LSN, number of events, payload.
#[must_use]
pub fn drawn(events: u64) -> Vec<(u64, u32, Vec<u8>)> {
    let folder = MemoryFolder::default();
    let tiny = Recipe::named("tiny").expect("there is such a recipe");
    let transactional_share = 0.5;
    let recipe = Recipe { events, mean_payload_bytes: 80, transactional_share, ..tiny };
    let options = writer_options(&recipe, 1);
    let writer = Writer::create(Arc::new(folder.clone()), options).expect("memory");
    generate(&writer, &recipe, 1, &mut |_| {}).expect("the recipe makes sense");
    writer.close().expect("memory");
    let whole = folder.get(&segment::file_name(0)).expect("it has a segment");
    let (mut blocks, mut at) = (Vec::new(), PAGE_BYTES);
    while let Some(bytes) = whole.get(at..).filter(|bytes| bytes.starts_with(b"VXBK")) {
        let header = BlockHeader::read(bytes);
        let payload = block::payload(&header, bytes).to_vec();
        blocks.push((header.first_lsn, header.event_count, payload));
        at += header.block_bytes as usize;
    }
    blocks
}

/// Writes the same events anew, with commits between them and a writer that dies and comes back.
fn retell(blocks: &[(u64, u32, Vec<u8>)], ending: Ending) -> MemoryFolder {
    let folder = MemoryFolder::default();
    let mut writer = Writer::create(Arc::new(folder.clone()), OPTIONS).expect("memory");
    let events = blocks.iter().flat_map(|(lsn, count, payload)| {
        EventIter::new(payload, *lsn, *count).map(|event| event.expect("it was just written"))
    });
    for event in events {
        writer.append(&again(&event)).expect("memory");
        if event.lsn % EVENTS_PER_COMMIT == 0 {
            writer.commit().expect("memory");
        }
        if event.lsn == FIRST_LIFE_EVENTS {
            drop(writer);
            writer = Writer::open(Arc::new(folder.clone()), OPTIONS).expect("it is intact");
        }
    }
    match ending {
        Ending::Closed => drop(writer.close().expect("memory")),
        Ending::Died => writer.commit().expect("memory"),
    }
    folder
}

fn again<'a>(event: &Event<'a>) -> NewEvent<'a> {
    let body = event.body().expect("it was just written").expect("its type is known");
    let header = &event.header;
    let new = NewEvent::new(header.timestamp_ns, body);
    let (flags, priority, transaction) = (header.flags, header.priority, header.transaction);
    NewEvent { transaction, flags, priority, ..new }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes;

    /// A base that is damaged to begin with would hide what the edits do.
    #[test]
    fn bases_are_intact_and_have_several_segments() {
        for ending in [Ending::Closed, Ending::Died] {
            let segments = base(ending);
            assert!(segments.len() >= 3, "{}", segments.len());
            let outcome = passes::check_intact(segments);
            assert_eq!(outcome.last_lsn, EVENTS);
            assert!(outcome.findings.transactions.committed > 3, "{:?}", outcome.findings);
        }
    }
}
