//! What a redo overwrites, kept aside before: the earlier content of the image's blocks, and of the journal's
//! superblock. It comes into its place in one atomic step and is durable before anything is overwritten, so
//! that what lies there under its name is always whole, and always of before.

use std::io;
use std::path::Path;

use vexfs_kernels::{DIGEST_BYTES, Digest, Sha256Stream, crc32c, sha256};

use super::block::{Block, check};
use super::layout::{
    ASIDE_MAGIC, ASIDE_MAJOR, AsideEntry, AsideHeader, BLOCK_BYTES, SUPERBLOCK_CHECKSUM_AT,
    Superblock,
};
use super::place::{Blocks, Place};
use super::plan::Plan;
use super::redo::lock;
use super::superblock;
use crate::error::{Error, IoContext as _};
use crate::storage::{self, Folder, read_exact_at};

const ENTRY_BYTES: usize = AsideEntry::BYTES + BLOCK_BYTES;
const ENTRIES_FROM: usize = AsideHeader::BYTES + BLOCK_BYTES;

/// What a roll back did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolledBack {
    /// Nothing was kept aside, so that nothing was overwritten.
    NothingToDo,
    /// These many blocks of the image have their earlier content, and the journal its superblock.
    Restored {
        /// How many.
        blocks: u64,
    },
}

/// What a clean-up did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CleanedUp {
    /// Nothing was kept aside.
    NothingToDo,
    /// What was kept aside is gone: what was redone stays.
    Removed,
}

/// What the plan writes, and over which journal, as a digest.
fn digest_of(plan: &Plan, image_blocks: u64) -> Digest {
    let mut bytes = image_blocks.to_le_bytes().to_vec();
    for (number, data) in &plan.writes {
        bytes.extend(number.to_le_bytes());
        bytes.extend(data.position.to_le_bytes());
        bytes.extend(data.crc.to_le_bytes());
    }
    sha256(&bytes)
}

/// Keeps aside what the plan overwrites, unless an earlier try of the same has done so.
pub(super) fn keep(
    aside: &Place,
    plan: &Plan,
    image: &Blocks,
    image_blocks: u64,
    superblock: &Block,
) -> Result<(), Error> {
    let header = AsideHeader {
        magic: ASIDE_MAGIC,
        major: ASIDE_MAJOR,
        count: plan.writes.len() as u64,
        image_blocks,
        plan: digest_of(plan, image_blocks),
    };
    if let Some(kept) = Kept::open(aside)? {
        let same = kept.header == header
            && Superblock::read(&kept.superblock()?) == Superblock::read(superblock);
        return match same {
            true => Ok(()),
            false => Err(kept.refuse("it is of another redo; roll that back or clean it up first")),
        };
    }
    let folder = aside.folder.as_ref();
    let mut front = vec![0; AsideHeader::BYTES];
    header.write(&mut front);
    front.extend(superblock);
    let (unfinished, file) = storage::write_beside(folder, &aside.name, &front)?;
    let path = folder.path(&unfinished);
    let mut digest = Sha256Stream::default();
    digest.update(&front);
    let mut offset = ENTRIES_FROM as u64;
    let mut entry = vec![0; AsideEntry::BYTES];
    for &number in plan.writes.keys() {
        let content = image.read(number)?;
        entry.truncate(AsideEntry::BYTES);
        AsideEntry { number, crc: crc32c(&content), reserved: 0 }.write(&mut entry);
        entry.extend(content);
        digest.update(&entry);
        file.write_all_at(&entry, offset).context("write", &path, Some(offset))?;
        offset += ENTRY_BYTES as u64;
    }
    file.write_all_at(&digest.finish(), offset).context("write", &path, Some(offset))?;
    storage::publish(folder, file.as_ref(), &unfinished, &aside.name)
}

/// Gives the image its earlier content again, and the journal its superblock. What is kept aside stays.
/// Where nothing is kept aside, nothing was overwritten.
///
/// # Errors
/// [`Error::InconsistentRecovery`] when what is kept aside isn't whole, or is of another image or journal;
/// [`Error::Locked`], or [`Error::Io`].
pub fn roll_back(journal: &Place, image: &Place, aside: &Place) -> Result<RolledBack, Error> {
    let _locks = lock(journal, image)?;
    let Some(kept) = Kept::open(aside)? else { return Ok(RolledBack::NothingToDo) };
    let journal = journal.open_to_change()?;
    let image = image.open_to_change()?;
    if image.length()? / BLOCK_BYTES as u64 != kept.header.image_blocks {
        return Err(kept.refuse("the image has another length"));
    }
    let (first, old) = (journal.read(0)?, kept.superblock()?);
    let (now, then) = (Superblock::read(&first), Superblock::read(&old));
    // One that a crash left torn says nothing.
    let is_sound = check(&first, SUPERBLOCK_CHECKSUM_AT).is_ok();
    if is_sound && (now.start_block, now.total_blocks) != (then.start_block, then.total_blocks) {
        return Err(kept.refuse("it is of another journal"));
    }
    for index in 0..kept.header.count {
        let (number, content) = kept.entry(index)?;
        image.write(number, &content)?;
    }
    image.sync()?;
    if !is_sound || now != then {
        superblock::put_back(&journal, &old)?;
    }
    Ok(RolledBack::Restored { blocks: kept.header.count })
}

/// Takes away what was kept aside: what was redone can't be rolled back any more.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub fn clean_up(aside: &Place) -> Result<CleanedUp, Error> {
    let folder = aside.folder.as_ref();
    let unfinished = remove(folder, &storage::unfinished_name(&aside.name))?;
    let kept = remove(folder, &aside.name)?;
    // Synced even where nothing was there: who removed it may have been killed before that.
    folder.sync_folder().context("sync", folder.path(""), None)?;
    Ok(if unfinished || kept { CleanedUp::Removed } else { CleanedUp::NothingToDo })
}

/// Takes a file away; false where it isn't there.
fn remove(folder: &dyn Folder, name: &str) -> Result<bool, Error> {
    match folder.remove(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true).context("remove", folder.path(name), None),
    }
}

/// What is kept aside, proven to be whole.
struct Kept {
    blocks: Blocks,
    header: AsideHeader,
}

impl Kept {
    /// None where nothing is kept aside.
    fn open(aside: &Place) -> Result<Option<Self>, Error> {
        let path = aside.path();
        let file = match aside.folder.open(&aside.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.context("open", &path, None)?,
        };
        let blocks = Blocks { file, path };
        let length = blocks.length()?;
        let mut front = [0; AsideHeader::BYTES];
        if length < front.len() as u64 {
            return Err(refuse(&blocks.path, "it is cut short"));
        }
        read(&blocks, &mut front, 0)?;
        let kept = Self { header: AsideHeader::read(&front), blocks };
        if (kept.header.magic, kept.header.major) != (ASIDE_MAGIC, ASIDE_MAJOR) {
            return Err(kept.refuse("it is something else, or of another version"));
        }
        let entries = kept.header.count.checked_mul(ENTRY_BYTES as u64);
        let rest = (ENTRIES_FROM + DIGEST_BYTES) as u64;
        if entries.and_then(|entries| entries.checked_add(rest)) != Some(length) {
            return Err(kept.refuse("it has another length than it says"));
        }
        kept.check(length - DIGEST_BYTES as u64)?;
        Ok(Some(kept))
    }

    /// Holds everything before its digest to that.
    fn check(&self, length: u64) -> Result<(), Error> {
        let mut digest = Sha256Stream::default();
        let mut buffer = vec![0; 64 * 1024];
        let mut at = 0;
        while at < length {
            let left = usize::try_from(length - at).unwrap_or(usize::MAX);
            let chunk = buffer.len().min(left);
            read(&self.blocks, &mut buffer[..chunk], at)?;
            digest.update(&buffer[..chunk]);
            at += chunk as u64;
        }
        let mut stored = [0; DIGEST_BYTES];
        read(&self.blocks, &mut stored, length)?;
        match stored == digest.finish() {
            true => Ok(()),
            false => Err(self.refuse("its digest is another one")),
        }
    }

    fn superblock(&self) -> Result<Block, Error> {
        let mut block = [0; BLOCK_BYTES];
        read(&self.blocks, &mut block, AsideHeader::BYTES as u64)?;
        Ok(block)
    }

    fn entry(&self, index: u64) -> Result<(u64, Block), Error> {
        let offset = ENTRIES_FROM as u64 + index * ENTRY_BYTES as u64;
        let mut bytes = [0; ENTRY_BYTES];
        read(&self.blocks, &mut bytes, offset)?;
        let entry = AsideEntry::read(&bytes);
        let mut content = [0; BLOCK_BYTES];
        content.copy_from_slice(&bytes[AsideEntry::BYTES..]);
        let sound = crc32c(&content) == entry.crc && entry.number < self.header.image_blocks;
        match sound {
            true => Ok((entry.number, content)),
            false => Err(self.refuse("it changed while it was read")),
        }
    }

    fn refuse(&self, reason: &str) -> Error {
        refuse(&self.blocks.path, reason)
    }
}

fn refuse(path: &Path, reason: &str) -> Error {
    let reason = format!("what {} keeps aside can't be used: {reason}", path.display());
    Error::InconsistentRecovery { reason }
}

fn read(blocks: &Blocks, buffer: &mut [u8], offset: u64) -> Result<(), Error> {
    let read = read_exact_at(blocks.file.as_ref(), buffer, offset);
    read.context("read", &blocks.path, Some(offset))
}
