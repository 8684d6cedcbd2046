//! The latest question that a participant has heard, in a file of its folder: one line, JSON behind its CRC32C.
//!
//! Where there is no file none was heard of. A file that is damaged is an error, never the first question of all: whoever
//! forgets what it has heard obeys what comes late.

use std::sync::Arc;

use super::message::Turn;
use super::serve::Fence;
use crate::error::{Error, IoContext as _};
use crate::storage::{self, Folder, read_exact_at};

const NAME: &str = "turn.json";
/// No such file is longer, in bytes.
const BYTES_MAX: u64 = 128;

/// The latest question so far, in a file.
#[derive(Debug)]
pub struct FileFence {
    folder: Arc<dyn Folder>,
    latest: Turn,
}

impl FileFence {
    /// In this folder.
    ///
    /// # Errors
    /// [`Error::BadRecord`] when it is damaged, [`Error::Io`] when storage fails.
    pub fn open(folder: Arc<dyn Folder>) -> Result<Self, Error> {
        let names = folder.list().context("list", folder.path(""), None)?;
        let there = names.iter().any(|name| name == NAME);
        let latest = if there { read(&*folder)? } else { Turn::default() };
        Ok(Self { folder, latest })
    }
}

impl Fence for FileFence {
    fn latest(&self) -> Turn {
        self.latest
    }

    fn raise(&mut self, turn: Turn) -> Result<(), Error> {
        if turn > self.latest {
            storage::write_whole(&*self.folder, NAME, line_of(turn).as_bytes())?;
            self.latest = turn;
        }
        Ok(())
    }
}

fn line_of(Turn { epoch, round }: Turn) -> String {
    let json = format!("{{\"epoch\":{epoch},\"round\":{round}}}");
    format!("{:08x} {json}\n", vexfs_kernels::crc32c(json.as_bytes()))
}

fn read(folder: &dyn Folder) -> Result<Turn, Error> {
    let path = folder.path(NAME);
    let file = folder.open(NAME).context("open", &path, None)?;
    let length = file.length().context("read", &path, None)?;
    let bad = |reason: String| Error::BadRecord { path: path.clone(), offset: 0, reason };
    if length > BYTES_MAX {
        return Err(bad(format!("it is {length} bytes long, and at most {BYTES_MAX} are read")));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    read_exact_at(&*file, &mut bytes, 0).context("read", &path, Some(0))?;
    let text = str::from_utf8(&bytes).map_err(|error| bad(error.to_string()))?;
    let json = text.split_once(' ').map_or("", |(_, json)| json);
    let kept: Turn = serde_json::from_str(json).map_err(|error| bad(error.to_string()))?;
    let expected = line_of(kept);
    if text != expected {
        return Err(bad(format!("it is {text:?} where it should be {expected:?}")));
    }
    Ok(kept)
}
