//! What a journal must come to: all that was done, in order, and for each block of the image whoever wrote
//! it last. Shares no code with the journal.

/// The blocks of the images here.
pub(crate) const IMAGE_BLOCKS: u64 = 12;
pub(crate) const BLOCK: usize = 4096;

/// Something that was done to a journal and its image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Done {
    Committed { id: u64, sequence: u64, writes: Vec<(u64, Vec<u8>)> },
    Aborted { sequence: u64 },
    Revoked { sequence: u64, blocks: Vec<u64> },
}

impl Done {
    pub(crate) fn sequence(&self) -> u64 {
        match self {
            Self::Committed { sequence, .. }
            | Self::Aborted { sequence }
            | Self::Revoked { sequence, .. } => *sequence,
        }
    }
}

/// What the image must be: for each block, what the last of `done` says of it, or else what it was.
pub(crate) fn image_after(before: &[u8], done: &[Done], discarded: &[u64]) -> Vec<u8> {
    let mut after = Vec::new();
    for number in 0..IMAGE_BLOCKS {
        let at = usize::try_from(number).unwrap() * BLOCK;
        let mut content = &before[at..at + BLOCK];
        for it in done.iter().rev() {
            match it {
                Done::Committed { id, .. } if discarded.contains(id) => {}
                Done::Committed { writes, .. } => {
                    if let Some((_, written)) = writes.iter().rev().find(|it| it.0 == number) {
                        content = written;
                        break;
                    }
                }
                Done::Revoked { blocks, .. } if blocks.contains(&number) => break,
                _ => {}
            }
        }
        after.extend(content);
    }
    after
}
