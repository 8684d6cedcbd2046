//! The damage that a survey has in plain sight, and from where to where it reaches, by headers and seals
//! alone. Judges nothing; what is in the middle of a segment shows only when that is read.

use serde::Serialize;

use super::facts::Ending;
use crate::journal::damage::{Damage, Fault};
use crate::journal::{End, EndKind, Journal};

/// Damage in plain sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SeenDamage {
    /// What it makes of the journal.
    pub ending: Ending,
    /// The LSN at which it begins, at the earliest.
    pub from_lsn: u64,
    /// The LSN at which what follows it begins, where that is known.
    pub next_lsn: Option<u64>,
}

impl SeenDamage {
    /// Whether a replay from one LSN to another comes to it.
    #[must_use]
    pub fn is_met(&self, restart_lsn: u64, until_lsn: u64) -> bool {
        self.from_lsn <= until_lsn && self.next_lsn.is_none_or(|next| next > restart_lsn)
    }
}

/// Segments that are missing, foreign or without a header. Those that follow each other are one.
pub(super) fn bad_segments(journal: &Journal) -> Vec<SeenDamage> {
    let (mut seen, mut open): (Vec<SeenDamage>, Option<SeenDamage>) = Default::default();
    let (mut next_number, mut last_sound) = (0, None);
    for (index, segment) in journal.segments.iter().enumerate() {
        let missing = (segment.number != next_number).then_some(Ending::SegmentMissing);
        next_number = segment.number.saturating_add(1);
        let (bad, first_lsn) = match segment.header {
            Ok((header, _)) if header.journal_id == journal.journal_id => {
                (None, Some(header.first_lsn))
            }
            Ok(_) => (Some(Ending::Foreign), None),
            Err(_) => (Some(Ending::Corrupt), None),
        };
        if let Some(ending) = bad.or(missing) {
            let from_lsn = || last_sound.map_or(1, |index| end_of(journal, index));
            let from_lsn = open.map_or_else(from_lsn, |it| it.from_lsn);
            open = Some(SeenDamage { ending, from_lsn, next_lsn: None });
        }
        if let Some(first_lsn) = first_lsn {
            seen.extend(open.take().map(|it| SeenDamage { next_lsn: Some(first_lsn), ..it }));
            last_sound = Some(index);
        }
    }
    seen.extend(open);
    seen
}

/// The LSN that follows a segment, by its seal or its headers; its first where they can't be read.
fn end_of(journal: &Journal, index: usize) -> u64 {
    let first_lsn = journal.segments[index].header.map_or(1, |(header, _)| header.first_lsn);
    let blocks = journal.segment_index(index).map(|it| it.blocks).unwrap_or_default();
    blocks.last().map_or(first_lsn, |block| block.next_lsn)
}

/// Damage in which the journal ends.
pub(super) fn damage_at(end: &End) -> Option<SeenDamage> {
    let ending = match &end.tail {
        _ if end.kind != EndKind::Damaged => return None,
        Some(Damage { fault: Fault::SegmentMissing(_), .. }) => Ending::SegmentMissing,
        _ => Ending::Corrupt,
    };
    let next_lsn = end.tail.as_ref().and_then(|damage| damage.next_lsn);
    Some(SeenDamage { ending, from_lsn: end.position.next_lsn, next_lsn })
}
