//! Asks `git cat-file --batch-command` for what a commit's blobs are: their sizes, the vectors of
//! texts and the targets of links.
//!
//! Sizes are asked for first, so that no blob is read that is too long to be looked into. Requests
//! go out a few at a time, less than a pipe holds, and are answered in full before the next ones:
//! so neither side ever waits for the other to read.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::process::{ChildStdin, ChildStdout, Stdio};

use super::log::{Action, Change, Commit};
use super::mode;
use super::object::ObjectId;
use super::process::{Git, Running};
use super::vector::{DIMENSIONS, embed, is_text};
use crate::error::Error;

/// The longest file that gets a vector, in bytes.
pub(super) const TEXT_BYTES_MAX: u64 = 1024 * 1024;
/// The longest target that a link's event carries, in bytes. (Systems allow 4,096.)
pub(super) const TARGET_BYTES_MAX: u64 = 64 * 1024;

/// How many requests go out at once. Each has at most 74 bytes, and every pipe holds 4,096.
const REQUESTS_MAX: usize = 48;

/// What is known of the content that a change brings.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    /// Its length in bytes; 0 for a submodule.
    pub(super) size: u64,
    pub(super) kind: ContentKind,
}

/// What a content is good for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ContentKind {
    /// Its identity alone: binary, too long, a submodule, or not new.
    Opaque,
    /// A text's vector.
    Text([f32; DIMENSIONS]),
    /// Where a link points to.
    Target(Vec<u8>),
}

impl Content {
    pub(super) const UNKNOWN: Self = Self { size: 0, kind: ContentKind::Opaque };
}

/// A running `git cat-file`.
#[derive(Debug)]
pub(super) struct Blobs {
    git: Running,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    requests: Vec<u8>,
    answer: Vec<u8>,
    content: Vec<u8>,
}

impl Blobs {
    pub(super) fn start(git: &Git) -> Result<Self, Error> {
        let arguments = ["cat-file", "--batch-command", "--buffer"].map(OsStr::new);
        let mut git = git.start(&arguments, Stdio::piped())?;
        let input = git.child.stdin.take();
        let Some(output) = git.child.stdout.take() else {
            return Err(git.failed("it has no output"));
        };
        let output = BufReader::with_capacity(64 * 1024, output);
        let (requests, answer, content) = Default::default();
        Ok(Self { git, input, output, requests, answer, content })
    }

    /// Puts into `contents` what is known of the content that each of the commit's changes brings.
    pub(super) fn describe(
        &mut self,
        commit: &Commit,
        contents: &mut Vec<Content>,
    ) -> Result<(), Error> {
        contents.clear();
        contents.resize(commit.changes.len(), Content::UNKNOWN);
        let wanted = (0..commit.changes.len()).filter(|at| brings_blob(&commit.changes[*at]));
        let wanted: Vec<usize> = wanted.collect();
        for batch in wanted.chunks(REQUESTS_MAX) {
            self.describe_batch(commit, batch, contents)?;
        }
        Ok(())
    }

    /// Ends git, which must have nothing left to say.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.input = None;
        match self.output.fill_buf() {
            Ok([]) => self.git.finish(),
            Ok(_) => Err(Error::Import("git cat-file gave more than was asked for".to_owned())),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    fn describe_batch(
        &mut self,
        commit: &Commit,
        batch: &[usize],
        contents: &mut [Content],
    ) -> Result<(), Error> {
        let id = |at: usize| commit.changes[at].new;
        self.request("info", batch.iter().map(|at| id(*at)))?;
        for at in batch {
            contents[*at].size = self.read_header(id(*at))?;
        }
        let is_read = |at: &&usize| {
            let change = &commit.changes[**at];
            contents[**at].size <= bytes_max(change.new_mode)
        };
        let read: Vec<usize> = batch.iter().filter(is_read).copied().collect();
        self.request("contents", read.iter().map(|at| id(*at)))?;
        for at in read {
            let length = self.read_header(id(at))?;
            self.read_content(length)?;
            contents[at].kind = if mode::is_link(commit.changes[at].new_mode) {
                ContentKind::Target(self.content.clone())
            } else if is_text(&self.content) {
                ContentKind::Text(embed(&self.content))
            } else {
                ContentKind::Opaque
            };
        }
        Ok(())
    }

    fn request(&mut self, verb: &str, ids: impl Iterator<Item = ObjectId>) -> Result<(), Error> {
        self.requests.clear();
        for id in ids {
            // Writing to memory can't fail.
            let _ = writeln!(self.requests, "{verb} {id}");
        }
        if self.requests.is_empty() {
            return Ok(());
        }
        self.requests.extend_from_slice(b"flush\n");
        let Some(input) = &mut self.input else {
            return Err(self.failed("it was ended"));
        };
        input.write_all(&self.requests).map_err(|error| self.failed(&error.to_string()))
    }

    /// Reads `ID blob SIZE`, gives the size.
    fn read_header(&mut self, id: ObjectId) -> Result<u64, Error> {
        self.answer.clear();
        // A line of an answer is short; one that isn't is no answer.
        let read = (&mut self.output).take(256).read_until(b'\n', &mut self.answer);
        read.map_err(|error| self.failed(&error.to_string()))?;
        let Some(line) = self.answer.strip_suffix(b"\n") else {
            return Err(self.failed("it ended before its answer did"));
        };
        let line = String::from_utf8_lossy(line);
        let mut fields = line.split(' ');
        let size = match (fields.next(), fields.next(), fields.next()) {
            (Some(named), Some("blob"), Some(size)) if named == id.to_string() => size.parse().ok(),
            _ => None,
        };
        size.ok_or_else(|| {
            Error::Import(if line == format!("{id} missing") {
                format!("the repository has no object {id}; is it a partial clone?")
            } else {
                format!("git cat-file answered \"{line}\" when asked for the blob {id}")
            })
        })
    }

    /// Reads a blob's content and the line feed behind it.
    fn read_content(&mut self, length: u64) -> Result<(), Error> {
        if length > TEXT_BYTES_MAX {
            let reason = format!("git cat-file says {length} bytes of a blob that was shorter");
            return Err(Error::Import(reason));
        }
        self.content.clear();
        let read = (&mut self.output).take(length + 1).read_to_end(&mut self.content);
        read.map_err(|error| self.failed(&error.to_string()))?;
        if self.content.len() as u64 != length + 1 || self.content.pop() != Some(b'\n') {
            return Err(self.failed("it ended before its answer did"));
        }
        Ok(())
    }

    fn failed(&mut self, reason: &str) -> Error {
        self.input = None;
        self.git.failed(reason)
    }
}

/// Whether a change brings a blob that wasn't there under its path, or was something else there.
fn brings_blob(change: &Change) -> bool {
    let new =
        change.new != change.old || mode::kind(change.new_mode) != mode::kind(change.old_mode);
    change.action != Action::Delete && new && !mode::is_submodule(change.new_mode)
}

fn bytes_max(mode: u32) -> u64 {
    if mode::is_link(mode) { TARGET_BYTES_MAX } else { TEXT_BYTES_MAX }
}
