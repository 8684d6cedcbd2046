//! Blocks and whole segments that are removed, doubled, swapped, moved, zeroed, replaced or cut.

use std::time::Instant;

use crate::matrix::{Case, Counts, RUNS, in_parallel};
use crate::subject::{Files, Subject};

const PAGE: usize = 4096;

/// A way to hurt a journal, in words.
pub(crate) type Injury = (String, Files);

fn with(subject: &Subject, segment: u64, change: impl FnOnce(&mut Vec<u8>)) -> Files {
    let mut files = subject.files.clone();
    change(files.get_mut(&segment).unwrap());
    files
}

fn blocks(subject: &Subject) -> Vec<Injury> {
    let mut injuries = Vec::new();
    for (which, piece) in subject.pieces.iter().enumerate() {
        let (number, range) = (piece.segment, piece.at..piece.end);
        let bytes = subject.files[&number][range.clone()].to_vec();
        let removed = with(subject, number, |it| drop(it.drain(range.clone())));
        injuries.push((format!("block {which} removed"), removed));
        let doubled = with(subject, number, |it| {
            it.splice(piece.end..piece.end, bytes.clone());
        });
        injuries.push((format!("block {which} doubled"), doubled));
        let zeroed = with(subject, number, |it| it[range.clone()].fill(0));
        injuries.push((format!("block {which} zeroed"), zeroed));
        for (other, there) in subject.pieces.iter().enumerate().filter(|it| it.0 != which) {
            let mut files = subject.files.clone();
            let target = files.get_mut(&there.segment).unwrap();
            target.splice(there.at..there.end, bytes.clone());
            injuries.push((format!("block {which} written over block {other}"), files.clone()));
            if other > which && there.segment != number {
                let theirs = subject.files[&there.segment][there.at..there.end].to_vec();
                files.get_mut(&number).unwrap().splice(range.clone(), theirs);
                injuries.push((format!("blocks {which} and {other} swapped"), files));
            } else if other > which {
                // From the back, so that the first one's place stays.
                let theirs = subject.files[&number][there.at..there.end].to_vec();
                let swapped = with(subject, number, |it| {
                    it.splice(there.at..there.end, bytes.clone());
                    it.splice(range.clone(), theirs);
                });
                injuries.push((format!("blocks {which} and {other} swapped"), swapped));
                let moved = with(subject, number, |it| {
                    it.splice(there.end..there.end, bytes.clone());
                    it.drain(range.clone());
                });
                injuries.push((format!("block {which} moved behind {other}"), moved));
            }
        }
    }
    injuries
}

fn segments(subject: &Subject) -> Vec<Injury> {
    let (mut injuries, another) = (Vec::new(), Subject::another());
    for (&number, content) in &subject.files {
        let mut removed = subject.files.clone();
        removed.remove(&number);
        injuries.push((format!("segment {number} removed"), removed));
        for (&other, theirs) in subject.files.iter().filter(|it| *it.0 > number) {
            let mut swapped = subject.files.clone();
            swapped.insert(number, theirs.clone());
            swapped.insert(other, content.clone());
            injuries.push((format!("segments {number} and {other} swapped"), swapped));
        }
        if let Some(theirs) = another.get(&number) {
            let mut replaced = subject.files.clone();
            replaced.insert(number, theirs.clone());
            injuries.push((format!("segment {number} of another journal"), replaced));
        }
        for length in (0..content.len()).step_by(PAGE) {
            let cut = with(subject, number, |it| it.truncate(length));
            injuries.push((format!("segment {number} cut to {length} bytes"), cut));
        }
        let zeroed = with(subject, number, |it| it[..PAGE].fill(0));
        injuries.push((format!("header page of segment {number} zeroed"), zeroed));
    }
    injuries
}

/// Checks every injury against everything.
fn check_family(family: &str, injuries: fn(&Subject) -> Vec<Injury>) {
    check_runs(family, injuries, RUNS);
}

/// Checks every injury against so many of the runs, others each time.
pub(crate) fn check_runs(family: &str, injuries: fn(&Subject) -> Vec<Injury>, runs: usize) {
    let (started, counts) = (Instant::now(), Counts::default());
    let subjects = Subject::all();
    for subject in &subjects {
        let injuries: Vec<_> = injuries(subject).into_iter().enumerate().collect();
        in_parallel(&injuries, |(turn, (told, files))| {
            let told = || told.clone();
            Case::new(subject, files.clone(), &told).check_some(*turn, runs, &counts);
        });
    }
    counts.print(family, started);
}

#[test]
fn a_journal_that_is_well_comes_back_whole() {
    check_family("unhurt", |subject| vec![("unhurt".to_owned(), subject.files.clone())]);
}

#[test]
fn blocks_that_are_gone_or_elsewhere() {
    check_family("blocks", blocks);
}

#[test]
fn segments_that_are_gone_or_not_what_they_were() {
    check_family("segments", segments);
}
