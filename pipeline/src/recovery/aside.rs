//! Keeps aside what a recovery undoes or distrusts, and brings it back. Nothing is deleted before its
//! copy is durable.

use std::ffi::OsStr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::{is_record, read, write};
use crate::checkpoint::is_checkpoint;
use crate::error::{Error, IoContext as _};
use crate::journal::Journal;
use crate::storage::{self, File, Folder, read_exact_at};

/// How much is copied at once, in bytes.
const COPY_BYTES: usize = 1024 * 1024;
const ROLLBACK: &str = "rollback.json";

/// A rollback that stands: until it is redone, no recovery goes beyond its watermark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// The journal's UUID.
    #[serde(with = "hex::serde")]
    pub journal_id: [u8; 16],
    /// The watermark that it went back to.
    pub watermark: u64,
    /// The last LSN that was undone.
    pub undone_last: u64,
    /// The checkpoints that were put aside: what each was called, and what it is called aside.
    pub checkpoints: Vec<(String, String)>,
    /// Copies of the segments that hold what was undone, likewise.
    pub segments: Vec<(String, String)>,
}

impl Rollback {
    /// The one that stands, where one does.
    ///
    /// # Errors
    /// [`Error::InconsistentRecovery`] when it can't be read, or isn't what a rollback writes: what it
    /// keeps from coming back must not come back because of that, and its names are those of files that
    /// are copied and removed.
    pub(super) fn load(records: &dyn Folder) -> Result<Option<Self>, Error> {
        let rollback: Option<Self> = read(records, ROLLBACK)?;
        let is_there = rollback.is_some() || exists((records, ROLLBACK))?;
        if !is_there || rollback.as_ref().is_some_and(Self::is_plausible) {
            return Ok(rollback);
        }
        let path = records.path(ROLLBACK);
        let reason = format!("{} is not what a rollback writes: it was changed", path.display());
        Err(Error::InconsistentRecovery { reason })
    }

    /// Why no recovery of a journal that ends at this LSN may go on while it stands.
    pub(super) fn stands_against(&self, journal: &Journal, last_lsn: u64) -> Option<Error> {
        let Self { journal_id, watermark, undone_last, .. } = *self;
        if journal_id != journal.journal_id {
            let reason = "the rollback among the records is of another journal".to_owned();
            return Some(Error::InconsistentRecovery { reason });
        }
        let reason = format!(
            "LSN {} to {undone_last} were undone, and LSN {} to {last_lsn} were written since by a writer \
             that didn't know; `recover --redo` brings all of them back, and to leave out what was \
             undone, go on from the state at LSN {watermark} in a new journal",
            watermark.saturating_add(1),
            undone_last.saturating_add(1)
        );
        (last_lsn > undone_last).then_some(Error::InconsistentRecovery { reason })
    }

    /// Whether its names are such as a rollback gives: a path would lead out of the folders.
    fn is_plausible(&self) -> bool {
        let mut checkpoints = self.checkpoints.iter();
        let mut segments = self.segments.iter();
        checkpoints.all(|(name, aside)| is_checkpoint(name) && is_aside(aside, name))
            && segments.all(|(name, aside)| is_aside(aside, name))
    }

    /// Takes over what an earlier rollback put aside, or was to put aside before it was killed: what is
    /// redone is both.
    pub(super) fn take_over(&mut self, standing: Self) {
        let Self { undone_last, checkpoints, segments, .. } = standing;
        self.undone_last = self.undone_last.max(undone_last);
        for (mine, theirs) in [(&mut self.checkpoints, checkpoints), (&mut self.segments, segments)]
        {
            let new: Vec<_> = theirs.into_iter().filter(|it| !mine.contains(it)).collect();
            mine.extend(new);
        }
    }

    /// Carries it out: copies, writes down what is to be done, and only then takes away. Done again
    /// after a crash it comes to the same.
    pub(super) fn carry_out(
        &self,
        journal: &dyn Folder,
        checkpoints: &dyn Folder,
        records: &dyn Folder,
    ) -> Result<(), Error> {
        for (name, aside) in &self.segments {
            copy((journal, name), (records, aside))?;
        }
        write(records, ROLLBACK, self)?;
        self.checkpoints
            .iter()
            .try_for_each(|(name, aside)| move_over((checkpoints, name), (records, aside)))
    }

    /// The checkpoints that are still to be put aside, since it was killed on the way: those that have no
    /// copy there, or a copy that is the same.
    pub(super) fn left_over(
        &self,
        checkpoints: &dyn Folder,
        records: &dyn Folder,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut left = Vec::new();
        for (name, aside) in &self.checkpoints {
            let (here, there) = ((checkpoints, name.as_str()), (records, aside.as_str()));
            // Another one of that name came later, and is none of this rollback's.
            if exists(here)? && (!exists(there)? || is_same(here, there)?) {
                left.push((name.clone(), aside.clone()));
            }
        }
        Ok(left)
    }

    /// Brings back what was put aside. Done again after a crash it comes to the same.
    ///
    /// A copy of a segment that the journal no longer has, or has otherwise, stays where it is.
    pub(super) fn redo(
        &self,
        journal: &dyn Folder,
        checkpoints: &dyn Folder,
        records: &dyn Folder,
    ) -> Result<(), Error> {
        for (name, aside) in &self.checkpoints {
            move_over((records, aside), (checkpoints, name))?;
        }
        for (name, aside) in &self.segments {
            if is_same((journal, name), (records, aside))? {
                remove(records, aside)?;
            }
        }
        remove(records, ROLLBACK)?;
        records.sync_folder().context("sync", records.path(""), None)
    }

    /// The names of all that was put aside.
    pub(super) fn names(&self) -> Vec<String> {
        let both = self.checkpoints.iter().chain(&self.segments);
        both.map(|(_, aside)| aside.clone()).collect()
    }
}

/// What a file is called aside, after the watermark to which a rollback went back.
pub(super) fn aside_name(watermark: u64, name: &str) -> String {
    format!("undone-{watermark:020}-{name}")
}

/// Whether a file of this name was put aside by a rollback.
pub(crate) fn is_put_aside(aside: &str) -> bool {
    // What it was called before stands behind twenty digits and a dash.
    let name = aside.strip_prefix("undone-").and_then(|rest| rest.get(21..));
    name.is_some_and(|name| is_aside(aside, name))
}

/// Whether a file of this name is what a recovery left unfinished among its records.
pub(super) fn is_left_unfinished(name: &str) -> bool {
    let finished = name.strip_suffix(storage::UNFINISHED);
    finished.is_some_and(|it| {
        it == ROLLBACK || is_put_aside(it) || it.starts_with("broken-") || is_record(it)
    })
}

/// Whether a file of this name may be called so aside. A journal that is one file may have any name.
fn is_aside(aside: &str, name: &str) -> bool {
    let digits = aside.strip_prefix("undone-").and_then(|rest| rest.get(..20));
    let watermark = digits.and_then(|digits| digits.parse().ok());
    let is_plain = Path::new(name).file_name() == Some(OsStr::new(name));
    is_plain && watermark.is_some_and(|it| aside_name(it, name) == aside)
}

/// A file: its folder and its name there.
type Named<'a> = (&'a dyn Folder, &'a str);

/// Whether there is a file of this name.
pub(super) fn exists((folder, name): Named<'_>) -> Result<bool, Error> {
    let names = folder.list().context("list", folder.path(""), None)?;
    Ok(names.iter().any(|it| it == name))
}

/// Whether both files are there and hold the same.
pub(super) fn is_same(one: Named<'_>, other: Named<'_>) -> Result<bool, Error> {
    if !exists(one)? || !exists(other)? {
        return Ok(false);
    }
    let open =
        |(folder, name): Named<'_>| folder.open(name).context("open", folder.path(name), None);
    let (left, right) = (open(one)?, open(other)?);
    let length = |file: &dyn File, (folder, name): Named<'_>| {
        file.length().context("read the length of", folder.path(name), None)
    };
    let bytes = length(left.as_ref(), one)?;
    if bytes != length(right.as_ref(), other)? {
        return Ok(false);
    }
    let mut buffers = [vec![0; COPY_BYTES], vec![0; COPY_BYTES]];
    let mut at = 0;
    while at < bytes {
        let wanted = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(COPY_BYTES);
        for ((file, named), buffer) in [(&left, one), (&right, other)].into_iter().zip(&mut buffers)
        {
            let read = read_exact_at(file.as_ref(), &mut buffer[..wanted], at);
            read.context("read", named.0.path(named.1), Some(at))?;
        }
        if buffers[0][..wanted] != buffers[1][..wanted] {
            return Ok(false);
        }
        at += wanted as u64;
    }
    Ok(true)
}

/// Moves a file into another folder, where it still is in the first one.
pub(super) fn move_over(from: Named<'_>, to: Named<'_>) -> Result<(), Error> {
    if !exists(from)? {
        return Ok(());
    }
    copy(from, to)?;
    remove(from.0, from.1)?;
    from.0.sync_folder().context("sync", from.0.path(""), None)
}

fn remove(folder: &dyn Folder, name: &str) -> Result<(), Error> {
    match folder.remove(name) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.context("remove", folder.path(name), None),
    }
}

/// Copies a file, in one atomic and durable step, over an old one of that name.
pub(super) fn copy((from, name): Named<'_>, (to, copy_name): Named<'_>) -> Result<(), Error> {
    let path = from.path(name);
    let source = from.open(name).context("open", &path, None)?;
    let length = source.length().context("read the length of", &path, None)?;
    let unfinished = storage::unfinished_name(copy_name);
    let copy_path = to.path(&unfinished);
    let target = to.create(&unfinished).context("create", &copy_path, None)?;
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = 0;
    while at < length {
        let left = usize::try_from(length - at).unwrap_or(usize::MAX);
        let bytes = &mut buffer[..left.min(COPY_BYTES)];
        read_exact_at(source.as_ref(), bytes, at).context("read", &path, Some(at))?;
        target.write_all_at(bytes, at).context("write", &copy_path, Some(at))?;
        at += bytes.len() as u64;
    }
    storage::publish(to, target.as_ref(), &unfinished, copy_name)
}
