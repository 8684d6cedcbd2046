//! The highest epoch that a participant has heard of, in a file of its folder: one line, JSON behind its CRC32C.
//!
//! Where there is no file none was heard of. A file that is damaged is an error, never an epoch of 0: whoever
//! forgets an epoch obeys a coordinator that doesn't lead any more.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::serve::Fence;
use crate::error::{Error, IoContext as _};
use crate::storage::{self, Folder, read_exact_at};

const NAME: &str = "epoch.json";
/// No such file is longer, in bytes.
const BYTES_MAX: u64 = 128;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    epoch: u64,
}

/// The highest epoch so far, in a file.
#[derive(Debug)]
pub struct FileFence {
    folder: Arc<dyn Folder>,
    epoch: u64,
}

impl FileFence {
    /// In this folder.
    ///
    /// # Errors
    /// [`Error::BadRecord`] when it is damaged, [`Error::Io`] when storage fails.
    pub fn open(folder: Arc<dyn Folder>) -> Result<Self, Error> {
        let names = folder.list().context("list", folder.path(""), None)?;
        let there = names.iter().any(|name| name == NAME);
        let epoch = if there { read(&*folder)? } else { 0 };
        Ok(Self { folder, epoch })
    }
}

impl Fence for FileFence {
    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn raise(&mut self, epoch: u64) -> Result<(), Error> {
        if epoch > self.epoch {
            storage::write_whole(&*self.folder, NAME, line_of(epoch).as_bytes())?;
            self.epoch = epoch;
        }
        Ok(())
    }
}

fn line_of(epoch: u64) -> String {
    let json = format!("{{\"epoch\":{epoch}}}");
    format!("{:08x} {json}\n", vexfs_kernels::crc32c(json.as_bytes()))
}

fn read(folder: &dyn Folder) -> Result<u64, Error> {
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
    let kept: Kept = serde_json::from_str(json).map_err(|error| bad(error.to_string()))?;
    let expected = line_of(kept.epoch);
    if text != expected {
        return Err(bad(format!("it is {text:?} where it should be {expected:?}")));
    }
    Ok(kept.epoch)
}
