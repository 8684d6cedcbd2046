//! The journal whose parts are measured: one of 10,000 events, made in memory by its recipe.

use std::sync::Arc;

use vexfs_datasets::Recipe;
use vexfs_replay::event::{Body, Event, EventIter};
use vexfs_replay::generate::{generate, writer_options};
use vexfs_replay::journal::layout::BlockHeader;
use vexfs_replay::journal::{Journal, Writer, block};
use vexfs_replay::storage::MemoryFolder;

/// The seed of it.
const SEED: u64 = 1;

/// A journal.
pub(crate) fn journal() -> Journal {
    let recipe = Recipe::named("10k").unwrap();
    let folder = Arc::new(MemoryFolder::default());
    let writer = Writer::create(folder.clone(), writer_options(&recipe, SEED)).unwrap();
    generate(&writer, &recipe, SEED, &mut |_| {}).unwrap();
    writer.close().unwrap();
    Journal::open(folder).unwrap()
}

/// The blocks of its first segment.
pub(crate) fn blocks(journal: &Journal) -> Vec<Vec<u8>> {
    let segment = &journal.segments[0];
    let indexed = journal.segment_index(0).unwrap().blocks;
    let read = |offset, length: u32| {
        let mut bytes = vec![0; length as usize];
        segment.read(&mut bytes, offset).unwrap();
        bytes
    };
    indexed.iter().map(|it| read(it.entry.file_offset, it.entry.block_bytes)).collect()
}

/// Visits the events of blocks, with their meaning where they have one.
pub(crate) fn for_each_event<'b>(
    blocks: &'b [Vec<u8>],
    mut visit: impl FnMut(&Event<'b>, &Body<'b>),
) {
    for bytes in blocks {
        let header = BlockHeader::read(bytes);
        let payload = block::payload(&header, bytes);
        for event in EventIter::new(payload, header.first_lsn, header.event_count) {
            let event = event.unwrap();
            if let Some(body) = event.body().unwrap() {
                visit(&event, &body);
            }
        }
    }
}
