//! Merges a base and its deltas into a new base, a partition at a time, so that the state need not
//! fit into memory twice, and the replay that goes on meanwhile isn't asked for anything.

use super::catalogue::Catalogue;
use super::file::{CheckpointFile, Kind};
use super::load::load_partition;
use super::write::{CheckpointWriter, Heading, Written};
use crate::error::Error;
use crate::state::{PARTITIONS, Table, partition_digest, state_digest};
use crate::storage::Folder;

/// Writes a base into `folder` that holds what `newest` and those that it builds on hold together. It
/// knows the state's digest, whether or not they did.
///
/// # Errors
/// [`Error::BadCheckpoint`] when one of them can't be used; [`Error::Io`] when storage fails.
pub fn merge(
    catalogue: &Catalogue,
    newest: &CheckpointFile,
    folder: &dyn Folder,
    compression_level: i32,
) -> Result<Written, Error> {
    let chain = catalogue.chain(newest).map_err(|fault| newest.bad(fault))?;
    chain.iter().try_for_each(|file| file.check_seal())?;
    let heading = Heading {
        kind: Kind::Base,
        validation: newest.validation,
        journal_id: newest.header.journal_id,
        manifest: &newest.manifest,
        parent: None,
    };
    let mut writer = CheckpointWriter::create(folder, &heading, compression_level)?;
    let mut digests = Vec::with_capacity(PARTITIONS);
    for partition in 0..PARTITIONS {
        let mut table = Table::default();
        load_partition(&chain, partition, &mut table)?;
        digests.push(partition_digest(&table));
        let section = table.all();
        let records = section.count();
        writer.section(&section.into_bytes(), records)?;
    }
    writer.finish(Some(state_digest(&digests)))
}
