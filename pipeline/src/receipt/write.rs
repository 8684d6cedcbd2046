//! Puts a receipt into its place in one atomic step.

use super::Receipt;
use crate::error::{Error, IoContext as _};
use crate::storage::{self, Folder};

/// Writes a receipt into a folder, over an old one of that name.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub fn write(receipt: &Receipt, folder: &dyn Folder, name: &str) -> Result<(), Error> {
    let json = serde_json::to_vec(receipt).map_err(std::io::Error::other);
    let mut json = json.context("encode", folder.path(name), None)?;
    json.push(b'\n');
    storage::write_whole(folder, name, &json)
}
