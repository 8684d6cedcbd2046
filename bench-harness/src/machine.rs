//! What the figures are measured on.

use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

/// The machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: String,
    /// How many cores the process may use.
    pub(crate) cores: usize,
    /// How much memory there is, in bytes.
    pub(crate) memory_bytes: u64,
    /// The system's kernel.
    pub(crate) kernel: String,
    /// The backend that hashes blocks.
    pub(crate) sha256_backend: String,
}

impl Machine {
    /// This one. What it doesn't tell stays empty.
    pub(crate) fn this() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, key: &str| {
            let line = text.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split(':').nth(1)).map_or("", str::trim).to_owned()
        };
        let memory = value(&read("/proc/meminfo"), "MemTotal");
        let kibibytes = memory.split(' ').next().and_then(|it| it.parse::<u64>().ok());
        Self {
            processor: value(&read("/proc/cpuinfo"), "model name"),
            cores: cores(),
            memory_bytes: kibibytes.unwrap_or(0) * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            sha256_backend: vexfs_kernels::Kernel::quickest().backend().name().to_owned(),
        }
    }
}

/// How many cores the process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How much room a disk has where a folder is, in bytes.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail * disk.f_frsize)
}
