//! The payload file: a count of records (u64), then for each the lengths of its key and its value (u32 each),
//! the key and the value; all numbers little-endian.

use std::path::Path;

use crate::{Error, Result};

/// The records of a payload file, in memory.
#[derive(Debug)]
pub struct Payloads {
    count: u64,
    records: Vec<u8>,
}

impl Payloads {
    /// Reads the file at `path`, all of it.
    ///
    /// # Errors
    /// When it can't be read or isn't what its lengths say.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let (count, records) =
            bytes.split_first_chunk().ok_or("the payload file ends in its count")?;
        let payloads = Self { count: u64::from_le_bytes(*count), records: records.to_vec() };
        let found = payloads.iter().count() as u64;
        if found != payloads.count || payloads.rest_after(found) != 0 {
            let expected = payloads.count;
            return Err(Error::from(format!(
                "the payload file says {expected} records where it has {found}"
            )));
        }
        Ok(payloads)
    }

    /// How many records there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Keys and values, in their order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        records(&self.records)
    }

    /// How many bytes are left behind so many records.
    fn rest_after(&self, records: u64) -> usize {
        let mut iter = self.iter();
        (0..records).for_each(|_| {
            iter.next();
        });
        iter.rest.len()
    }
}

/// The records that lie one after the other in `bytes`, up to the first one that is cut off.
#[must_use]
pub fn records(bytes: &[u8]) -> Iter<'_> {
    Iter { rest: bytes }
}

impl<'p> IntoIterator for &'p Payloads {
    type Item = (&'p [u8], &'p [u8]);
    type IntoIter = Iter<'p>;

    fn into_iter(self) -> Iter<'p> {
        self.iter()
    }
}

/// Keys and values in their order.
#[derive(Clone, Debug)]
pub struct Iter<'p> {
    rest: &'p [u8],
}

impl<'p> Iterator for Iter<'p> {
    type Item = (&'p [u8], &'p [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (key_bytes, rest) = self.rest.split_first_chunk()?;
        let (value_bytes, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key_bytes) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_bytes) as usize)?;
        self.rest = rest;
        Some((key, value))
    }
}

/// Adds a record in the shape that it has in the file; peers without a format of their own use it too.
///
/// # Errors
/// When a length is beyond what the shape has room for.
pub fn append_payload(key: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<()> {
    for part in [key, value] {
        out.extend_from_slice(&u32::try_from(part.len())?.to_le_bytes());
    }
    out.extend_from_slice(key);
    out.extend_from_slice(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(count: u64, records: &[(&[u8], &[u8])], tail: &[u8]) -> tempfile::NamedTempFile {
        let mut bytes = count.to_le_bytes().to_vec();
        for (key, value) in records {
            append_payload(key, value, &mut bytes).unwrap();
        }
        bytes.extend_from_slice(tail);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn what_was_written_is_read() {
        let records: &[(&[u8], &[u8])] = &[(b"k", b"value"), (b"", b""), (b"longer", b"")];
        let payloads = Payloads::open(file(3, records, b"").path()).unwrap();
        assert_eq!(
            (payloads.count(), payloads.iter().collect::<Vec<_>>().as_slice()),
            (3, records)
        );
    }

    #[test]
    fn a_file_that_is_not_what_it_says_is_refused() {
        let records: &[(&[u8], &[u8])] = &[(b"k", b"value")];
        for (count, tail) in [(2, &b""[..]), (1, b"x"), (0, b""), (1, &[0; 8]), (1, &[0xFF; 8])] {
            assert!(Payloads::open(file(count, records, tail).path()).is_err(), "{count} {tail:?}");
        }
    }
}
