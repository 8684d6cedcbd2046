//! Fetch: what one partition's effects will touch and its records in memory don't know, out of the
//! store behind them. What is fetched is as it was: only what an effect changes is written back.

use super::apply::Work;
use crate::error::Error;
use crate::state::{Key, Table};
use crate::store::Reader;

/// Fetches what `work` needs of the partition.
pub(crate) fn fetch(
    partition: usize,
    table: &mut Table,
    work: &Work<'_>,
    reader: &mut dyn Reader,
) -> Result<(), Error> {
    let mut wanted: Vec<(Key<'_>, u32)> = Vec::new();
    work.for_each_key(partition, |tag, key| {
        if !table.knows(tag, &key) {
            wanted.push((key, tag));
        }
    });
    if wanted.is_empty() {
        return Ok(());
    }
    wanted.sort_unstable();
    wanted.dedup();
    let keys: Vec<Key<'_>> = wanted.iter().map(|(key, _)| *key).collect();
    reader.get(&keys, &mut |number, value| {
        let (key, tag) = &wanted[number];
        table.take_in(*tag, key, value);
        Ok(())
    })
}
