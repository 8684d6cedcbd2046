//! Decisions in a file: one line an entry, JSON behind its CRC32C, synced one by one.
//!
//! What a crash left of a last line was never acted on, and goes; any other line that doesn't fit its CRC is
//! damage. The folder's lock says who leads.

use std::fmt::Debug;
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::ground::DecisionRecord;
use super::record::Entry;
use crate::error::{Error, IoContext as _};
use crate::storage::{self, File, Folder, read_exact_at};

/// A CRC32C in hexadecimal digits, in bytes.
const CRC_BYTES: usize = 8;
const NAME: &str = "decisions.jsonl";
/// No file of decisions is longer, in bytes.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Decisions in a file of a folder.
#[derive(Debug)]
pub struct FileRecord {
    folder: Arc<dyn Folder>,
    lead: Option<Lead>,
}

/// What who leads holds.
#[derive(Debug)]
struct Lead {
    file: Arc<dyn File>,
    end: u64,
    /// Once something could not be written nothing is, since it may be there all the same.
    dead: bool,
    _lock: Box<dyn Debug + Send + Sync>,
}

impl FileRecord {
    /// In this folder.
    #[must_use]
    pub fn new(folder: Arc<dyn Folder>) -> Self {
        Self { folder, lead: None }
    }

    /// All entries so far, whoever leads. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Io`] when storage fails, [`Error::BadRecord`] when an entry is damaged.
    pub fn read(&self) -> Result<Vec<Entry>, Error> {
        let names = self.folder.list().context("list", self.folder.path(""), None)?;
        if !names.iter().any(|name| name == NAME) {
            return Ok(Vec::new());
        }
        let file = self.folder.open(NAME).context("open", self.folder.path(NAME), None)?;
        self.entries(&*file).map(|(entries, _)| entries)
    }

    /// The entries, and the lines that they are in.
    fn entries(&self, file: &dyn File) -> Result<(Vec<Entry>, Vec<u8>), Error> {
        let path = self.folder.path(NAME);
        let length = file.length().context("read", &path, None)?;
        if length > BYTES_MAX {
            let reason = format!("it is {length} bytes long, and at most {BYTES_MAX} are read");
            return Err(Error::BadRecord { path, offset: 0, reason });
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        read_exact_at(file, &mut bytes, 0).context("read", &path, Some(0))?;
        let (mut entries, mut end) = (Vec::new(), 0);
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            match parse(line) {
                Ok(entry) => entries.push(entry),
                // What wasn't synced was never acted on.
                Err(_) if is_cut_short(&bytes[end..]) => break,
                Err(reason) => return Err(Error::BadRecord { path, offset: end as u64, reason }),
            }
            end += line.len();
        }
        bytes.truncate(end);
        Ok((entries, bytes))
    }
}

impl DecisionRecord for FileRecord {
    fn lead(&mut self) -> Result<Vec<Entry>, Error> {
        // Who leads already may have lost what it knows of the file.
        self.lead = None;
        let path = self.folder.path(NAME);
        let lock = storage::lock(&*self.folder)?;
        let names = self.folder.list().context("list", self.folder.path(""), None)?;
        let (mut entries, mut lines) = (Vec::new(), Vec::new());
        if names.iter().any(|name| name == NAME) {
            let file = self.folder.open(NAME).context("open", &path, None)?;
            (entries, lines) = self.entries(&*file)?;
        }
        // Written anew, so that nothing of a write that was cut short comes back to life.
        storage::write_whole(&*self.folder, NAME, &lines)?;
        let file = self.folder.open_to_change(NAME).context("open", &path, None)?;
        self.lead = Some(Lead { file, end: lines.len() as u64, dead: false, _lock: lock });
        Ok(entries)
    }

    fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        let path = self.folder.path(NAME);
        let Some(lead) = self.lead.as_mut().filter(|lead| !lead.dead) else {
            return Err(Error::WriterDead { cause: "it doesn't lead".to_owned() });
        };
        let line = line_of(entry)?;
        lead.dead = true;
        lead.file.write_all_at(&line, lead.end).context("write", &path, Some(lead.end))?;
        lead.file.sync().context("sync", &path, None)?;
        lead.dead = false;
        lead.end += line.len() as u64;
        Ok(())
    }
}

fn line_of(entry: &Entry) -> Result<Vec<u8>, Error> {
    let json = serde_json::to_string(entry).map_err(|error| Error::BadRecord {
        path: NAME.into(),
        offset: 0,
        reason: error.to_string(),
    })?;
    Ok(format!("{:08x} {json}\n", vexfs_kernels::crc32c(json.as_bytes())).into_bytes())
}

fn parse(line: &[u8]) -> Result<Entry, String> {
    let text = std::str::from_utf8(line).map_err(|error| error.to_string())?;
    let whole = text.strip_suffix('\n').ok_or("a line doesn't end")?;
    let (crc, json) = whole.split_once(' ').ok_or("a line has no CRC32C")?;
    let found = format!("{:08x}", vexfs_kernels::crc32c(json.as_bytes()));
    if crc != found {
        return Err(format!("its CRC32C is {crc}, and of what is there {found}"));
    }
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// Whether what is here may be a write that a crash cut short: a part of one line, or anything in its place. Such
/// a write leaves no whole entry, be it one that can't be read, and nothing that looks like the next one.
fn is_cut_short(rest: &[u8]) -> bool {
    let mut lines = rest.split_inclusive(|&byte| byte == b'\n');
    !lines.next().is_some_and(begins_whole) && !lines.any(looks_like_an_entry)
}

/// Whether a line has a whole entry, and goes on: with its end, or with what is no end.
fn begins_whole(line: &[u8]) -> bool {
    let Some((crc, json)) = split(line) else { return false };
    let mut values = serde_json::Deserializer::from_slice(json).into_iter::<IgnoredAny>();
    let Some(Ok(_)) = values.next() else { return false };
    let (whole, more) = json.split_at(values.byte_offset().min(json.len()));
    let fits = format!("{:08x}", vexfs_kernels::crc32c(whole)).as_bytes() == crc;
    fits && (more == b"\n" || more.len() > 1)
}

fn looks_like_an_entry(line: &[u8]) -> bool {
    split(line)
        .is_some_and(|(crc, json)| crc.iter().all(u8::is_ascii_hexdigit) && json.starts_with(b"{"))
}

/// A line's CRC32C, and what is behind it.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (crc, rest) = line.split_at_checked(CRC_BYTES)?;
    Some((crc, rest.strip_prefix(b" ")?))
}
