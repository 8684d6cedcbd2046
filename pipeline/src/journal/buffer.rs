//! Memory that blocks are read into.

use crate::error::Error;

/// So many zeros. Nobody touches memory that is fresh from the operating system before it is filled: that is
/// left to the workers, who do it side by side.
///
/// # Errors
/// [`Error::MemoryLimit`] when there is no such memory.
pub(crate) fn zeroed(bytes: usize) -> Result<Vec<u8>, Error> {
    let (what, needed) = ("a buffer for blocks", bytes as u64);
    let buffer = bytemuck::allocation::try_zeroed_vec(bytes);
    buffer.map_err(|()| Error::MemoryLimit { what, needed, limit: 0 })
}
