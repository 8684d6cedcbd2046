//! Processes of their own: what one prints, and what one took.

use std::process::Command;

use serde::de::DeserializeOwned;
use vexfs_replay::replay::peak_resident_bytes;

use crate::Measured;

/// Runs a program, and reads the JSON that it prints.
pub(crate) fn json_of<T: DeserializeOwned>(command: &mut Command) -> Measured<T> {
    let output = command.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} ended with {}: {said}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The most memory that this process had resident so far, in bytes.
pub(super) fn peak_bytes() -> Measured<u64> {
    Ok(peak_resident_bytes().ok_or("the system doesn't tell how much memory was resident")?)
}
