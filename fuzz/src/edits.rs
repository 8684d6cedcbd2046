//! Edits to an intact journal: an input is a row of them, eight bytes each, so that what a fuzzer
//! does to one leaves the others as they were.

use vexfs_replay::journal::layout::{
    BLOCK_MAGIC, BlockHeader, PAGE_BYTES, SEAL_MAGIC, SealHeader, SegmentHeader,
};

use crate::Segments;

/// How long an edit is, in bytes.
pub const EDIT_BYTES: usize = 8;
/// How many edits of an input are made at most.
const EDITS_MAX: usize = 32;

/// What kinds of edits there are, by their number.
pub mod kind {
    /// Flips a bit.
    pub const FLIP: u8 = 0;
    /// Writes two bytes.
    pub const WRITE: u8 = 1;
    /// Writes eight bytes: the value with its sign.
    pub const WRITE_LONG: u8 = 2;
    /// Cuts the file off.
    pub const CUT: u8 = 3;
    /// Writes zeros.
    pub const ZERO: u8 = 4;
    /// Copies a page over another one, which may be in the next segment.
    pub const COPY_PAGE: u8 = 5;
    /// Swaps two pages.
    pub const SWAP_PAGES: u8 = 6;
    /// Adds to a field of a block's header.
    pub const BLOCK_FIELD: u8 = 7;
    /// Adds to a field of a seal's header.
    pub const SEAL_FIELD: u8 = 8;
    /// Adds to a field of the segment's header.
    pub const SEGMENT_FIELD: u8 = 9;
    /// Takes the segment away.
    pub const REMOVE: u8 = 10;
    /// Makes the file longer.
    pub const EXTEND: u8 = 11;
    /// How many there are.
    pub const COUNT: u8 = 12;
}

/// One edit.
#[derive(Clone, Copy, Debug)]
pub struct Edit {
    /// What is done; see [`kind`].
    pub kind: u8,
    /// In which segment.
    pub segment: u8,
    /// Where: a byte, a page, or which block.
    pub at: u16,
    /// Where else, which field, or how many bytes.
    pub other: u16,
    /// What is written or added.
    pub value: i16,
}

impl Edit {
    fn read(bytes: [u8; EDIT_BYTES]) -> Self {
        let [kind, segment, at_0, at_1, other_0, other_1, value_0, value_1] = bytes;
        Self {
            kind: kind % kind::COUNT,
            segment,
            at: u16::from_le_bytes([at_0, at_1]),
            other: u16::from_le_bytes([other_0, other_1]),
            value: i16::from_le_bytes([value_0, value_1]),
        }
    }

    /// The edit as it lies in an input.
    #[must_use]
    pub fn bytes(&self) -> [u8; EDIT_BYTES] {
        let ([at_0, at_1], [other_0, other_1]) = (self.at.to_le_bytes(), self.other.to_le_bytes());
        let [value_0, value_1] = self.value.to_le_bytes();
        [self.kind, self.segment, at_0, at_1, other_0, other_1, value_0, value_1]
    }
}

/// A copy of `base` with the edits that `input` stands for.
#[must_use]
pub fn edited(base: &Segments, input: &[u8]) -> Segments {
    let mut segments = base.clone();
    for bytes in input.as_chunks::<EDIT_BYTES>().0.iter().take(EDITS_MAX) {
        make(&mut segments, &Edit::read(*bytes));
    }
    segments
}

fn make(segments: &mut Segments, edit: &Edit) {
    let index = usize::from(edit.segment) % segments.len();
    let from = (index + usize::from(edit.value == 1)) % segments.len();
    let page = segments[from].as_ref().and_then(|content| page_of(content, edit.other));
    let slot = &mut segments[index];
    if edit.kind == kind::REMOVE {
        *slot = None;
        return;
    }
    let Some(content) = slot else { return };
    let (at, other) = (usize::from(edit.at), usize::from(edit.other));
    match edit.kind {
        kind::FLIP => write(content, at, |byte, _| byte ^ 1 << (edit.value & 7), 1),
        kind::WRITE => put(content, at, &edit.value.to_le_bytes()),
        kind::WRITE_LONG => put(content, at, &i64::from(edit.value).to_le_bytes()),
        kind::CUT => content.truncate(at),
        kind::ZERO => write(content, at, |_, _| 0, other),
        kind::COPY_PAGE => put_page(content, edit.at, &page.unwrap_or_default()),
        kind::SWAP_PAGES => {
            let (one, two) = (page_of(content, edit.at), page_of(content, edit.other));
            put_page(content, edit.other, &one.unwrap_or_default());
            put_page(content, edit.at, &two.unwrap_or_default());
        }
        kind::BLOCK_FIELD => {
            let at = nth_page(content, BLOCK_MAGIC, at);
            add_to_field(content, at, &BlockHeader::rows(), edit);
        }
        kind::SEAL_FIELD => {
            let at = nth_page(content, SEAL_MAGIC, at);
            add_to_field(content, at, &SealHeader::rows(), edit);
        }
        kind::SEGMENT_FIELD => add_to_field(content, 0, &SegmentHeader::rows(), edit),
        _ => content.resize(content.len() + at, edit.value.to_le_bytes()[0]),
    }
}

fn write(content: &mut [u8], at: usize, byte: impl Fn(u8, usize) -> u8, length: usize) {
    for (index, old) in content.iter_mut().skip(at).take(length).enumerate() {
        *old = byte(*old, index);
    }
}

fn put(content: &mut [u8], at: usize, bytes: &[u8]) {
    write(content, at, |_, index| bytes[index], bytes.len());
}

fn put_page(content: &mut [u8], number: u16, page: &[u8]) {
    let at = page_at(content, number);
    put(content, at, page);
}

/// Where a page starts; any number is one.
fn page_at(content: &[u8], number: u16) -> usize {
    usize::from(number) % content.len().div_ceil(PAGE_BYTES).max(1) * PAGE_BYTES
}

fn page_of(content: &[u8], number: u16) -> Option<Vec<u8>> {
    content.chunks(PAGE_BYTES).nth(page_at(content, number) / PAGE_BYTES).map(<[u8]>::to_vec)
}

/// Where the page lies that is the n-th to start with this magic; the segment's start where none
/// does.
fn nth_page(content: &[u8], magic: u32, nth: usize) -> usize {
    let pages = content.chunks(PAGE_BYTES).enumerate();
    let found: Vec<_> = pages.filter(|(_, page)| page.starts_with(&magic.to_le_bytes())).collect();
    found.get(nth % found.len().max(1)).map_or(0, |(number, _)| number * PAGE_BYTES)
}

/// Adds to a number, or to the first bytes of a digest.
fn add_to_field(content: &mut [u8], at: usize, rows: &[(&str, usize, &str)], edit: &Edit) {
    let (_, offset, kind) = rows[usize::from(edit.other) % rows.len()];
    let bytes = if kind == "u32" { 4 } else { 8 };
    let Some(field) = content.get_mut(at + offset..).and_then(|field| field.get_mut(..bytes))
    else {
        return;
    };
    let mut number = [0; 8];
    number[..bytes].copy_from_slice(field);
    let sum = u64::from_le_bytes(number).wrapping_add_signed(edit.value.into());
    field.copy_from_slice(&sum.to_le_bytes()[..bytes]);
}
