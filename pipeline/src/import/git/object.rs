//! Git's object ids, of either length.

use std::fmt;

use crate::event::content_kind;

/// The id of a git object: SHA-1 or SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ObjectId {
    bytes: [u8; 32],
    length: usize,
}

impl ObjectId {
    /// No object: what git prints as zeros.
    pub(super) const NONE: Self = Self { bytes: [0; 32], length: 0 };

    /// Reads an id of 40 or 64 hexadecimal digits.
    pub(super) fn from_hex(digits: &[u8]) -> Option<Self> {
        let length = digits.len() / 2;
        if length != 20 && length != 32 {
            return None;
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes[..length]).ok()?;
        Some(Self { bytes, length })
    }

    /// The id's bytes.
    pub(super) fn raw(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Its first eight bytes, big-endian: the number under which a commit is a graph node.
    pub(super) fn number(&self) -> u64 {
        self.word(0)
    }

    /// The eight bytes after those, which tell apart what shares a number.
    pub(super) fn check(&self) -> u64 {
        self.word(8)
    }

    fn word(&self, at: usize) -> u64 {
        let mut word = [0; 8];
        word.copy_from_slice(&self.bytes[at..at + 8]);
        u64::from_be_bytes(word)
    }

    /// As the content identity of an event: its kind, and the id zero-padded.
    pub(super) fn content(&self) -> (u32, [u8; 32]) {
        let kind = match self.length {
            20 => content_kind::GIT_SHA1,
            32 => content_kind::GIT_SHA256,
            _ => content_kind::UNKNOWN,
        };
        (kind, self.bytes)
    }

    /// As the content identity of an empty file in a repository of this id's kind.
    pub(super) fn empty_content(&self) -> (u32, [u8; 32]) {
        let digits: &[u8] = match self.length {
            20 => b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            _ => b"473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
        };
        Self::from_hex(digits).unwrap_or(Self::NONE).content()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        let digits = &mut digits[..2 * self.length];
        hex::encode_to_slice(self.raw(), digits).map_err(|_| fmt::Error)?;
        formatter.write_str(str::from_utf8(digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_both_lengths_keep_their_bytes() {
        let digits = "0123456789abcdef00112233445566778899aabb";
        let id = ObjectId::from_hex(digits.as_bytes()).unwrap();
        assert_eq!(id.to_string(), digits);
        assert_eq!(id.number(), 0x0123_4567_89ab_cdef);
        assert_eq!(id.check(), 0x0011_2233_4455_6677);
        assert_eq!(id.content().0, content_kind::GIT_SHA1);
        assert_eq!(id.content().1[20..], [0; 12]);
        let long = ObjectId::from_hex(&[b'f'; 64]).unwrap();
        assert_eq!((long.content().0, long.raw().len()), (content_kind::GIT_SHA256, 32));
        for bad in [&b""[..], b"0123", &[b'g'; 40], &[b'0'; 41], &[b'0'; 63]] {
            assert_eq!(ObjectId::from_hex(bad), None);
        }
    }
}
