//! What stands behind the end of the walk, and proves that more was there: a sound writer writes it only when
//! all before it is durable.
//!
//! A block alone proves nothing: data blocks of an earlier lap lie there, and whatever they hold may look
//! like a block of a journal. Two things prove it: a whole transaction, with a commit that fits it; and a
//! commit whose count says that its descriptor stood where the walk ends.

use super::block::{Block, header_of};
use super::fault::Fault;
use super::layout::{BlockHeader, CommitBody, DescriptorBody, block_flags, block_type};
use super::place::Blocks;
use super::walk::{Step, Walk};
use crate::error::Error;

/// What proves it, of all that stands at least so many blocks behind the end.
pub(super) fn written_behind(
    blocks: &Blocks,
    walk: &Walk<'_>,
    from: u64,
) -> Result<Option<Fault>, Error> {
    // No higher sequence fits into the log.
    let highest = walk.sequence.saturating_add(walk.superblock.log_blocks());
    let commits_prove = !walk.superblock.has(block_flags::ASYNC_COMMIT);
    // What looks like transactions may overlap: no more than a lap is read for them.
    let mut budget = walk.superblock.log_blocks();
    for further in from..walk.left() {
        let position = walk.superblock.after(walk.at, further);
        let block = blocks.read(position)?;
        let Some(Ok(header)) = header_of(&block) else { continue };
        let sequence = header.sequence;
        if sequence <= walk.sequence || sequence > highest {
            continue;
        }
        let proves = match header.block_type {
            block_type::COMMIT => commits_prove && began(&block, further),
            block_type::DESCRIPTOR => ends(walk, &block, further, &mut budget)?,
            _ => false,
        };
        if proves {
            return Ok(Some(Fault::WrittenBehind { position, sequence }));
        }
    }
    Ok(None)
}

/// Whether a commit that stands so many blocks behind the end is of a transaction that began there.
fn began(commit: &Block, further: u64) -> bool {
    let body = CommitBody::read(&commit[BlockHeader::BYTES..]);
    u64::from(body.block_count) + 1 == further
}

/// Whether a transaction that begins so many blocks behind the end is whole.
fn ends(
    walk: &Walk<'_>,
    descriptor: &Block,
    further: u64,
    budget: &mut u64,
) -> Result<bool, Error> {
    let body = DescriptorBody::read(&descriptor[BlockHeader::BYTES..]);
    let Some(left) = budget.checked_sub(u64::from(body.block_count) + 2) else {
        return Ok(false);
    };
    *budget = left;
    Ok(matches!(walk.further(further).step()?, Step::Transaction(_)))
}
