//! The flat file that the peers read: a count of records (u64), then for each the lengths of its key and its value
//! (u32 each), the key and the value; all numbers little-endian.
//!
//! The value is the event's payload. The key is that of the first record that the event touches. An event that
//! touches none, such as the begin of a transaction, stands under its type alone, so that it is in everybody's
//! log and costs those who apply it next to nothing.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use vexfs_replay::event::Event;
use vexfs_replay::state::{Effect, for_each_effect};

use super::events::Blocks;
use crate::Measured;

/// Writes the file; gives how many records there are.
pub(crate) fn write(journal: &Path, file: &Path) -> Measured<u64> {
    let blocks = Blocks::read(journal)?;
    let mut count = 0_u64;
    blocks.for_each(|_| {
        count += 1;
        Ok(())
    })?;
    let mut out = BufWriter::new(File::create(file)?);
    out.write_all(&count.to_le_bytes())?;
    let mut key = Vec::new();
    blocks.for_each(|event| {
        key.clear();
        key_of(event, &mut key)?;
        for part in [&key[..], event.payload()] {
            out.write_all(&u32::try_from(part.len())?.to_le_bytes())?;
        }
        out.write_all(&key)?;
        out.write_all(event.payload())?;
        Ok(())
    })?;
    out.into_inner()?.sync_all()?;
    Ok(count)
}

/// Numbers come in the order of their size, so that neighbours are neighbours in a tree of bytes.
fn key_of(event: &Event<'_>, key: &mut Vec<u8>) -> Measured<()> {
    let mut first: Option<Effect<'_>> = None;
    if let Some(body) = event.body()? {
        for_each_effect(&body, |effect| {
            first.get_or_insert(effect);
        });
    }
    match first {
        None => {
            key.push(0);
            key.extend_from_slice(&event.header.event_type.to_be_bytes());
        }
        Some(Effect { key: touched, .. }) => {
            key.push(touched.kind as u8);
            key.extend_from_slice(&touched.id.to_be_bytes());
            if touched.second != 0 {
                key.extend_from_slice(&touched.second.to_be_bytes());
            }
            key.extend_from_slice(touched.name);
        }
    }
    Ok(())
}
