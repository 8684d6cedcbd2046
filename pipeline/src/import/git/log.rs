//! Reads what `git log --raw -z` prints, commit by commit. Knows the stream's grammar and nothing
//! of processes; it may be given any bytes at all.
//!
//! A commit is the five fields of [`FORMAT`], each ended by a NUL (the last one by that of `-z`),
//! and then its changes; the first change has a line feed before it. A change is
//! `:MODE MODE ID ID STATUS`, NUL, and a path or two, each with a NUL. So fields are counted, never
//! searched for: names and subjects may hold any byte but NUL, which git's objects can't have there.

use std::io::BufRead;
use std::ops::Range;

use super::object::ObjectId;
use crate::error::Error;

/// What git prints of a commit before its changes: id, parents, committer time, e-mail of the
/// author, subject.
pub(super) const FORMAT: &str = "--format=tformat:C%H%x00%P%x00%ct%x00%ae%x00%s";

/// The longest e-mail and subject that are kept, in bytes; what follows is cut off.
const TEXT_BYTES_MAX: u64 = 8 * 1024;
/// The longest path, or list of parents, that is read, in bytes.
const FIELD_BYTES_MAX: u64 = 1024 * 1024;

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It came to be, perhaps as a copy of another.
    Add,
    /// It went.
    Delete,
    /// Its mode, type or content changed.
    Modify,
    /// It was another path before, and that path is gone.
    Rename,
}

/// One change of a commit. Its paths are in the commit; see [`Commit::old_path`].
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) action: Action,
    pub(super) old_mode: u32,
    pub(super) new_mode: u32,
    pub(super) old: ObjectId,
    pub(super) new: ObjectId,
    old_path: Range<usize>,
    new_path: Range<usize>,
}

/// One commit and its changes against its first parent.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) id: ObjectId,
    pub(super) parents: Vec<ObjectId>,
    /// Committer time in nanoseconds since 1970-01-01 UTC.
    pub(super) time_ns: u64,
    pub(super) email: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) changes: Vec<Change>,
    paths: Vec<u8>,
}

impl Commit {
    pub(super) fn new() -> Self {
        let (id, parents, time_ns) = (ObjectId::NONE, Vec::new(), 0);
        let (email, subject, changes, paths) = Default::default();
        Self { id, parents, time_ns, email, subject, changes, paths }
    }

    /// Where the changed thing was before.
    pub(super) fn old_path(&self, change: &Change) -> &[u8] {
        &self.paths[change.old_path.clone()]
    }

    /// Where the changed thing is now.
    pub(super) fn new_path(&self, change: &Change) -> &[u8] {
        &self.paths[change.new_path.clone()]
    }

    #[cfg(test)]
    pub(super) fn push(
        &mut self,
        action: Action,
        modes: (u32, u32),
        ids: (ObjectId, ObjectId),
        paths: (&[u8], &[u8]),
    ) {
        let mut range = |path: &[u8]| {
            let start = self.paths.len();
            self.paths.extend_from_slice(path);
            start..self.paths.len()
        };
        let (old_path, new_path) = (range(paths.0), range(paths.1));
        let ((old_mode, new_mode), (old, new)) = (modes, ids);
        self.changes.push(Change { action, old_mode, new_mode, old, new, old_path, new_path });
    }
}

/// Reads the stream.
#[derive(Debug)]
pub(super) struct LogReader<R> {
    source: R,
    field: Vec<u8>,
}

impl<R: BufRead> LogReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, field: Vec::new() }
    }

    /// Reads the next commit into `commit`; false at the end of the stream. A commit is given only
    /// when the next one has begun or the stream has ended, so that no change of it is missing.
    pub(super) fn next(&mut self, commit: &mut Commit) -> Result<bool, Error> {
        commit.changes.clear();
        commit.paths.clear();
        match self.peek()? {
            None => return Ok(false),
            Some(b'C') => self.source.consume(1),
            Some(other) => return Err(unexpected(other, "a commit")),
        }
        self.read_header(commit)?;
        if self.peek()? == Some(b'\n') {
            self.source.consume(1);
            if self.peek()? != Some(b':') {
                return Err(Error::Import(format!("git log gave no change behind {}", commit.id)));
            }
        }
        while self.peek()? == Some(b':') {
            self.source.consume(1);
            self.read_change(commit)?;
        }
        match self.peek()? {
            None | Some(b'C') => Ok(true),
            Some(other) => Err(unexpected(other, "a change or a commit")),
        }
    }

    /// Whether the stream is at its end.
    pub(super) fn at_end(&mut self) -> Result<bool, Error> {
        Ok(self.peek()?.is_none())
    }

    fn peek(&mut self) -> Result<Option<u8>, Error> {
        loop {
            match self.source.fill_buf() {
                Ok(bytes) => return Ok(bytes.first().copied()),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&error)),
            }
        }
    }

    fn read_header(&mut self, commit: &mut Commit) -> Result<(), Error> {
        let id = self.read_field()?;
        commit.id = ObjectId::from_hex(id).ok_or_else(|| malformed("commit id", id))?;
        commit.parents.clear();
        let parents = self.read_field()?;
        for parent in parents.split(|byte| *byte == b' ').filter(|parent| !parent.is_empty()) {
            let id = ObjectId::from_hex(parent).ok_or_else(|| malformed("parent id", parent))?;
            commit.parents.push(id);
        }
        let time = self.read_field()?;
        commit.time_ns = time_ns(time).ok_or_else(|| malformed("time", time))?;
        self.read_text(&mut commit.email)?;
        self.read_text(&mut commit.subject)
    }

    fn read_change(&mut self, commit: &mut Commit) -> Result<(), Error> {
        let line = self.read_field()?;
        let (action, modes, ids) =
            parse_change(line).ok_or_else(|| malformed("description of a change", line))?;
        let old_path = self.read_path(&mut commit.paths)?;
        let new_path = match action {
            Some(Action::Rename) | None => self.read_path(&mut commit.paths)?,
            Some(_) => old_path.clone(),
        };
        // The source of a copy stays what it was.
        let action = action.unwrap_or(Action::Add);
        let ((old_mode, new_mode), (old, new)) = (modes, ids);
        let change = Change { action, old_mode, new_mode, old, new, old_path, new_path };
        commit.changes.push(change);
        Ok(())
    }

    /// Reads up to the next NUL, which must be there.
    fn read_field(&mut self) -> Result<&[u8], Error> {
        self.field.clear();
        read_terminated(&mut self.source, FIELD_BYTES_MAX, &mut self.field)?;
        Ok(&self.field)
    }

    fn read_path(&mut self, paths: &mut Vec<u8>) -> Result<Range<usize>, Error> {
        let start = paths.len();
        read_terminated(&mut self.source, FIELD_BYTES_MAX, paths)?;
        Ok(start..paths.len())
    }

    /// Reads up to the next NUL and keeps no more of it than [`TEXT_BYTES_MAX`].
    fn read_text(&mut self, text: &mut Vec<u8>) -> Result<(), Error> {
        text.clear();
        let mut head = std::io::Read::take(&mut self.source, TEXT_BYTES_MAX);
        head.read_until(0, text).map_err(|error| unreadable(&error))?;
        if text.last() == Some(&0) {
            text.pop();
            return Ok(());
        }
        // Whether the text was long or the stream has ended: a NUL must come.
        skip_terminated(&mut self.source)
    }
}

/// Appends what comes up to the next NUL, without it.
fn read_terminated(
    source: &mut impl BufRead,
    bytes_max: u64,
    into: &mut Vec<u8>,
) -> Result<(), Error> {
    let read = std::io::Read::take(source, bytes_max).read_until(0, into);
    let read = read.map_err(|error| unreadable(&error))?;
    if read > 0 && into.last() == Some(&0) {
        into.pop();
        return Ok(());
    }
    if read as u64 == bytes_max {
        return Err(Error::Import(format!("git log gave a field of more than {bytes_max} bytes")));
    }
    Err(ended_inside())
}

fn skip_terminated(source: &mut impl BufRead) -> Result<(), Error> {
    loop {
        let bytes = match source.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(&error)),
        };
        if bytes.is_empty() {
            return Err(ended_inside());
        }
        let end = bytes.iter().position(|byte| *byte == 0);
        let skipped = end.map_or(bytes.len(), |at| at + 1);
        source.consume(skipped);
        if end.is_some() {
            return Ok(());
        }
    }
}

type Parsed = (Option<Action>, (u32, u32), (ObjectId, ObjectId));

/// Parses `MODE MODE ID ID STATUS`; the action is `None` for a copy, which has two paths.
fn parse_change(line: &[u8]) -> Option<Parsed> {
    let mut fields = line.split(|byte| *byte == b' ');
    let modes = (octal(fields.next()?)?, octal(fields.next()?)?);
    let ids = (ObjectId::from_hex(fields.next()?)?, ObjectId::from_hex(fields.next()?)?);
    let status = fields.next()?;
    let action = match (status.first()?, fields.next()) {
        (b'A', None) => Some(Action::Add),
        (b'D', None) => Some(Action::Delete),
        (b'M' | b'T', None) => Some(Action::Modify),
        (b'R', None) => Some(Action::Rename),
        (b'C', None) => None,
        _ => return None,
    };
    status[1..].iter().all(u8::is_ascii_digit).then_some((action, modes, ids))
}

fn octal(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(str::from_utf8(digits).ok()?, 8).ok()
}

/// Seconds to nanoseconds: what lies before 1970, or is no time at all (git prints nothing for a
/// committer line that it can't read), becomes 0; what is too far in the future, the last moment.
fn time_ns(seconds: &[u8]) -> Option<u64> {
    let digits = seconds.strip_prefix(b"-").unwrap_or(seconds);
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    if digits.is_empty() || digits.len() < seconds.len() {
        return Some(0);
    }
    let seconds = str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
    Some(seconds.saturating_mul(1_000_000_000))
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::Import(format!("the output of git log could not be read: {error}"))
}

fn ended_inside() -> Error {
    Error::Import("git log ended in the middle of a commit".to_owned())
}

fn malformed(what: &str, found: &[u8]) -> Error {
    let found = found[..found.len().min(100)].escape_ascii();
    Error::Import(format!("git log gave \"{found}\" where a {what} should be"))
}

fn unexpected(byte: u8, wanted: &str) -> Error {
    let found = byte.escape_ascii();
    Error::Import(format!("git log gave \"{found}\" where {wanted} should begin"))
}

#[cfg(test)]
mod tests;
