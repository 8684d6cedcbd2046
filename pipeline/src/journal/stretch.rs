//! What a walk gives: consecutive blocks as they lie, and where the journal ends.

use serde::Serialize;

use super::block::Position;
use super::damage::{Damage, Verdict};
use super::layout::BlockHeader;
#[cfg(doc)]
use super::reader::Journal;

/// A block in a stretch.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Where the block starts in the stretch's buffer, in bytes.
    pub at: usize,
    /// Its header.
    pub header: BlockHeader,
}

impl Frame {
    /// The whole block, out of the stretch's buffer.
    #[must_use]
    pub fn block<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        &buffer[self.at..self.at + self.header.block_bytes as usize]
    }

    /// Where a reader stands before this block.
    #[must_use]
    pub fn position(&self) -> Position {
        Position::before(&self.header)
    }
}

/// Consecutive blocks of one segment.
#[derive(Clone, Debug, Default)]
pub struct Stretch {
    /// The index of their segment in [`Journal::segments`].
    pub segment: usize,
    /// The blocks, with valid headers.
    pub frames: Vec<Frame>,
    /// What is wrong behind the last of them, where something is.
    pub damage: Option<Damage>,
}

/// How a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndKind {
    /// With the seal of a writer that closed it.
    Sealed,
    /// After a whole block, without a seal: the writer died or lives.
    Unsealed,
    /// In space that was never written.
    Unwritten,
    /// In what an earlier file or life left behind.
    Stale,
    /// In what the writer was writing when it died.
    TornTail,
    /// In damage.
    Damaged,
    /// At the LSN that was asked for.
    Until,
}

/// Where a journal ends and why.
#[derive(Clone, Debug)]
pub struct End {
    /// Why.
    pub kind: EndKind,
    /// Behind the last block.
    pub position: Position,
    /// What stands behind it, where the journal doesn't end with a seal or its file.
    pub tail: Option<Damage>,
}

impl End {
    /// The end that a judged fault makes.
    #[must_use]
    pub fn at(position: Position, damage: Damage) -> Self {
        let kind = match damage.verdict {
            Verdict::Unwritten => EndKind::Unwritten,
            Verdict::Stale => EndKind::Stale,
            Verdict::TornTail => EndKind::TornTail,
            Verdict::Corruption | Verdict::Ambiguous => EndKind::Damaged,
        };
        Self { kind, position, tail: Some(damage) }
    }
}
