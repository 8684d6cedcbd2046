//! A tree of folders on disk, for whoever looks for journals in it: what lies in one of its folders, and
//! how a file begins. Follows no link, so it goes in no circle, and waits for no pipe.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use super::disk::open_regular;

/// What lies in a folder. Links, and what is neither a folder nor a regular file, are left out.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The names of the folders.
    pub(crate) folders: Vec<OsString>,
    /// The names of the regular files.
    pub(crate) files: Vec<OsString>,
}

/// What lies in the folder at `path`.
pub(crate) fn list(path: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            listing.folders.push(entry.file_name());
        } else if kind.is_file() {
            listing.files.push(entry.file_name());
        }
    }
    Ok(listing)
}

/// The first bytes of a regular file: `N`, or as many as it has.
pub(crate) fn first_bytes<const N: usize>(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let file = open_regular(path, fs::OpenOptions::new().read(true))?;
    let mut bytes = Vec::with_capacity(N);
    file.take(N as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The length in bytes of what lies at `path`; 0 where that can't be told.
pub(crate) fn length(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}
