//! Decisions in a file: every crash, every length, every flipped bit.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::coordination::{DecisionRecord as _, Entry, FileRecord};
use vexfs_replay::storage::MemoryFolder;

use crate::crashing::{CrashingFolder, Dice, Fate};
use crate::entries::all;

const NAME: &str = "decisions.jsonl";

fn written() -> MemoryFolder {
    let folder = MemoryFolder::default();
    let mut record = FileRecord::new(Arc::new(folder.clone()));
    assert_eq!(record.lead().unwrap(), []);
    all().iter().for_each(|entry| record.append(entry).unwrap());
    folder
}

fn lead(bytes: &[u8]) -> Result<Vec<Entry>, Error> {
    let folder = MemoryFolder::default();
    folder.put(NAME, bytes.to_vec());
    let read = FileRecord::new(Arc::new(folder.clone())).read();
    let led = FileRecord::new(Arc::new(folder)).lead();
    assert_eq!(format!("{read:?}"), format!("{led:?}"), "who reads sees what who leads does");
    led
}

/// Where each line ends.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).collect()
}

#[test]
fn every_crash_leaves_all_that_was_kept_and_nothing_in_part() {
    let folder = CrashingFolder::on(&MemoryFolder::default());
    let mut record = FileRecord::new(Arc::new(folder.clone()));
    record.lead().unwrap();
    let (mut begun, mut kept) = (Vec::new(), Vec::new());
    for entry in all() {
        begun.push(folder.operation_count());
        record.append(&entry).unwrap();
        kept.push(folder.operation_count());
    }
    let (mut crash, mut dice, mut states) = (folder.crashes(), Dice(1), 0);
    loop {
        for fate in [Fate::Lost, Fate::Kept].into_iter().chain(crash.fates(20, &mut dice)) {
            let disk = Arc::new(crash.survivor(fate));
            let mut next = FileRecord::new(Arc::clone(&disk) as _);
            let entries = next.lead().unwrap_or_else(|error| panic!("{fate:?}: {error}"));
            let least = kept.iter().filter(|end| **end <= crash.done()).count();
            let most = begun.iter().filter(|begin| **begin < crash.done()).count();
            assert!((least..=most).contains(&entries.len()), "{fate:?}: {} entries", entries.len());
            assert_eq!(entries, all()[..entries.len()]);
            next.append(&Entry::Committed).unwrap();
            drop(next);
            let again = FileRecord::new(disk as _).lead().unwrap();
            assert_eq!(again, [entries, vec![Entry::Committed]].concat());
            states += 1;
        }
        if !crash.advance() {
            break;
        }
    }
    println!("{states} states");
    assert!(states > 500);
}

#[test]
fn every_length_gives_the_entries_that_are_whole() {
    let bytes = written().get(NAME).unwrap();
    let ends = ends(&bytes);
    for length in 0..=bytes.len() {
        let whole = ends.iter().filter(|end| **end <= length).count();
        assert_eq!(lead(&bytes[..length]).unwrap(), all()[..whole], "cut at {length}");
    }
}

#[test]
fn every_flipped_bit_is_refused_or_takes_the_last_entry_alone() {
    let bytes = written().get(NAME).unwrap();
    let ends = ends(&bytes);
    let last = ends[ends.len() - 2];
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            match lead(&flipped) {
                Ok(entries) => {
                    assert!(at >= last, "bit {bit} of byte {at} goes unseen");
                    assert_eq!(entries, all()[..ends.len() - 1]);
                }
                Err(Error::BadRecord { offset, .. }) => {
                    let line = ends.iter().filter(|end| **end <= at).count();
                    let begin = line.checked_sub(1).map_or(0, |before| ends[before]);
                    assert_eq!(usize::try_from(offset).unwrap(), begin, "bit {bit} of byte {at}");
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn two_do_not_lead_at_once() {
    let folder = Arc::new(written());
    let [mut one, mut other] = [(); 2].map(|()| FileRecord::new(Arc::clone(&folder) as _));
    assert!(matches!(one.append(&Entry::Ended), Err(Error::WriterDead { .. })), "it doesn't lead");
    one.lead().unwrap();
    assert!(matches!(other.lead(), Err(Error::Locked { .. })));
    assert_eq!(other.read().unwrap(), all());
    drop(one);
    assert_eq!(other.lead().unwrap(), all());
}
