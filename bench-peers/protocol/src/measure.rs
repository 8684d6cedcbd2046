//! What is measured beside time: memory, and bytes on disk.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The most memory that a process ever had resident, in bytes, where the system tells.
#[must_use]
pub fn memory_peak_bytes(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// The bytes of all files in a folder. What is only set aside for a file and was never written isn't counted.
pub(crate) fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            folder_bytes(&entry.path())?
        } else {
            about.len().min(about.blocks() * 512)
        };
    }
    Ok(bytes)
}
