//! Compares what was signed with what is there. Whether anything differs is decided by digests that leave
//! nothing out; only where something does, events are laid side by side to tell what happened.

use std::collections::HashSet;
use std::ops::Range;

use super::align::{Hunk, hunks};
use super::layout::SegmentRow;
use super::report::{Appended, At, Difference, Kind, Side, Trust, TrustVerdict, What};
use super::rest;
use super::scan::{Scan, scan};
use super::signature::{Content, Signature};
use crate::error::Error;
use crate::journal::layout::PAGE_BYTES;
use crate::journal::{Journal, Segment};
use crate::replay::ListedBlock;

/// Compares a journal, whose accepted blocks are listed, with what was signed of it.
pub(super) fn compare(
    signature: &Signature,
    journal: &Journal,
    listed: &[ListedBlock],
) -> Result<Trust, Error> {
    let content = &signature.content;
    let places = Places::of(content);
    let outside = outside_differences(content, &places, journal, listed)?;
    if outside.is_empty() {
        let (appended, difference) = behind(content, journal, listed);
        let follows = difference.is_some();
        let verdict = if follows { TrustVerdict::Appended } else { TrustVerdict::Intact };
        let differences = difference.into_iter().collect();
        return Ok(Trust::new(verdict, &content.statement, appended, differences));
    }
    let signed = signature.fingerprints()?;
    let found = scan(journal, &content.segments)?;
    let mut differences = differences_of(&signed, &found, &places);
    // Where events differ, everything around those that follow was made anew: that tells nothing.
    if differences.iter().all(|it| it.kind == Kind::PutIn && it.at == At::End) {
        differences.extend(outside);
    }
    let (verdict, appended) = (TrustVerdict::Differs, Appended::default());
    Ok(Trust::new(verdict, &content.statement, appended, differences))
}

/// Where the signed blocks lay.
struct Places {
    blocks: Vec<Placed>,
}

#[derive(Clone, Copy)]
struct Placed {
    segment: u64,
    offset: u64,
    first_lsn: u64,
    next_lsn: u64,
    digest: [u8; 32],
}

impl Places {
    fn of(content: &Content) -> Self {
        let mut rows = content.blocks.iter();
        let (mut first_lsn, mut blocks) = (1, Vec::with_capacity(content.blocks.len()));
        for segment in &content.segments {
            let mut offset = PAGE_BYTES as u64;
            for row in rows.by_ref().take(usize::try_from(segment.blocks).unwrap_or(usize::MAX)) {
                let next_lsn = first_lsn + u64::from(row.events);
                let (segment, digest) = (segment.segment, row.digest);
                blocks.push(Placed { segment, offset, first_lsn, next_lsn, digest });
                (offset, first_lsn) = (offset + u64::from(row.block_bytes), next_lsn);
            }
        }
        Self { blocks }
    }

    /// The block that holds an LSN, or the last one before it.
    fn holding(&self, lsn: u64) -> Option<&Placed> {
        self.blocks.get(self.blocks.partition_point(|it| it.next_lsn <= lsn))
    }

    /// Where events lay, by their indexes.
    fn side(&self, events: &Range<usize>) -> Option<Side> {
        let (first_lsn, last_lsn) = (events.start as u64 + 1, events.end as u64);
        if events.is_empty() {
            return None;
        }
        let (first, last) = (self.holding(first_lsn)?, self.holding(last_lsn)?);
        Some(Side {
            first_lsn: Some(first_lsn),
            last_lsn: Some(last_lsn),
            segment: first.segment,
            last_segment: last.segment,
            offset: first.offset,
        })
    }
}

impl Scan {
    /// Where events lie, by their indexes.
    fn side(&self, events: &Range<usize>) -> Option<Side> {
        let last = events.end.checked_sub(1).filter(|&last| last >= events.start)?;
        let holding = |index: usize| {
            let at = self.blocks.partition_point(|it| it.first <= index).checked_sub(1)?;
            let block = self.blocks.get(at)?;
            let lsn = block.first_lsn.map(|lsn| lsn.saturating_add((index - block.first) as u64));
            Some((block, lsn))
        };
        let ((first, first_lsn), (last, last_lsn)) = (holding(events.start)?, holding(last)?);
        Some(Side {
            first_lsn,
            last_lsn,
            segment: first.segment,
            last_segment: last.segment,
            offset: first.offset,
        })
    }
}

/// What follows what was signed, where that is as it was.
fn behind(
    content: &Content,
    journal: &Journal,
    listed: &[ListedBlock],
) -> (Appended, Option<Difference>) {
    let blocks = listed.get(content.blocks.len()..).unwrap_or_default();
    let segments = journal.segments.get(content.segments.len()..).unwrap_or_default();
    let appended = Appended {
        events: blocks.iter().map(|it| u64::from(it.events)).sum(),
        blocks: blocks.len() as u64,
        segments: segments.len() as u64,
    };
    let (kind, at, signed) = (Kind::PutIn, At::End, None);
    let last_segment = segments.last().map(|it| it.number);
    let (what, found) = match (blocks, segments) {
        ([first, ..], _) => {
            let last = blocks.last().unwrap_or(first);
            let side = Side {
                first_lsn: Some(first.first_lsn),
                last_lsn: Some(last.first_lsn + u64::from(last.events) - 1),
                segment: first.segment,
                last_segment: last_segment.unwrap_or(last.segment),
                offset: first.offset,
            };
            (What::Events, side)
        }
        ([], [first, ..]) => {
            let last_segment = last_segment.unwrap_or(first.number);
            let (segment, first_lsn, last_lsn) = (first.number, None, None);
            (What::Header, Side { first_lsn, last_lsn, segment, last_segment, offset: 0 })
        }
        ([], []) => return (appended, None),
    };
    (appended, Some(Difference { kind, what, at, signed, found: Some(found) }))
}

/// What differs of blocks, header pages and what stands behind blocks. None of it differs only where
/// all that was signed is there byte for byte.
fn outside_differences(
    content: &Content,
    places: &Places,
    journal: &Journal,
    listed: &[ListedBlock],
) -> Result<Vec<Difference>, Error> {
    let mut differences = Vec::new();
    let mut from = 0;
    for (index, row) in content.segments.iter().enumerate() {
        let to = from + usize::try_from(row.blocks).unwrap_or(usize::MAX);
        let own = from..to.min(places.blocks.len());
        from = own.end;
        let found = journal.segments.iter().find(|it| it.number == row.segment);
        let header_holds =
            |it: &&Segment| it.header.is_ok_and(|(_, digest)| digest == row.header_digest);
        let mut add = |kind, what, offset, first_lsn, last_lsn| {
            let (segment, last_segment) = (row.segment, row.segment);
            let side = Side { first_lsn, last_lsn, segment, last_segment, offset };
            let signed = Some(side).filter(|_| kind != Kind::PutIn);
            let found = Some(side).filter(|_| kind != Kind::CutOff);
            let at = if index + 1 == content.segments.len() { At::End } else { At::Middle };
            differences.push(Difference { kind, what, at, signed, found });
        };
        let Some(segment) = found else {
            add(Kind::CutOff, What::Header, 0, None, None);
            continue;
        };
        if !header_holds(&segment) {
            add(Kind::Changed, What::Header, 0, None, None);
        }
        let mut differing = own.filter(|&it| !holds(&places.blocks[it], listed));
        if let Some(first) = differing.next() {
            let (first, last) =
                (&places.blocks[first], &places.blocks[differing.next_back().unwrap_or(first)]);
            let lsns = (Some(first.first_lsn), Some(last.next_lsn - 1));
            add(Kind::Changed, What::Blocks, first.offset, lsns.0, lsns.1);
        } else if let Some(kind) = rest_kind(row, segment, index + 1 == content.segments.len())? {
            add(kind, What::Rest, row.blocks_end, None, None);
        }
    }
    Ok(differences)
}

/// Whether a signed block is there, in its place, and was accepted.
fn holds(signed: &Placed, listed: &[ListedBlock]) -> bool {
    let place = (signed.segment, signed.offset);
    let found = listed.binary_search_by_key(&place, |it| (it.segment, it.offset));
    // The digest covers all that the block says of itself.
    found.is_ok_and(|at| listed[at].digest == signed.digest)
}

/// What happened to what stands behind the blocks of a segment.
fn rest_kind(row: &SegmentRow, segment: &Segment, newest: bool) -> Result<Option<Kind>, Error> {
    let found = rest::length(segment, row.blocks_end);
    // A journal that goes on, goes on there.
    if newest && row.rest_bytes == 0 {
        return Ok(None);
    }
    if found < row.rest_bytes {
        return Ok(Some(Kind::CutOff));
    }
    let same = rest::digest(segment, row.blocks_end, row.rest_bytes)? == row.rest_digest;
    Ok(match (same, found == row.rest_bytes) {
        (true, true) => None,
        (true, false) => Some(Kind::PutIn),
        (false, _) => Some(Kind::Changed),
    })
}

/// What happened to events.
fn differences_of(signed: &[u64], found: &Scan, places: &Places) -> Vec<Difference> {
    let hunks = hunks(signed, &found.fingerprints);
    let all = |of: &dyn Fn(&Hunk) -> Vec<u64>| hunks.iter().flat_map(of).collect::<HashSet<u64>>();
    let gone = all(&|hunk| signed[hunk.signed.clone()].to_vec());
    let came = all(&|hunk| found.fingerprints[hunk.found.clone()].to_vec());
    let difference = |hunk: &Hunk| {
        let (old, new) = (&signed[hunk.signed.clone()], &found.fingerprints[hunk.found.clone()]);
        let elsewhere =
            old.iter().all(|it| came.contains(it)) && new.iter().all(|it| gone.contains(it));
        let kind = match (hunk.signed.is_empty(), hunk.found.is_empty()) {
            _ if elsewhere => Kind::Moved,
            (true, _) => Kind::PutIn,
            (_, true) => Kind::CutOff,
            _ => Kind::Changed,
        };
        let at = match hunk {
            _ if hunk.signed.end == signed.len() => At::End,
            _ if hunk.signed.start == 0 => At::Start,
            _ => At::Middle,
        };
        let (signed, found) = (places.side(&hunk.signed), found.side(&hunk.found));
        Difference { kind, what: What::Events, at, signed, found }
    };
    hunks.iter().map(difference).collect()
}
