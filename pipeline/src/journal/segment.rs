//! A segment's file name and header page.

use std::ffi::OsStr;

use vexfs_kernels::{Digest, crc32c, sha256};

use super::damage::Fault;
use super::layout::*;
use crate::wire::Field as _;

const NAME_PREFIX: &str = "segment-";
const NAME_SUFFIX: &str = ".vexj";

/// What a segment's file is named while its header is being made durable; readers pass it over.
pub const UNFINISHED_NAME: &str = "segment.unfinished";

/// The file name of a segment.
#[must_use]
pub fn file_name(segment: u64) -> String {
    format!("{NAME_PREFIX}{segment:010}{NAME_SUFFIX}")
}

/// The number of the segment with this file name, where it is one.
#[must_use]
pub fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_prefix(NAME_PREFIX)?.strip_suffix(NAME_SUFFIX)?.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

/// Whether a file is named as segments' files are, whichever number it has or hasn't.
pub(crate) fn is_named_as_one(name: &OsStr) -> bool {
    name.as_encoded_bytes().ends_with(NAME_SUFFIX.as_bytes())
}

/// The header page of a segment, ready to be written.
#[must_use]
pub fn encode_header(header: &SegmentHeader) -> Vec<u8> {
    let mut page = vec![0; PAGE_BYTES];
    header.write(&mut page);
    let crc = crc32c(&page[..SEGMENT_CRC_AT]);
    crc.write(&mut page[SEGMENT_CRC_AT..]);
    page
}

/// Checks a segment's header page, which `page` begins with, and gives its header and its digest, which starts the chain of
/// the segment's blocks.
///
/// # Errors
/// The [`Fault`]: wrong magic, unknown version or feature, or a wrong checksum.
pub fn decode_header(page: &[u8]) -> Result<(SegmentHeader, Digest), Fault> {
    let Some(page) = page.get(..PAGE_BYTES) else {
        let (needed, remaining) = (PAGE_BYTES as u64, page.len() as u64);
        return Err(Fault::CutShort { needed, remaining });
    };
    let header = SegmentHeader::read(page);
    if header.magic != SEGMENT_MAGIC {
        return Err(Fault::Magic { expected: SEGMENT_MAGIC, found: header.magic });
    }
    let (expected, found) = (u32::read(&page[SEGMENT_CRC_AT..]), crc32c(&page[..SEGMENT_CRC_AT]));
    if header.major != FORMAT_MAJOR && (header.major > FORMAT_MAJOR || expected == found) {
        let (major, features) = (header.major, header.required_features);
        return Err(Fault::UnknownFormat { major, features });
    }
    if expected != found {
        return Err(Fault::Crc { part: "segment header", expected, found });
    }
    if header.required_features != 0 {
        let (major, features) = (header.major, header.required_features);
        return Err(Fault::UnknownFormat { major, features });
    }
    Ok((header, sha256(page)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_header_page_is_none_of_it() {
        let header = SegmentHeader::read(&[0; SegmentHeader::BYTES]);
        let header = SegmentHeader { magic: SEGMENT_MAGIC, major: FORMAT_MAJOR, ..header };
        let mut bytes = encode_header(&header);
        let alone = decode_header(&bytes);
        assert_eq!(alone, Ok((header, sha256(&bytes))));
        bytes.extend([7; 3 * PAGE_BYTES]);
        assert_eq!(decode_header(&bytes), alone);
        for length in [0, 1, PAGE_BYTES - 1] {
            let cut_short = decode_header(&bytes[..length]);
            assert!(matches!(cut_short, Err(Fault::CutShort { .. })), "{cut_short:?}");
        }
    }
}
