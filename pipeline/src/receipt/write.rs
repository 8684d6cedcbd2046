//! Puts a receipt into its place in one atomic step.

use super::Receipt;
use crate::error::{Error, IoContext as _};
use crate::storage::{self, Folder};

/// Writes a receipt into a folder, over an old one of that name.
///
/// # Errors
/// [`Error::Io`] when storage fails.
pub fn write(receipt: &Receipt, folder: &dyn Folder, name: &str) -> Result<(), Error> {
    let unfinished = format!("{name}.unfinished");
    let path = folder.path(&unfinished);
    let json = serde_json::to_vec(receipt).map_err(std::io::Error::other);
    let mut json = json.context("encode", &path, None)?;
    json.push(b'\n');
    let file = folder.create(&unfinished).context("create", &path, None)?;
    file.write_all_at(&json, 0).context("write", &path, Some(0))?;
    storage::publish(folder, file.as_ref(), &unfinished, name)
}
