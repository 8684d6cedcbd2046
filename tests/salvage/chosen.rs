//! Journals that are damaged on purpose, one way each.

use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::event::OPTIONAL_TYPE_BIT;
use vexfs_replay::journal::layout::PAGE_BYTES;
use vexfs_replay::journal::{Validation, WriterOptions};
use vexfs_replay::replay::{Control, ReplayOptions, TransactionFault, replay};
use vexfs_replay::salvage::{DroppedBecause, SalvageOptions, Salvaged, salvage};
use vexfs_replay::storage::{Folder as _, MemoryFolder};

use crate::scribe::Step;
use crate::small_journal::*;
use crate::told::*;

/// Salvages into a new folder, and checks what is there then.
fn salvaged(damaged: &MemoryFolder, written: &[Vec<u8>]) -> (Salvaged, MemoryFolder) {
    let new = MemoryFolder::default();
    let salvaged = salvage(&open(damaged), Arc::new(new.clone()), &options(), &mut |_| {}).unwrap();
    check_manifest(&salvaged, &new).unwrap();
    check_journal(&salvaged, written, &new).unwrap();
    (salvaged, new)
}

fn refusal(damaged: &MemoryFolder, options: &SalvageOptions) -> (Error, MemoryFolder) {
    let new = MemoryFolder::default();
    let refused = salvage(&open(damaged), Arc::new(new.clone()), options, &mut |_| {});
    (refused.unwrap_err(), new)
}

const ONE_SEGMENT: WriterOptions = WriterOptions { segment_bytes: 1 << 30, ..OPTIONS };

#[test]
fn an_empty_journal_is_salvaged_to_an_empty_one() {
    for steps in [&[][..], &[Step::Close]] {
        let (folder, _) = journal_of(steps, OPTIONS);
        let (salvaged, _) = salvaged(&folder, &[]);
        assert_eq!((salvaged.kept_events, salvaged.dropped.len()), (0, 0));
        assert!(salvaged.same_state && !salvaged.has_loss());
    }
}

#[test]
fn blocks_behind_a_seal_that_was_moved_are_kept() {
    let steps: Vec<Step> = (0..9).flat_map(|_| [Step::Set(3_000), Step::Commit]).collect();
    let steps = [steps, vec![Step::Close]].concat();
    let (folder, _) = journal_of(&steps, ONE_SEGMENT);
    let written = events_of(&folder);
    let name = names_of(&folder).remove(0);
    change(&folder, &name, |content| {
        let seal = content[content.len() - PAGE_BYTES..].to_vec();
        content[3 * PAGE_BYTES..4 * PAGE_BYTES].copy_from_slice(&seal);
    });
    let (salvaged, _) = salvaged(&folder, &written);
    assert_eq!(salvaged.kept, [(1, 2), (4, 9)]);
}

#[test]
fn events_of_unknown_types_that_may_be_passed_over_are_kept() {
    let (folder, _) = journal_of(&[Step::Set(100), Step::Set(90), Step::Close], ONE_SEGMENT);
    let name = names_of(&folder).remove(0);
    change(&folder, &name, |content| {
        rebuild(content, PAGE_BYTES, Digest::MadeRight, |_, payload| {
            payload[24..26].copy_from_slice(&(OPTIONAL_TYPE_BIT | 0x7777).to_le_bytes());
        });
        chain_anew(content);
    });
    let (salvaged, new) = salvaged(&folder, &events_of(&folder));
    assert_eq!((salvaged.kept_events, salvaged.dropped_events), (2, 0));
    assert_eq!(events_of(&new)[0][24..26], (OPTIONAL_TYPE_BIT | 0x7777).to_le_bytes());
}

#[test]
fn a_header_that_claims_too_many_missing_events_is_refused() {
    const LOST: u64 = 1 << 40;
    let steps = [Step::Set(3_000), Step::Set(3_000), Step::Set(3_000), Step::Commit];
    let (folder, _) = journal_of(&steps, ONE_SEGMENT);
    let name = names_of(&folder).remove(0);
    change(&folder, &name, |content| {
        rebuild(content, 3 * PAGE_BYTES, Digest::MadeRight, |header, _| header.first_lsn += LOST);
    });
    let (error, new) = refusal(&folder, &options());
    let Error::LimitExceeded { lsn, claimed, limit, .. } = error else { panic!("{error}") };
    assert_eq!((lsn, claimed, limit), (3, LOST, 100_000_000));
    assert_eq!(new.list().unwrap(), Vec::<String>::new());
    let fewer = SalvageOptions { placeholders_max: LOST - 1, ..options() };
    assert!(matches!(refusal(&folder, &fewer).0, Error::LimitExceeded { .. }));
}

#[test]
fn a_transaction_that_lost_a_member_goes_as_a_whole() {
    let steps = [Step::Set(10), Step::Transaction(4, 3_000), Step::Set(20), Step::Close];
    let (folder, history) = journal_of(&steps, ONE_SEGMENT);
    let written = events_of(&folder);
    let name = names_of(&folder).remove(0);
    let lost = change_third_block(&folder, &name);
    let (salvaged, new) = salvaged(&folder, &written);
    let broken = &salvaged.dropped[1];
    assert_eq!((broken.because, broken.transaction), (DroppedBecause::Broken, Some(2)));
    let fault = broken.inconsistency.unwrap().cause.to_string();
    assert_eq!(fault, TransactionFault::Incomplete { id: 2, expected: 4, found: 3 }.to_string());
    let (state, outcome) = replay(&open(&new), &ReplayOptions::default(), &mut |_| {}).unwrap();
    history.check_state_without(&state, outcome.last_lsn, &lost);
}

/// Flips a bit in the third block of a segment; gives the LSNs that this costs.
fn change_third_block(folder: &MemoryFolder, name: &str) -> std::ops::Range<u64> {
    let third = blocks_of(&folder.get(name).unwrap()).remove(2);
    change(folder, name, |content| content[third.at + 1_000] ^= 1);
    third.header.first_lsn..third.last_lsn() + 1
}

#[test]
fn what_is_not_verified_is_not_kept() {
    let (folder, _) = journal_of(THREE_SEGMENTS, OPTIONS);
    for validation in [Validation::None, Validation::Basic] {
        let (error, _) = refusal(&folder, &SalvageOptions { validation, ..options() });
        assert!(matches!(error, Error::InvalidOption { option: "validation", .. }), "{error}");
    }
}

#[test]
fn the_new_journal_has_a_uuid_of_its_own() {
    let (folder, _) = journal_of(THREE_SEGMENTS, OPTIONS);
    let (error, _) = refusal(&folder, &SalvageOptions { writer: OPTIONS, ..options() });
    assert!(matches!(error, Error::InvalidOption { .. }), "{error}");
}

#[test]
fn cancelled_anywhere_it_leaves_no_journal_and_can_be_run_again() {
    let (folder, _) = journal_of(THREE_SEGMENTS, OPTIONS);
    let journal = open(&folder);
    let mut times = 0;
    for at in 0.. {
        let (new, control, mut calls) = (MemoryFolder::default(), Control::default(), 0);
        let options = SalvageOptions { control: control.clone(), ..options() };
        if at == 0 {
            control.cancel();
        }
        let result = salvage(&journal, Arc::new(new.clone()), &options, &mut |_| {
            calls += 1;
            if calls == at {
                control.cancel();
            }
        });
        if let Err(error) = result {
            assert!(matches!(error, Error::Cancelled), "{error}");
            times += 1;
            assert_eq!(new.get("segment-0000000000.vexj"), None);
        } else {
            break;
        }
        let again =
            salvage(&journal, Arc::new(new.clone()), &self::options(), &mut |_| {}).unwrap();
        check_manifest(&again, &new).unwrap();
    }
    assert!(times >= 8, "{times}");
}

#[test]
fn a_journal_that_changes_meanwhile_is_told_of() {
    let (mut changed, mut told) = (0, 0);
    for at in 1..12 {
        let (folder, _) = journal_of(THREE_SEGMENTS, OPTIONS);
        let name = names_of(&folder).pop().unwrap();
        let block = blocks_of(&folder.get(&name).unwrap()).remove(0);
        let file = folder.open(&name).unwrap();
        let (new, mut calls) = (MemoryFolder::default(), 0);
        let result = salvage(&open(&folder), Arc::new(new.clone()), &options(), &mut |_| {
            calls += 1;
            if calls == at {
                file.write_all_at(b"changed", block.at as u64 + 300).unwrap();
            }
        });
        match result {
            Ok(salvaged) => check_manifest(&salvaged, &new).unwrap(),
            Err(error @ (Error::ChangedWhileRead { .. } | Error::DigestDiffers { .. })) => {
                told += 1;
                changed += u32::from(matches!(error, Error::ChangedWhileRead { .. }));
                assert_eq!(new.get("segment-0000000000.vexj"), None);
            }
            Err(error) => panic!("{error}"),
        }
    }
    // Between the decision and the copy it is the bytes that are told, before that the state.
    assert!(told > changed && changed > 0, "{changed} of {told}");
}
