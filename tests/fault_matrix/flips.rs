//! Bytes of the journals changed: one bit of it, all of them, none set and all set; and every
//! length that a file may be cut to, with and without zeros instead.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use vexfs_replay::journal::{EndKind, Journal, Validation};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions, replay_serially};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::matrix::{Case, Counts, in_parallel};
use crate::reading::read;
use crate::subject::{Files, Subject, folder_of};

/// How many bytes to go on by; every bit of one journal: `bit_flips`.
const STRIDE: usize = if cfg!(debug_assertions) { 97 } else { 3 };
/// Every how many flips one is recovered, in a few of the runs; it costs as much as hundred looks.
const RECOVERED_EVERY: usize = 23;
const RUNS_OF_A_FLIP: usize = 4;

/// What becomes of a byte: one bit of it is another, none is set, all are. Every bit: `bit_flips`.
fn changes(byte: u8, at: usize) -> impl Iterator<Item = u8> {
    [byte ^ (1 << (at % 8)), 0, 0xFF].into_iter().filter(move |&it| it != byte)
}

/// A look at a journal past all its damage, in the mode that proves most: what is kept is what a reader
/// keeps, and nothing that was lost goes unnoticed.
fn look(subject: &Subject, files: &Files, folder: &MemoryFolder, options: &ReplayOptions) {
    let reading = read(subject, files);
    let Ok(journal) = Journal::open(Arc::new(folder.clone())) else {
        assert!(reading.is_refused, "it is a journal");
        return;
    };
    let (state, outcome) = replay_serially(&journal, options).unwrap();
    let kept = |lsn: u64| {
        let which = subject.pieces.partition_point(|piece| piece.last_lsn < lsn);
        reading.kept.get(which).is_some_and(|&it| it)
    };
    let last = subject.pieces.last().unwrap().last_lsn;
    assert!(subject.history.leads_to(&state, last, &|lsn| !kept(lsn)), "another state");
    let torn = outcome.findings.end.kind == EndKind::TornTail;
    assert_eq!(torn, reading.torn.is_some(), "{:?}", outcome.findings.end);
    assert_eq!(outcome.findings.damages.len(), reading.holes.len());
    let is_seen = torn || !reading.holes.is_empty();
    assert!(is_seen, "unnoticed: {:?}", outcome.findings);
}

fn flip(subject: &Subject, counts: &Counts, looks: &AtomicU64) {
    let places: Vec<(u64, usize)> = subject
        .files
        .iter()
        .flat_map(|(&number, it)| (0..it.len()).step_by(STRIDE).map(move |at| (number, at)))
        .collect();
    let options = ReplayOptions {
        validation: Validation::Cryptographic,
        damage: DamagePolicy::Salvage,
        threads: NonZero::<usize>::MIN,
        ..ReplayOptions::default()
    };
    let chunks: Vec<_> = places.chunks(64).collect();
    in_parallel(&chunks, |places| {
            let (mut files, folder) = (subject.files.clone(), folder_of(&subject.files));
            let names = folder.list().unwrap();
            for &(number, at) in *places {
                let byte = files[&number][at];
                let name = &names[usize::try_from(number).unwrap()];
                let file = folder.open(name).unwrap();
                for (turn, changed) in changes(byte, at).enumerate() {
                    files.get_mut(&number).unwrap()[at] = changed;
                    file.write_all_at(&[changed], at as u64).unwrap();
                    let told = || format!("{changed:#x} at byte {at} of segment {number}");
                    counts.run_told(&told, || look(subject, &files, &folder, &options));
                    looks.fetch_add(1, Ordering::Relaxed);
                    if turn == 0 && at % RECOVERED_EVERY == 0 {
                        let case = Case::new(subject, files.clone(), &told);
                        case.check_some(at / RECOVERED_EVERY, RUNS_OF_A_FLIP, counts);
                    }
                }
                files.get_mut(&number).unwrap()[at] = byte;
                file.write_all_at(&[byte], at as u64).unwrap();
            }
    });
}

#[test]
fn no_changed_byte_goes_unnoticed() {
    let (started, counts, looks) = (Instant::now(), Counts::default(), AtomicU64::new(0));
    for subject in Subject::all() {
        flip(&subject, &counts, &looks);
    }
    println!("{} bytes changed, each looked at past all damage", looks.into_inner());
    counts.print("changed bytes", started);
}

/// How many runs a length gets; all of them where it ends a page.
const RUNS_OF_A_LENGTH: usize = 1;
/// How many bytes to go on by between lengths; what a journal of each length gives is held by
/// `bit_flips` already.
const LENGTH_STRIDE: usize = if cfg!(debug_assertions) { 301 } else { 3 };

#[test]
fn every_length() {
    let (started, counts) = (Instant::now(), Counts::default());
    let subjects = Subject::all();
    for subject in &subjects {
        for (&number, content) in &subject.files {
            let lengths: Vec<usize> = (0..content.len()).step_by(LENGTH_STRIDE).collect();
            let pages = (0..content.len()).step_by(4096);
            let lengths: Vec<usize> = lengths.into_iter().chain(pages).collect();
            in_parallel(&lengths, |&length| {
                    let mut files = subject.files.clone();
                    let file = files.get_mut(&number).unwrap();
                    let is_regrown = (length / LENGTH_STRIDE) % 2 == 1;
                    match is_regrown {
                        true => file[length..].fill(0),
                        false => file.truncate(length),
                    }
                    if *file == subject.files[&number] {
                        return;
                    }
                    let told =
                        || format!("segment {number}: {length} bytes, regrown: {is_regrown}");
                    let case = Case::new(subject, files, &told);
                    match length % 4096 {
                        0 => case.check_all(&counts),
                        _ => case.check_some(length / LENGTH_STRIDE, RUNS_OF_A_LENGTH, &counts),
                    }
            });
        }
    }
    counts.print("lengths", started);
}
